"""Charts of one image: a network's highest probabilities under each modification, and changes in JPEG's DCT bands."""

import textwrap

import numpy as np
from matplotlib.colors import LogNorm

from jpegstudy.errors import BadInput

from .style import COLORS, PALETTE, WIDTH, new_figure, percent_axis, styled, transform_of

OWN_COLOR = PALETTE[2]  # of the clean image's top label
LETTERS = 24  # of a label in a line
LOW, HIGH = 0.1, 100.0  # grey levels; ends of the logarithmic color scale


@styled
def highest_probabilities(highest):
    """The highest probabilities under each modification: a panel of bars for each, two in a row, labels in the bars.

    highest: a dict of modification -> [(label, probability), ...], highest first; the label that comes first in the
    first panel is green everywhere.
    Raises BadInput if there is nothing to draw.
    """
    if not highest or not all(highest.values()):
        raise BadInput("there are no probabilities to draw; give each modification at least one")
    own = next(iter(highest.values()))[0][0]
    rows = -(-len(highest) // 2)
    longest = max(map(len, highest.values()))
    figure = new_figure(rows * (0.6 + 0.3 * longest))
    panels = figure.subplots(rows, 2, squeeze=False, sharex=True).ravel()
    for axes, (modification, ranking) in zip(panels, highest.items(), strict=False):
        labels, p = zip(*ranking, strict=True)
        colors = [OWN_COLOR if label == own else COLORS[transform_of(modification)] for label in labels]
        axes.barh(range(len(p)), p, color=colors, alpha=0.45)
        for place, (label, value) in enumerate(ranking):
            axes.text(0.01, place, f"{textwrap.shorten(label, LETTERS, placeholder='…')}  {value:.3f}", va="center")
        axes.set(title=modification, yticks=[], xlim=(0, 1), ylim=(longest - 0.5, -0.5))
        percent_axis(axes.xaxis, [0, 0.5, 1])
    for axes in panels[len(highest) :]:
        axes.set_axis_off()
    return figure


@styled
def band_heat_maps(maps):
    """Heat maps of luma's 64 DCT bands side by side, on one logarithmic color scale, the value in each cell.

    maps: a dict of title -> (8, 8), grey levels, the mean's band first. Raises BadInput for another shape.
    """
    arrays = {title: np.asarray(values, float) for title, values in maps.items()}
    if not arrays or any(values.shape != (8, 8) for values in arrays.values()):
        shapes = ", ".join(str(values.shape) for values in arrays.values())
        raise BadInput(f"maps are {shapes or 'none'}; wanted at least one, each (8, 8)")
    figure = new_figure(WIDTH / len(arrays) + 0.7)
    norm = LogNorm(LOW, HIGH, clip=True)
    panels = figure.subplots(1, len(arrays), squeeze=False).ravel()
    for axes, (title, values) in zip(panels, arrays.items(), strict=True):
        shown = axes.imshow(np.maximum(values, LOW), norm=norm, cmap="viridis")
        for (row, column), value in np.ndenumerate(values):
            ink = "black" if norm(value) > 0.55 else "white"
            axes.text(column, row, _short(value), ha="center", va="center", fontsize=6.5, color=ink)
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=10)
        axes.grid(False)
    scale = figure.colorbar(shown, ax=list(panels), location="bottom", label="grey levels", aspect=50)
    scale.set_ticks([0.1, 1, 10, 100], labels=["0.1", "1", "10", "100"])
    return figure


def _short(value):
    """In as many characters as fit a cell: 0.05, 3.1, 31."""
    return f"{value:.2f}" if value < 0.995 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
