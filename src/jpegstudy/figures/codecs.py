"""Learned codecs: how they were trained, and what they give for their bits."""

import numpy as np

from .style import MARKERS, PALETTE, check_nonempty, errors_from, new_figure, styled

OURS = "black"
RATES = (0.1, 0.2, 0.5, 1, 2, 4)  # bits per pixel, where an axis has ticks


@styled
def training_curve(history, measures):
    """A panel for each of ``measures``, columns of ``history``, over its column step."""
    check_nonempty(history, "the history of training")
    figure = new_figure(2.8)
    for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        axes.plot(history["step"], history[measure], color=PALETTE[0])
        axes.set(xlabel="update", title=measure.replace("_", " "))
    return figure


@styled
def rate_distortion(curves, points, measure="psnr", label="PSNR, dB"):
    """Distortion by rate, means over images: a line for each codec of ``curves``, a mark for each of ``points``.

    curves, points: tables of learned.rates, with a column codec, and curves with setting too.
    """
    check_nonempty(points, "the table of learned.rates")
    figure = new_figure(3.8)
    axes = figure.subplots()
    for number, (name, rows) in enumerate(curves.groupby("codec", sort=False)):
        means = rows.groupby("setting")[["bits_per_pixel", measure]].mean().sort_values("bits_per_pixel")
        axes.plot(means["bits_per_pixel"], means[measure], marker=".", color=PALETTE[number], label=name)
    for number, (name, rows) in enumerate(points.groupby("codec", sort=False)):
        axes.plot(
            rows["bits_per_pixel"].mean(), rows[measure].mean(), MARKERS[number % len(MARKERS)], color=OURS, label=name
        )
    axes.set(xlabel="bits per pixel", ylabel=label)
    _logarithmic(axes, RATES)
    axes.legend()
    return figure


@styled
def suffered_over_budget(means, measure, label):
    """A panel for each codec, a line for each attack over the budget, on a logarithmic axis; 95 % intervals.

    means: from statistics.codecs.vulnerabilities.  measure: one of its measures.  label: of the axis.
    """
    part = means[means["measure"] == measure]
    check_nonempty(part, "vulnerabilities")
    names = list(dict.fromkeys(part["codec"]))
    columns = min(3, len(names))
    figure = new_figure(0.9 + 2.1 * -(-len(names) // columns))
    panels = figure.subplots(-(-len(names) // columns), columns, squeeze=False, sharex=True, sharey=True).ravel()
    part = part.groupby(["codec", "attack", "budget"], sort=False).first().reset_index()
    attacks = dict.fromkeys(part["attack"])
    looks = {attack: (PALETTE[place], MARKERS[place % len(MARKERS)]) for place, attack in enumerate(attacks)}
    drawn = {}
    for axes, name in zip(panels, names, strict=False):
        for attack, rows in part[part["codec"] == name].groupby("attack", sort=False):
            color, marker = looks[attack]
            rows = rows.sort_values("budget")
            ends = errors_from(rows["value"], rows["low"], rows["high"])
            drawn[attack] = axes.errorbar(
                rows["budget"], rows["value"], yerr=ends, color=color, marker=marker, capsize=2, markersize=5
            )
        axes.set(title=name)
        _logarithmic(axes, sorted(part["budget"].unique()))
        axes.axhline(0, color="0.4", linewidth=0.8)
        axes.margins(x=0.2)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.supylabel(label)
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=min(4, len(drawn)),
                  title="budget, mean squared error; attack:")  # fmt: skip
    return figure


@styled
def codec_transfer(transfers, label):
    """A map: what attacks made against one codec (rows) do to another (columns). transfers: of statistics.codecs."""
    check_nonempty(transfers, "transfers")
    table = transfers.pivot_table(index="made_against", columns="coded_by", values="value", sort=False)
    table = table.reindex(columns=list(table.index) + [name for name in table.columns if name not in table.index])
    figure = new_figure(1.6 + 0.45 * len(table))
    axes = figure.subplots()
    axes.grid(False)
    image = axes.imshow(table, cmap="viridis", aspect="auto")
    middle = np.nanmean([np.nanmin(table), np.nanmax(table)])
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        if np.isfinite(value):
            axes.text(
                column, row, f"{value:.1f}", ha="center", va="center", color="black" if value > middle else "white"
            )
    axes.set_xticks(range(table.shape[1]), table.columns, rotation=30, ha="right")
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel="coded by", ylabel="made against")
    figure.colorbar(image, label=label)
    return figure


def _logarithmic(axes, ticks):
    """A logarithmic axis with plain numbers at these ticks that lie within it."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
