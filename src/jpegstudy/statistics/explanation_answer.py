"""Why JPEG undoes perturbations: the answer of page 11, in paragraphs that follow the numbers of its tables."""

from .explanation_words import (
    controls_in_words,
    critical_in_words,
    earned,
    figure_1,
    model_in_words,
    undone_in_words,
)
from .in_words import rate, rate_of


def answer(
    means, recoveries, changes, beside, curves, critical_at, predicted, found=None, *, quality, epsilon, kept
):  # fmt: skip
    """The page's answer in paragraphs, every number of which is one of its tables'.

    means: geometry_means.  recoveries: rung_recoveries, or None.  changes: mean_parts.  beside: control_changes.
    curves: recovery_curves_of.  critical_at: mechanism.critical.critical_epsilons.  predicted:
    ``{words: mechanism.critical.predicted_recoveries}``.  found: a RecoveryModel, or None.
    quality, epsilon: of the study's JPEG and of the perturbation that is told of.  kept: Interval, the share of that
    perturbation in the span of what x's file keeps.
    """
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    picture = next(line for line in figure_1(means, quality) if line.startswith(f"At ε = {epsilon:g}, "))
    lines = [
        f"**Is it a projection?** {picture} A perturbation that is orthogonal to what x's own file keeps would have "
        f"nothing there; this one has {rate(*kept)} of its energy. What comes out is "
        f"{rate_of(at.loc['survival_ratio'])} times as long as what went in: a quantizer answers small changes "
        "with none, or with whole steps."
    ]
    if recoveries is not None:
        lines.append("**Which step.** " + " ".join(earned(recoveries)))
    lines.append(
        f"**What the network makes of it.** {undone_in_words(changes, 'margin', epsilon)} "
        f"{controls_in_words(beside, 'margin', epsilon)}"
    )
    lines.append("**Up to which size.** " + _by_size(curves, quality, critical_at))
    if found is not None:
        lines.append("**Which images.** " + " ".join(model_in_words(found)))
    lines.append("**What remains unexplained.** " + " ".join(_unexplained(changes, curves, predicted, found, epsilon)))
    lines.append("**What it means for someone who relies on JPEG.** " + _reliance(curves, beside, quality))
    return lines


def _by_size(curves, quality, critical_at):
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    spans = ", ".join(f"{rate(row.recovery, row.low, row.high)} at ε = {row.epsilon:g}" for row in own.itertuples())
    falls = len(own) > 1 and own["low"].iloc[0] > own["high"].iloc[-1]
    said = "Recovery falls as the perturbation grows" if falls else "Recovery at each size"
    halves = ", ".join(f"of {critical_in_words(row)} at quality {row.quality}" for row in critical_at.itertuples())
    return f"{said}: {spans} (quality {quality}). Recovery falls through one half at an ε {halves}."


def _unexplained(changes, curves, predicted, found, epsilon):
    """Sentences: what lies beyond the first order, how far predictions are off, and how well single images are told."""
    part = changes[(changes["objective"] == "margin") & (changes["epsilon"] == epsilon)]
    told = part[part["change"] == "undone_change"].set_index("part")
    lines = [
        f"JPEG changes the margin by {rate_of(told.loc['undone_change'])}; of that "
        f"{rate_of(told.loc['undone_remainder'])} lies beyond the first order, where no gradient at x or at "
        "JPG(x) tells of it."
    ]
    for words, rows in predicted.items():
        both = curves.merge(rows, on=["quality", "epsilon"], suffixes=("", "_predicted"))
        off = (both["recovery_predicted"] - both["recovery"]).dropna()
        if len(off):
            worst = both.loc[off.abs().idxmax()]
            lines.append(
                f"Predicted with {words}, recovery is off by {off.abs().mean():.2f} on average over {len(off)} pairs "
                f"of quality and ε, on the mean by {_signed(off.mean())}, and most, {_signed(off.loc[worst.name])}, at "
                f"quality {worst['quality']:g} and ε = {worst['epsilon']:g}."
            )
    if found is not None:
        lines.append(
            f"Which images recover is told with an area of {rate(*found.auc)} under the ROC curve, where 1 would leave "
            "nothing open."
        )
    return lines


def _reliance(curves, beside, quality):
    """Sentences: what is not given back, and what JPEG costs, at the study's quality."""
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    lost = ", ".join(
        f"{rate(1 - row.recovery, 1 - row.high, 1 - row.low)} at ε = {row.epsilon:g}" for row in own.itertuples()
    )
    least = beside[(beside["objective"] == "margin") & (beside["epsilon"] == beside["epsilon"].min())]
    cost = least.set_index("control").loc["JPEG on x"]
    return (
        f"Of what an attacker takes who does not know of the JPEG, it does not give back {lost}. To clean images' "
        f"margin it adds {rate_of(cost)}, where above 0 is toward a mistake. All of this was measured on perturbations "
        "that were made without JPEG in view; for those that were made with it, see page 9."
    )


def _signed(value):
    return f"{value:+.2f}".replace("-", "−")
