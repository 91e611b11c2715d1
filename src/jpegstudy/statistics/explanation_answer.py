"""Why JPEG undoes perturbations: the answer of page 11, in paragraphs that follow the numbers of its tables."""

from . import explanation_words
from .explanation_tables import critical_epsilon
from .explanations import EFFECT, FIRST_ORDER, MOVED, NOISE, TAKEN
from .in_words import number, rate, verdict


def in_short(changes, shares, labels, epsilon):
    """Sentences: what JPEG leaves of the attack, by what it does so, what noise does as well, and why small ones.

    changes: mean_parts.  shares: shares_left.  labels: labels_kept.
    """
    margin = changes[changes["objective"] == "margin"]
    attack = margin[margin["part"] == "attack_change"].set_index("epsilon").sort_index()
    if verdict(*attack.loc[epsilon, ["low", "high"]]) <= 0:
        return f"At ε = {epsilon:g} the attack does not raise the margin, so there is nothing for JPEG to undo."
    left = _left(shares)
    share = {part: _percent(left[EFFECT, part, epsilon]) for part in ("taking", "moving", "both", "noise")}
    lines = [
        f"Of what an attack of ε = {epsilon:g} does to the margin, the lead of another label over the one that the "
        f"network gives x, {share['both']} is left behind JPEG. JPEG does two things. If it only put what survives of "
        f"the perturbation in its place, {share['taking']} would be left; if it only moved the image, with the whole "
        f"perturbation on it, {share['moving']}; and {share['noise']} if noise as strong as JPEG's change moved it. "
        f"{_labels_kept(labels, epsilon)}"
    ]
    slope = left[FIRST_ORDER, "both"]
    if len(attack) > 1 and (attack["low"] > 0).all() and (slope > 0).all():
        small, large = attack.index[0], attack.index[-1]
        spans = dict.fromkeys([_percent(slope.min()), _percent(slope.max())])
        each = ", ".join(f"{_percent(value)} at ε = {size:g}" for size, value in left[EFFECT, "both"].items())
        grown = attack["value"][large] / attack["value"][small]
        lines.append(
            f"Why small ones: to first order JPEG leaves {' to '.join(spans)} of the effect, so that an attack of "
            f"ε = {large:g} keeps as much as one of ε = {slope[large] * large:.1f} has; and without JPEG ε = {large:g} "
            f"does {grown:.1f} times what ε = {small:g} does. Of the measured effect there is left {each}."
        )
    return " ".join(lines)


def _left(shares):
    """Of shares_left those of the margin: a Series by of, part and epsilon."""
    return shares[shares["objective"] == "margin"].set_index(["of", "part", "epsilon"])["value"].sort_index()


def _labels_kept(kept, epsilon):
    at = kept[kept["epsilon"] == epsilon].set_index("control")["value"]
    jpeg, moved, taken, noise, adv = (_percent(at[name]) for name in ("JPEG on Adv", MOVED, TAKEN, NOISE, "Adv"))
    return (
        f"The label that the network gives x, right or not, is given again to {jpeg} of images behind JPEG, to {taken} "
        f"where it only takes, to {moved} where it only moves, to {noise} behind the noise, and to {adv} without."
    )


def answer(
    means, from_jpeg, recoveries, changes, shares, gradient, beside, labels, curves, critical_at, predicted, found=None,
    *, quality, epsilon, kept, of_signs, accuracies,
):  # fmt: skip
    """The page's answer in paragraphs, every number of which is one of its tables'.

    means, from_jpeg: geometry_means, of x and of images that begin as JPG(x).  recoveries: rung_recoveries, or None.
    changes: mean_parts.  shares: shares_left.  gradient: gradient_change.  beside: control_changes.
    labels: labels_kept.  curves: recovery_curves_of.  critical_at: mechanism.critical.critical_epsilons.
    predicted: ``{words: mechanism.critical.predicted_recoveries}``.  found: a RecoveryModel, or None.
    quality, epsilon: of the study's JPEG and of the perturbation that is told of.  kept, of_signs: Interval, the shares
    of that perturbation and of random signs in the span of what x's file keeps.  accuracies: of x and of JPG(x).
    """
    picture = explanation_words.projection(means, from_jpeg, kept, of_signs, quality=quality, epsilon=epsilon)
    lines = [
        "**In short.** " + in_short(changes, shares, labels, epsilon),
        f"**Is it a projection?** {picture}",
    ]
    if recoveries is not None:
        lines.append("**Which step.** " + " ".join(explanation_words.earned(recoveries)))
    left = explanation_words.what_is_left(shares, gradient, changes, "margin", epsilon)
    lines.append(f"**What the network makes of it.** {left} {explanation_words.controls(beside, 'margin', epsilon)}")
    lines.append("**Why small ones.** " + _left_by_size(changes, shares))
    lines.append("**Up to which size.** " + _by_size(curves, quality, critical_at))
    if found is not None:
        lines.append("**Which images.** " + " ".join(explanation_words.model(found)))
    lines.append("**What remains unexplained.** " + " ".join(_unexplained(shares, curves, predicted, quality)))
    lines.append("**What it means for someone who relies on JPEG.** " + _reliance(curves, accuracies, quality))
    return lines


