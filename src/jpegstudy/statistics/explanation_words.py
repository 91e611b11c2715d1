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
MOVED = "JPEG's change of x on Adv"  # of explanations.CONTROLS
PREDICTORS = {
    "clean_margin": "how surely x is seen as its label",
    "attacked_margin": "how near Adv still is to that label",
    "slope": "the gradient's length",
    "log_texture": "texture",
    "fine_share": "the texture's share in fine bands",
    "gradient_chroma_share": "the gradient's share in chroma",
    "gradient_low_share": "the gradient's share in low bands",
    "gradient_high_share": "the gradient's share in high bands",
}
ORTHOGONAL, STRAIGHT = 0.1, 0.9  # below and above which the picture is said to hold
PLANES = ("luma", "Cb", "Cr")
PARTS = {
    "codec_change": "the codec's residual on the clean image",
    "moved_change": "by its change of x alone, as noise: J(JPG(x) + δ) − J(Adv)",
    "removed_change": "by what it then takes from the perturbation",
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
    epsilons = sorted(means.loc[means["quality"] == quality, "epsilon"].unique())
    lines = [f"At ε = {epsilon:g}, quality {quality}, the picture {_picture(means, quality, epsilon)}."
             for epsilon in epsilons]  # fmt: skip
    return [*lines, f"(It would hold with the first below {ORTHOGONAL:g} and the second above {STRAIGHT:g}, each with "
            "its whole interval.)"]  # fmt: skip


def projection_in_words(means, from_jpeg, kept, of_signs, *, quality, epsilon):
    """Sentences: whether the paper's picture holds for x, and for images that JPEG has made already.

    means, from_jpeg: geometry_means of x and of images that begin as JPG(x).  kept, of_signs: Interval, the shares of
    the perturbation and of random signs in the span of what x's file keeps.
    """
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    return (
        "In the paper's picture x lies where JPEG leads, and the perturbation is orthogonal to that. But JPEG moves x "
        f"itself {rate_of(at.loc['residual_ratio'])} times as far as the attack of ε = {epsilon:g} does, and the "
        f"picture {_picture(means, quality, epsilon)}. What comes out is {rate_of(at.loc['survival_ratio'])} times as "
        "long as what went in: a quantizer answers small changes with none, or with whole steps. In the span of what "
        f"x's file keeps lies {rate(*kept)} of the perturbation's energy, of random signs' {rate(*of_signs)}. Where "
        "the image that is attacked has come out of the same JPEG before, the picture "
        f"{_picture(from_jpeg, quality, epsilon)}."
    )


def _picture(means, quality, epsilon):
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    gain, step = at.loc["gain"], at.loc["step_cosine"]
    holds = gain["high"] < ORTHOGONAL and step["low"] > STRAIGHT
    return (
        f"{'holds' if holds else 'does not hold'}: of the perturbation's own direction {rate_of(gain)} survives, and "
        f"JPEG steps back at a cosine of {rate_of(step)}"
    )


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
    best = only.loc[only["recovery"].idxmax()]
    second = only.loc[only["recovery"].drop(best.name).idxmax()]
    lines = [
        f"All of JPEG gives back {_interval(whole, 'recovery', '')} (n = {whole['n']}); of single steps "
        f"{best['variant'].removeprefix('only ')} alone gives back most, {_interval(best, 'recovery', '')}, none of "
        f"the others more than {_interval(second, 'recovery', '')}."
    ]
    missed = without.loc[without["less"].idxmin()]
    if verdict(missed["less_low"], missed["less_high"]) < 0:
        name = missed["variant"].removeprefix("all but ")
        lines.append(
            f"Without {name} {_interval(missed, 'recovery', '')} is left, a change by "
            f"{_interval(missed, 'less', 'less_')}."
        )
    else:
        lines.append("No single step is missed beyond its interval: the others give back what it gave.")
    grids = recoveries[recoveries["kind"] == "grid"]
    if len(grids):
        low, high = grids["recovery"].min(), grids["recovery"].max()
        lines.append(f"Where the grid of blocks lies gives {low:.2f} to {high:.2f}.")
    bands = {kind: recoveries[recoveries["kind"] == kind] for kind in ("only band", "all but band")}
    if len(bands["only band"]):
        most = bands["only band"].loc[bands["only band"]["recovery"].idxmax()]
        least = bands["all but band"].loc[bands["all but band"]["less"].idxmin()]
        lines.append(
            f"Of the {len(bands['only band'])} bands none gives back more than {_interval(most, 'recovery', '')} "
            f"alone ({_band(most)}), and none takes more than {_interval(least, 'less', 'less_')} with it where it is "
            f"left out ({_band(least)}): each of these is the largest of many, and its interval does not know of that."
        )
    return lines


def _band(row):
    return f"band {row['variant'].rpartition(' ')[2]} of the zig-zag order"


def parts(table, objective):
    """mean_parts of one objective as a table to read: rows for each change and its parts, a column for each epsilon."""
    heads = {
        "attack_change": "by the attack: J(Adv) − J(x)",
        "undone_change": "by JPEG: J(JPG(Adv)) − J(Adv)",
        "whole_change": "together: J(JPG(Adv)) − J(x)",
    }
    rows = {}
    table = table[(table["objective"] == objective) & (table["change"] != "x")]
    for row in table.itertuples():
        name = heads[row.change] if row.part == row.change else f"· {PARTS[row.part]}"
        told = rows.setdefault((row.change, row.part), {f"change of the {objective}": name})
        told[f"ε = {row.epsilon:g}"] = rate(row.value, row.low, row.high)
    return pd.DataFrame(rows.values()).set_index(f"change of the {objective}")


def first_order_in_words(shares, table, objective, epsilon):
    """Sentences: what JPEG leaves of the attack's first order, and whether that is what is measured behind it.

    shares: explanations.first_order_shares.  table: explanations.mean_parts.
    """
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index(["change", "part"])
    first, whole = part.loc[("attack_change", "attack_first_order")], part.loc["whole_change"]
    told = {name: rate_of(row) for name, row in whole.iterrows()}
    behind = (
        f"Behind JPEG the {objective} of Adv should then lie above that of x by {told['survivor_first_order']}, and by "
        f"{told['codec_change']} for JPEG's change of x. It lies {told['whole_change']} above, so that "
        f"{told['survivor_remainder']} is beyond the first order."
    )
    if verdict(first["low"], first["high"]) <= 0:
        flat = f"At ε = {epsilon:g} the attack does not raise the {objective} to first order: {rate_of(first)}."
        return f"{flat} {behind}"
    at = shares[(shares["objective"] == objective) & (shares["epsilon"] == epsilon)].set_index("part")
    taking, moving, both = (rate_of(at.loc[name]) for name in ("taking", "moving", "both"))
    return (
        f"At ε = {epsilon:g} the attack would raise the {objective} by {rate_of(first)} were the network as steep all "
        f"along as it is at x. If JPEG only took from the perturbation, {taking} of that would be left; if it only "
        f"moved the image, to where the gradient is another, {moving}; it does both, and {both} is left. {behind}"
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


def labels_kept(table):
    """explanations.labels_kept as a table to read: a row for each control, a column for each epsilon."""
    told = table.assign(
        told=[rate_of(row) for _, row in table.iterrows()], epsilon=table["epsilon"].map("ε = {:g}".format)
    )
    order = list(dict.fromkeys(told["epsilon"]))
    read = told.pivot(index="control", columns="epsilon", values="told").loc[
        list(dict.fromkeys(told["control"])), order
    ]
    return read.rename_axis(index="keep x's label after", columns=None)


def controls_in_words(table, objective, epsilon):
    """Sentences: what of JPEG's effect its controls have, and of the attack's, random signs."""
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index("control")
    whole = part.loc["JPEG on Adv"]
    told = {name: rate(*part.loc[name, ["share", "share_low", "share_high"]]) for name in part.index}
    signs = f"random signs of the same ε do {told['random signs']} of what the attack does"
    if verdict(whole["low"], whole["high"]) >= 0:
        return f"At ε = {epsilon:g} JPEG does not lower the {objective} beyond its interval; {signs}."
    return (
        f"Measured instead: JPEG lowers the {objective} of Adv by {rate(-whole.value, -whole.high, -whole.low)}. Its "
        f"change of x alone, which takes nothing from the perturbation, does {told[MOVED]} of that; shuffled over the "
        f"image JPEG's change does {told['JPEG noise on Adv']}, Gaussian noise of that strength "
        f"{told['Gaussian noise on Adv']}; {signs}."
    )


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
    """A critical epsilon with its interval; where recovery is below one half, or above, wherever measured, that."""

    def told(value):
        if math.isnan(value):
            return "?"
        if value == 0:
            return f"none from {row.least:g} on"
        return f"above {row.most:g}" if math.isinf(value) else f"{value:.2f}"

    return f"{told(row.value)} [{told(row.low)}, {told(row.high)}]"


def model(found):
    """A RecoveryModel's predictors as a table to read, those that matter first."""
    table = found.predictors.assign(place=[found.chosen.index(name) if name in found.chosen else 99
                                           for name in found.predictors["predictor"]])  # fmt: skip
    table = table.sort_values(["place", "alone_auc"], ascending=[True, False])
    told = {
        "predictor": table["predictor"].map(_predictor),
        "matters": ["yes" if chosen else "" for chosen in table["chosen"]],
        "log odds per deviation": [rate(row.coefficient, row.low, row.high) for row in table.itertuples()],
        "area alone": table["alone_auc"].map("{:.2f}".format),
        "area lost without it": [rate(row.drop, row.drop_low, row.drop_high) for row in table.itertuples()],
    }
    return pd.DataFrame(told).set_index("predictor")


def model_in_words(found):
    """Sentences: how well the model tells which images recover, and by what."""
    chosen = " and ".join(map(_predictor, found.chosen)) or "nothing"
    return [
        f"On {found.images[1]} images that it was not fitted on, {found.recovered[1]:.0%} of which recover, the model "
        f"tells these from the others with an area of {rate(*found.auc)} under the ROC curve (.5 is guessing).",
        f"What matters: {chosen}; with that alone the area is {rate(*found.chosen_auc)}.",
    ]


def _predictor(name):
    return PREDICTORS.get(name, name)


def _interval(row, name, prefix):
    return rate(row[name], row[f"{prefix}low"], row[f"{prefix}high"])
