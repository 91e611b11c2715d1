"""Attackers and defenses in tables to read and in sentences that follow the numbers."""

import math

import pandas as pd

from jpegstudy.timing import spread

from .attackers import DEFENSE, NETWORK
from .defense_words import PASSES
from .in_words import rate_of


def costs(rates, quality):
    """What each defense does to clean images: accuracy, its change, PSNR and bits per pixel, with intervals."""
    rows = []
    beside = quality.set_index("defense")
    for (defense, passes), part in rates.groupby(["defense", "passes"], sort=False):
        first, told = part.iloc[0], beside.loc[defense]
        once = passes == 1
        rows.append(
            {
                "defense": _head(defense, passes),
                "clean": rate_of(first, "clean"),
                "cost": rate_of(first, "cost"),
                "PSNR, dB": _measured(told, "psnr") if once else "",
                "bits per pixel": _measured(told, "rate") if once else "",
            }
        )
    return pd.DataFrame(rows).set_index("defense")


def left_by_attackers(rates, stem="kept"):
    """A row for each defense, a column for each attack and what its maker knew: the share ``stem``, with its interval.

    rates: from attackers.with_knowledge; attacks made through another defense are left out.
    """
    part = rates[rates["knows"].isin([NETWORK, DEFENSE])]
    rows = {}
    for _, row in part.iterrows():
        head = _head(row["defense"], row["passes"])
        rows.setdefault(head, {})[f"{row['strike']}, knows {row['knows']}"] = rate_of(row, stem)
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("defense")


def worst(table):
    """attackers.worst_case as a table to read: a row for each defense, a column for each epsilon."""
    rows = {}
    for _, row in table.iterrows():
        head = _head(row["defense"], row["passes"])
        told = f"{rate_of(row, 'kept')} (n = {row['kept_n']}, {row['attacks']} attacks)"
        rows.setdefault(head, {})[f"ε = {row['epsilon']:g}"] = told
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("right under every attack")


def equal(lines):
    """equal_lines as a table to read: one row for each family and for what is equal."""
    rows = {}
    for _, row in lines.iterrows():
        near = "" if row["close"] else ", not so near"
        told = rows.setdefault(
            f"{'cost' if row['equal'] == 'cost' else 'PSNR'}: {row['defense']}{near}",
            {
                "cost": f"{row['cost']:+.3f}".replace("-", "−"),
                "PSNR, dB": _number(row["psnr"], 1),
                "bits per pixel": _number(row["rate"], 2),
            },
        )
        told[f"kept, {row['strike']}"] = rate_of(row, "kept")
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("equal")


def knowledge(rates):
    """Sentences: for each attack, which defense keeps most of an attacker who knows the network, and what is left of it

    and of the best when the defense is known too.
    """
    lines = []
    for strike, part in rates[rates["knows"].isin([NETWORK, DEFENSE])].groupby("strike", sort=False):
        told = []
        for knows, rows in part.groupby("knows", sort=False):
            best = rows.loc[rows["kept"].idxmax()]
            words = f"most is kept by {_head(best['defense'], best['passes'])}, {rate_of(best, 'kept')}"
            told.append(f"where {knows} is known, {words} (n = {best['kept_n']})")
        lines.append(f"{strike}: " + "; ".join(told) + ".")
    return lines


def converged(name, late_ones):
    """A sentence: how many images an attack misled, and how many of them only late."""
    late, misled, n = late_ones
    end = "none of them in the last quarter of its steps" if not late else f"{late} of them in the last quarter"
    return f"{name}: {misled} of {n} images misled, {end}."


def strengths(table):
    """attackers.strengths as a table to read."""
    told = {
        "attack": table["attack"] + "(" + table["base"] + ")",
        "misled": [f"{row.misled} of {row.n}" for row in table.itertuples()],
        "L∞": table["linf"].map(lambda value: _number(value, 1)),
        "L2": table["l2"].map(lambda value: _number(value, 0)),
        "PSNR, dB": table["psnr"].map(lambda value: _number(value, 1)),
    }
    return pd.DataFrame(told).set_index("attack")


def undone(table):
    """attackers.undone as a table to read: a row for each attack, a column for what undoes it."""
    told = table.assign(told=[f"{rate_of(row, 'undone')} (n = {row['n']})" for _, row in table.iterrows()])
    wide = told.pivot(index="attack", columns="by", values="told")
    return wide[list(dict.fromkeys(table["by"]))].rename_axis(index="right again by", columns=None)


def dormancy(table):
    """attackers.dormancy as a table to read: a row for each quality aimed at, a column for each that is met."""
    told = table.assign(told=[f"{rate_of(row, 'dormant')} (n = {row['n']})" for _, row in table.iterrows()])
    wide = told.pivot(index="aimed", columns="met", values="told")
    return wide[list(dict.fromkeys(table["met"]))].rename_axis(index="aimed at", columns=None)


def times(table):
    """steps.time_defenses as a table to read: a row for each defense, a column for each size of batch."""
    rows = {}
    for (defense, batch), part in table.groupby(["defense", "batch"], sort=False):
        had = part["images"].iloc[0]
        few = "" if had == batch else f", {had} images"
        rows.setdefault(defense, {})[f"{batch} at a time"] = spread(part["wall"]) + few
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("ms per image")


def _head(defense, passes):
    return defense if passes == 1 else f"{defense}, {PASSES[passes]} passes"


def _measured(row, stem):
    if math.isnan(row[stem]):
        return ""
    return "∞" if math.isinf(row[stem]) else rate_of(row, stem)


def _number(value, digits):
    return "" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.{digits}f}"
