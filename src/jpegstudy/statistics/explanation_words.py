"""Why JPEG undoes perturbations: page 11's sentences, each of which follows the numbers of a table beside it."""

import pandas as pd

from .explanation_tables import predictor
from .explanations import EFFECT, FIRST_ORDER, NOISE
from .in_words import rate, rate_of, verdict

ORTHOGONAL, STRAIGHT = 0.1, 0.9  # below and above which the picture is said to hold
RULE = (
    f"(It would hold with the first below {ORTHOGONAL:g} and the second above {STRAIGHT:g}, each with its whole "
    "interval.)"
)  # fmt: skip


def figure_1(means, quality):
    """Sentences: whether the picture of a projection holds, at each epsilon, and by what rule."""
    epsilons = sorted(means.loc[means["quality"] == quality, "epsilon"].unique())
    lines = [f"At ε = {epsilon:g}, quality {quality}, the picture {_picture(means, quality, epsilon)}."
             for epsilon in epsilons]  # fmt: skip
    return [*lines, RULE]


def projection(means, from_jpeg, kept, of_signs, *, quality, epsilon):
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
        f"{_picture(from_jpeg, quality, epsilon)}. {RULE}"
    )


def _picture(means, quality, epsilon):
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    gain, step = at.loc["gain"], at.loc["step_cosine"]
    holds = gain["high"] < ORTHOGONAL and step["low"] > STRAIGHT
    return (
        f"{'holds' if holds else 'does not hold'}: of the perturbation's own direction {rate_of(gain)} survives, and "
        f"JPEG steps back at a cosine of {rate_of(step)}"
    )


def earned(recoveries):
    """Sentences: which step gives back most by itself, and without which most is missed."""
    only, without = (recoveries[recoveries["kind"] == kind] for kind in ("only", "all but"))
    whole = recoveries.set_index("variant").loc["all"]
    if pd.isna(whole["recovery"]):
        return [f"The attack may have taken nothing from these images (n = {whole['n']}), so nothing comes back."]
    best = only.loc[only["recovery"].idxmax()]
    alike = only[only["recovery"] == best["recovery"]]
    names = " and ".join(name.removeprefix("only ") for name in alike["variant"])
    line = (
        f"All of JPEG gives back {rate_of(whole, 'recovery')} (n = {whole['n']}); of single steps {names} alone "
        f"{'gives' if len(alike) == 1 else 'give'} back most, {rate_of(best, 'recovery')}"
    )
    if len(others := only.drop(alike.index)):
        line += f", none of the others more than {rate_of(others.loc[others['recovery'].idxmax()], 'recovery')}"
    lines = [f"{line}."]
    missed = without.loc[without["less"].idxmin()]
    if verdict(missed["less_low"], missed["less_high"]) < 0:
        name = missed["variant"].removeprefix("all but ")
        lines.append(f"Without {name} {rate_of(missed, 'recovery')} is left, a change by {rate_of(missed, 'less')}.")
    else:
        lines.append("No single step is missed beyond its interval: the others give back what it gave.")
    grids = recoveries[recoveries["kind"] == "grid"]
    if len(grids):
        low, high = grids["recovery"].min(), grids["recovery"].max()
        lines.append(f"Where the grid of blocks lies gives {low:.2f} to {high:.2f}.")
    alone, spared = (recoveries[recoveries["kind"] == kind] for kind in ("only band", "all but band"))
    if len(alone):
        most, least = alone.loc[alone["recovery"].idxmax()], spared.loc[spared["less"].idxmin()]
        lines.append(
            f"Of the {len(alone)} bands none gives back more than {rate_of(most, 'recovery')} alone "
            f"({_bands(alone, 'recovery', most)}), and none takes more than {rate_of(least, 'less')} with it where it "
            f"is left out ({_bands(spared, 'less', least)}): each of these is the largest of many, and its interval "
            "does not know of that."
        )
    return lines


def _bands(rows, column, row):
    alike = (rows[column] == row[column]).sum()
    return f"{alike} bands alike" if alike > 1 else f"band {row['variant'].rpartition(' ')[2]} of the zig-zag order"