def _left_by_size(changes, shares):
    """Sentences: what is left of the attack behind JPEG at each epsilon, measured and to first order."""
    table = changes[changes["objective"] == "margin"].set_index(["part", "epsilon"])["value"]
    does = table["attack_change"].sort_index()
    if not (does > 0).all():
        return "The attack does not raise the margin at every ε, so that nothing can be said of what is left of it."
    left = _left(shares)
    behind, slope = (left[of, "both"] for of in (EFFECT, FIRST_ORDER))
    each = ", ".join(f"{share * does[size]:.2f} of {does[size]:.2f} at ε = {size:g}" for size, share in behind.items())
    scaled = ", ".join(f"{share * size:.2f} at {size:g}" for size, share in slope.items())
    bent = (does / table["attack_first_order"]).sort_index()
    shrunk = ", ".join(f"{_percent(share)} at ε = {size:g}" for size, share in bent.items())
    start = table["x", does.index[0]] + table["codec_change", does.index[0]]
    told = (
        f"From JPG(x) to JPG(Adv) the margin still rises by {each}. To first order JPEG leaves {slope.min():.2f} to "
        f"{slope.max():.2f} of the attack's effect, as if its ε were {scaled}. Without JPEG the attack does {shrunk} "
        "of its first order."
    )
    if start < 0:
        small, large = (behind[size] * does[size] / -start for size in (does.index[0], does.index[-1]))
        told += (
            f" On the mean JPG(x) is {-start:.2f} from the boundary: what is left of the smallest ε is {small:.1f} "
            f"times that, of the largest {large:.1f} times."
        )
    return told


def _by_size(curves, quality, critical_at):
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    spans = ", ".join(f"{rate(row.recovery, row.low, row.high)} at ε = {row.epsilon:g}" for row in own.itertuples())
    falls = len(own) > 1 and own["low"].iloc[0] > own["high"].iloc[-1]
    said = "Recovery falls as the perturbation grows" if falls else "Recovery at each size"
    halves = ", ".join(f"quality {row.quality} {critical_epsilon(row)}" for row in critical_at.itertuples())
    return f"{said}: {spans} (quality {quality}). The ε up to which half is given back: {halves}."


def _unexplained(shares, curves, predicted, quality):
    """Sentences: how well what is left of the first order is predicted, and recovery from it."""
    left = _left(shares)[FIRST_ORDER, "both"]
    lines = []
    for words, rows in predicted.items():
        at = rows[(rows["quality"] == quality) & rows["epsilon"].isin(left.index)].sort_values("epsilon")
        told = ", ".join(
            f"{row.share:.2f} at ε = {row.epsilon:g} (measured {left[row.epsilon]:.2f})" for row in at.itertuples()
        )
        line = f"From JPEG's steps, image, perturbation and {words} the share of the first order is predicted as {told}"
        both = curves.merge(rows, on=["quality", "epsilon"], suffixes=("", "_predicted"))
        off = (both["recovery_predicted"] - both["recovery"]).dropna()
        if len(off):
            line += (
                f"; recovery predicted from it is too high in {(off > 0).sum()} of {len(off)} pairs of quality and "
                f"ε, and off by {off.abs().mean():.2f} on average"
            )
        lines.append(f"{line}.")
    return lines


def _reliance(curves, accuracies, quality):
    """Sentences: what is not given back, and what JPEG costs, at the study's quality."""
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    lost = ", ".join(
        f"{rate(1 - row.recovery, 1 - row.high, 1 - row.low)} at ε = {row.epsilon:g}" for row in own.itertuples()
    )
    clean, compressed = accuracies
    return (
        f"It does not give back {lost} of what this attack takes, which is one step by someone who does not know of "
        f"the JPEG. Of clean images {clean:.3f} are right without it and {compressed:.3f} with it. For attackers who "
        "know of it, see page 9."
    )


def _percent(share):
    return f"{number(100 * share, 0)}%"
