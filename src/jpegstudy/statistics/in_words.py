"""Results in sentences: the wording follows the numbers, so that no text can disagree with the table beside it.

Functions return one sentence, or a list of them, without markup; " ".join(...) makes an alternative text.
A change is called one only where its 95 % interval leaves out 0.
"""

import math

import pandas as pd

from .intervals import images_for_difference, images_for_rate
from .tables import measure_of

NAMES = {"top1": "Top-1 accuracy", "agreement": "Agreement with the clean image's label"}


def rate(value, low, high, n=None, *, digits=None):
    """A number with its interval, and its sample: "0.37 [0.33, 0.41] (n = 500)".

    digits: after the point; None: they follow the interval's width.
    """
    count = "" if n is None else f" (n = {int(n)})"
    if math.isnan(value):
        return "undefined" + count
    if math.isnan(low) or math.isnan(high):
        return f"{number(value, 2)} [no interval]{count}"
    digits = digits or _digits(low, high)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]{count}"


def rate_of(row, stem=None):
    """``rate`` of a row, or mapping: of its value, low and high, or of stem, stem_low and stem_high."""
    names = ("value", "low", "high") if stem is None else (stem, f"{stem}_low", f"{stem}_high")
    return rate(*(row[name] for name in names))


def difference(value, low, high, n=None):
    """``rate`` of a difference: where its interval leaves out 0, no end of it is printed as 0."""
    if verdict(low, high) == 0:
        return rate(value, low, high, n)
    digits = _digits(low, high)
    while digits < 4 and 0 in (round(low, digits), round(high, digits)):
        digits += 1
    return rate(value, low, high, n, digits=digits)


def change(value, low, high):
    """What a difference says: "rises by 0.25 [0.22, 0.28]", "falls by", or "does not change beyond its interval"."""
    if verdict(low, high) == 0:
        return f"does not change beyond its interval, {rate(value, low, high)}"
    if low > 0:
        return f"rises by {difference(value, low, high)}"
    return f"falls by {difference(-value, -high, -low)}"


def verdict(low, high):
    """1 where an interval lies above 0, -1 where below, 0 where it holds 0 or is unknown."""
    return int(low > 0) - int(high < 0)


def rates(table):
    """A sentence per row of table1: its rate and its mean top-label probability."""
    measure = measure_of(table)
    return [
        f"{row.modification}: {_lower(measure)} {rate_of(row, measure)},"
        f" mean top-label probability {rate(row.mean_top_label_probability, row.mean_low, row.mean_high)}."
        for _, row in table.iterrows()
    ]


def side_by_side(beside):
    """beside_paper as a table to read: a number and its interval in one cell, the paper's next to it.

    Returns columns modification, n, the rate, the mean top-label probability, and the paper's two (or their absence).
    """
    measure = measure_of(beside)
    told = {
        "modification": beside["modification"],
        "n": beside["n"],
        NAMES[measure]: [rate_of(row, measure) if pd.notna(row["n"]) else "" for _, row in beside.iterrows()],
        "Mean p(ℓₓ)": [
            rate(row.mean_top_label_probability, row.mean_low, row.mean_high) if pd.notna(row.n) else ""
            for row in beside.itertuples()
        ],
        "the paper's top-1": ["" if math.isnan(value) else f"{value:.2f}" for value in beside["paper_top1"]],
        "the paper's mean p(ℓₓ)": [
            "" if math.isnan(value) else f"{value:.2f}" for value in beside["paper_mean_top_label_probability"]
        ],
    }
    return pd.DataFrame(told).set_index("modification")


def judged(claims):
    """judge_claims as a table to read: the claim, our difference with its interval, and the verdict."""
    return pd.DataFrame(
        {
            "the paper says": claims["claim"],
            "from → to": claims["against"] + " → " + claims["modification"],
            "compared": claims["compared"].str.replace("_", " "),
            "here": [change(row.difference, row.low, row.high) for row in claims.itertuples()],
            "verdict": claims["verdict"],
        }
    ).set_index("the paper says")


def verdicts(claims):
    """Sentences on judge_claims: how many of the paper's claims hold in direction, and what became of the others."""
    if claims.empty:
        return ["None of the paper's claims is judged: it speaks of epsilon 1, 5 and 10 at quality 75."]
    kept = pd.Series([verdict(row.low, row.high) == row.paper for row in claims.itertuples()], index=claims.index)
    return [
        f"{kept.sum()} of {len(claims)} claims hold in direction{'.' if kept.all() else '; not so:'}",
        *(f"- {row.claim}: {row.verdict}." for row in claims[~kept].itertuples()),
    ]


