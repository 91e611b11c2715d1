"""Networks side by side: the study's tables for several, and their paired differences on the same images.

Functions take ``predictions``: ``{run's name: its tidy table}``, all on the same images; crops may differ. Networks are
paired image by image, and resampled by file as everywhere.
"""

import itertools
import math

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from jpegstudy.errors import BadInput

from .claims import judge
from .curves import recovery
from .intervals import holm
from .outcomes import inner, read_outcomes
from .resampling import (
    RESAMPLES,
    bca,
    pair_counts,
    share_difference_intervals,
    share_difference_p,
    share_intervals,
    sums_by_file,
)
from .tables import paired_differences, table1

EXACT = 7  # networks whose orders are all gone through: 5,040


def read_networks(predictions):
    """Check that all were measured on the same images, and return ``{run: Outcomes}``.

    Raises BadInput if there is none, if an image's file or label differs, or if one counts accuracy and another
    agreement.
    """
    if not predictions:
        raise BadInput("there are no runs to put side by side; name at least one")
    first, *others = predictions
    images = _images(predictions[first])
    for name in others:
        if not images.equals(_images(predictions[name])):
            raise BadInput(f"runs {first!r} and {name!r} have other images, so they cannot be paired")
    return {name: read_outcomes(table) for name, table in predictions.items()}


def _images(table):
    first = table.drop_duplicates("image").sort_values("image", ignore_index=True)
    return first[["image", "file", "label"]].astype({"image": "int64", "file": str, "label": "Int64"})


def network_tables(predictions, *, resamples=RESAMPLES, seed=0):
    """table1 of each run, one under the other, with the column ``run`` first."""
    read_networks(predictions)
    parts = [table1(table, resamples=resamples, seed=seed).assign(run=name) for name, table in predictions.items()]
    joined = pd.concat(parts, ignore_index=True)
    return joined[["run", *joined.columns.drop("run")]]


def network_claims(predictions, *, resamples=RESAMPLES, seed=0):
    """The paper's claims judged for each run, one under the other, with the column ``run`` first; see judge_claims."""
    parts = [
        judge(paired_differences(table, resamples=resamples, seed=seed)).assign(run=name)
        for name, table in predictions.items()
    ]
    joined = pd.concat(parts, ignore_index=True)
    return joined[["run", *joined.columns.drop("run")]]


def network_recoveries(predictions, modification, *, resamples=RESAMPLES, seed=0):
    """What ``modification``, such as JPG(Adv1(x)), gives back of what the attack took, by network.

    Columns: run, n, then clean, attacked and restored, each a rate with its _low and _high, recovery, low, high, reason
    (why a recovery is undefined) and measure.
    Raises BadInput if a run lacks the modification.
    """
    data = read_networks(predictions)
    rows = []
    for name, outcomes in data.items():
        hits = outcomes.hits[_places(name, outcomes, modification)]
        rates = share_intervals(hits, files=outcomes.files, resamples=resamples, seed=seed)
        wanted = predictions[name]["modification"].isin(["x", inner(modification), modification])
        (back,) = recovery(predictions[name][wanted], resamples=resamples, seed=seed).itertuples()
        whole = (back.recovery, back.low, back.high, back.reason)
        rows.append((name, back.n, *itertools.chain(*rates), *whole, outcomes.measure))
    stems = [f"{stem}{end}" for stem in ("clean", "attacked", "restored") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["run", "n", *stems, "recovery", "low", "high", "reason", "measure"])


