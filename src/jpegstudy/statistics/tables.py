"""The study's tables, from predictions alone: Table 1, its paired differences, the paper's numbers, confident errors.

Predictions hold one row per image and modification. Where all images are labeled the rate counted is ``top1``, the
share whose prediction is the true label; where none is, it is ``agreement``, the share whose prediction is the label
of the clean image, and the columns are named so. Images cut from one file are resampled together throughout.
"""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .intervals import holm
from .outcomes import inner, on_clean, read_outcomes
from .resampling import (
    RESAMPLES,
    bca,
    mean_interval,
    mean_intervals,
    pair_counts,
    share_difference_intervals,
    share_difference_p,
    share_interval,
    share_intervals,
    sums_by_file,
)

CONFIDENT = 0.5  # a wrong label with more probability than all others together
FIGURE4 = [
    ("x", "{jpg}(x)"),
    ("x", "{jpg}({adv})"),
    ("x", "{noise}({adv})"),
    ("x", "{adv}"),
    ("{adv}", "{jpg}({adv})"),
]


def table1(predictions, *, resamples=RESAMPLES, seed=0):
    """Rate and mean top-label probability of every modification, with 95 % intervals, in the paper's order.

    Columns: modification, n, top1, top1_low, top1_high, mean_top_label_probability, mean_low, mean_high; without labels
    agreement, agreement_low, agreement_high stand in place of top1.
    Raises BadInput if the predictions cannot be compared image by image; see outcomes.read_outcomes.
    """
    data = read_outcomes(predictions)
    table = pd.DataFrame({"modification": data.names, "n": data.files.size})
    rates = share_intervals(data.hits, files=data.files, resamples=resamples, seed=seed)
    table[[data.measure, f"{data.measure}_low", f"{data.measure}_high"]] = rates
    means = mean_intervals(data.probability, files=data.files, resamples=resamples, seed=seed)
    table[["mean_top_label_probability", "mean_low", "mean_high"]] = means
    return table


def measure_of(table):
    """Which rate ``table`` holds: "top1" or "agreement".  Raises BadInput if neither."""
    for measure in ("top1", "agreement"):
        if measure in table:
            return measure
    raise BadInput("the table has neither a column top1 nor agreement; give one that table1 made")


def paired_differences(predictions, *, resamples=RESAMPLES, seed=0):
    """Differences between modifications of the same images that the study's questions turn on.

    Each attacked row against x; each transformed row against what was transformed; each transform of an attacked image
    against the same transform of the clean one.
    Columns: modification, against, n, difference (of rates, modification - against), low, high, gained (images right
    only under modification), lost (right only under against), p (exact), p_holm (adjusted over this table),
    mean_difference (of the top-label probability), mean_low, mean_high, measure.
    """
    data = read_outcomes(predictions)
    pairs = _pairs(data)
    table = pd.DataFrame(pairs, columns=["modification", "against"])
    if not pairs:
        raise BadInput(f"predictions hold {', '.join(data.names)} only; a difference needs x and a modification of it")
    one = [data.names.index(name) for name in table["modification"]]
    other = [data.names.index(name) for name in table["against"]]
    options = {"files": data.files, "resamples": resamples, "seed": seed}
    table["n"] = data.files.size
    table[["difference", "low", "high"]] = share_difference_intervals(data.hits[one], data.hits[other], **options)
    counts = [pair_counts(data.hits[i], data.hits[j]) for i, j in zip(one, other, strict=True)]
    table["gained"], table["lost"] = [four[1] for four in counts], [four[2] for four in counts]
    table["p"] = [
        share_difference_p(data.hits[i], data.hits[j], files=data.files) for i, j in zip(one, other, strict=True)
    ]
    table["p_holm"] = holm(list(table["p"]))
    table[["mean_difference", "mean_low", "mean_high"]] = mean_intervals(
        data.probability[one] - data.probability[other], **options
    )
    return table.assign(measure=data.measure)


def _pairs(data):
    """(modification, against) in the order of the table, where both were measured."""
    names, pairs = set(data.names), []
    for row in data.modifications.itertuples():
        name = row.modification
        if pd.isna(row.transform):
            candidates = ["x"] if name != "x" else []
        else:
            candidates = [inner(name), on_clean(name)] if pd.notna(row.attack) else [inner(name)]
        pairs += [(name, against) for against in candidates if against in names and against != name]
    return pairs


