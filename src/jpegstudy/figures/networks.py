"""Networks side by side: what JPEG gives back of what the attack took, over year and accuracy; what transfers."""

import numpy as np
from matplotlib.patches import Rectangle

from jpegstudy.errors import BadInput

from .style import MEAN_COLOR, check_nonempty, color_of, errors_from, new_figure, percent_axis, styled

OVER = {"year": "Year of the architecture", "clean": "Rate on clean images"}
LETTERS = 84  # of names that fit in a line below a figure
LINE = 0.24  # inches of such a line
SIDE_BY_SIDE = 5  # networks whose two heat maps fit beside each other


@styled
def recovery_over(recoveries, over):
    """Recovery of each network over ``over``: a numbered point with its 95 % interval, and the names below.

    recoveries: from statistics.network_recoveries, with a column ``year`` where that is drawn.  over: "year" or
    "clean", which has an interval too. Networks without a year, or whose recovery is undefined, are left out; where
    none is left, the figure says so.
    Raises BadInput for another ``over``, and if there are no rows.
    """
    check_nonempty(recoveries, "network_recoveries")
    if over not in OVER:
        raise BadInput(f"over is {over!r}; wanted one of {', '.join(OVER)}")
    rows = recoveries[recoveries["reason"].isna() & recoveries[over].notna()].sort_values([over, "run"])
    if rows.empty:
        figure = new_figure(1.0)
        figure.text(0.5, 0.5, f"No network here has a recovery and a {over}", ha="center", va="center", fontsize=11)
        return figure
    lines = _in_lines([f"{number} {name}" for number, name in enumerate(rows["run"], start=1)])
    figure = new_figure(3.7 + LINE * len(lines))
    axes = figure.subplots()
    x, ends = rows[over].to_numpy(float), None
    if over == "clean":
        ends = errors_from(rows["clean"], rows["clean_low"], rows["clean_high"])
        percent_axis(axes.xaxis)
    else:
        x = x + _beside(x)
        years = np.arange(rows["year"].min() - 1, rows["year"].max() + 2)
        axes.set_xticks(years[:: max(1, len(years) // 6)])
    y = rows["recovery"].to_numpy(float)
    heights = errors_from(rows["recovery"], rows["low"], rows["high"])
    axes.errorbar(
        x, y, xerr=ends, yerr=heights, fmt="o", color=color_of("JPG"), ecolor="0.6", markersize=14, capsize=2, zorder=3
    )
    for number, place in enumerate(zip(x, y, strict=True), start=1):
        axes.text(*place, number, color="white", fontsize=9, fontweight="bold", ha="center", va="center", zorder=4)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(1, color="black", linestyle=":", linewidth=1)
    axes.margins(x=0.08)
    percent_axis(axes.yaxis)
    axes.set(xlabel=OVER[over], ylabel="Recovery of what the attack took")
    figure.supxlabel("\n".join(lines), fontsize=10)
    return figure


@styled
def transfer_map(rates, *, title=""):
    """Heat maps of source by target: the targets' rates before and after JPEG, the number in each cell.

    rates: from statistics.transfer_rates. Pairs that were not measured stay white; a red frame marks a network's own.
    """
    check_nonempty(rates, "transfer_rates")
    names = list(dict.fromkeys([*rates["target"], *rates["source"]]))
    stacked = len(names) > SIDE_BY_SIDE
    figure = new_figure((1.9 + 0.42 * len(names)) * (1 + stacked))
    panels = figure.subplots(*((2, 1) if stacked else (1, 2)), sharey=True)
    for axes, (column, when) in zip(panels, (("before", "before JPEG"), ("after", "after JPEG")), strict=True):
        cells = rates.pivot(index="source", columns="target", values=column).reindex(index=names, columns=names)
        shown = axes.imshow(cells.to_numpy(float), vmin=0, vmax=1, cmap="viridis", aspect="auto")
        for (row, place), value in np.ndenumerate(cells.to_numpy(float)):
            if not np.isnan(value):
                ink = "black" if value > 0.55 else "white"
                axes.text(place, row, f"{value:.2f}", ha="center", va="center", fontsize=10, color=ink)
            if row == place:
                axes.add_patch(
                    Rectangle((place - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=MEAN_COLOR, linewidth=1.5)
                )
        axes.set_title(f"{title}, {when}" if title else when)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=10)
        axes.set_yticks(range(len(names)), names, fontsize=10)
        axes.grid(False)
        axes.set_xlabel("classified by")
    for axes in panels if stacked else panels[:1]:
        axes.set_ylabel("made against")
    percent_axis(figure.colorbar(shown, ax=list(panels)).ax.yaxis)
    return figure


def _beside(x):
    """What is added to equal values, in years, so that their points lie beside each other."""
    shift = np.zeros(len(x))
    for value in np.unique(x):
        (same,) = np.nonzero(x == value)
        shift[same] = 0.3 * (np.arange(len(same)) - (len(same) - 1) / 2)
    return shift


def _in_lines(names):
    """Names in as few lines as hold them whole."""
    lines = [names[0]]
    for name in names[1:]:
        longer = f"{lines[-1]}    {name}"
        lines[-1:] = [longer] if len(longer) <= LETTERS else [lines[-1], name]
    return lines
