"""Why JPEG undoes perturbations, in tables to read and in sentences that follow the numbers."""

import math

import pandas as pd

from .in_words import rate, verdict

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
    "rms_compressed_attacked_compressed": "JPG(Adv) to JPG(x)",
}
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
    """Sentences: whether the picture of a projection holds, at each epsilon."""
    lines = []
    for epsilon, part in means[means["quality"] == quality].groupby("epsilon"):
        told = part.set_index("measure")
        gain, step, gap = (told.loc[name] for name in ("gain", "step_cosine", "projection_gap"))
        holds = gain["high"] < 0.1 and step["low"] > 0.9
        lines.append(
            f"At ε = {epsilon:g}, quality {quality}, the picture {'holds' if holds else 'does not hold'}: of the "
            f"perturbation's own direction {_rate(gain)} survives, JPEG steps back at a cosine of {_rate(step)}, and "
            f"the gap to a projection is {_rate(gap)}."
        )
    return lines


def rungs(recoveries):
    """rung_recoveries without single bands as a table to read."""
    rows = recoveries[~recoveries["kind"].isin(["only band", "all but band"])]
    told = {
        "variant": rows["variant"],
        "recovery": [_interval(row, "recovery", "") for _, row in rows.iterrows()],
        "less than all of JPEG": [_interval(row, "less", "less_") for _, row in rows.iterrows()],
        "accuracy on clean images": [_interval(row, "cost", "cost_") for _, row in rows.iterrows()],
    }
    return pd.DataFrame(told).set_index("variant")


def earned(recoveries):
    """Sentences: which step earns the recovery by itself, and which cannot be left out."""
    only, without = (recoveries[recoveries["kind"] == kind] for kind in ("only", "all but"))
    best, missed = only.loc[only["recovery"].idxmax()], without.loc[without["less"].idxmin()]
    whole = recoveries.set_index("variant").loc["all"]
    lines = [
        f"All of JPEG gives back {_interval(whole, 'recovery', '')} (n = {whole['n']}); of single steps most is given "
        f"back by {best['variant'].removeprefix('only ')}, {_interval(best, 'recovery', '')}.",
        f"Most is missed without {missed['variant'].removeprefix('all but ')}: {_interval(missed, 'less', 'less_')}.",
    ]
    bands = recoveries[recoveries["kind"] == "only band"]
    if len(bands):
        sure = bands[bands["low"] > 0]
        top = bands.nlargest(3, "recovery")["variant"].str.extract(r"(\d+)$", expand=False)
        told = f"Of 64 bands quantized alone, {len(sure)} give back something beyond their interval; most, bands "
        lines.append(f"{told}{', '.join(top)} of the zig-zag order; together all of them would give "
                     f"{bands['recovery'].sum():.2f}.")  # fmt: skip
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
        told = rows.setdefault((row.change, row.part), {"change": name})
        told[f"ε = {row.epsilon:g}"] = rate(row.value, row.low, row.high)
    return pd.DataFrame(rows.values()).set_index("change")


def undone_in_words(table, objective, epsilon):
    """A sentence: of what JPEG undoes of the objective's rise, how much each part is."""
    part = table[
        (table["objective"] == objective) & (table["epsilon"] == epsilon) & (table["change"] == "undone_change")
    ]
    told = part.set_index("part")
    whole = told.loc["undone_change"]
    if verdict(whole["low"], whole["high"]) >= 0:
        return f"At ε = {epsilon:g} JPEG does not lower the {objective} beyond its interval: {_rate(whole)}."
    shares = [f"{PARTS[name]} {row['value'] / whole['value']:+.0%}" for name, row in told.iterrows() if name in PARTS]
    return f"At ε = {epsilon:g} JPEG changes the {objective} by {_rate(whole)}; of that: {', '.join(shares)}."


def objectives(table, objective):
    """mean_objectives of one objective as a table to read: a row for each kind of image, a column for each epsilon."""
    names = {
        "x": "x",
        "attacked": "Adv",
        "compressed": "JPG(x)",
        "compressed_attacked": "JPG(Adv)",
        "noise": "JPGnoise(Adv)",
        "gaussian": "Adv and Gaussian noise of the residual's power",
        "signs": "x and random signs",
    }
    rows = []
    for name, words in names.items():
        part = table[(table["objective"] == objective) & (table["images"] == name)]
        told = {f"ε = {row.epsilon:g}": rate(row.value, row.low, row.high) for row in part.itertuples()}
        rows.append({"images": words, **told})
    return pd.DataFrame(rows).set_index("images")


