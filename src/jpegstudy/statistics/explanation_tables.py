"""Why JPEG undoes perturbations: page 11's tables as they are read, numbers with their intervals in one cell."""

import math

import pandas as pd

from .in_words import rate, rate_of

GEOMETRY = {
    "residual_ratio": "what JPEG does to x, by the perturbation's length: |JPG(x) − x| / |δ|",
    "survival_ratio": "what survives, by its length: |s| / |δ|",
    "gain": "what survives in the perturbation's own direction: ⟨s, δ⟩ / |δ|²",
    "projection_gap": "0 if s were a projection of δ: ⟨s, δ − s⟩ / |δ|²",
    "survivor_cosine": "cosine of s with δ",
    "step_cosine": "cosine of JPEG's step with −δ",
}
FIGURE_1 = {"residual_ratio": 0, "survival_ratio": 0, "gain": 0, "projection_gap": 0, "step_cosine": 1}
DISTANCES = {
    "rms_attacked_x": "Adv to x",
    "rms_compressed_x": "JPG(x) to x",
    "rms_compressed_attacked_x": "JPG(Adv) to x",
    "rms_noisy_x": "JPGnoise(Adv) to x",
    "rms_attacked_compressed": "Adv to JPG(x)",
    "rms_compressed_attacked_compressed": "JPG(Adv) to JPG(x)",
    "rms_noisy_compressed": "JPGnoise(Adv) to JPG(x)",
}
PREDICTORS = {
    "clean_margin": "how surely x is seen as its label",
    "attacked_margin": "how near Adv still is to that label",
    "slope": "the gradient's sum of absolute values",
    "log_texture": "texture",
    "fine_share": "the texture's share in fine bands",
    "gradient_chroma_share": "the gradient's share in chroma",
    "gradient_low_share": "the gradient's share in low bands",
    "gradient_high_share": "the gradient's share in high bands",
}
PLANES = ("luma", "Cb", "Cr")
PARTS = {
    "codec_change": "the codec's residual on the clean image",
    "moved_change": "by its change of x alone: J(JPG(x) + δ) − J(Adv)",
    "taken_change": "by its change of δ alone: J(x + s) − J(Adv)",
    "overlap_change": "both together, less each by itself",
    "survivor_first_order": "what survived, to first order",
    "survivor_remainder": "beyond the first order",
    "attack_first_order": "the perturbation, to first order",
    "attack_remainder": "beyond the first order",
}


def geometry(means, quality):
    """geometry_means of one quality as a table to read, beside what Figure 1 draws."""
    return _by_epsilon(means[means["quality"] == quality], GEOMETRY, FIGURE_1)


def distances(means, quality):
    """Distances of geometry_means, root mean squares in grey levels, as a table to read."""
    return _by_epsilon(means[means["quality"] == quality], DISTANCES, {})


def _by_epsilon(means, names, drawn):
    rows = []
    for measure, words in names.items():
        told = {"": words} | ({"Figure 1 draws": f"{drawn[measure]}" if measure in drawn else ""} if drawn else {})
        part = means[means["measure"] == measure]
        rows.append(told | {f"ε = {row['epsilon']:g}": rate_of(row) for _, row in part.iterrows()})
    return pd.DataFrame(rows).set_index("")


def rungs(recoveries):
    """rung_recoveries without single bands as a table to read."""
    rows = recoveries[~recoveries["kind"].isin(["only band", "all but band"])]
    told = {
        "variant": rows["variant"],
        "accuracy on x": [rate_of(row, "clean") for _, row in rows.iterrows()],
        "on Adv": [rate_of(row, "attacked") for _, row in rows.iterrows()],
        "recovery": [rate_of(row, "recovery") for _, row in rows.iterrows()],
        "less that of all of JPEG": [rate_of(row, "less") for _, row in rows.iterrows()],
    }
    return pd.DataFrame(told).set_index("variant")


def parts(table, objective):
    """mean_parts of one objective as a table to read: rows for each change and its parts, a column for each epsilon."""
    heads = {
        "attack_change": "by the attack: J(Adv) − J(x)",
        "undone_change": "by JPEG: J(JPG(Adv)) − J(Adv)",
        "whole_change": "together: J(JPG(Adv)) − J(x)",
    }
    rows = {}
    table = table[(table["objective"] == objective) & (table["change"] != "x")]
    for _, row in table.iterrows():
        change, part = row["change"], row["part"]
        name = heads[change] if part == change else f"· {PARTS[part]}"
        told = rows.setdefault((change, part), {f"change of the {objective}": name})
        told[f"ε = {row['epsilon']:g}"] = rate_of(row)
    return pd.DataFrame(rows.values()).set_index(f"change of the {objective}")