def differences(table):
    """A sentence per row of paired_differences: does the rate change beyond its interval, and which way?"""
    return [
        f"From {row.against} to {row.modification} {_lower(row.measure)} {change(row.difference, row.low, row.high)}"
        f" ({row.gained} images gained, {row.lost} lost, {_p(row.p_holm)} after Holm)."
        for row in table.itertuples()
    ]


def mean_differences(table):
    """A sentence per row of paired_differences on the mean top-label probability, which Figure 3 draws."""
    return [
        f"From {row.against} to {row.modification} the mean top-label probability "
        f"{change(row.mean_difference, row.mean_low, row.mean_high)}."
        for row in table.itertuples()
    ]


def recovered(table):
    """A sentence per row of recovery, or of the recovery rows of curves: how much of the loss comes back."""
    value = "recovery" if "recovery" in table else "value"
    rows = table[table["measure"] == "recovery"] if "measure" in table else table
    return [_recovered(row.modification, row[value], row.low, row.high, row.reason) for _, row in rows.iterrows()]


def _recovered(modification, value, low, high, reason):
    if pd.notna(reason):
        return f"For {modification} recovery is undefined: {reason}."
    told = rate(value, low, high)
    if verdict(low, high) > 0:
        return f"{modification} recovers {told} of what the attack takes."
    if verdict(low, high) < 0:
        return f"{modification} loses more: recovery is {told}."
    return f"{modification} recovers nothing beyond its interval, {told}."


def scatter(table):
    """A sentence per panel of Figure 4 (from scatter_pairs): on which side of the diagonal do the points lie?"""
    sentences = []
    for row in table.itertuples():
        share = rate(row.below_share, row.below_low, row.below_high)
        told = {1: "most points lie below", -1: "most points lie on or above", 0: "no clear majority lies below"}
        side = told[verdict(row.below_low - 0.5, row.below_high - 0.5)]
        sentences.append(f"{row.second} against {row.first}: {side} the diagonal; the share below is {share}.")
    return sentences


def errors(table):
    """A sentence per row of confident_errors: how many predictions are wrong, and how sure the network is of them."""
    sentences = []
    for row in table.itertuples():
        if row.wrong == 0:
            sentences.append(f"{row.modification}: no prediction of {row.n} is wrong.")
            continue
        share = rate(row.confident_share, row.confident_low, row.confident_high)
        sentences.append(
            f"{row.modification}: {row.wrong} of {row.n} predictions are wrong, with mean confidence "
            f"{rate(row.confidence, row.confidence_low, row.confidence_high)}; "
            f"the share of them above {row.threshold:g} is {share}."
        )
    return sentences


def boxes(table):
    """One sentence on Figure 3 from table1: the mean top-label probability under each modification."""
    means = [
        f"{row.modification} {rate(row.mean_top_label_probability, row.mean_low, row.mean_high)}"
        for row in table.itertuples()
    ]
    return f"Mean top-label probability: {', '.join(means)}."


def wanted(table, differences, *, half_width):
    """Sentences on how many images intervals of ``half_width`` would take, if the rates stay as they are.

    table: from table1.  differences: from paired_differences.  Both are for images that come from
    a file each.
    """
    measure = measure_of(table)
    widest = table.loc[(table[measure] - 0.5).abs().idxmin()]
    for_rate = images_for_rate(widest[measure], half_width=half_width)
    for_difference, hardest = max(
        ((images_for_difference(row.gained / row.n, row.lost / row.n, half_width=half_width), row))
        for row in differences.itertuples()
    )
    return [
        f"Every rate to within {half_width:g}: {for_rate} images (the most for {widest['modification']}); "
        f"here are {widest['n']}.",
        f"Every difference to within {half_width:g}: {for_difference} images (the most from {hardest.against} to "
        f"{hardest.modification}).",
    ]


def _lower(measure):
    return NAMES[measure][0].lower() + NAMES[measure][1:]


def _digits(low, high):
    """Two digits, or more where the interval is so narrow that two would print its ends nearly alike."""
    width = high - low
    return 2 if width >= 0.02 or width == 0 else min(4, math.ceil(-math.log10(width)) + 1)


def number(value, digits=2):
    """Fixed digits, with a real minus sign, and none before a zero."""
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")


def _p(value):
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
