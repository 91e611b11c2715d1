"""Step 01: every image file to x, shard by shard."""

import csv
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch

from jpegstudy import decoding, image_sets, networks
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.progress import Bar
from jpegstudy.steps.sources import load_image_set, load_network, scaled_side


def prepare(stage):
    """01: every image file to x. Writes images/ and rejected.csv. Raises BadInput if no image can be used."""
    network, images = load_network(stage, "cpu"), load_image_set(stage)
    side = scaled_side(stage.parameters, network)
    size = stage.parameters["shard_size"]
    images_hash = images.hash()
    stage.begin(
        shards=-(-len(images.items) // size),
        image_set={
            "name": images.name,
            "hash": images_hash,
            "labeled": images.labeled,
            "candidates": len(images.items),
            "class_names": images.class_names,
        },
        network={
            "name": network.name,
            "weights": network.weights,
            "weights_hash": network.weights_hash,
            "crop": network.crop,
            "shortest_side": side,
            "mean": network.mean,
            "deviation": network.deviation,
            "classes": network.class_count,
        },
        machine=networks.device_in_words(torch.device("cpu")),
    )
    if stage.run.entry(stage.name)["image_set"]["hash"] != images_hash:
        raise BadInput(
            f"image set {images.name!r} has changed since run {stage.run.name!r} was begun (other files, "
            "contents or labels); take another run name"
        )
    with Bar(len(images.items), "01 decode") as bar, ThreadPoolExecutor(os.cpu_count()) as pool:
        for shard in stage.run.shards:
            if shard in stage.missing():
                _prepare_shard(stage.run, shard, images, network.crop, side, pool, bar.advance)
            else:
                bar.advance(min(size, len(images.items) - shard * size))
    table = stage.run.image_table()
    rejected = table[table.reason.notna()]
    with replacing(stage.run.path / "rejected.csv") as path:
        rejected[["file", "reason"]].drop_duplicates().to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    if len(rejected) == len(table):
        first = rejected.iloc[0]
        _forget(stage.run)
        raise BadInput(f"none of the {len(table)} images of {images.name!r} can be used; {first.file}: {first.reason}")
    stage.finish(images=len(table) - len(rejected), rejected=len(rejected), rejected_files=int(rejected.file.nunique()))


def _forget(run):
    """Take back what 01 wrote of a run without an image, but for rejected.csv: it would refuse the set once repaired.

    The shards go first. Killed in between, the next attempt makes them again; shards without an entry would be taken
    for its own.
    """
    shutil.rmtree(run.path / "images")
    (run.path / "run.json").unlink()


def _prepare_shard(run, shard, images, crop, side, pool, advance):
    given = run.entry("01_preprocessing")["parameters"]
    first = shard * given["shard_size"]
    items = list(enumerate(images.items))[first : first + given["shard_size"]]

    def read(numbered):
        index, item = numbered
        try:
            return image_sets.read(item, shortest_side=side, crop=crop, seed=given["seed"], index=index), None
        except decoding.Rejected as reason:
            return None, str(reason)
        finally:
            advance(1)

    found = list(pool.map(read, items))
    accepted = [x for x, _ in found if x is not None]
    table = pd.DataFrame(
        {
            "image": [index for index, _ in items],
            "file": [item.file for _, item in items],
            "label": pd.array([item.label for _, item in items], dtype="Int64"),
            "view": [item.view for _, item in items],
            "reason": pd.array([reason for _, reason in found], dtype="string"),
        }
    )
    with replacing(run.path / f"images/{shard:05d}.parquet") as path:
        table.to_parquet(path, index=False)
    with replacing(run.path / f"images/{shard:05d}.npy") as path, open(path, "wb") as file:
        np.save(file, np.stack(accepted) if accepted else np.empty((0, 3, crop, crop), np.uint8))
