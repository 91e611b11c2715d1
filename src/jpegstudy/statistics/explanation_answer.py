"""Why JPEG undoes perturbations: the answer of page 11, in paragraphs that follow the numbers of its tables."""

from .explanation_words import (
    controls_in_words,
    critical_in_words,
    earned,
    figure_1,
    first_order_in_words,
    model_in_words,
)
from .in_words import rate, rate_of, verdict


def in_short(changes, shares, beside, epsilon):
    """Sentences: what becomes of the first order, what of it noise does as well, and whether that is enough.

    changes: mean_parts.  shares: first_order_shares.  beside: control_changes.
    """
    share = shares[shares["objective"] == "margin"].set_index(["epsilon", "part"])["value"]
    removed, turned, left = (_percent(share[epsilon, name]) for name in ("removed", "turned", "left"))
    lines = [
        f"At ε = {epsilon:g} JPEG leaves {left} of what the attack would do to the margin to first order: {removed} it "
        f"removes, and {turned} is gone because it has moved the image to where the gradient points elsewhere."
    ]
    control = beside[(beside["objective"] == "margin") & (beside["epsilon"] == epsilon)].set_index("control")
    if verdict(*control.loc["JPEG on Adv", ["low", "high"]]) < 0:
        noise = _percent(control.loc["Gaussian noise on Adv", "share"])
        lines.append(f"Gaussian noise of its power does {noise} of what JPEG does to the margin of Adv.")
    largest = share.index.get_level_values("epsilon").max()
    if largest > epsilon:
        at = changes[(changes["objective"] == "margin") & (changes["epsilon"] == largest)].set_index("part")["value"]
        rest, does = at["survivor_first_order"], at["attack_change"]
        lines.append(
            f"Of ε = {largest:g} it leaves {_percent(share[largest, 'left'])}, {'more' if rest > does else 'less'} "
            f"than all that the attack does there without JPEG ({rest:.1f} beside {does:.1f} of margin)"
            f"{', for the network is steep near x only' if rest > does else ''}."
        )
    return " ".join(lines)


def answer(
    means, recoveries, changes, shares, beside, curves, critical_at, predicted, found=None, *, quality, epsilon, kept
):  # fmt: skip
    """The page's answer in paragraphs, every number of which is one of its tables'.

    means: geometry_means.  recoveries: rung_recoveries, or None.  changes: mean_parts.  shares: first_order_shares.
    beside: control_changes.  curves: recovery_curves_of.  critical_at: mechanism.critical.critical_epsilons.
    predicted: ``{words: mechanism.critical.predicted_recoveries}``.  found: a RecoveryModel, or None.
    quality, epsilon: of the study's JPEG and of the perturbation that is told of.  kept: Interval, the share of that
    perturbation in the span of what x's file keeps.
    """
    at = means[(means["quality"] == quality) & (means["epsilon"] == epsilon)].set_index("measure")
    picture = next(line for line in figure_1(means, quality) if line.startswith(f"At ε = {epsilon:g}, "))
    lines = [
        "**In short.** " + in_short(changes, shares, beside, epsilon),
        f"**Is it a projection?** {picture} A perturbation that is orthogonal to what x's own file keeps would have "
        f"nothing there; this one has {rate(*kept)} of its energy. What comes out is "
        f"{rate_of(at.loc['survival_ratio'])} times as long as what went in: a quantizer answers small changes "
        "with none, or with whole steps.",
    ]
    if recoveries is not None:
        lines.append("**Which step.** " + " ".join(earned(recoveries)))
    lines.append(
        f"**What the network makes of it.** {first_order_in_words(shares, changes, 'margin', epsilon)} "
        f"{controls_in_words(beside, 'margin', epsilon)}"
    )
    lines.append("**Why small ones.** " + _left_by_size(changes, shares))
    lines.append("**Up to which size.** " + _by_size(curves, quality, critical_at))
    if found is not None:
        lines.append("**Which images.** " + " ".join(model_in_words(found)))
    open_points = _unexplained(changes, shares, curves, predicted, found, quality=quality, epsilon=epsilon)
    lines.append("**What remains unexplained.** " + " ".join(open_points))
    lines.append("**What it means for someone who relies on JPEG.** " + _reliance(curves, beside, quality))
    return lines


