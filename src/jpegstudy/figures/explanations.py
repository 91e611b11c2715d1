"""Why JPEG undoes perturbations: what survives of them, which step earns the recovery, and what the loss is made of."""

import numpy as np

from jpegstudy.statistics.explanations import EFFECT, FIRST_ORDER

from .style import MARKERS, PALETTE, check_nonempty, errors_from, new_figure, styled

ENDS = "0.4"


@styled
def geometry_over_epsilon(means, measures):
    """A panel for each measure, a line for each quality, over epsilon.

    means: from statistics.geometry_means.  measures: ``{measure: title}``. 95 % intervals.
    """
    check_nonempty(means, "geometry_means")
    figure = new_figure(3.2)
    panels = figure.subplots(1, len(measures), squeeze=False).ravel()
    drawn = {}
    for axes, (measure, title) in zip(panels, measures.items(), strict=True):
        part = means[means["measure"] == measure]
        for number, (quality, rows) in enumerate(part.groupby("quality", sort=False)):
            ends = errors_from(rows["value"], rows["low"], rows["high"])
            drawn[f"quality {quality}"] = axes.errorbar(
                rows["epsilon"], rows["value"], yerr=ends, marker=MARKERS[number], color=PALETTE[number], capsize=2,
                markersize=5,
            )  # fmt: skip
        axes.set(title=title, xlabel="epsilon, grey levels")
        axes.axhline(0, color=ENDS, linewidth=0.8)
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=len(drawn))
    return figure


@styled
def rungs(recoveries):
    """A bar for each rung: what one step alone gives back, and what is given back without it; all of JPEG as a line.

    recoveries: from statistics.rung_recoveries, without single bands. 95 % intervals.
    """
    check_nonempty(recoveries, "rung_recoveries")
    rows = recoveries[~recoveries["kind"].isin(["only band", "all but band"])].iloc[::-1]
    colors = dict(zip(("ends", "only", "all but", "grid"), [ENDS, *PALETTE], strict=False))
    figure = new_figure(1.2 + 0.27 * len(rows))
    axes = figure.subplots()
    ends = errors_from(rows["recovery"], rows["recovery_low"], rows["recovery_high"])
    axes.barh(rows["variant"], rows["recovery"], xerr=ends, color=[colors[kind] for kind in rows["kind"]], capsize=2)
    whole = recoveries.set_index("variant")["recovery"]["all"]
    axes.axvline(whole, color=ENDS, linestyle="--")
    axes.set(xlabel="recovery: share of what the attack takes that is given back")
    return figure


@styled
def band_recoveries(recoveries, order):
    """Two maps of the 64 bands: what quantizing a band alone gives back, and what is lost where only it is left alone.

    recoveries: from statistics.rung_recoveries.  order: places of the bands 0 to 63 in natural order, (64,).
    """
    figure = new_figure(3.4)
    panels = {"only band": ("recovery", 1, "this band alone"), "all but band": ("less", -1, "lost without it")}
    for axes, (kind, (column, sign, title)) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        part = recoveries[recoveries["kind"] == kind]
        check_nonempty(part, "rung_recoveries")
        values = np.zeros(64)
        values[np.asarray(order)] = sign * part[column].to_numpy()
        reach = np.abs(values).max() or 1.0
        shown = axes.imshow(values.reshape(8, 8), cmap="RdBu_r", vmin=-reach, vmax=reach)
        axes.set(title=title, xlabel="u", ylabel="v")
        axes.grid(False)
        figure.colorbar(shown, ax=axes, shrink=0.8)
    return figure


