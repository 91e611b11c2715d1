"""Networks side by side, in tables to read and in sentences that follow the numbers."""

import math

import pandas as pd

from .claims import VERDICTS
from .in_words import NAMES, rate, rate_of, verdict
from .side_by_side import rank_correlation
from .tables import measure_of

TOLD_APART = 0.05  # the p below which a correlation is called one


def tables(rows):
    """network_tables as a table to read: a row for each modification, a column for each run."""
    measure = measure_of(rows)
    told = [rate_of(row, measure) for row in rows.to_dict("records")]
    return _by_run(rows.assign(told=told), "modification", "told")


def claims(rows):
    """network_claims as a table to read: a row for each of the paper's claims, a column for each run."""
    return _by_run(rows, "claim", "verdict").rename_axis(index="the paper says")


def _by_run(rows, index, values):
    table = rows.pivot(index=index, columns="run", values=values)
    return (
        table.loc[list(dict.fromkeys(rows[index])), list(dict.fromkeys(rows["run"]))]
        .fillna("")
        .rename_axis(columns=None)
    )


def claims_kept(rows):
    """A sentence for each of the paper's claims: in how many of the networks it holds, and in which it does not."""
    if rows.empty:
        return ["None of the paper's claims is judged: it speaks of epsilon 1, 5 and 10 at quality 75."]
    sentences = []
    for claim, part in rows.groupby("claim", sort=False):
        kept = part["verdict"] == VERDICTS[1]
        others = [f"{row.run}: {row.verdict}" for row, holds in zip(part.itertuples(), kept, strict=True) if not holds]
        told = "all" if kept.all() else "none" if not kept.any() else f"{kept.sum()}"
        which = f"; {', '.join(others)}" if others else ""
        sentences.append(f"“{claim}” holds in direction in {told} of {len(part)} networks{which}.")
    return sentences


def recoveries(rows):
    """network_recoveries, with a column ``year``, as a table to read."""
    told = {
        "run": rows["run"],
        "year": ["–" if pd.isna(year) else f"{year:.0f}" for year in rows["year"]],
        "n": rows["n"],
    }
    for stem, head in (("clean", "clean"), ("attacked", "attacked"), ("restored", "after JPEG")):
        told[head] = [rate_of(row, stem) for row in rows.to_dict("records")]
    told["recovery"] = [
        rate(row.recovery, row.low, row.high) if pd.isna(row.reason) else f"undefined: {row.reason}"
        for row in rows.itertuples()
    ]
    return pd.DataFrame(told).set_index("run")


def most_and_least(rows, modification):
    """Sentences: between what the recoveries lie, and which of them are undefined."""
    known, unknown = rows[rows["reason"].isna()], rows[rows["reason"].notna()]
    lines = [f"For {row.run} recovery is undefined: {row.reason}." for row in unknown.itertuples()]
    if known.empty:
        return lines
    least, most = known.loc[known["recovery"].idxmin()], known.loc[known["recovery"].idxmax()]
    first = f"{modification} recovers the most of what the attack takes in {most.run}, {_recovery(most)}"
    if len(known) > 1:
        first += f", and the least in {least.run}, {_recovery(least)}"
    return [f"{first}.", *lines]


def trend(rows, over, head):
    """A sentence: does recovery go with the column ``over`` of network_recoveries, called ``head``, over the networks?

    Called a correlation only where chance would give one as strong in fewer than one of twenty orders.
    """
    known = rows[rows["reason"].isna() & rows[over].notna()]
    rho, p, smallest = rank_correlation(known[over], known["recovery"])
    if math.isnan(rho):
        return f"Whether recovery goes with {head} is not asked of {len(known)} networks, too few or too much alike."
    told = f"rank correlation {rho:+.2f}, p = {p:.2g}, {len(known)} networks".replace("-", "−")
    if p < TOLD_APART:
        return f"Recovery {'rises' if rho > 0 else 'falls'} with {head} ({told})."
    if smallest >= TOLD_APART:
        return f"So few networks cannot tell whether recovery goes with {head} ({told})."
    return f"Recovery does not go with {head} beyond chance ({told})."