def beside_paper(table, published):
    """Put a table of ours beside the paper's numbers.

    table: from table1.  published: columns modification, top1, mean_top_label_probability (data/published).
    Returns our rows in their order, then the paper's that we lack, with paper_top1 and
    paper_mean_top_label_probability.
    Raises BadInput if ``published`` lacks a column.
    """
    measured = ["top1", "mean_top_label_probability"]
    missing = [name for name in ["modification", *measured] if name not in published]
    if missing:
        raise BadInput(f"the published table lacks the column {', '.join(missing)}; see data/published/README.md")
    paper = published[["modification", *measured]].rename(columns={name: f"paper_{name}" for name in measured})
    order = list(dict.fromkeys([*table["modification"], *paper["modification"]]))
    beside = table.merge(paper, on="modification", how="outer").set_index("modification").loc[order].reset_index()
    beside["n"] = beside["n"].astype("Int64")
    return beside


def confident_errors(predictions, *, threshold=CONFIDENT, resamples=RESAMPLES, seed=0):
    """How many predictions are wrong under each modification, and how sure the network is of those.

    Wrong: not the true label, or without labels not the label of the clean image.
    Columns: modification, n, wrong (images), wrong_share, wrong_low, wrong_high, confidence (mean probability of the
    predicted label among the wrong), confidence_low, confidence_high, confident_share (of the wrong, those above
    ``threshold``), confident_low, confident_high, threshold.  Confidence and share are NaN where nothing is wrong.
    """
    data = read_outcomes(predictions)
    options = {"resamples": resamples, "seed": seed}
    table = pd.DataFrame({"modification": data.names, "n": data.files.size, "wrong": (~data.hits).sum(axis=1)})
    table[["wrong_share", "wrong_low", "wrong_high"]] = share_intervals(~data.hits, files=data.files, **options)
    sums, _ = sums_by_file(np.concatenate([data.confidence * ~data.hits, ~data.hits]), data.files)
    sure = bca(sums, lambda totals: totals[..., : len(table)] / totals[..., len(table) :], **options)
    share = []
    for k, right in enumerate(data.hits):
        wrong, options["files"] = data.confidence[k, ~right], data.files[~right]
        if wrong.size and np.isnan(sure[k].low):  # so few are wrong that some resamples hold none: draw from these few
            sure[k] = mean_interval(wrong, **options)
        share.append(share_interval(wrong > threshold, **options) if wrong.size else [np.nan] * 3)
    table[["confidence", "confidence_low", "confidence_high"]] = sure
    table[["confident_share", "confident_low", "confident_high"]] = share
    return table.assign(threshold=threshold)


def scatter_pairs(predictions, *, epsilon=1, attack=None, jpg="JPG", noise=None):
    """The five panels of the paper's Figure 4 as numbers: how many images lie below the diagonal of each.

    epsilon: the attack's, in grey levels.  attack: as in the column of that name; None takes the only one there is.
    jpg: how modifications are named, such as "JPG50".  noise: likewise; None takes the noise of the same JPEG.
    Columns: first, second (the axes), n, below_share (top-label probability lower under second), below_low, below_high.
    Raises BadInput if a modification that a panel needs was not measured.
    """
    data = read_outcomes(predictions)
    pairs = panel_names(epsilon, attack=attack or only_attack(data.modifications), jpg=jpg, noise=noise)
    missing = [name for name in dict.fromkeys(sum(pairs, ())) if name not in data.names]
    if missing:
        raise BadInput(f"predictions lack {', '.join(missing)}; they have {', '.join(data.names)}")
    first = data.probability[[data.names.index(name) for name, _ in pairs]]
    second = data.probability[[data.names.index(name) for _, name in pairs]]
    table = pd.DataFrame(pairs, columns=["first", "second"]).assign(n=data.files.size)
    table[["below_share", "below_low", "below_high"]] = share_intervals(second < first, files=data.files)
    return table


def only_attack(modifications):
    """The attack that rows with a column of that name hold, Adv where they hold none. Raises BadInput for several."""
    attacks = list(modifications["attack"].dropna().unique())
    if len(attacks) > 1:
        raise BadInput(f"predictions hold the attacks {', '.join(attacks)}; choose one with attack=")
    return attacks[0] if attacks else "Adv"


def panel_names(epsilon, *, attack="Adv", jpg="JPG", noise=None):
    """The pairs of modifications that Figure 4 draws, for ``epsilon`` in grey levels; attack: such as Adv[resnet50]."""
    name, bracket, source = attack.partition("[")
    adversarial = f"{name}{epsilon:g}{bracket}{source}(x)"
    names = {"jpg": jpg, "noise": noise or jpg.replace("JPG", "JPGnoise", 1), "adv": adversarial}
    return [tuple(name.format(**names) for name in pair) for pair in FIGURE4]
