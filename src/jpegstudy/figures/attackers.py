"""Attackers who know a defense and who do not: what they leave, how they got there, and where else it works."""

import numpy as np
import pandas as pd

from .style import MARKERS, PALETTE, check_nonempty, errors_from, new_figure, percent_axis, styled


@styled
def knowing_beside_oblivious(rates):
    """A panel for each attack, a line for each defense: what is kept where the network is known, and the defense too.

    rates: from statistics.with_knowledge, without attacks made through other defenses. 95 % intervals.
    """
    check_nonempty(rates, "with_knowledge")
    heads = rates["defense"] + rates["passes"].map({1: "", 2: ", two passes"})
    order = list(dict.fromkeys(heads))[::-1]
    strikes = list(dict.fromkeys(rates["strike"]))
    figure = new_figure(1.3 + 0.3 * len(order))
    panels = figure.subplots(1, len(strikes), sharey=True, squeeze=False).ravel()
    known = list(dict.fromkeys(rates["knows"]))
    drawn = {}
    for axes, strike in zip(panels, strikes, strict=True):
        for number, knows in enumerate(known):
            part = rates[(rates["strike"] == strike) & (rates["knows"] == knows)]
            places = [order.index(head) + 0.12 * (1 - 2 * number) for head in heads[part.index]]
            ends = errors_from(part["kept"], part["kept_low"], part["kept_high"])
            drawn[f"knows {knows}"] = axes.errorbar(
                part["kept"], places, xerr=ends, fmt=MARKERS[number], color=PALETTE[number], markersize=5, capsize=2
            )
        axes.set(title=strike, xlim=(-0.03, 1.03))
        percent_axis(axes.xaxis, [0, 0.5, 1])
    panels[0].set_yticks(range(len(order)), order)
    panels[0].set_ylim(-0.6, len(order) - 0.4)
    figure.supxlabel("right, of the images that are right without an attack", fontsize=12)
    figure.legend(drawn.values(), drawn.keys(), loc="outside upper center", ncols=2)
    return figure


@styled
def convergence_curves(curves):
    """The share of images misled by each step; attacks on the same defense share a color.

    curves: ``{attack: table}`` of statistics.convergence.
    """
    figure = new_figure(4.4)
    axes = figure.subplots()
    for number, (name, table) in enumerate(curves.items()):
        share = table["step"] / table["step"].max()
        axes.plot(
            share, table["misled"], label=name, color=PALETTE[number % len(PALETTE)],
            linestyle=("-", "--", ":")[number // len(PALETTE) % 3],
        )  # fmt: skip
    axes.set(xlabel="share of the attack's steps", ylabel="images misled", ylim=(-0.02, 1.02), xlim=(0, 1))
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


@styled
def crossed(rates):
    """A heat map: what each defense (columns) keeps of an attack made through each (rows).

    rates: from statistics.with_knowledge, of one attack, defenses and those attacked through alike.
    """
    check_nonempty(rates, "with_knowledge")
    through = np.where(rates["knows"] == "the defense", rates["defense"], rates["knows"])
    order = list(dict.fromkeys(rates["defense"]))
    table = pd.DataFrame({"through": through, "defense": rates["defense"], "kept": rates["kept"]})
    wide = table.pivot(index="through", columns="defense", values="kept")
    rows = [name for name in ("the network", *order) if name in wide.index]
    wide = wide.loc[rows, order]
    figure = new_figure(1.2 + 0.55 * len(rows))
    axes = figure.subplots()
    shown = axes.imshow(wide, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    for (v, u), value in np.ndenumerate(wide.to_numpy()):
        axes.text(u, v, f"{value:.2f}", ha="center", va="center", fontsize=11, color="w" if value < 0.6 else "k")
    axes.grid(False)
    axes.set_xticks(range(len(order)), order)
    axes.set_yticks(
        range(len(rows)), [f"made through {name}" if name in order else "knows the network" for name in rows]
    )
    axes.set(title=rates["strike"].iloc[0], xlabel="what stands before the network")
    figure.colorbar(shown, label="kept")
    return figure
