"""Perturbations made against another network: the gradient signs of a source run, taken for this run's images."""

import numpy as np

from jpegstudy.errors import BadInput
from jpegstudy.places import outputs
from jpegstudy.run import Run


def source_of(stage):
    """The Run that 02's parameter source_run names; None where the gradient is the network's own.

    Raises BadInput if it is this run itself, is not there, is not finished, has its perturbations from another run, was
    made with another crop or other images, or was replaced since this run was begun. Whether x is the same is told by
    ``check_images``.
    """
    name = stage.parameters.get("source_run", "")
    if not name:
        return None
    source, said = Run(name), f"source_run {name!r}"
    if name == stage.run.name:
        raise BadInput(f"{said} is the run itself; leave source_run out for the network's own gradient")
    if not source.is_complete("02_attack"):
        published = (outputs() / "report" / name / "run.json").exists()
        why = "is published without its gradient signs" if published else "has no finished 02_attack"
        raise BadInput(f"{said} {why}; run its study first")
    if "source" in source.entry("02_attack"):
        first = source.entry("02_attack")["source"]["run"]
        raise BadInput(f"{said} has its perturbations from run {first!r}; name that one")
    ours, theirs = (run.entry("01_preprocessing") for run in (stage.run, source))
    if ours["network"]["crop"] != theirs["network"]["crop"]:
        raise BadInput(
            f"{said} has images of {theirs['network']['crop']} pixels and run {stage.run.name!r} of "
            f"{ours['network']['crop']}; a perturbation needs the same crop"
        )
    if ours["image_set"]["hash"] != theirs["image_set"]["hash"]:
        raise BadInput(f"{said} was made of another image list than run {stage.run.name!r}; they need the same")
    recorded = stage.run.entry("02_attack").get("source")
    if recorded and recorded != source_in_record(source):
        raise BadInput(f"{said} is another than when run {stage.run.name!r} was begun; take another run name")
    return source


def check_images(stage, source):
    """Compare x of every image with the source run's: the same list may have been scaled or cut otherwise.

    Raises BadInput naming the first image that differs or that the source run does not have.
    """
    for shard in stage.run.shards:
        table = stage.run.image_table(shard)
        numbers = table.image[table.reason.isna()].tolist()
        if not numbers:
            continue
        theirs, _ = source.look_up(numbers)
        differing = np.flatnonzero((theirs != stage.run.images(shard)).any(axis=(1, 2, 3)))
        if len(differing):
            raise BadInput(
                f"image {numbers[differing[0]]} of source_run {source.name!r} is not that of run {stage.run.name!r}; "
                "prepare both with the same shortest_side, views and seed"
            )


def source_signs(stage, numbers):
    """The source run's gradient signs of images by their numbers: int8 (n, 3, H, W); None without a source_run."""
    source = source_of(stage)
    return None if source is None else source.look_up(numbers)[1]


def source_in_record(source):
    """What a run records of its source: run, network (as it stands in modifications) and weights_hash."""
    network = source.entry("01_preprocessing")["network"]
    return {
        "run": source.name,
        "network": network["name"].rpartition(":")[2],
        "weights_hash": network["weights_hash"],
    }
