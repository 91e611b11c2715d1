"""What a run is made from: its network and its image set, loaded as 01's parameters name them."""

import copy
import functools
import json

import numpy as np

from jpegstudy import decoding, image_sets, networks
from jpegstudy.errors import BadInput
from jpegstudy.networks.arithmetic import set_arithmetic
from jpegstudy.run import Stage

NETWORK_PARAMETERS = ("network", "weights", "preprocessing", "precision")


def load_network(source, device="auto"):
    """The Network of a Run, or of the Stage 01 that begins one; its classes go by the names that a run's images gave.

    Raises BadInput if its weights are no longer those that the run was made with.
    """
    begins = isinstance(source, Stage)
    given = source.parameters if begins else source.entry("01_preprocessing")["parameters"]
    chosen = {name: given[name] for name in NETWORK_PARAMETERS}
    network = _load_network(json.dumps(chosen, sort_keys=True), device)
    set_arithmetic(chosen["precision"])  # the process's, not the network's: another may have been loaded in between
    if begins:
        return network
    entry = source.entry("01_preprocessing")
    if entry["network"]["weights_hash"] != network.weights_hash:
        raise BadInput(f"the weights of {network.name} are not those that run {source.name!r} was made with")
    if names := entry["image_set"].get("class_names"):
        network = copy.copy(network)  # it is shared with runs on other images, whose classes have other names
        network.class_names = names
    return network


@functools.lru_cache(maxsize=2)  # a notebook shows a few images first and then does all: one loading serves both
def _load_network(chosen, device):
    chosen = json.loads(chosen)
    name, weights = chosen.pop("network"), chosen.pop("weights")
    return networks.load(name, weights, device=device, **chosen)


def load_image_set(stage):
    """The ImageSet that 01's parameters name, for the run's network."""
    given = stage.parameters
    return image_sets.load(
        given["image_set"],
        class_count=load_network(stage, "cpu").class_count,
        count=given["image_count"],
        views=given["views"],
        seed=given["seed"],
    )


def read_images(image_set, indices, stage, network):
    """x of a few items: ``(usable, images)``, the indices of those not rejected and uint8 (n, 3, crop, crop)."""
    given = stage.parameters
    found = {}
    for index in indices:
        settings = {
            "shortest_side": scaled_side(given, network),
            "crop": network.crop,
            "seed": given["seed"],
            "index": index,
        }
        try:
            found[index] = image_sets.read(image_set.items[index], **settings)
        except decoding.Rejected:
            continue
    images = np.stack(list(found.values())) if found else np.empty((0, 3, network.crop, network.crop), np.uint8)
    return list(found), images


def scaled_side(given, network):
    """The shortest side, in pixels, that images are scaled to by 01's parameters, or None: they stay as they are.

    Raises BadInput below the crop, and for a shortest side where nothing is scaled.
    """
    if not given.get("scale", True):
        if given["shortest_side"]:
            raise BadInput(f"scale is false and shortest_side is {given['shortest_side']}; wanted one of the two")
        return None
    side = given["shortest_side"] or network.shortest_side
    if side < network.crop:
        raise BadInput(
            f"shortest_side is {side}, smaller than the crop of {network.name}, {network.crop} pixels; "
            f"wanted at least that, or 0 for {network.shortest_side}"
        )
    return side
