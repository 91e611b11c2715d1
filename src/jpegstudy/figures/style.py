"""How all figures look: one set of settings applied inside each function, colors by transform, and how one is shown."""

import base64
import functools
import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image, ImageChops

from jpegstudy.errors import BadInput

WIDTH = 7.0  # inches; 840 pixels as shown, with letters that still read when a phone halves them
SETTINGS = sns.axes_style("whitegrid") | {
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "axes.edgecolor": "0.6",
    "grid.color": "0.9",
    "text.parse_math": False,  # a class or file name may hold a dollar sign
}
PALETTE = sns.color_palette("colorblind").as_hex()
COLORS = {"": "#555555", "JPG": PALETTE[0], "JPGnoise": PALETTE[1]}  # by transform; "": none
MORE_COLORS = [PALETTE[i] for i in (2, 4, 5, 6, 9)]  # for transforms still to come, by the length of their name
MEAN_COLOR = "#d00000"  # the paper's red line
MARKERS = "osD^vP*X"
PALETTE_ERROR = 12  # grey levels, the largest that a picture may lose to a palette


def styled(draw):
    """Run a drawing function under SETTINGS, so that importing or calling it changes no one else's figures."""

    @functools.wraps(draw)
    def draw_in_style(*args, **kwargs):
        with matplotlib.rc_context(SETTINGS):
            return draw(*args, **kwargs)

    return draw_in_style


def show(figure, alt):
    """Display ``figure`` with ``alt`` as its alternative text, and close it. Raises ValueError if ``alt`` is empty."""
    if not alt.strip():
        raise ValueError("a figure needs an alt text that says what it shows")
    buffer = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):  # some settings are read only when the picture is drawn
        figure.savefig(buffer, format="png", dpi=120, bbox_inches="tight", metadata={"Software": None})  # equal bytes
    plt.close(figure)
    png = base64.b64encode(compact(buffer)).decode("ascii")
    display({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)


def compact(png):
    """A PNG file, path or stream, as the bytes of a smaller one: a palette for what has few colors, else all colors.

    A palette of 256 moves no value of a chart by more than PALETTE_ERROR grey levels, which no eye sees, and takes a
    third of the bytes; photographs keep every color.
    """
    with Image.open(png) as image:
        whole = image.convert("RGB")  # figures are opaque
    few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    error = max(high for _, high in ImageChops.difference(whole, few.convert("RGB")).getextrema())
    buffer = io.BytesIO()
    (few if error <= PALETTE_ERROR else whole).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def new_figure(height, width=WIDTH):
    """An empty figure that pyplot does not keep, so that none piles up; sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def transform_of(modification):
    """The outermost step of a modification where it is one of JPEG's, else "": JPG50-444(Adv1(x)) -> JPG."""
    step = modification.partition("(")[0]
    if step.startswith("JPGnoise"):
        return "JPGnoise"
    return "JPG" if step.startswith("JPG") else ""


def broken(modification):
    """A modification's name in two lines where it names another network: JPG(Adv1[resnet50](x)) is long."""
    return modification.replace("[", "\n[", 1)


def color_of(transform):
    """The color of a transform, the same in every figure; null or "" is none."""
    if not isinstance(transform, str):
        return COLORS[""]
    return COLORS.get(transform) or MORE_COLORS[len(transform) % len(MORE_COLORS)]


def shades(color, count):
    """``count`` shades from ``color`` to a light tint, for lines of one family."""
    return sns.light_palette(color, count + 2, reverse=True).as_hex()[:count]


def percent_axis(axis, ticks=None):
    """Write fractions as percent on a matplotlib axis (axes.xaxis or axes.yaxis), at ``ticks`` where given.

    Half percents keep their decimal, so that no two ticks read alike.
    """
    if ticks is not None:
        axis.set_ticks(ticks)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6) + 0.0:g}%".replace("-", "−")))


def check_nonempty(table, what):
    """Raises BadInput if there are no rows to draw."""
    if len(table) == 0:
        raise BadInput(f"there are no rows to draw in {what}; give a table that holds some")


def errors_from(values, low, high):
    """Distances to the ends of intervals as matplotlib wants them (2, n); 0 where an end is unknown."""
    return np.nan_to_num(np.clip(np.array([values - low, high - values], float), 0, None))
