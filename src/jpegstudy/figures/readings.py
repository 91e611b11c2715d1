"""How far the readings of the paper move its rows, and what noise of growing power does."""

import numpy as np

from .style import check_nonempty, color_of, errors_from, new_figure, percent_axis, styled, transform_of


@styled
def reading_changes(changes, modifications, default):
    """A panel for each modification: its rate under every reading with its 95 % interval, the study's own as a line.

    changes: from statistics.reading_changes.  default: the name of the study's own reading.
    """
    check_nonempty(changes, "reading_changes")
    measure = changes["measure"].iloc[0]
    names = list(dict.fromkeys(changes["reading"]))
    figure = new_figure(1.1 + 0.27 * len(names))
    panels = figure.subplots(1, len(modifications), squeeze=False, sharey=True).ravel()
    for axes, modification in zip(panels, modifications, strict=True):
        rows = changes[changes["modification"] == modification].set_index("reading").loc[names]
        color = color_of(transform_of(modification))
        ends = errors_from(rows[measure], rows["low"], rows["high"])
        axes.errorbar(rows[measure], range(len(names)), xerr=ends, fmt="o", color=color, markersize=5, capsize=2)
        axes.axvline(rows.loc[default, measure], color="0.4", linewidth=1, linestyle="--", zorder=0)
        axes.set_title(modification)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        percent_axis(axes.xaxis)
    return figure


@styled
def noise_by_factor(effects, factors):
    """Rates after noise of growing power, for each image that it was added to, with 95 % intervals; dashed: before.

    effects: from statistics.noise_effects.  factors: ``{reading's name: the noise's factor}``, of those to be drawn.
    """
    rows = effects[effects["reading"].isin(factors)]
    check_nonempty(rows, "noise_by_factor")
    figure = new_figure(3.6)
    axes = figure.subplots()
    for f in dict.fromkeys(rows["f"]):
        color = color_of("" if f == "x" else "JPGnoise")
        part = rows[rows["f"] == f]
        part = part.assign(factor=part["reading"].map(factors)).sort_values("factor")
        ends = errors_from(part["after"], part["low"], part["high"])
        axes.errorbar(
            part["factor"], part["after"], yerr=ends, marker="o", color=color, capsize=3, label=f"{f} + noise"
        )
        axes.axhline(part["before"].iloc[0], color=color, linewidth=1, linestyle="--")
    axes.set_xscale("log", base=2)
    ticks = np.array(sorted(set(factors.values())))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="factor of the shuffled residual", ylim=(-0.02, None))
    percent_axis(axes.yaxis)
    axes.legend()
    return figure