@styled
def what_is_left(shares, parts):
    """What is left of the attack behind JPEG, and of what the change behind JPEG is made, by epsilon.

    shares: from statistics.explanations.shares_left.  parts: from mean_parts. Both of one objective, with 95 %
    intervals. On the left a bar for each share of its effect, and a diamond for that of its first order; on the right
    the parts stacked, which add up to the change, a point.
    """
    parts = parts[parts["change"] == "whole_change"]
    check_nonempty(parts, "mean_parts")
    figure = new_figure(4.2)
    left, right = figure.subplots(1, 2)
    names = {"taking": "if JPEG only took from δ", "moving": "if JPEG only moved x", "both": "as JPEG does both"}
    epsilons = sorted(shares["epsilon"].unique())
    places, width = np.arange(len(epsilons)), 0.8 / len(names)
    by = shares.set_index(["of", "part", "epsilon"]).sort_index()
    for number, (part, words) in enumerate(names.items()):
        rows = by.loc[(EFFECT, part)].loc[epsilons]
        ends = errors_from(rows["value"], rows["low"], rows["high"])
        at = places + (number - 1) * width
        left.bar(at, rows["value"], width, yerr=ends, color=PALETTE[number], label=words, capsize=2)
        slopes = by.loc[(FIRST_ORDER, part)].loc[epsilons, "value"]
        left.plot(at, slopes, "d", color="w", markeredgecolor="k", label="to first order" if number == 2 else None)
    _stack(right, parts, {
        "survivor_first_order": ("left to first order", PALETTE[2]),
        "codec_change": ("JPEG's change of x", PALETTE[3]),
        "survivor_remainder": ("beyond the first order", ENDS),
    })  # fmt: skip
    whole = parts[parts["part"] == "whole_change"].sort_values("epsilon")
    ends = errors_from(whole["value"], whole["low"], whole["high"])
    right.errorbar(range(len(whole)), whole["value"], yerr=ends, fmt="D", color="k", capsize=3, markersize=5)
    left.set(title="left of what the attack does")
    right.set(title="change behind JPEG")
    for axes in (left, right):
        axes.axhline(0, color=ENDS, linewidth=0.8)
        axes.set_xticks(places, [f"{epsilon:g}" for epsilon in epsilons])
        axes.set_xlabel("epsilon, grey levels")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=10)
    return figure


def _stack(axes, rows, names):
    """Bars of the parts in ``names``, ``{part: (words, color)}``, at each epsilon: above 0, and below, apart."""
    epsilons = sorted(rows["epsilon"].unique())
    above, below = np.zeros(len(epsilons)), np.zeros(len(epsilons))
    for part, (words, color) in names.items():
        values = rows[rows["part"] == part].set_index("epsilon")["value"][epsilons].to_numpy()
        start = np.where(values >= 0, above, below)
        axes.bar(np.arange(len(epsilons)), values, bottom=start, color=color, label=words, width=0.6)
        above, below = above + values.clip(min=0), below + values.clip(max=0)


@styled
def spectra_maps(maps, label):
    """Heat maps of the 64 bands side by side: ``{title: (8, 8)}``, not negative, drawn by their logarithm."""
    figure = new_figure(2.9)
    floor = max(min(np.min(values[values > 0]) for values in maps.values()), 1e-12)
    logs = {title: np.log10(np.maximum(values, floor)) for title, values in maps.items()}
    low, high = min(values.min() for values in logs.values()), max(values.max() for values in logs.values())
    for axes, (title, values) in zip(
        figure.subplots(1, len(maps), sharey=True, squeeze=False)[0], logs.items(), strict=True
    ):
        shown = axes.imshow(values, vmin=low, vmax=high, cmap="viridis")
        axes.set_title(title, fontsize=11)
        axes.grid(False)
        axes.set_xticks([0, 7])
        axes.set_yticks([0, 7])
    figure.colorbar(shown, ax=figure.axes, label=label, shrink=0.6)
    return figure


@styled
def recovery_measured_and_predicted(curves, predicted):
    """Recovery over epsilon by quality: measured as points with 95 % intervals, predicted as lines.

    curves: from statistics.recovery_curves_of.  predicted: columns quality, epsilon, recovery.
    """
    check_nonempty(curves, "recovery_curves_of")
    figure = new_figure(3.8)
    axes = figure.subplots()
    for number, (quality, rows) in enumerate(curves.groupby("quality", sort=False)):
        ends = errors_from(rows["recovery"], rows["low"], rows["high"])
        axes.errorbar(
            rows["epsilon"], rows["recovery"], yerr=ends, fmt=MARKERS[number], color=PALETTE[number], capsize=2,
            label=f"quality {quality}",
        )  # fmt: skip
        line = predicted[predicted["quality"] == quality]
        axes.plot(line["epsilon"], line["recovery"], color=PALETTE[number], linestyle="--")
    axes.axhline(0.5, color=ENDS, linewidth=0.8)
    axes.set(xlabel="epsilon, grey levels", ylabel="recovery")
    figure.legend(loc="outside lower center", ncols=4)
    return figure
