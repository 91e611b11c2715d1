"""Step 06: the paper's rows again under other readings of its text, from the files, shard by shard."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import torch

from jpegstudy import decoding, networks, readings
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.run import Stage
from jpegstudy.steps.answers import as_table, summary
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_image_set, load_network


def read_otherwise(stage):
    """06: predictions for the paper's rows under every reading that the run's network and images allow.

    What readings share is done once: x, gradients, images, passes of the network. Raises BadInput if the reading that
    the parameters add is none, or cannot be taken; if the run's images were cut in several views, or are no longer
    those that it was made from.
    """
    keep_freed_memory()
    run = stage.run
    network = load_network(run, stage.parameters["device"])
    chosen = allowed(run, network, stage.parameters["reading"])
    items = _items(run)
    codec = fingerprint.of_codec()
    check_same_codec({f"run {run.name!r}": run.codec, "this environment": codec})
    stage.begin(
        readings={name: reading.changes() for name, reading in chosen.items()},
        left_out=left_out(run, network),
        machine=networks.device_in_words(network.device),
        codec=codec,
    )
    missing, plan = stage.missing(), plan_of(run, network, chosen)
    with Bar(run.entry("01_preprocessing")["images"], "06 read otherwise") as bar:
        for shard in run.shards:
            if shard in missing:
                _do_shard(stage, shard, network, items, plan, bar.advance)
            else:
                bar.advance(len(run.images(shard)))
    stage.finish()


def allowed(run, network, own=None):
    """The readings and controls that can be taken: ``{name: Reading}``, the study's own first.

    One that asks for a crop that the network does not take is left out; where the crop is one choice of many, it takes
    the network's own. own: the fields of one more. Raises BadInput if that one cannot be taken.
    """
    found = {}
    for name, reading in {**readings.READINGS, **readings.CONTROLS}.items():
        if _obstacle_to_crop(run, network, reading.crop) and set(reading.changes()) != {"crop"}:
            reading = dataclasses.replace(reading, crop=0)
        if not _obstacle(run, network, reading):
            found[name] = reading
    if own:
        found[readings.OWN] = readings.from_mapping(own)
        if why := _obstacle(run, network, found[readings.OWN]):
            raise BadInput(f"reading {own}: {why}")
    return found


def left_out(run, network):
    """Why the others cannot be taken: ``{name: reason}``; the crop that the network has anyway needs none."""
    reasons = {
        name: _obstacle(run, network, reading)
        for name, reading in readings.READINGS.items()
        if reading.crop != network.crop and (not reading.crop or set(reading.changes()) == {"crop"})
    }
    return {name: why for name, why in reasons.items() if why}


def plan_of(run, network, chosen):
    """What is to be done: ``{Clean: {recipe: [(reading's name, Modification), ...]}}``, each recipe once."""
    epsilons = run.entry("02_attack")["parameters"]["epsilons"]
    plan = {}
    for name, reading in chosen.items():
        recipes = readings.recipes_of(reading, crop=network.crop, epsilons=epsilons)
        x = next(iter(recipes.values()))
        for modification, recipe in recipes.items():
            plan.setdefault(x, {}).setdefault(recipe, []).append((name, modification))
    return plan


def _obstacle(run, network, reading):
    """Why this network or these images do not allow a reading; None if they do."""
    if reading.crop == network.crop and set(reading.changes()) == {"crop"}:
        return "it is the network's own crop"
    if why := _obstacle_to_crop(run, network, reading.crop):
        return why
    if reading.label == "true" and not run.entry("01_preprocessing")["image_set"]["labeled"]:
        return "the images have no labels"
    return None


def _obstacle_to_crop(run, network, crop):
    """Why images of ``crop`` pixels cannot be had, 0 being the network's own; None if they can."""
    if crop in (0, network.crop):
        return None
    side = run.entry("01_preprocessing")["network"]["shortest_side"]
    if side is None:
        return "the images are not scaled, and may be smaller"
    if crop > side:
        return "the scaled images are smaller"
    return None if _takes(network, crop) else f"{network.name} takes no images of {crop} x {crop} pixels"


@functools.lru_cache(maxsize=16)  # asked of each reading that has a crop
def _takes(network, crop):
    try:
        network.probabilities(torch.zeros(1, 3, crop, crop, dtype=torch.uint8))
    except Exception:  # torch, torchvision and a user's own network raise each their own
        return False
    return True


def _items(run):
    given = run.entry("01_preprocessing")["parameters"]
    if given["views"] != 1:
        raise BadInput(
            f"run {run.name!r} has {given['views']} views of each file, cut at random; the readings are of the central "
            "square, so they want a run with views: 1"
        )
    images = load_image_set(Stage(run, "01_preprocessing", given))
    if run.entry("01_preprocessing")["image_set"]["hash"] != images.hash():
        raise BadInput(f"the images of run {run.name!r} have changed since it was made; take another run name")
    return images.items


def _do_shard(stage, shard, network, items, plan, advance):
    table = stage.run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    numbers = table.image.tolist()
    labels = torch.tensor(table.label.tolist()) if table.label.notna().all() else None
    side = stage.run.entry("01_preprocessing")["network"]["shortest_side"]

    def work(rows):
        scaled = [readings.ScaledImage(decoding.decode(items[number].path), side) for number in numbers[rows]]
        orders = readings.Orders(numbers[rows], stage.parameters["seed"])
        of_batch = None if labels is None else labels[rows]
        found = {}
        for x, recipes in plan.items():
            clean = torch.from_numpy(np.stack([image.clean(x, x.crop) for image in scaled]))
            kitchen = readings.Kitchen(network, clean, labels=of_batch, orders=orders)
            p = kitchen.logits.float().softmax(dim=1).cpu()
            top_labels = p.argmax(dim=1)
            for recipe in recipes:
                found[recipe] = summary(p if recipe == x else network.probabilities(kitchen.make(recipe)), top_labels)
        advance(len(scaled))
        return found

    batches = in_batches(work, len(numbers), size=stage.parameters["batch_size"], device=network.device)
    parts = {name: [] for name in stage.run.entry(stage.name)["readings"]}
    for recipes in plan.values():
        for recipe, uses in recipes.items():
            answers = [found[recipe] for found in batches]
            for name, modification in uses:
                parts[name].append(as_table(table, modification, answers, network.name, reading=name))
    with replacing(stage.last_file(shard)) as path:
        pd.concat([each for of_one in parts.values() for each in of_one], ignore_index=True).to_parquet(
            path, index=False
        )
