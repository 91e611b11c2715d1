"""Codecs under attack as tables to read."""

import pandas as pd

from .in_words import rate

TITLES = {
    "delta_psnr": "ΔPSNR, dB",
    "drop_src": "drop to the source, dB",
    "psnr_clean": "PSNR of C(x), dB",
    "psnr_adv_src": "PSNR of C(x*), dB",
    "more_bits": "more bits",
}


def suffered(means, measure):
    """A measure of ``codecs.vulnerabilities``: a row for each codec, attack and objective, a column for each budget."""
    part = means[means["measure"] == measure]
    told = part.assign(
        told=[rate(row.value, row.low, row.high) for row in part.itertuples()],
        attack=part["attack"] + part["objective"].map(lambda name: "" if name == "mse" else f", {name}"),
        budget=part["budget"].map(lambda budget: f"{TITLES.get(measure, measure)} at {budget:g}"),
    )
    table = told.pivot_table(index=["codec", "attack"], columns="budget", values="told", aggfunc="first", sort=False)
    return table.fillna("").rename_axis(columns=None)


def beyond_noise(noise):
    """``codecs.over_noise``'s worst attack: a row for each codec, a column for each budget."""
    part = noise[noise["attack"] == "worst"]
    told = part.assign(
        told=[rate(row.value, row.low, row.high, row.n) for row in part.itertuples()],
        budget=part["budget"].map(lambda budget: f"at {budget:g}"),
    )
    return told.pivot_table(index="codec", columns="budget", values="told", aggfunc="first", sort=False).rename_axis(
        columns="ΔPSNR beyond noise's, dB"
    )


def targets(measured):
    """How near the targeted attack brings C(x*) to the target's reconstruction: means of PSNR, dB."""
    part = measured[measured["targeted"] & (measured["made_against"] == measured["coded_by"])]
    found = part.groupby("coded_by", sort=False)[["target_psnr_clean", "target_psnr_adv"]].mean().round(1)
    names = {"target_psnr_clean": "before, dB", "target_psnr_adv": "after, dB"}
    return found.rename(columns=names).rename_axis("codec")


def hardened(hard):
    """``codecs.hardening`` as a table: a row for each measure, a column for each pair of codecs."""
    told = hard.assign(
        told=[rate(row.value, row.low, row.high, row.n) for row in hard.itertuples()],
        measured=[
            TITLES.get(row.measure, row.measure.replace("_", " "))
            + ("" if pd.isna(row.budget) else f" at {row.budget:g}")
            for row in hard.itertuples()
        ],
    )
    return told.pivot_table(
        index="measured", columns="compared", values="told", aggfunc="first", sort=False
    ).rename_axis(index=None, columns=None)


def judged(claims):
    """``codecs.judge_codecs`` as a table."""
    told = claims.assign(
        paper=claims["paper"].map(lambda value: "" if pd.isna(value) else f"{value:g}"),
        measured=[rate(row.measured, row.low, row.high, row.n) for row in claims.itertuples()],
    )
    return told.set_index("claim")[["paper", "measured", "verdict"]].rename_axis("Chen and Ma say of codecs")
