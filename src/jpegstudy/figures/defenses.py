"""Defenses: what they save by epsilon and passes, what a table costs, and where an attacker who knows it wins."""

import numpy as np

from jpegstudy.errors import BadInput

from .style import COLORS, MARKERS, PALETTE, check_nonempty, errors_from, new_figure, percent_axis, styled

PASSES = {1: "one pass", 2: "two passes"}


@styled
def defended_over_epsilon(rates):
    """A panel for one pass and one for two: the rate behind each defense over epsilon, gray where there is none.

    rates: from statistics.defense_rates, of one attack. 95 % intervals.
    """
    check_nonempty(rates, "defense_rates")
    if rates["attack"].nunique() > 1:
        raise BadInput(f"rates are of {', '.join(rates['attack'].unique())}; draw one attack at a time")
    figure = new_figure(4.6)
    panels = figure.subplots(1, 2, sharey=True)
    colors = dict(zip(dict.fromkeys(rates["defense"]), PALETTE * 3, strict=False))
    drawn = {}
    for axes, (passes, title) in zip(panels, PASSES.items(), strict=True):
        part = rates[rates["passes"] == passes]
        for number, (defense, rows) in enumerate(part.groupby("defense", sort=False)):
            ends = errors_from(rows["defended"], rows["defended_low"], rows["defended_high"])
            drawn[defense] = axes.errorbar(
                rows["epsilon"], rows["defended"], yerr=ends, color=colors[defense], capsize=2, markersize=5,
                marker=MARKERS[number % len(MARKERS)],
            )  # fmt: skip
        mean = part.groupby("epsilon")["attacked"].mean()
        drawn["no defense, mean of bases"] = axes.errorbar(mean.index, mean, color=COLORS[""], linestyle="--")
        axes.set(title=title, xlabel="epsilon, grey levels", ylim=(-0.02, 1.02))
        axes.set_xticks(sorted(part["epsilon"].unique()))
        percent_axis(axes.yaxis)
    panels[0].set_ylabel("right under the attack")
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4)
    return figure


@styled
def tables_tradeoff(swept, chosen):
    """What each table of a sweep saves over what it costs, on the half that was not chosen on; chosen ones circled.

    swept: from statistics.tradeoff.  chosen: from statistics.chosen_tables.
    """
    check_nonempty(swept, "tradeoff")
    rows = swept[swept["half"] == chosen["half"].iloc[0]]
    figure = new_figure(4.0)
    axes = figure.subplots()
    for color, (passes, title) in zip(PALETTE, PASSES.items(), strict=False):
        part, best = rows[rows["passes"] == passes], chosen[chosen["passes"] == passes]
        axes.scatter(part["cost"], part["defended"], s=22, color=color, label=title)
        ends = errors_from(best["defended"], best["defended_low"], best["defended_high"])
        axes.errorbar(
            best["cost"], best["defended"], yerr=ends, fmt="o", markersize=13, markerfacecolor="none", color=color,
            capsize=3,
        )  # fmt: skip
        for row in best.itertuples():
            axes.annotate(row.table, (row.cost, row.defended), xytext=(9, 6), textcoords="offset points", fontsize=10)
    axes.set(xlabel="accuracy lost on clean images", ylabel="right under the attack", ylim=(-0.02, 1.02))
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    axes.legend()
    return figure


@styled
def knowing_attacks(rates, certified):
    """A panel for each defense: of the images right without an attack, the share that attackers leave, over epsilon.

    rates: from statistics.defense_rates, of two passes.  certified: ``{defense: epsilon}``, shaded below it.
    """
    check_nonempty(rates, "defense_rates")
    defenses = list(dict.fromkeys(rates["defense"]))
    figure = new_figure(4.2)
    panels = figure.subplots(1, len(defenses), sharey=True, squeeze=False).ravel()
    drawn = {}
    for axes, defense in zip(panels, defenses, strict=True):
        part = rates[rates["defense"] == defense].assign(kind=lambda table: table["attack"].str.partition("{")[0])
        for color, (kind, rows) in zip(PALETTE, part.groupby("kind"), strict=False):
            ends = errors_from(rows["kept"], rows["kept_low"], rows["kept_high"])
            drawn[kind] = axes.errorbar(rows["epsilon"], rows["kept"], yerr=ends, marker="o", color=color, capsize=2)
        drawn["certified"] = axes.axvspan(0, certified[defense], color="0.92", zorder=0)
        axes.set(title=f"{defense}, two passes", xlabel="epsilon, grey levels", ylim=(-0.02, 1.02))
        axes.set_xlim(0, part["epsilon"].max() + 0.2)
        percent_axis(axes.yaxis)
    panels[0].set_ylabel("still right")
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4)
    return figure


@styled
def gain_by_band(panels):
    """Heat maps of the gain in the 64 bands: ``panels`` is ``{title: (8, 8)}``; at 0 nothing survives, at 1 all."""
    figure = new_figure(2.9)
    for axes, (title, gain) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        shown = axes.imshow(gain, vmin=0, vmax=1, cmap="viridis")
        for (v, u), value in np.ndenumerate(np.asarray(gain)):
            if max(u, v) % 2 == 0 and u == v:
                axes.text(u, v, f"{value:.2f}", ha="center", va="center", fontsize=8, color="w" if value < 0.6 else "k")
        axes.set_title(title, fontsize=11)
        axes.grid(False)
        axes.set_xticks([0, 7])
        axes.set_yticks([0, 7])
    figure.colorbar(shown, ax=figure.axes, label="gain")
    return figure
