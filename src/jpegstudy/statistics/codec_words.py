"""Codecs under attack as tables to read."""

import re

import pandas as pd

from .codecs import NOISE
from .in_words import rate, rate_of
from .tables import measure_of

TITLES = {
    "delta_psnr": "ΔPSNR, dB",
    "delta_ms_ssim": "index in MS-SSIM, dB",
    "given_back": "share given back of what the attack took beyond noise",
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


def strongest(means):
    """What the attack leaves that amplifies most, of those on the MSE: a row for each codec and budget.

    means: of ``codecs.vulnerabilities``.
    """
    part = means[means["objective"] == "mse"]
    rows = []
    for (codec, budget), own in part.groupby(["codec", "budget"], sort=False):
        told = own.set_index(["attack", "measure"])
        amplified = own[(own["measure"] == "delta_psnr") & (own["attack"] != NOISE)]
        if not len(amplified):
            continue
        attack = amplified.loc[amplified["value"].idxmax(), "attack"]
        names = ("delta_psnr", "drop_src", "psnr_adv_src")
        row = {"codec": codec, "budget": f"{budget:g}", "strongest": attack}
        rows.append(row | {TITLES[name]: rate_of(told.loc[attack, name]) for name in names})
        if (NOISE, "delta_psnr") in told.index:
            rows.append(row | {"strongest": "noise"} | {TITLES[name]: rate_of(told.loc[NOISE, name]) for name in names})
    return pd.DataFrame(rows).set_index(["codec", "budget", "strongest"])


def beyond_noise(noise):
    """``codecs.over_noise``'s worst attack: a row for each codec, a column for each budget."""
    part = noise[noise["attack"] == "worst"]
    told = part.assign(
        told=[rate(row.value, row.low, row.high, row.n) for row in part.itertuples()],
        budget=part["budget"].map(lambda budget: f"at {budget:g}"),
    )
    table = told.pivot_table(index="codec", columns="budget", values="told", aggfunc="first", sort=False)
    return table.rename_axis(index="ΔPSNR beyond noise's, dB", columns=None)


def targets(measured):
    """How near the targeted attack, and noise of its power, bring C(x*) to the target's reconstruction, PSNR in dB.

    Means over images; runs of an older version have no noise here.
    """
    own = measured[(measured["made_against"] == measured["coded_by"]) & measured["target_psnr_adv"].notna()]
    of = own.groupby(["targeted", "coded_by"], sort=False)[["target_psnr_clean", "target_psnr_adv"]].mean().round(1)
    attacked = of.loc[True]
    found = {"before, dB": attacked["target_psnr_clean"]}
    if False in of.index.get_level_values("targeted"):
        found["under noise, dB"] = of.loc[False, "target_psnr_adv"].reindex(attacked.index)
    return pd.DataFrame({**found, "attacked, dB": attacked["target_psnr_adv"]}).rename_axis("codec")


def hardened(hard):
    """``codecs.hardening`` as a table: a row for each measure, a column for each pair of codecs; n in its corner."""
    told = hard.assign(
        told=[rate(row.value, row.low, row.high) for row in hard.itertuples()],
        measured=[
            TITLES.get(row.measure, row.measure.replace("_", " "))
            + ("" if pd.isna(row.budget) else f" at {row.budget:g}")
            for row in hard.itertuples()
        ],
    )
    table = told.pivot_table(index="measured", columns="compared", values="told", aggfunc="first", sort=False)
    counts = f"{hard['n'].min()} to {hard['n'].max()}" if hard["n"].nunique() > 1 else f"{hard['n'].max()}"
    return table.rename_axis(index=f"n = {counts}", columns=None)


def judged(claims):
    """``codec_claims.judge_codecs`` as a table."""
    told = claims.assign(
        paper=claims["paper"].map(lambda value: "" if pd.isna(value) else f"{value:g}"),
        measured=[rate(row.measured, row.low, row.high, row.n) for row in claims.itertuples()],
    )
    return told.set_index("claim")[["paper", "measured", "verdict"]].rename_axis("Chen and Ma say of codecs")


def bounds(table):
    """``steps.jpeg_bounds`` to read: a row for each JPEG and budget, the attack that came nearest to the bound."""
    share = table["measured"] / table["bound"]
    nearest = table.assign(share=share).sort_values("share", ascending=False)
    nearest = nearest.drop_duplicates(["codec", "budget"]).sort_values(["codec", "budget"])
    told = {
        "nearest": nearest["attack"],
        "n": nearest["n"],
        "spent": nearest["spent"].map("{:.2f}".format),
        "measured": nearest["measured"].map("{:.2f}".format),
        "bound": nearest["bound"].map("{:.2f}".format),
        "share of the bound": nearest["share"].map("{:.0%}".format),
    }
    head = [nearest["codec"], nearest["budget"].map("{:g}".format)]
    return pd.DataFrame(told).set_axis(pd.MultiIndex.from_arrays(head, names=["grey levels, RMS", "budget"]))


def table_1(rows, defenses, measure=None):
    """Table 1 with what stands before the network in its rows: a column for x and for each attack that knows of none.

    rows: of ``tables.table1``.  defenses: their names.  measure: None is top-1 accuracy (or agreement);
    "probability", the mean probability of the top label.
    """
    if measure is None:
        measure = measure_of(rows)
        columns = (measure, f"{measure}_low", f"{measure}_high")
    else:
        columns = ("mean_top_label_probability", "mean_low", "mean_high")
    told = {row["modification"]: rate(*row[list(columns)]) for _, row in rows.iterrows()}
    bases = ["x", *(f for f in told if re.fullmatch(r"[^(){}]+\(x\)", f) and f.partition("(")[0] not in defenses)]
    table = {"nothing": [told[base] for base in bases]}
    table |= {name: [told.get(f"{name}({base})", "") for base in bases] for name in defenses}
    head = f"before the network; {measure}, n = {rows['n'].iloc[0]}"
    return pd.DataFrame.from_dict(table, orient="index", columns=bases).rename_axis(head)
