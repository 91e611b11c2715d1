"""Transfer: what perturbations made against one network do to another, before and after JPEG."""

import itertools

import pandas as pd

from .examples import attacked_name
from .outcomes import read_outcomes
from .resampling import RESAMPLES, share_difference_intervals, share_intervals


def transfer_rates(predictions, *, epsilon, jpg="JPG", resamples=RESAMPLES, seed=0):
    """Rates of each target under perturbations made against each source, before and after JPEG.

    predictions: ``{(source, target): tidy table}``; where both are equal, the network's own attack.
    epsilon: in grey levels.  jpg: how the transform is named, such as "JPG50".
    Columns: source, target, n, then clean, before and after, each a rate with its _low and _high, then taken (before -
    clean) and given_back (after - before), each a paired difference with its _low and _high, and measure.
    Raises BadInput if a table holds no attack or several at that epsilon, or no such JPEG of it.
    """
    rows = []
    for (source, target), table in predictions.items():
        attacked = attacked_name(table, epsilon)
        names = ["x", attacked, f"{jpg}({attacked})"]
        data = read_outcomes(table[table["modification"].isin(names)])
        clean, before, after = (data.hits[data.place(name)] for name in names)
        options = {"files": data.files, "resamples": resamples, "seed": seed}
        found = share_intervals([clean, before, after], **options)
        found += share_difference_intervals([before, after], [clean, before], **options)
        rows.append((source, target, data.files.size, *itertools.chain(*found), data.measure))
    stems = ("clean", "before", "after", "taken", "given_back")
    columns = [f"{stem}{end}" for stem in stems for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["source", "target", "n", *columns, "measure"])
