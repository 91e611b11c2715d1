"""The checks for hidden gradients on a run's images, one defense after the other; what is done is kept."""

import numpy as np
import pandas as pd
import torch

from jpegstudy import modifications
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.progress import Bar
from jpegstudy.steps import making, masking
from jpegstudy.steps.attacked import file_name, labels_of
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_network

BARE = "none"  # the network without a defense, the yardstick of the slopes
TWO_PASSES = ", two passes"  # behind a defense's name in the tables


def check_masking(stage):
    """``(outcomes, slopes)`` of every defense that 09's parameter ``masking`` names, see ``steps.masking``.

    A defense that 09's parameter ``twice`` names too is checked in both protocols. In two passes every attack starts
    from the defended image, D(A(D(x))), in 8 bits as all images here; the defense's name then ends in TWO_PASSES.
    What was found is kept by defense in the run's folder ``checks``, and made only where it is missing.
    Raises BadInput for more images than the run has, and as ``masking.outcomes`` does.
    """
    run, given = stage.run, stage.parameters
    wanted = given["masking"]
    numbers = run.image_numbers()[: wanted["images"]]
    if len(numbers) < wanted["images"]:
        raise BadInput(f"masking wants {wanted['images']} images; run {run.name!r} has {len(numbers)}")
    network = load_network(run, given["device"])
    x, labels = run.look_up(numbers)[0], labels_of(run, numbers)
    again = [text for text in wanted["defenses"] if text in given["twice"]]
    trials = [(BARE, 1), *((text, 1) for text in wanted["defenses"]), *((text, 2) for text in again)]
    outcomes, slopes = [], []
    with Bar(len(numbers) * len(trials), "09 check") as bar:
        for text, passes in trials:
            paths = [_path(run, text, passes, kind) for kind in ("outcomes", "slopes")]
            if all(path.exists() for path in paths):
                bar.advance(len(numbers))
            else:
                defense = None if text == BARE else modifications.transform(text)

                def work(rows, defense=defense, passes=passes):
                    mine = torch.from_numpy(np.ascontiguousarray(x[rows])).to(network.device)
                    found = _check(network, defense, mine, labels[rows], numbers[rows], given, passes)
                    bar.advance(len(mine))
                    return found

                size = given["batch_size"]
                parts = zip(*in_batches(work, len(numbers), size=size, device=network.device), strict=True)
                for path, frames in zip(paths, parts, strict=True):
                    with replacing(path) as new:
                        pd.concat(frames, ignore_index=True).to_parquet(new, index=False)
            if text != BARE:
                outcomes.append(pd.read_parquet(paths[0]))
            slopes.append(pd.read_parquet(paths[1]))
    return pd.concat(outcomes, ignore_index=True), pd.concat(slopes, ignore_index=True)


def _check(network, defense, x, labels, numbers, given, passes):
    """The tables of one defense, None for the bare network, in so many passes on some of the images."""
    wanted, effort = given["masking"], {**making.EFFORT, **given["effort"]}
    draws = effort["draws"] if defense and defense.stochastic else 1
    known = {"numbers": numbers, "seed": given["seed"], "draws": draws}
    if passes == 2:
        x = defense(x, seed=given["seed"], indices=numbers)
        x = x.round().to(torch.uint8) if x.is_floating_point() else x
    slopes = masking.diagnostics(network, defense, x, labels, **known)
    if defense is None:
        return slopes[:0], slopes
    known |= {"epsilon": wanted["epsilon"], "steps": effort["steps"], "queries": effort["queries"]}
    outcomes = masking.outcomes(network, defense, x, labels, **known)
    if passes == 2:
        outcomes["defense"] += TWO_PASSES
        slopes["defense"] += TWO_PASSES
    return outcomes, slopes


def _path(run, text, passes, kind):
    return run.path / "checks" / f"{file_name(text)}{'.twice' if passes == 2 else ''}.{kind}.parquet"