def network_differences(predictions, modification, *, resamples=RESAMPLES, seed=0):
    """Every two networks on the same images: the difference of their rates under ``modification``, and of recovery.

    Columns: first, second, n, difference (of rates, first - second), low, high, gained (images right only in the
    first), lost, p (exact), p_holm (adjusted over this table), recovery_difference, recovery_low, recovery_high,
    reason (why that one is undefined), measure.
    The interval of rates is Newcombe's for pairs, that of recovery the BCa bootstrap's over files, which draws the
    same files for both networks.
    Raises BadInput if there are fewer than two runs, or one lacks the modification.
    """
    data = read_networks(predictions)
    if len(data) < 2:
        raise BadInput("one network cannot be paired; name two runs or more")
    back = network_recoveries(predictions, modification, resamples=resamples, seed=seed).set_index("run")
    if back["measure"].nunique() > 1:
        raise BadInput("some runs have labels and others not; compare runs of one kind")
    triples = {name: outcomes.hits[_places(name, outcomes, modification)] for name, outcomes in data.items()}
    files = next(iter(data.values())).files
    pairs = list(itertools.combinations(data, 2))
    table = pd.DataFrame(pairs, columns=["first", "second"]).assign(n=files.size)
    options = {"files": files, "resamples": resamples, "seed": seed}
    restored = {name: triple[2] for name, triple in triples.items()}
    one, other = (np.stack([restored[pair[side]] for pair in pairs]) for side in (0, 1))
    table[["difference", "low", "high"]] = share_difference_intervals(one, other, **options)
    counts = [pair_counts(first, second) for first, second in zip(one, other, strict=True)]
    table["gained"], table["lost"] = [four[1] for four in counts], [four[2] for four in counts]
    table["p"] = [share_difference_p(a, b, files=files) for a, b in zip(one, other, strict=True)]
    table["p_holm"] = holm(list(table["p"]))

    place = {name: number for number, name in enumerate(triples)}
    left, right = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))

    def differences(totals):
        clean, attacked, after = (totals[..., part::3] for part in range(3))
        recoveries = (after - attacked) / (clean - attacked)
        return recoveries[..., left] - recoveries[..., right]

    sums, _ = sums_by_file(np.concatenate(list(triples.values())), files)
    found = np.array(bca(sums, differences, resamples=resamples, seed=seed))
    reasons = [_why_undefined(back.loc[list(pair), "reason"], found[k]) for k, pair in enumerate(pairs)]
    found[[reason is not None for reason in reasons]] = np.nan
    table[["recovery_difference", "recovery_low", "recovery_high"]] = found
    return table.assign(reason=pd.Series(reasons, dtype=object), measure=back["measure"].iloc[0])


def _places(run, outcomes, modification):
    """Rows of x, of what ``modification`` was applied to, and of the modification itself."""
    wanted = ["x", inner(modification), modification]
    if missing := [name for name in wanted if name not in outcomes.names]:
        raise BadInput(f"run {run!r} lacks {', '.join(missing)}; it has {', '.join(outcomes.names)}")
    return [outcomes.names.index(name) for name in wanted]


def _why_undefined(reasons, found):
    """Why two recoveries have no difference; None if they have one."""
    own = [f"{name}: {reason}" for name, reason in reasons.items() if pd.notna(reason)]
    if own:
        return "; ".join(own)
    return None if np.all(np.isfinite(found)) else "too few images to tell an interval"


def rank_correlation(x, y):
    """Spearman's rank correlation of two sequences and its two-sided p: ``(rho, p, smallest)``.

    p: the share of all orders of y whose correlation is at least as strong, exact to seven pairs and by Student's t
    above. smallest: the least that any order could have; with few pairs no correlation can be told from chance.
    All three are NaN for fewer than three pairs, or where all of x or all of y are equal.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, math.nan, math.nan
    if len(x) > EXACT:
        found = spearmanr(x, y)
        return float(found.statistic), float(found.pvalue), 0.0
    ranks = rankdata(x) - (len(x) + 1) / 2
    orders = np.array(list(itertools.permutations(rankdata(y) - (len(y) + 1) / 2)))  # the first as it is
    products = np.abs(orders @ ranks).round(9)
    rho = float((orders[0] @ ranks) / math.sqrt((ranks @ ranks) * (orders[0] @ orders[0])))
    return rho, float((products >= products[0]).mean()), float((products == products.max()).mean())
