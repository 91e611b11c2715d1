"""Attackers of defended networks: who knows what, what defenses cost, whether attacks converged, what rounding undoes.

A defended attack is named as in ``defenses``; one made through a defense names it in braces: JPG(PGD2{JPG}(x)).
"""

import re

import numpy as np
import pandas as pd

from .outcomes import inner, read_outcomes
from .resampling import RESAMPLES, mean_interval, share_interval

NETWORK, DEFENSE = "the network", "the defense"
LATE = 0.75  # of an attack's steps: what comes after is late
CLOSE = {"cost": 0.02, "psnr": 1.5}  # what counts as equal: two points of accuracy, one and a half decibels


def with_knowledge(rates):
    """defense_rates with two columns more: strike, the attack with its size, and knows, what its maker knew.

    knows: "the network", "the defense", or the name of another defense that the attack was made through.
    """
    made = rates["modification"].map(lambda name: inner(name).partition("(")[0])
    through = made.str.extract(r"\{(.+)\}", expand=False)
    knows = np.where(through.isna(), NETWORK, np.where(through == rates["defense"], DEFENSE, through))
    return rates.assign(strike=made.str.replace(r"\{.+\}", "", regex=True), knows=knows)


def worst_case(predictions, rates, *, resamples=RESAMPLES, seed=0):
    """What is right under every attack of one epsilon, image by image, whatever its maker knew.

    rates: from ``with_knowledge``, of these predictions; attacks without an epsilon have no common size and are left
    out. Columns: defense, passes, epsilon, attacks (how many), kept, kept_low, kept_high, kept_n as in defense_rates.
    """
    data = read_outcomes(predictions)
    rows = []
    for (defense, passes, epsilon), part in rates.groupby(["defense", "passes", "epsilon"], sort=False):
        base = inner(inner(part["modification"].iloc[0]))
        clean = data.hits[data.place(f"{defense}({base})")]
        left = clean & np.all([data.hits[data.place(name)] for name in part["modification"]], axis=0)
        found = (np.nan,) * 3
        if clean.any():
            found = share_interval(left[clean], files=data.files[clean], resamples=resamples, seed=seed)
        rows.append((defense, passes, epsilon, len(part), *found, int(clean.sum())))
    columns = ["defense", "passes", "epsilon", "attacks", "kept", "kept_low", "kept_high", "kept_n"]
    return pd.DataFrame(rows, columns=columns)


def defense_quality(predictions, pixels, *, resamples=RESAMPLES, seed=0):
    """What each defense does to clean images: a row for each D(x).

    predictions: with the columns psnr (dB, of D(x) against x) and bits of an image's file.  pixels: of an image.
    Columns: defense, n, psnr, psnr_low, psnr_high, and rate (bits per pixel), rate_low, rate_high: means over images,
    NaN where there is none (another size, no file), infinite where an image did not change.
    """
    rows = []
    options = {"resamples": resamples, "seed": seed}
    clean = predictions[predictions["attack"].isna() & predictions["modification"].str.fullmatch(r"[^()]+\(x\)")]
    for name, part in clean.groupby("modification", sort=False):
        files = pd.factorize(part["file"])[0]
        found = [_mean(part[column] / by, files, options) for column, by in (("psnr", 1), ("bits", pixels))]
        rows.append((name.partition("(")[0], len(part), *found[0], *found[1]))
    columns = ["defense", "n", "psnr", "psnr_low", "psnr_high", "rate", "rate_low", "rate_high"]
    return pd.DataFrame(rows, columns=columns)


def _mean(values, files, options):
    values = values.to_numpy(float)
    if not np.isfinite(values).all():
        return (values.mean(), np.nan, np.nan)
    return mean_interval(values, files=files, **options)


def equal_lines(rates, quality, *, reference="FD"):
    """Of each family of defenses the setting that is nearest to the reference: in clean accuracy lost, and in PSNR.

    rates: from ``with_knowledge``, of one pass.  quality: from ``defense_quality``.  A family is JPG, whatever its
    quality, or BITS; FD and FD8 are one each.
    Columns: equal ("cost" or "psnr"), family, defense, cost, psnr, rate, close (whether it is within 2 points, or 1.5
    dB, of the reference), and those of rates for every attack. Empty where the reference is not among the defenses.
    """
    beside = rates[rates["passes"] == 1].merge(quality.drop(columns="n"), on="defense", how="left")
    if reference not in set(beside["defense"]):
        return beside.assign(equal="", family="", close=False)[:0]
    beside["family"] = beside["defense"].map(family_of)
    one = beside.drop_duplicates("defense").set_index("defense")
    found = []
    for what in ("cost", "psnr"):
        away = (one[what] - one[what][reference]).abs().where(np.isfinite(one[what]))
        for _, part in one.groupby("family", sort=False):
            distances = away[part.index].dropna()
            if distances.empty:  # of another size: no PSNR
                continue
            best = reference if reference in distances else distances.idxmin()
            rows = beside[beside["defense"] == best]
            found.append(rows.assign(equal=what, close=bool(away[best] <= CLOSE[what])))
    return pd.concat(found, ignore_index=True)


