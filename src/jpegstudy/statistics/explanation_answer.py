"""Why JPEG undoes perturbations: the answer of page 11, in paragraphs that follow the numbers of its tables."""

from . import explanation_words
from .explanation_tables import critical_epsilon
from .explanations import MOVED
from .in_words import rate, verdict


def in_short(changes, shares, beside, labels, epsilon):
    """Sentences: what JPEG leaves of the attack, what of that noise does as well, and what grows with epsilon.

    changes: mean_parts.  shares: first_order_shares.  beside: control_changes.
    labels: labels_kept.
    """
    share = shares[shares["objective"] == "margin"].set_index(["epsilon", "part"])["value"]
    taking, moving, both = (_percent(share[epsilon, name]) for name in ("taking", "moving", "both"))
    lines = [
        f"JPEG leaves {both} of what an attack of ε = {epsilon:g} would do if the network were linear: it takes from "
        f"the perturbation, which alone would leave {taking}, and it moves the image to where the gradient points "
        f"elsewhere, which alone would leave {moving}."
    ]
    control = beside[(beside["objective"] == "margin") & (beside["epsilon"] == epsilon)].set_index("control")
    if verdict(*control.loc["JPEG on Adv", ["low", "high"]]) < 0:
        moved, noise = (_percent(control.loc[name, "share"]) for name in (MOVED, "JPEG noise on Adv"))
        lines.append(
            f"Of the lead that JPEG takes from the wrong label, on the mean, {moved} is taken by its change of the "
            f"clean image alone, and {noise} by its change shuffled; {_labels_kept(labels, epsilon)}."
        )
    rise = changes[(changes["objective"] == "margin")].set_index(["epsilon", "part"])["value"]
    behind = {
        each: rise[each, "whole_change"] / rise[each, "attack_change"] for each in sorted(set(changes["epsilon"]))
    }
    spans = ", ".join(f"{_percent(value)} of ε = {each:g}" for each, value in behind.items())
    lines.append(f"What is left of an attack's effect behind JPEG, measured: {spans}.")
    return " ".join(lines)


def _labels_kept(kept, epsilon):
    at = kept[kept["epsilon"] == epsilon].set_index("control")["value"]
    jpeg, moved, noise, adv = (_percent(at[name]) for name in ("JPEG on Adv", MOVED, "JPEG noise on Adv", "Adv"))
    return f"behind JPEG {jpeg} of images keep their label, by these alone {moved} and {noise}, by none {adv}"


def answer(
    means, from_jpeg, recoveries, changes, shares, beside, labels, curves, critical_at, predicted, found=None, *,
    quality, epsilon, kept, of_signs, accuracies,
):  # fmt: skip
    """The page's answer in paragraphs, every number of which is one of its tables'.

    means, from_jpeg: geometry_means, of x and of images that begin as JPG(x).  recoveries: rung_recoveries, or None.
    changes: mean_parts.  shares: first_order_shares.  beside: control_changes.  labels: labels_kept.
    curves: recovery_curves_of.  critical_at: mechanism.critical.critical_epsilons.
    predicted: ``{words: mechanism.critical.predicted_recoveries}``.  found: a RecoveryModel, or None.
    quality, epsilon: of the study's JPEG and of the perturbation that is told of.  kept, of_signs: Interval, the shares
    of that perturbation and of random signs in the span of what x's file keeps.  accuracies: of x and of JPG(x).
    """
    picture = explanation_words.projection(means, from_jpeg, kept, of_signs, quality=quality, epsilon=epsilon)
    lines = [
        "**In short.** " + in_short(changes, shares, beside, labels, epsilon),
        f"**Is it a projection?** {picture}",
    ]
    if recoveries is not None:
        lines.append("**Which step.** " + " ".join(explanation_words.earned(recoveries)))
    lines.append(
        f"**What the network makes of it.** {explanation_words.first_order(shares, changes, 'margin', epsilon)} "
        f"{explanation_words.controls(beside, 'margin', epsilon)}"
    )
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
    behind, does = table["whole_change"].sort_index(), table["attack_change"].sort_index()
    share = shares[(shares["objective"] == "margin") & (shares["part"] == "both")].set_index("epsilon")["value"]
    each = ", ".join(f"{behind[epsilon]:.2f} of {does[epsilon]:.2f} at ε = {epsilon:g}" for epsilon in behind.index)
    start = table["x", behind.index[0]]
    scaled = ", ".join(f"{share[epsilon] * epsilon:.2f} at {epsilon:g}" for epsilon in share.index)
    return (
        f"Behind JPEG the margin still rises by {each}. To first order JPEG leaves {share.min():.2f} to "
        f"{share.max():.2f} of the attack, as if its ε were {scaled}. On the mean x is {-start:.2f} from the boundary: "
        f"what is left of the smallest ε is {behind.iloc[0] / -start:.1f} times that, of the largest "
        f"{behind.iloc[-1] / -start:.1f} times."
    )


def _by_size(curves, quality, critical_at):
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    spans = ", ".join(f"{rate(row.recovery, row.low, row.high)} at ε = {row.epsilon:g}" for row in own.itertuples())
    falls = len(own) > 1 and own["low"].iloc[0] > own["high"].iloc[-1]
    said = "Recovery falls as the perturbation grows" if falls else "Recovery at each size"
    halves = ", ".join(f"quality {row.quality} {critical_epsilon(row)}" for row in critical_at.itertuples())
    return f"{said}: {spans} (quality {quality}). The ε up to which half is given back: {halves}."


def _unexplained(shares, curves, predicted, quality):
    """Sentences: how well what is left of the first order is predicted, and recovery from it."""
    left = shares[(shares["objective"] == "margin") & (shares["part"] == "both")].set_index("epsilon")["value"]
    lines = []
    for words, rows in predicted.items():
        at = rows[(rows["quality"] == quality) & rows["epsilon"].isin(left.index)].sort_values("epsilon")
        told = ", ".join(
            f"{row.share:.2f} for {left[row.epsilon]:.2f} at ε = {row.epsilon:g}" for row in at.itertuples()
        )
        line = f"From JPEG's steps, image, perturbation and {words} the share that is left is predicted as {told}"
        both = curves.merge(rows, on=["quality", "epsilon"], suffixes=("", "_predicted"))
        off = (both["recovery_predicted"] - both["recovery"]).dropna()
        if len(off):
            line += (
                f"; recovery predicted from that is too high in {(off > 0).sum()} of {len(off)} pairs of quality and "
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
    return f"{share:.0%}".replace("-", "−")
