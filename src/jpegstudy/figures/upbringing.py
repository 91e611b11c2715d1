"""Networks that were trained on two kinds of images: what JPEG gives back and takes in each."""

from .style import MARKERS, PALETTE, check_nonempty, errors_from, new_figure, percent_axis, styled

TITLES = {"recovery": "recovery", "cost": "taken from clean images"}


@styled
def kinds_apart(rows, kinds):
    """A panel for each measure, a line for each modification, a point with its 95 % interval for each network.

    rows: from upbringing.compare_kinds.  kinds: ``{run: kind}``; networks of a kind share color and marker.
    """
    check_nonempty(rows, "compare_kinds")
    single = rows[rows["of"] == "network"]
    measures = list(dict.fromkeys(single["measure"]))[::-1]  # recovery first: it has most lines
    lines = {name: list(dict.fromkeys(single.loc[single["measure"] == name, "modification"])) for name in measures}
    heights = [len(names) for names in lines.values()]
    figure = new_figure(1.6 + 0.55 * sum(heights))
    panels = figure.subplots(len(measures), 1, squeeze=False, height_ratios=heights).ravel()
    order, drawn = list(dict.fromkeys(kinds.values())), {}
    for axes, name in zip(panels, measures, strict=True):
        part = single[single["measure"] == name]
        for number, run in enumerate(kinds):
            own, kind = part[part["what"] == run], order.index(kinds[run])
            shift = 0.15 * (number - (len(kinds) - 1) / 2)
            places = [lines[name].index(each) + shift for each in own["modification"]]
            drawn[f"trained on {kinds[run]}"] = axes.errorbar(
                own["value"], places, xerr=errors_from(own["value"], own["low"], own["high"]), fmt=MARKERS[kind],
                color=PALETTE[kind], markersize=5, capsize=2,
            )  # fmt: skip
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(lines[name])), lines[name])
        axes.set_ylim(len(lines[name]) - 0.5, -0.5)
        axes.set_title(TITLES[name])
        percent_axis(axes.xaxis)
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=2)
    return figure
