"""Lines over JPEG quality and over epsilon, and how sure the network is of its wrong predictions."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from jpegstudy.errors import BadInput

from .style import (
    MARKERS,
    check_nonempty,
    color_of,
    errors_from,
    new_figure,
    percent_axis,
    shades,
    styled,
    transform_of,
)

LABELS = {
    "top1": "Top-1 accuracy",
    "agreement": "Agreement with clean image's label",
    "recovery": "Recovery of what the attack took",
}


@styled
def accuracy_curves(curves, *, attack=None):
    """Accuracy (or agreement) over JPEG quality, a line per epsilon, and over epsilon, a line per transform.

    curves: from statistics.curves.  attack: which one, as in the column of that name; needed where there are several.
    Bands are 95 % intervals; dashed lines on the left are the same images without JPEG. Where JPEG was tried at one
    quality only, there is no left panel.
    Raises BadInput if there is nothing to draw or the attack must be chosen.
    """
    return _two_panels(curves[curves["measure"] != "recovery"], attack)


@styled
def recovery_curves(curves, *, attack=None):
    """Recovery over JPEG quality, a line per epsilon, and over epsilon, a line per transform and quality.

    See accuracy_curves. Points where recovery is undefined are left out; where all are, the figure says so, for a study
    of a few images must still run to its end. The dotted line is full recovery.
    """
    rows = curves[curves["measure"] == "recovery"]
    if len(rows) and rows["value"].isna().all():
        figure = new_figure(1.0)
        reason = (
            f"Recovery is undefined everywhere, on {rows['n'].iloc[0]} images\n(first reason: {rows['reason'].iloc[0]})"
        )
        figure.text(0.5, 0.5, reason, ha="center", va="center", fontsize=11)
        return figure
    return _two_panels(rows[rows["value"].notna()], attack, reference=1.0)


def _two_panels(rows, attack, reference=None):
    check_nonempty(rows, "the curves")
    attacks = list(rows["attack"].dropna().unique())
    if attack is None and len(attacks) > 1:
        raise BadInput(f"the curves hold the attacks {', '.join(attacks)}; choose one with attack=")
    if attack is not None and attack not in attacks:
        raise BadInput(f"the curves hold no attack {attack!r}; they have {', '.join(attacks)}")
    rows = rows[rows["attack"].isna() | (rows["attack"] == (attack or (attacks or [None])[0]))]
    once = rows["modification"].str.count(r"\(") <= 1 + rows["attack"].notna()  # one transform, not one of another
    rows = rows[once].assign(step=rows["modification"].str.partition("(")[0])
    figure = new_figure(4.9)
    qualities = sorted(rows.loc[rows["transform"] == "JPG", "quality"].dropna().astype(int).unique())
    panels = figure.subplots(1, 2 if len(qualities) > 1 else 1, sharey=True, squeeze=False)[0]
    if len(qualities) > 1:
        _over_quality(panels[0], rows, qualities)
    _over_epsilon(panels[-1], rows)
    for axes in panels:
        if reference is not None:
            axes.axhline(reference, color="black", linestyle=":", linewidth=1)
            axes.axhline(0, color="black", linewidth=0.8)
        else:
            axes.set_ylim(-0.02, 1.02)
        percent_axis(axes.yaxis)
        handles, labels = axes.get_legend_handles_labels()
        many = len(labels) > 3
        axes.legend(
            handles,
            labels,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=2 if many else 1,
            columnspacing=1,
            handlelength=1.8,
        )
    panels[0].set_ylabel(LABELS[rows["measure"].iloc[0]])
    return figure


def _over_quality(axes, rows, qualities):
    """JPEG as the study has it: other transforms, and JPEG with settings of its own, are no points of this line."""
    jpeg = rows[rows["step"].str.fullmatch(r"JPG\d*")]
    epsilons = sorted(rows["epsilon"].unique())
    for k, (epsilon, color) in enumerate(zip(epsilons, _by_epsilon(len(epsilons)), strict=True)):
        part = jpeg[jpeg["epsilon"] == epsilon].sort_values("quality")
        name = "clean" if epsilon == 0 else f"ε = {epsilon:g}"
        _line(axes, part["quality"].astype(float), part, color=color, marker=MARKERS[k % len(MARKERS)], label=name)
        plain = rows[rows["transform"].isna() & (rows["epsilon"] == epsilon)]
        if len(plain):
            axes.axhline(plain["value"].iloc[0], color=color, linestyle="--", linewidth=1)
    axes.set(xlabel="JPEG quality", xlim=(qualities[0] - 5, qualities[-1] + 5))
    if len(qualities) <= 6:
        axes.set_xticks(qualities)
    if rows["transform"].isna().any():
        axes.add_line(Line2D([], [], color="0.4", linestyle="--", linewidth=1, label="no JPEG"))


def _by_epsilon(count):
    """Dark to light as the perturbation grows; no color that stands for a transform."""
    return shades("#1b2a52", count)


def _over_epsilon(axes, rows):
    plain = rows[rows["transform"].isna()]
    if len(plain):
        _line(axes, plain["epsilon"], plain, color=color_of(""), marker="o", label="no transform")
    for transform in rows["transform"].dropna().unique():
        family = rows[rows["transform"] == transform]
        steps = list(family.sort_values("quality", ascending=False, kind="stable")["step"].unique())
        for k, (step, color) in enumerate(zip(steps, shades(color_of(transform), len(steps)), strict=True)):
            part = family[family["step"] == step]
            _line(axes, part["epsilon"], part, color=color, marker=MARKERS[(k + 1) % len(MARKERS)], label=step)
    epsilons = sorted(rows["epsilon"].unique())
    if len(epsilons) <= 6:
        axes.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
    axes.set(xlabel="ε in grey levels")


def _line(axes, x, rows, *, color, marker, label):
    """A line with its interval band, drawn from left to right."""
    if len(rows) == 0:
        return
    order = np.argsort(x.to_numpy(float), kind="stable")
    x, value, low, high = (column.to_numpy(float)[order] for column in (x, rows["value"], rows["low"], rows["high"]))
    axes.plot(x, value, color=color, marker=marker, markersize=6, linewidth=1.8, label=label)
    axes.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
    if len(x) == 1:  # a band of one point would not show
        axes.errorbar(x, value, yerr=errors_from(value, low, high), fmt="none", ecolor=color, capsize=3)


@styled
def confident_errors(table):
    """How many predictions are wrong under each modification, and how sure of them the network is.

    table: from statistics.confident_errors.  Left: share of images; right, among the wrong: mean confidence, and the
    share above that table's threshold. Lines are 95 % intervals.
    """
    check_nonempty(table, "confident_errors")
    place = np.arange(len(table))
    figure = new_figure(1.5 + 0.36 * len(table))
    left, right = figure.subplots(1, 2, sharey=True)
    colors = [color_of(transform_of(name)) for name in table["modification"]]
    left.barh(place, table["wrong_share"], color=colors, alpha=0.45, height=0.7)
    _whiskers(left, table, "wrong_share", "wrong", place, color="black")
    right.set_axisbelow(True)
    for column, stem, shift, marker, label in [
        ("confidence", "confidence", -0.14, "o", "mean confidence"),
        ("confident_share", "confident", 0.14, "D", f"share above {table['threshold'].iloc[0]:.0%}"),
    ]:
        faces = "white" if marker == "D" else colors
        _whiskers(right, table, column, stem, place + shift, color="0.35")
        right.scatter(table[column], place + shift, marker=marker, c=faces, edgecolors=colors, s=36, zorder=3)
        right.scatter([], [], marker=marker, c="white" if marker == "D" else "0.35", edgecolors="0.35", label=label)
    left.set(title="Wrong predictions")
    right.set(title="Among the wrong")
    for axes in (left, right):
        percent_axis(axes.xaxis, [0, 0.5, 1])
    left.set(xlim=(0, 1.02))
    left.grid(False, axis="y")
    right.set(xlim=(-0.04, 1.04))  # marks at 0 and 100 % whole
    left.set_yticks(place, table["modification"])
    left.set_ylim(len(table) - 0.4, -0.6)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _whiskers(axes, table, column, stem, place, *, color):
    values = table[column].to_numpy(float)
    known = ~pd.isna(values)
    spread = errors_from(values, table[f"{stem}_low"], table[f"{stem}_high"])[:, known]
    axes.errorbar(values[known], place[known], xerr=spread, fmt="none", ecolor=color, elinewidth=1.4, capsize=3)
