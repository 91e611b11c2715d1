"""How far a reading of the paper moves Table 1, and which reading comes nearest to it."""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .outcomes import inner, read_outcomes
from .resampling import (
    RESAMPLES,
    mean_difference_interval,
    pair_counts,
    share_difference_interval,
    share_difference_p,
    share_interval,
    share_intervals,
)


def reading_changes(predictions, *, default, resamples=RESAMPLES, seed=0):
    """Each reading's rows beside the study's own, on the same images.

    predictions: the tidy table of step 06, with a reading in each row.  default: the name of the study's own.
    Columns: reading, modification, n, top1 (or agreement), low, high, same (as the default's in every image),
    difference (from the default's), difference_low, difference_high, gained (images right only under the reading),
    lost, p (exact), probability (mean of the top label's), probability_difference, probability_low, probability_high,
    measure.
    Raises BadInput if the default is not there, or a reading was not measured on the same images.
    """
    outcomes = {name: read_outcomes(rows) for name, rows in predictions.groupby("reading", sort=False)}
    if default not in outcomes:
        raise BadInput(f"predictions hold no reading {default!r}; they hold {', '.join(outcomes) or 'none'}")
    own, rows = outcomes[default], []
    options = {"files": own.files, "resamples": resamples, "seed": seed}
    for name, data in outcomes.items():
        if data.names != own.names or not np.array_equal(data.files, own.files):
            raise BadInput(f"reading {name!r} was not measured on the rows and images of {default!r}")
        rates = share_intervals(data.hits, **options)
        for place, modification in enumerate(data.names):
            hits, before = data.hits[place], own.hits[place]
            p, p_before = data.probability[place], own.probability[place]
            difference = share_difference_interval(hits, before, **options)
            moved = mean_difference_interval(p, p_before, **options)
            _, gained, lost, _ = pair_counts(hits, before)
            test = share_difference_p(hits, before, files=own.files)
            same = bool((hits == before).all() and np.array_equal(p, p_before))
            row = (
                name,
                modification,
                hits.size,
                *rates[place],
                same,
                *difference,
                gained,
                lost,
                test,
                p.mean(),
                *moved,
            )
            rows.append(row)
    columns = [
        "reading", "modification", "n", own.measure, "low", "high", "same", "difference", "difference_low",
        "difference_high", "gained", "lost", "p", "probability", "probability_difference", "probability_low",
        "probability_high",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).assign(measure=own.measure)


def beside_table1(changes, published):
    """How much of x's rate is left in each row, by reading and in the paper: rates of other networks and images compare
    only so.

    changes: from reading_changes.  published: columns modification and top1.
    Columns: reading, modification, left (rate / rate of x), paper_left, distance (left - paper_left).
    """
    measure = changes["measure"].iloc[0]
    paper = published.set_index("modification")["top1"]
    clean = changes[changes["modification"] == "x"].set_index("reading")[measure]
    rows = changes[changes["modification"].isin(paper.index) & (changes["modification"] != "x")]
    left = rows[measure].to_numpy() / rows["reading"].map(clean).to_numpy()
    table = rows[["reading", "modification"]].assign(left=left)
    table["paper_left"] = (table["modification"].map(paper) / paper["x"]).astype(float)
    return table.assign(distance=table["left"] - table["paper_left"]).reset_index(drop=True)


def nearest_readings(beside):
    """By row of the paper's table, the reading that leaves most nearly as much of x's rate, and the range over all.

    beside: from beside_table1, controls left out.  Columns: modification, paper_left, nearest, left, lowest, highest,
    explained (the paper's lies within the range).
    """
    rows = []
    for modification, part in beside.groupby("modification", sort=False):
        best = part.loc[part["distance"].abs().idxmin()]
        low, high = part["left"].min(), part["left"].max()
        inside = bool(low <= best.paper_left <= high)
        rows.append((modification, best.paper_left, best.reading, best.left, low, high, inside))
    return pd.DataFrame(
        rows, columns=["modification", "paper_left", "nearest", "left", "lowest", "highest", "explained"]
    )


def distances(beside):
    """The root mean square distance of each reading from the paper's rows but those of noise, which go their own way.

    Columns: reading, rms; nearest first.
    """
    rows = beside[~beside["modification"].str.startswith("JPGnoise")]
    squares = rows.assign(square=rows["distance"] ** 2).groupby("reading", sort=False)["square"].mean()
    table = np.sqrt(squares).rename("rms").reset_index()
    return table.sort_values("rms", kind="stable").reset_index(drop=True)


def noise_effects(predictions, *, resamples=RESAMPLES, seed=0):
    """What the noise alone does, by reading and control: JPGnoise(f) against f, for x and for the attacked f.

    Columns: reading, f, n, before and after (rates), low, high (of after), difference, difference_low, difference_high,
    gained (images right only after), lost, p (exact), measure.
    """
    rows = []
    for name, part in predictions.groupby("reading", sort=False):
        data = read_outcomes(part)
        options = {"files": data.files, "resamples": resamples, "seed": seed}
        for noisy in (each for each in data.names if each.startswith("JPGnoise(")):
            f = inner(noisy)
            after, before = (data.hits[data.names.index(each)] for each in (noisy, f))
            _, gained, lost, _ = pair_counts(after, before)
            p = share_difference_p(after, before, files=data.files)
            intervals = (*share_interval(after, **options), *share_difference_interval(after, before, **options))
            rows.append((name, f, after.size, before.mean(), *intervals, gained, lost, p, data.measure))
    columns = [
        "reading", "f", "n", "before", "after", "low", "high", "difference", "difference_low", "difference_high",
        "gained", "lost", "p", "measure",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