def without_year(rows):
    """Sentences: which runs the figure over years leaves out."""
    unknown = list(rows.loc[rows["year"].isna(), "run"])
    return [f"Not in the figure over years, for want of a year: {', '.join(unknown)}."] if unknown else []


def differences(rows):
    """network_differences as a table to read."""
    return pd.DataFrame(
        {
            "first − second": rows["first"] + " − " + rows["second"],
            "rate after JPEG": [_signed(row.difference, row.low, row.high) for row in rows.itertuples()],
            "gained, lost": [f"{row.gained}, {row.lost}" for row in rows.itertuples()],
            "p, after Holm": ["< 0.001" if p < 0.001 else f"{p:.3f}" for p in rows["p_holm"]],
            "recovery": [
                _signed(row.recovery_difference, row.recovery_low, row.recovery_high)
                if pd.isna(row.reason)
                else f"undefined: {row.reason}"
                for row in rows.itertuples()
            ],
        }
    ).set_index("first − second")


def told_apart(rows, modification):
    """Sentences: how many pairs of networks differ in rate under ``modification`` and in recovery, and in which way."""
    rates = [verdict(row.low, row.high) for row in rows.itertuples()]
    back = [verdict(row.recovery_low, row.recovery_high) for row in rows.itertuples()]
    measure = NAMES[rows["measure"].iloc[0]]
    lines = [
        f"{measure} under {modification} differs beyond its interval in {_of(rates)}, recovery in {_of(back)}.",
    ]
    for row, by_rate, by_recovery in zip(rows.itertuples(), rates, back, strict=True):
        if by_rate * by_recovery < 0:
            better, worse = (row.first, row.second) if by_rate > 0 else (row.second, row.first)
            lines.append(f"{better} has a higher rate than {worse}, and a lower recovery.")
    return lines


def transfer(rows):
    """transfer_rates as a table to read: rates with intervals, and what JPEG changes on the same images."""
    told = {"made against": rows["source"], "classified by": rows["target"], "n": rows["n"]}
    for stem, head in (("clean", "clean"), ("before", "before JPEG"), ("after", "after JPEG")):
        told[head] = [rate_of(row, stem) for row in rows.to_dict("records")]
    for stem, head in (("taken", "taken by it"), ("given_back", "given back by JPEG")):
        told[head] = [_signed(row[stem], row[f"{stem}_low"], row[f"{stem}_high"]) for row in rows.to_dict("records")]
    return pd.DataFrame(told).set_index(["made against", "classified by"])


def transferred(rows):
    """Sentences on transfer_rates: what perturbations do to networks that they were not made against."""
    others = rows[rows["source"] != rows["target"]]
    if others.empty:
        return [
            "No run here classifies another's perturbations. One is made with: "
            "jpegstudy run TARGET -p source_run SOURCE -p run TARGET-from-SOURCE"
        ]
    taken = [verdict(row.taken_low, row.taken_high) for row in others.itertuples()]
    back = [verdict(row.given_back_low, row.given_back_high) for row in others.itertuples()]
    most = others.loc[others["taken"].idxmin()]
    return [
        f"Made against another network, the perturbation lowers the rate beyond its interval in {taken.count(-1)} of "
        f"{_of_pairs(others)}, most from {most.source} to {most.target}, "
        f"{_signed(most.taken, most.taken_low, most.taken_high)}.",
        f"JPEG then raises it beyond its interval in {back.count(1)} of {_of_pairs(others)} and lowers it in "
        f"{back.count(-1)}.",
    ]


def _of_pairs(rows):
    return f"{len(rows)} pair{'s' * (len(rows) != 1)}"


def _of(verdicts):
    return f"{sum(map(bool, verdicts))} of {len(verdicts)} pair{'s' * (len(verdicts) != 1)}"


def _recovery(row):
    return rate(row.recovery, row.low, row.high)


def _signed(value, low, high):
    """ "+0.03 [−0.01, +0.06]"."""
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
