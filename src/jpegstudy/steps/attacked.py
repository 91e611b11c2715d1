"""The images that iterated attacks made, kept in the run's folder: made once for each shard, used by all who ask.

attacked/<attack>/00000.npy       uint8 or float32 (n, 3, H, W)
attacked/<attack>/00000.parquet   image, step at which it was found, success, and the judge's margins by step
"""

import hashlib
import re

import numpy as np
import pandas as pd
import torch

from jpegstudy import modifications
from jpegstudy.atomic import replacing
from jpegstudy.steps import making, protocols
from jpegstudy.steps.batches import in_batches


def folder(run, modification, reading=None):
    """Where the images of a Modification that ends in an attack lie."""
    name = file_name(str(modification))
    return run.path / "attacked" / (f"{name}.{reading}" if reading else name)


def file_name(text):
    """What stands in the notation, as the name of a file on any system."""
    plain = re.sub(r"[^\w{}().+-]", "_", text)
    if plain != text:  # two texts may look alike without their signs
        plain += "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return plain


def is_made(run, modification, reading, shard):
    """Whether a shard's images exist."""
    return (folder(run, modification, reading) / f"{shard:05d}.npy").exists()


def images(run, modification, reading, shard):
    """A shard's images, memory-mapped: uint8 or float32 (n, 3, H, W), the first of the shard's in order."""
    return np.load(folder(run, modification, reading) / f"{shard:05d}.npy", mmap_mode="r")


def attack_curves(run, name):
    """How an attack went, by its name in the notation: columns image, step (at which the image was found), success and
    curve (the margins by step), for all shards that are made."""
    files = sorted(folder(run, modifications.parse(name)).glob("[0-9]*.parquet"))
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def labels_of(run, numbers, shard=None):
    """What attacks move away from: the true label, or the network's own of the clean image; int64 (N,)."""
    clean = run.predictions("02_attack", shard)
    clean = clean[clean.modification == "x"].set_index("image").loc[numbers]
    return torch.tensor(clean.label.fillna(clean.top_label).astype("int64").to_numpy())


def make_shard(run, network, modification, reading, shard, table, *, given, advance):
    """Make and keep the images of one attack for the rows ``table`` of a shard's images.

    given: effort, seed and batch_size of the stage's parameters. The label to move away from is the true one, or the
    network's own of the clean image where there is none.
    """
    x, numbers = run.images(shard), table.image.tolist()
    labels = labels_of(run, numbers, shard)

    def work(rows):
        mine = torch.from_numpy(np.array(x[table.index[rows]])).to(network.device)
        random = {"seed": given["seed"], "indices": numbers[rows]}
        shared = protocols.Shared(network, mine, **random)
        base = shared.image(modification.base)
        if reading:
            base = base.float()
        made = making.make(network, modification.attack, base, labels[rows], effort=given["effort"], **random)
        advance(len(mine))
        return made.images.cpu().numpy(), made.steps.cpu(), made.success.cpu(), made.curve.cpu()

    parts = in_batches(work, len(table), size=given["batch_size"], device=network.device)
    found, steps, success, margins = zip(*parts, strict=True)
    frame = pd.DataFrame({"image": numbers, "step": torch.cat(steps).numpy(), "success": torch.cat(success).numpy()})
    frame["curve"] = list(torch.cat(margins).numpy())
    where = folder(run, modification, reading)
    with replacing(where / f"{shard:05d}.parquet") as path:
        frame.to_parquet(path, index=False)
    with replacing(where / f"{shard:05d}.npy") as path, open(path, "wb") as file:
        np.save(file, np.concatenate(found))