def shares_left(shares, objective):
    """explanations.shares_left of one objective as a table to read: a column for each epsilon."""
    heads = {
        "taking": "if JPEG only took from the perturbation",
        "moving": "if JPEG only moved the image",
        "both": "as JPEG does both",
        "noise": "if its change, shuffled, stood in its place",
        "gaussian": "if Gaussian noise as strong stood in its place",
    }
    rows = {}
    for _, row in shares[shares["objective"] == objective].iterrows():
        told = rows.setdefault((row["of"], row["part"]), {"left of the attack's": row["of"], "": heads[row["part"]]})
        told[f"ε = {row['epsilon']:g}"] = rate_of(row)
    return pd.DataFrame(rows.values()).set_index(["left of the attack's", ""])


def controls(table, objective):
    """explanations.control_changes of one objective as a table to read: a row for each control, a column each epsilon.

    JPEG and the attack are told by the change itself; what stands beside them by its share of theirs.
    """
    rows = {}
    for _, row in table[table["objective"] == objective].iterrows():
        own, control = row["of"] == row["control"], row["control"]
        told = rows.setdefault(control, {"change by": control, "as": "itself" if own else f"share of {row['of']}"})
        told[f"ε = {row['epsilon']:g}"] = rate_of(row, None if own else "share")
    return pd.DataFrame(rows.values()).set_index(["change by", "as"])


def labels_kept(table):
    """explanations.labels_kept as a table to read: a row for each control, a column for each epsilon."""
    rows = {}
    for _, row in table.iterrows():
        rows.setdefault(row["control"], {})[f"ε = {row['epsilon']:g}"] = rate_of(row)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="keep x's label after")


def planes(gains, given, blocks):
    """Of each color plane the gain over all its bands, and its share of the perturbation's energy, by epsilon.

    gains, given: ``{name: (3, 8, 8)}``, gain by band, and the perturbation's mean square coefficients.  blocks: (3,),
    how many each plane has: chroma is counted as the file keeps it, averaged over pixels and on fewer blocks. The axes
    of the planes are not orthogonal, so that energies of RGB share out otherwise.
    """
    rows = {}
    for name, gain in gains.items():
        power = given[name].sum(axis=(1, 2))
        through = (gain * given[name]).sum(axis=(1, 2)) / power
        energy = power * blocks / (power * blocks).sum()
        told = {f"gain, {plane}": f"{value:.2f}" for plane, value in zip(PLANES, through, strict=True)}
        rows[name] = told | {f"energy, {plane}": f"{part:.0%}" for plane, part in zip(PLANES, energy, strict=True)}
    return pd.DataFrame.from_dict(rows, orient="index")


def critical(measured, predicted):
    """Critical epsilons as a table to read.

    measured: of mechanism.critical.critical_epsilons.  predicted: ``{words: {quality: epsilon}}``, of
    predicted_critical_epsilons.
    """
    rows = []
    for row in measured.itertuples():
        told = {"quality": row.quality, "measured": critical_epsilon(row)}
        rows.append(told | {words: _crossing(found[row.quality], row) for words, found in predicted.items()})
    return pd.DataFrame(rows).set_index("quality")


def critical_epsilon(row):
    """A critical epsilon with its interval; "below 1" where recovery is below one half at the least epsilon already."""
    return f"{_crossing(row.value, row)} [{_crossing(row.low, row)}, {_crossing(row.high, row)}]"


def _crossing(value, row):
    if math.isnan(value):
        return "?"
    if value == 0:
        return f"below {row.least:g}"
    return f"above {row.most:g}" if math.isinf(value) else f"{value:.2f}"


def model(found):
    """A RecoveryModel's predictors as a table to read, those that matter first."""
    table = found.predictors.assign(place=[found.chosen.index(name) if name in found.chosen else 99
                                           for name in found.predictors["predictor"]])  # fmt: skip
    table = table.sort_values(["place", "alone_auc"], ascending=[True, False])
    told = {
        "predictor": table["predictor"].map(predictor),
        "matters": ["yes" if chosen else "" for chosen in table["chosen"]],
        "log odds per deviation": [rate(row.coefficient, row.low, row.high) for row in table.itertuples()],
        "area alone": table["alone_auc"].map("{:.2f}".format),
        "area lost without it": [rate_of(row, "drop") for _, row in table.iterrows()],
    }
    return pd.DataFrame(told).set_index("predictor")


def predictor(name):
    """What a predictor of ``explanations.candidates`` is, in words; others by their names."""
    return PREDICTORS.get(name, name)
