"""Why JPEG undoes perturbations, in tables to read and in sentences that follow the numbers."""

import math

import pandas as pd

from .in_words import rate, rate_of, verdict

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
ORTHOGONAL, STRAIGHT = 0.1, 0.9  # below and above which the picture is said to hold
PLANES = ("luma", "Cb", "Cr")
PARTS = {
    "codec_change": "the codec's residual on the clean image",
    "removed_first_order": "removed of the perturbation, to first order",
    "turned_first_order": "the gradient turned under what is left",
    "undone_remainder": "beyond the first order",
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
        rows.append(told | {f"ε = {row.epsilon:g}": rate(row.value, row.low, row.high) for row in part.itertuples()})
    return pd.DataFrame(rows).set_index("")


def figure_1(means, quality):
    """Sentences: whether the picture of a projection holds, at each epsilon, and by what rule."""
    lines = []
    for epsilon, part in means[means["quality"] == quality].groupby("epsilon"):
        told = part.set_index("measure")
        gain, step, gap = (told.loc[name] for name in ("gain", "step_cosine", "projection_gap"))
        holds = gain["high"] < ORTHOGONAL and step["low"] > STRAIGHT and gap["low"] <= 0 <= gap["high"]
        lines.append(
            f"At ε = {epsilon:g}, quality {quality}, the picture {'holds' if holds else 'does not hold'}: of the "
            f"perturbation's own direction {rate_of(gain)} survives, JPEG steps back at a cosine of {rate_of(step)}, "
            f"and the gap to a projection is {rate_of(gap)}."
        )
    return [*lines, f"(It would hold with the first below {ORTHOGONAL:g} and the second above {STRAIGHT:g}, each with "
            "its whole interval, and the third 0 within its own.)"]  # fmt: skip


def rungs(recoveries):
    """rung_recoveries without single bands as a table to read."""
    rows = recoveries[~recoveries["kind"].isin(["only band", "all but band"])]
    told = {
        "variant": rows["variant"],
        "accuracy on x": [_interval(row, "clean", "clean_") for _, row in rows.iterrows()],
        "on Adv": [_interval(row, "attacked", "attacked_") for _, row in rows.iterrows()],
        "recovery": [_interval(row, "recovery", "") for _, row in rows.iterrows()],
        "less that of all of JPEG": [_interval(row, "less", "less_") for _, row in rows.iterrows()],
    }
    return pd.DataFrame(told).set_index("variant")


def earned(recoveries):
    """Sentences: which step gives back most by itself, and without which most is missed."""
    only, without = (recoveries[recoveries["kind"] == kind] for kind in ("only", "all but"))
    whole = recoveries.set_index("variant").loc["all"]
    if pd.isna(whole["recovery"]):
        return [f"The attack may have taken nothing from these images (n = {whole['n']}), so nothing comes back."]
    best, second = (row for _, row in only.nlargest(2, "recovery").iterrows())
    lines = [
        f"All of JPEG gives back {_interval(whole, 'recovery', '')} (n = {whole['n']}); of single steps most is given "
        f"back by {best['variant'].removeprefix('only ')}, {_interval(best, 'recovery', '')}, then by "
        f"{second['variant'].removeprefix('only ')}, {_interval(second, 'recovery', '')}."
    ]
    missed = without.loc[without["less"].idxmin()]
    if verdict(missed["less_low"], missed["less_high"]) < 0:
        name = missed["variant"].removeprefix("all but ")
        lines.append(f"Most is missed without {name}: {_interval(missed, 'less', 'less_')}.")
    else:
        lines.append("No single step is missed beyond its interval: the others give back what it gave.")
    bands = recoveries[recoveries["kind"] == "only band"]
    if len(bands):
        top = bands.nlargest(3, "recovery")["variant"].str.extract(r"(\d+)$", expand=False)
        lines.append(
            f"Of 64 bands quantized alone, {(bands['low'] > 0).sum()} give back something beyond their interval (some "
            f"two would by chance); most, bands {', '.join(top)} of the zig-zag order. Their recoveries sum to "
            f"{bands['recovery'].sum():.2f}, but recoveries do not add."
        )
    return lines


def parts(table, objective):
    """mean_parts of one objective as a table to read: rows for each change and its parts, a column for each epsilon."""
    heads = {
        "attack_change": "by the attack: J(Adv) − J(x)",
        "undone_change": "by JPEG: J(JPG(Adv)) − J(Adv)",
        "whole_change": "together: J(JPG(Adv)) − J(x)",
    }
    rows = {}
    for row in table[table["objective"] == objective].itertuples():
        name = heads[row.change] if row.part == row.change else f"· {PARTS[row.part]}"
        told = rows.setdefault((row.change, row.part), {f"change of the {objective}": name})
        told[f"ε = {row.epsilon:g}"] = rate(row.value, row.low, row.high)
    return pd.DataFrame(rows.values()).set_index(f"change of the {objective}")


def first_order_in_words(shares, table, objective, epsilon):
    """Sentences: what JPEG leaves of the attack's first order, and of what the change behind JPEG is made.

    shares: explanations.first_order_shares.  table: explanations.mean_parts.
    """
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index(["change", "part"])
    first, whole = part.loc[("attack_change", "attack_first_order")], part.loc["whole_change"]
    told = {name: rate_of(row) for name, row in whole.iterrows()}
    behind = (
        f"Behind JPEG the {objective} of Adv is {told['whole_change']} above that of x: {told['survivor_first_order']} "
        f"of it is what is left, {told['codec_change']} JPEG's residual on the clean image, and "
        f"{told['survivor_remainder']} lies beyond the first order."
    )
    if verdict(first["low"], first["high"]) <= 0:
        flat = f"At ε = {epsilon:g} the attack does not raise the {objective} to first order: {rate_of(first)}."
        return f"{flat} {behind}"
    at = shares[(shares["objective"] == objective) & (shares["epsilon"] == epsilon)].set_index("part")
    removed, turned, left = (rate_of(at.loc[name]) for name in ("removed", "turned", "left"))
    return (
        f"At ε = {epsilon:g} the attack would raise the {objective} by {rate_of(first)} were the network as steep all "
        f"along as it is at x. JPEG removes {removed} of that; {turned} is gone because JPEG has moved the image and "
        f"the gradient has turned; {left} is left. {behind}"
    )


def controls(table, objective):
    """explanations.control_changes of one objective as a table to read: a row for each control, a column each epsilon.

    JPEG and the attack are told by the change itself; what stands beside them by its share of theirs.
    """
    rows = {}
    for row in table[table["objective"] == objective].itertuples():
        own = row.of == row.control
        told = rows.setdefault(row.control, {"change by": row.control, "as": "itself" if own else f"share of {row.of}"})
        told[f"ε = {row.epsilon:g}"] = (
            rate(row.value, row.low, row.high) if own else rate(row.share, row.share_low, row.share_high)
        )
    return pd.DataFrame(rows.values()).set_index(["change by", "as"])


def controls_in_words(table, objective, epsilon):
    """A sentence: what of JPEG's effect its controls have, and of the attack's, random signs."""
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index("control")
    whole = part.loc["JPEG on Adv"]
    told = {name: rate(*part.loc[name, ["share", "share_low", "share_high"]]) for name in part.index}
    signs = f"random signs of the same ε do {told['random signs']} of what the attack does"
    if verdict(whole["low"], whole["high"]) >= 0:
        return f"At ε = {epsilon:g} JPEG does not lower the {objective} beyond its interval; {signs}."
    return (
        f"At ε = {epsilon:g} JPEG's residual shuffled over the image does {told['JPEG noise on Adv']} of what JPEG "
        f"does to the {objective} of Adv, Gaussian noise of its power {told['Gaussian noise on Adv']}; {signs}."
    )


def planes(gains, given, blocks):
    """Of each color plane the gain over all its bands, and its share of the perturbation's energy, by epsilon.

    gains, given: ``{name: (3, 8, 8)}``, gain by band, and the perturbation's mean square coefficients.  blocks: (3,),
    how many each plane has. The axes of the planes are not orthogonal, so that energies of RGB share out otherwise.
    """
    rows = {}
    for name, gain in gains.items():
        power = given[name].sum(axis=(1, 2))
        through = (gain * given[name]).sum(axis=(1, 2)) / power
        energy = power * blocks / (power * blocks).sum()
        told = {f"gain, {plane}": f"{value:.2f}" for plane, value in zip(PLANES, through, strict=True)}
        rows[name] = told | {f"energy, {plane}": f"{part:.0%}" for plane, part in zip(PLANES, energy, strict=True)}
    return pd.DataFrame.from_dict(rows, orient="index")


def corner(spectra):
    """A sentence: of each spectrum's luma, the share in the 16 lowest bands, a quarter of all.

    spectra: ``{words: (3, 8, 8)}``, mean squares by plane and band.
    """
    told = [f"{name} {values[0, :4, :4].sum() / values[0].sum():.0%}" for name, values in spectra.items()]
    return f"Of luma, the 4 × 4 lowest of the 8 × 8 bands have (white noise: 25%): {', '.join(told)}."


def critical(measured, predicted):
    """Critical epsilons as a table to read.

    measured: of mechanism.critical.critical_epsilons.  predicted: ``{words: {quality: epsilon}}``, NaN where it does
    not cross one half.
    """
    rows = []
    for row in measured.itertuples():
        told = {"quality": row.quality, "measured": critical_in_words(row)}
        for words, found in predicted.items():
            value = found[row.quality]
            told[words] = "not crossed" if math.isnan(value) else f"{value:.2f}"
        rows.append(told)
    return pd.DataFrame(rows).set_index("quality")


def critical_in_words(row):
    """A critical epsilon with its interval; below or above what was measured where it lies there."""

    def told(value):
        if math.isnan(value):
            return "?"
        return f"below {row.least:g}" if value == 0 else f"above {row.most:g}" if math.isinf(value) else f"{value:.2f}"

    return f"{told(row.value)} [{told(row.low)}, {told(row.high)}]"


def model(found):
    """A RecoveryModel's predictors as a table to read, those that matter first."""
    table = found.predictors.assign(place=[found.chosen.index(name) if name in found.chosen else 99
                                           for name in found.predictors["predictor"]])  # fmt: skip
    table = table.sort_values(["place", "alone_auc"], ascending=[True, False])
    told = {
        "predictor": table["predictor"],
        "matters": ["yes" if chosen else "" for chosen in table["chosen"]],
        "log odds per deviation": [rate(row.coefficient, row.low, row.high) for row in table.itertuples()],
        "area alone": table["alone_auc"].map("{:.2f}".format),
        "area lost without it": [rate(row.drop, row.drop_low, row.drop_high) for row in table.itertuples()],
    }
    return pd.DataFrame(told).set_index("predictor")


def model_in_words(found):
    """Sentences: how well the model tells which images recover, and by what."""
    chosen = ", ".join(found.chosen) or "nothing"
    return [
        f"On {found.images[1]} images that it was not fitted on, {found.recovered[1]:.0%} of which recover, the model "
        f"tells these from the others with an area of {rate(*found.auc)} under the ROC curve (.5 is guessing).",
        f"What matters by the rule: {chosen}; with these alone the area is {rate(*found.chosen_auc)}.",
    ]


def _interval(row, name, prefix):
    return rate(row[name], row[f"{prefix}low"], row[f"{prefix}high"])