def what_is_left(shares, gradient, table, objective, epsilon):
    """Sentences: what JPEG leaves of what the attack does, by which of the two things that it does, and to first order.

    shares: explanations.shares_left.  gradient: explanations.gradient_change.  table: explanations.mean_parts.
    """
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index(["change", "part"])
    attack, first = part.loc[("attack_change", "attack_change")], part.loc[("attack_change", "attack_first_order")]
    told = {name: rate_of(row) for name, row in part.loc["whole_change"].iterrows()}
    behind = (
        f"Behind JPEG the {objective} of Adv lies {told['whole_change']} above that of x: {told['codec_change']} by "
        f"what JPEG does to x itself, {told['survivor_first_order']} by what is left of the attack to first order, and "
        f"{told['survivor_remainder']} beyond that."
    )
    if verdict(attack["low"], attack["high"]) <= 0 or verdict(first["low"], first["high"]) <= 0:
        return (
            f"At ε = {epsilon:g} the attack does not raise the {objective}, or not to first order: {rate_of(attack)}, "
            f"{rate_of(first)}. {behind}"
        )
    at = shares[(shares["objective"] == objective) & (shares["epsilon"] == epsilon)].set_index(["of", "part"])
    at = at.sort_index()
    effect, slope = ({name: rate_of(row) for name, row in at.loc[of].iterrows()} for of in (EFFECT, FIRST_ORDER))
    turned = gradient[gradient["objective"] == objective].set_index("measure")
    return (
        f"At ε = {epsilon:g} the attack raises the {objective} by {rate_of(attack)}, and would by {rate_of(first)} "
        f"were the network as steep all along as it is at x. Of what it does {effect['both']} is left between JPG(x) "
        f"and JPG(Adv). If JPEG only took from the perturbation, {effect['taking']} would be left; if it only moved "
        f"the image, with the whole perturbation on it, {effect['moving']}; if its change of Adv shuffled over the "
        f"image stood in its place, {effect['noise']}, and with Gaussian noise as strong {effect['gaussian']}. To "
        f"first order {slope['both']} is left, {slope['taking']} if it only took and {slope['moving']} if it only "
        f"moved: the gradient at JPG(x) has a cosine of {rate_of(turned.loc['cosine'])} with that at x, and "
        f"{rate_of(turned.loc['length'])} times its length. {behind}"
    )


def controls(table, objective, epsilon):
    """Sentences: what JPEG does to the objective of Adv, what of that noise does, and what of the attack random signs.

    table: explanations.control_changes. What is done to the clean image as well is part of these changes.
    """
    part = table[(table["objective"] == objective) & (table["epsilon"] == epsilon)].set_index("control")
    whole = part.loc["JPEG on Adv"]
    told = {name: rate_of(row, "share") for name, row in part.iterrows()}
    signs = f"random signs of the same ε do {told['random signs']} of what the attack does"
    if verdict(whole["low"], whole["high"]) >= 0:
        return f"At ε = {epsilon:g} JPEG does not lower the {objective} beyond its interval; {signs}."
    return (
        f"The {objective} of Adv falls by {rate(-whole.value, -whole.high, -whole.low)} behind JPEG, by {told[NOISE]} "
        f"of that behind its change shuffled, by {told['Gaussian noise on Adv']} behind Gaussian noise; {signs}."
    )


def corner(spectra):
    """A sentence: of each spectrum's luma, the share in the 16 lowest bands, a quarter of all.

    spectra: ``{words: (3, 8, 8)}``, mean squares by plane and band.
    """
    told = [f"{name} {values[0, :4, :4].sum() / values[0].sum():.0%}" for name, values in spectra.items()]
    return f"Of luma, the 4 × 4 lowest of the 8 × 8 bands have (white noise: 25%): {', '.join(told)}."


def model(found):
    """Sentences: how well the model tells which images recover, and by what."""
    chosen = " and ".join(map(predictor, found.chosen)) or "nothing"
    return [
        f"On {found.images[1]} images that it was not fitted on, {found.recovered[1]:.0%} of which recover, the model "
        f"tells these from the others with an area of {rate(*found.auc)} under the ROC curve (.5 is guessing).",
        f"What matters: {chosen}; with that alone the area is {rate(*found.chosen_auc)}.",
    ]