def _by_size(curves, quality, critical_at):
    own = curves[curves["quality"] == quality].dropna(subset="recovery").sort_values("epsilon")
    spans = ", ".join(f"{rate(row.recovery, row.low, row.high)} at ε = {row.epsilon:g}" for row in own.itertuples())
    falls = len(own) > 1 and own["low"].iloc[0] > own["high"].iloc[-1]
    said = "Recovery falls as the perturbation grows" if falls else "Recovery at each size"
    halves = ", ".join(f"of {critical_in_words(row)} at quality {row.quality}" for row in critical_at.itertuples())
    return f"{said}: {spans} (quality {quality}). Recovery falls through one half at an ε {halves}."


def _left_by_size(changes, shares):
    """Sentences: what is left of the first order at each epsilon, beside all that the attack does there."""
    table = changes[changes["objective"] == "margin"].set_index(["part", "epsilon"])["value"]
    left, does = table["survivor_first_order"].sort_index(), table["attack_change"].sort_index()
    share = shares[(shares["objective"] == "margin") & (shares["part"] == "left")]["value"]
    spans = f"{share.min():.2f}" if len(share) == 1 else f"{share.min():.2f} to {share.max():.2f}"
    each = ", ".join(f"{left[epsilon]:.2f} beside {does[epsilon]:.2f} at ε = {epsilon:g}" for epsilon in left.index)
    lines = [
        f"Of the first order JPEG leaves a share of {spans}. What this does to the margin, beside all that the attack "
        f"does without JPEG, as the network does not stay that steep: {each}."
    ]
    if left.iloc[0] < does.iloc[0] and left.iloc[-1] > does.iloc[-1]:
        lines.append(
            "So what is left of the smallest perturbation is less than it did, and what is left of the largest is more "
            "than all it did: there such a share is enough."
        )
    return " ".join(lines)


def _unexplained(changes, shares, curves, predicted, found, *, quality, epsilon):
    """Sentences: what lies beyond the first order, how far predictions are off, and how well single images are told."""
    margin = changes[(changes["objective"] == "margin") & (changes["change"] == "whole_change")]
    told = margin.set_index(["epsilon", "part"])
    beyond = ", ".join(
        f"{rate_of(told.loc[(each, 'survivor_remainder')])} of {told.loc[(each, 'whole_change'), 'value']:.2f} at "
        f"ε = {each:g}"
        for each in sorted({margin["epsilon"].min(), epsilon, margin["epsilon"].max()})
    )
    lines = [f"Of the margin's rise behind JPEG, {beyond} lies beyond the first order, where no gradient tells of it."]
    left = shares[(shares["objective"] == "margin") & (shares["part"] == "left")].set_index("epsilon")["value"]
    for words, rows in predicted.items():
        at = rows[(rows["quality"] == quality) & rows["epsilon"].isin(left.index)].sort_values("epsilon")
        told = ", ".join(
            f"{row.share:.2f} for {left[row.epsilon]:.2f} at ε = {row.epsilon:g}" for row in at.itertuples()
        )
        lines.append(f"The share of the first order that is left is predicted, with {words}, as {told}.")
        both = curves.merge(rows, on=["quality", "epsilon"], suffixes=("", "_predicted"))
        off = (both["recovery_predicted"] - both["recovery"]).dropna()
        if len(off):
            worst = both.loc[off.abs().idxmax()]
            lines.append(
                f"Recovery predicted from it is off by {off.abs().mean():.2f} on average over {len(off)} pairs "
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


def _percent(share):
    return f"{share:.0%}".replace("-", "−")


def _signed(value):
    return f"{value:+.2f}".replace("-", "−")