def planes(gains, given):
    """Of each color plane the gain over all its bands, and its share of the perturbation's energy, by epsilon.

    gains, given: ``{name: (3, 8, 8)}``, gain by band, and the perturbation's mean square coefficients.
    """
    rows = {}
    for name, gain in gains.items():
        power = given[name].sum(axis=(1, 2))
        through = (gain * given[name]).sum(axis=(1, 2)) / power
        told = {f"gain, {plane}": f"{value:.2f}" for plane, value in zip(PLANES, through, strict=True)}
        rows[name] = told | {
            f"energy, {plane}": f"{part:.0%}" for plane, part in zip(PLANES, power / power.sum(), strict=True)
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def critical(measured, predicted):
    """Critical epsilons as a table to read: ``{quality: epsilon}`` each, NaN where recovery does not cross one half."""
    rows = [
        {"quality": quality, "measured": _epsilon(value), "predicted": _epsilon(predicted[quality])}
        for quality, value in measured.items()
    ]
    return pd.DataFrame(rows).set_index("quality")


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


def _rate(row):
    return rate(row["value"], row["low"], row["high"])


def _epsilon(value):
    return "not crossed" if math.isnan(value) else f"{value:.2f}"


def answer(means, recoveries, changes, objectives_of, curves, predicted, found=None, *, quality, epsilon):
    """The page's answer in paragraphs, every number of which is one of its tables'.

    means: geometry_means.  recoveries: rung_recoveries, or None.  changes: mean_parts.  objectives_of: mean_objectives.
    curves: recovery_curves_of.  predicted: mechanism.critical.predicted_recoveries.  found: a RecoveryModel, or None.
    quality, epsilon: of the study's JPEG and of the perturbation that is told of.
    """
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    lines = [
        f"**What survives.** At ε = {epsilon:g} and quality {quality}, {_rate(at.loc['gain'])} of the perturbation "
        f"survives JPEG in its own direction, and what comes out is {_rate(at.loc['survival_ratio'])} times as long as "
        "what went in: a quantizer answers small changes with none, or with whole steps."
    ]
    if recoveries is not None:
        lines.append("**Which step.** " + " ".join(earned(recoveries)[:2]))
    part = objectives_of[(objectives_of["objective"] == "margin") & (objectives_of["epsilon"] == epsilon)]
    told = part.set_index("images")
    lines.append(
        f"**What the network makes of it.** {undone_in_words(changes, 'margin', epsilon)} The label falls behind by "
        f"{_rate(told.loc['attacked'])} under the attack, by {_rate(told.loc['compressed_attacked'])} after JPEG, by "
        f"{_rate(told.loc['noise'])} after the same residual shuffled and by {_rate(told.loc['gaussian'])} after "
        "Gaussian noise of its power; below 0 it is kept."
    )
    lines.append("**Up to which size.** " + _by_size(curves, quality))
    lines.append("**What remains unexplained.** " + " ".join(_unexplained(changes, curves, predicted, found, epsilon)))
    return lines


def _by_size(curves, quality):
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    spans = ", ".join(f"{rate(row.recovery, row.low, row.high)} at ε = {row.epsilon:g}" for row in own.itertuples())
    falls = len(own) > 1 and own["low"].iloc[0] > own["high"].iloc[-1]
    said = "Recovery falls as the perturbation grows" if falls else "Recovery at each size"
    return f"{said}: {spans} (quality {quality})."


def _unexplained(changes, curves, predicted, found, epsilon):
    """Sentences: what lies beyond the first order, how far prediction is off, and how well single images are told."""
    part = changes[(changes["objective"] == "margin") & (changes["epsilon"] == epsilon)]
    rest = part[part["change"] == "undone_change"].set_index("part").loc["undone_remainder"]
    lines = [
        f"Of what JPEG undoes of the margin, {_rate(rest)} lies beyond the first order, where no gradient at x or at "
        "JPG(x) tells of it."
    ]
    both = curves.merge(predicted, on=["quality", "epsilon"], suffixes=("", "_predicted"))
    off = (both["recovery_predicted"] - both["recovery"]).dropna()
    if len(off):
        worst = both.loc[off.abs().idxmax()]
        lines.append(
            f"Predicted from JPEG's steps, the spectra and the accuracy without JPEG, recovery is off by "
            f"{off.abs().mean():.2f} on average over {len(off)} pairs of quality and ε, on the mean by "
            f"{_signed(off.mean())}, and most, {_signed(off.loc[worst.name])}, at quality {worst['quality']:g} and "
            f"ε = {worst['epsilon']:g}."
        )
    if found is not None:
        lines.append(
            f"Which images recover is told from what is known of them with an area of {rate(*found.auc)} under the ROC "
            "curve, where .5 is guessing and 1 would leave nothing open."
        )
    return lines


def _signed(value):
    return f"{value:+.2f}".replace("-", "−")
