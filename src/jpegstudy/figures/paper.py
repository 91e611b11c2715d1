"""The paper's Figures 3 and 4 from our predictions, and its Table 1 as a chart with ours beside it."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jpegstudy.errors import BadInput
from jpegstudy.statistics import beside_paper, measure_of, only_attack, panel_names, read_outcomes

from .style import (
    MEAN_COLOR,
    WIDTH,
    broken,
    check_nonempty,
    color_of,
    errors_from,
    new_figure,
    percent_axis,
    styled,
    transform_of,
)

MEASURES = {"top1": "Top-1 accuracy", "agreement": "Agreement with\nclean image's label"}
FAMILIES = {"": "not compressed", "JPG": "JPEG", "JPGnoise": "JPEG noise"}
LETTER = 0.09  # inches that a letter of the labels along the bottom takes


@styled
def top_label_boxes(predictions):
    """The paper's Figure 3: a box of top-label probabilities for every modification, in the paper's order.

    Box: quartiles; black line: median; red line: mean; whiskers: the last values within 1.5 box heights, no outliers.
    Raises BadInput if the predictions cannot be compared image by image.
    """
    data = read_outcomes(predictions)
    figure = new_figure(4.6)
    axes = figure.subplots()
    boxes = axes.boxplot(
        list(data.probability),
        tick_labels=data.names,
        widths=0.65,
        showfliers=False,
        showmeans=True,
        meanline=True,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.6},
        meanprops={"color": MEAN_COLOR, "linewidth": 2, "linestyle": "-"},
    )
    transforms = data.modifications["transform"]
    for box, transform in zip(boxes["boxes"], transforms, strict=True):
        box.set(facecolor=color_of(transform), alpha=0.45)
    axes.set(ylabel="Top-label probability", ylim=(-0.02, 1.02))
    axes.grid(False, axis="x")
    if max(map(len, data.names)) * LETTER > (WIDTH - 0.8) / len(data.names):  # they would run into each other
        turn = 40 if len(data.names) <= 14 else 90
        axes.tick_params(axis="x", rotation=turn)
        for label in axes.get_xticklabels():
            label.set(ha="right" if turn == 40 else "center", rotation_mode="anchor" if turn == 40 else "default")
            label.set_fontsize(11 if len(data.names) <= 20 else 8)
    handles = [
        Line2D([], [], color=MEAN_COLOR, linewidth=2, label="mean"),
        Line2D([], [], color="black", linewidth=1.6, label="median"),
        *_family_handles(transforms.where(transforms.notna(), "")),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1.2, handlelength=1.4)
    return figure


def _family_handles(transforms):
    """Legend entries of the transforms that occur, in their order."""
    return [
        Patch(facecolor=color_of(transform), alpha=0.45, edgecolor="black", label=FAMILIES.get(transform, transform))
        for transform in dict.fromkeys(transforms)
    ]


@styled
def top_label_scatter(predictions, epsilon=1, *, attack=None, jpg="JPG", noise=None):
    """The paper's Figure 4: top-label probability of every image under pairs of modifications, with the diagonal.

    epsilon: of the attack, in grey levels.  attack: as in the column of that name; None takes the only one there is.
    jpg, noise: how modifications are named, such as "JPG50".
    Each panel says what share of the points lies below its diagonal. Raises BadInput if a modification is missing.
    """
    data = read_outcomes(predictions)
    pairs = panel_names(epsilon, attack=attack or only_attack(data.modifications), jpg=jpg, noise=noise)
    missing = [name for name in dict.fromkeys(sum(pairs, ())) if name not in data.names]
    if missing:
        raise BadInput(f"predictions lack {', '.join(missing)}; they have {', '.join(data.names)}")
    figure = new_figure(4.9)
    cells = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
    n = data.files.size
    size, alpha = float(np.clip(4000 / n, 1.0, 18)), float(np.clip(8 / n**0.4, 0.1, 0.7))
    for axes, (first, second) in zip(cells, pairs, strict=False):
        x, y = (data.probability[data.names.index(name)] for name in (first, second))
        color = color_of(transform_of(second))
        axes.scatter(x, y, s=size, alpha=alpha, color=color, linewidths=0, rasterized=True)
        axes.plot([0, 1], [0, 1], color="black", linewidth=1)
        axes.set(xlabel=broken(first), xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.tick_params(labelbottom=True, labelleft=True)
        axes.set_ylabel(broken(second))
        axes.set_title(f"{np.mean(y < x):.0%} below", fontsize=11, loc="right", pad=3)
    note = cells[-1]
    note.set_axis_off()
    note.text(
        0.0,
        0.5,
        f"Top-label probability\nof {n:,} image{'s' * (n != 1)}, one\npoint each.\n\n"
        "On the diagonal:\nno change.\nBelow: it falls.",
        transform=note.transAxes,
        va="center",
        fontsize=11,
    )
    return figure


@styled
def table1_bars(table, published=None):
    """Table 1 as a chart: rate and mean top-label probability with intervals, and the paper's numbers beside.

    table: from statistics.table1.  published: the paper's Table 1 (data/published), or None. Rows that only the paper
    has are drawn too; its accuracy is left out where ours is agreement, another quantity.
    """
    check_nonempty(table, "table1")
    measure = measure_of(table)
    rows = table if published is None else beside_paper(table, published)
    panels = [
        (measure, measure, MEASURES[measure]),
        ("mean_top_label_probability", "mean", "Mean top-label\nprobability"),
    ]
    figure = new_figure(1.5 + 0.34 * len(rows))
    place = np.arange(len(rows))
    colors = [color_of(transform_of(name)) for name in rows["modification"]]
    for axes, (column, stem, title) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
        values = rows[column].to_numpy(float)
        axes.barh(place, np.nan_to_num(values), color=colors, alpha=0.45, height=0.7)
        known = ~np.isnan(values)
        axes.errorbar(
            values[known],
            place[known],
            xerr=errors_from(values, rows[f"{stem}_low"], rows[f"{stem}_high"])[:, known],
            fmt="none",
            ecolor="black",
            elinewidth=1.4,
            capsize=3,
            zorder=3,  # over the paper's mark, which would hide a narrow one
        )
        if f"paper_{column}" in rows:
            axes.plot(rows[f"paper_{column}"], place, "D", color=MEAN_COLOR, markersize=6, markeredgecolor="white")
        axes.set(title=title, xlim=(0, 1))
        axes.grid(False, axis="y")
        percent_axis(axes.xaxis, [0, 0.5, 1])
    axes.set_yticks(place, rows["modification"])
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first row on top
    handles = [
        Patch(facecolor="0.7", label="this run"),
        Line2D([], [], color="black", linewidth=1.4, label="95 % interval"),
    ]
    if published is not None:
        handles.append(Line2D([], [], color=MEAN_COLOR, marker="D", linestyle="none", label="the paper"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