def family_of(defense):
    """The transform's name without its settings: JPG of JPG50-444, FD8 of FD8-v1."""
    if ":" in defense.partition("[")[0].partition("-")[0]:
        return defense  # package.module:function
    return re.match(r"FD8|J2K|[A-Za-z]+", defense)[0]


def convergence(curves):
    """How an attack went: columns step, misled (share of images by then), margin (mean of the lowest by then).

    curves: the arrays of margins by step, one an image, all as long.
    """
    lowest = np.minimum.accumulate(np.stack(list(curves)), axis=1)
    return pd.DataFrame(
        {"step": range(lowest.shape[1]), "misled": (lowest < 0).mean(axis=0), "margin": lowest.mean(axis=0)}
    )


def late(curves):
    """How many images were first misled in the last quarter of the steps, how many at all, and how many there are."""
    margins = np.stack(list(curves))
    misled = margins < 0
    first = np.where(misled.any(axis=1), misled.argmax(axis=1), -1)
    return int((first > LATE * (margins.shape[1] - 1)).sum()), int((first >= 0).sum()), len(margins)


def strengths(predictions):
    """How far attacks moved: of each modification that ends in one, columns attack, base, n, misled, linf, l2, psnr.

    misled: images right before and wrong after; the others are medians over these, in grey levels and dB.
    """
    data = read_outcomes(predictions)
    measured = predictions.set_index(["modification", "image"])[["linf", "l2", "psnr"]]
    images = np.sort(predictions["image"].unique())
    rows = []
    for row in data.modifications.itertuples():
        if pd.isna(row.attack) or not pd.isna(row.transform):
            continue
        base = inner(row.modification)
        misled = data.hits[data.place(base)] & ~data.hits[data.place(row.modification)]
        medians = measured.loc[row.modification].loc[images[misled]].median() if misled.any() else [np.nan] * 3
        rows.append((row.modification.partition("(")[0], base, misled.size, int(misled.sum()), *medians))
    return pd.DataFrame(rows, columns=["attack", "base", "n", "misled", "linf", "l2", "psnr"])


def undone(predictions, *, resamples=RESAMPLES, seed=0):
    """What rounding to 8 bits undoes of attacks that left floats, apart from what a defense undoes of what is left.

    predictions: with rows of the readings "unrounded" and "rounded" beside those of x.
    Columns: attack, by ("rounding", or a defense), n, undone, undone_low, undone_high: of n images that were right and
    that the attack misled (in floats; for defenses, rounded), the share that is right again.
    """
    wanted = predictions["label"].fillna(predictions["top_label"])
    table = predictions.assign(right=predictions["predicted"] == wanted, reading=predictions["reading"].fillna(""))
    hits = table.pivot(index="image", columns=["reading", "modification"], values="right")
    files = pd.factorize(table.drop_duplicates("image").set_index("image")["file"].loc[hits.index])[0]
    rows = []
    for attacked in hits.get("unrounded", pd.DataFrame()).columns:
        misled = hits["", "x"].eq(True) & hits["unrounded", attacked].eq(False)
        still = misled & hits["rounded", attacked].eq(False)
        tried = [("rounding", misled, attacked)]
        tried += [(name.partition("(")[0], still, name) for name in hits["rounded"] if name.endswith(f"({attacked})")]
        for by, among, name in tried:
            again = hits["rounded", name][among].to_numpy(bool)
            found = (np.nan,) * 3
            if among.any():
                found = share_interval(again, files=files[among.to_numpy()], resamples=resamples, seed=seed)
            rows.append((attacked.partition("(")[0], by, int(among.sum()), *found))
    return pd.DataFrame(rows, columns=["attack", "by", "n", "undone", "undone_low", "undone_high"])


def dormancy(predictions, *, resamples=RESAMPLES, seed=0):
    """How many images are dormant until JPEG, by the quality aimed at and the one that they meet.

    Columns: aimed, met (JPEGs in the notation), n, dormant, dormant_low, dormant_high: of the images that are right as
    x and as JPEG without an attack, the share that is right as the attack left it, and wrong as JPEG.
    """
    data = read_outcomes(predictions)
    rows = []
    for row in data.modifications.itertuples():
        attack = "" if pd.isna(row.attack) else row.attack
        if not attack.startswith("DORM") or pd.isna(row.transform):
            continue
        met, made = row.modification.partition("(")[0], inner(row.modification)
        x, compressed, left, after = (
            data.hits[data.place(name)] for name in ("x", f"{met}(x)", made, row.modification)
        )
        among = x & compressed
        found = (np.nan,) * 3
        if among.any():
            dormant = (left & ~after)[among]
            found = share_interval(dormant, files=data.files[among], resamples=resamples, seed=seed)
        rows.append((re.search(r"\{(.+)\}", attack)[1], met, int(among.sum()), *found))
    return pd.DataFrame(rows, columns=["aimed", "met", "n", "dormant", "dormant_low", "dormant_high"])
