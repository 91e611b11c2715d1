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


def check_masking(stage):
    """``(outcomes, slopes)`` of every defense that 09's parameter ``masking`` names, see ``steps.masking``.

    They are kept by defense in the run's folder ``checks``, and made only where they are missing.
    Raises BadInput for more images than the run has, and as ``masking.outcomes`` does.
    """
    run, given = stage.run, stage.parameters
    wanted, effort = given["masking"], {**making.EFFORT, **given["effort"]}
    numbers = run.image_numbers()[: wanted["images"]]
    if len(numbers) < wanted["images"]:
        raise BadInput(f"masking wants {wanted['images']} images; run {run.name!r} has {len(numbers)}")
    network = load_network(run, given["device"])
    x, labels = run.look_up(numbers)[0], labels_of(run, numbers)
    outcomes, slopes = [], []
    with Bar(len(numbers) * (1 + len(wanted["defenses"])), "09 check") as bar:
        for text in (BARE, *wanted["defenses"]):
            defense = None if text == BARE else modifications.transform(text)
            draws = effort["draws"] if defense and defense.stochastic else 1

            def work(rows, defense=defense, draws=draws):
                mine = torch.from_numpy(np.ascontiguousarray(x[rows])).to(network.device)
                known = {"numbers": numbers[rows], "seed": given["seed"], "draws": draws}
                sloped = masking.diagnostics(network, defense, mine, labels[rows], **known)
                tried = sloped[:0]
                if defense:
                    known |= {"epsilon": wanted["epsilon"], "steps": effort["steps"], "queries": effort["queries"]}
                    tried = masking.outcomes(network, defense, mine, labels[rows], **known)
                bar.advance(len(mine))
                return tried, sloped

            paths = [run.path / "checks" / f"{file_name(text)}.{kind}.parquet" for kind in ("outcomes", "slopes")]
            if all(path.exists() for path in paths):
                bar.advance(len(numbers))
            else:
                size = given["batch_size"]
                parts = zip(*in_batches(work, len(numbers), size=size, device=network.device), strict=True)
                for path, frames in zip(paths, parts, strict=True):
                    with replacing(path) as new:
                        pd.concat(frames, ignore_index=True).to_parquet(new, index=False)
            if defense:
                outcomes.append(pd.read_parquet(paths[0]))
            slopes.append(pd.read_parquet(paths[1]))
    return pd.concat(outcomes, ignore_index=True), pd.concat(slopes, ignore_index=True)
