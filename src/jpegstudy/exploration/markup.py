"""The tables of the sliders' panel as HTML: text, so that they are sharp at any size and can be read aloud and copied.

Colors follow JupyterLab's theme where it sets them. Letters shrink where the panel is narrow: 1cqw is a hundredth of
the width of the nearest element around them that is a "container".
"""

import base64
from html import escape

import matplotlib
import numpy as np

LOW, HIGH = 0.1, 100.0  # grey levels; ends of the heat maps' logarithmic color scale
COLORS = [tuple(int(255 * part) for part in color[:3]) for color in matplotlib.colormaps["viridis"](np.arange(256))]
BAR = "rgba(50, 140, 200, 0.5)"  # of a probability; see-through, so that dark and light themes' text reads over it
CLEAN_BAR = "rgba(50, 160, 50, 0.5)"  # of the clean label


def tile(title, png, caption):
    """A picture with its title and its caption, which together are its alternative text. png: the bytes of the file.

    The picture's place is kept while the browser reads it, and two lines for the caption, so that nothing jumps when a
    slider moves. The title takes one line.
    """
    heading = _in_one_line(title)
    title, caption = escape(title), escape(caption)
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return (
        '<div style="container-type:inline-size; text-align:center; line-height:1.3">'
        f'<div style="height:1.3em">{heading}</div>'
        f'<img alt="{title}: {caption}" decoding="sync" src="{source}" width="1" height="1" style="display:block; '
        f'width:100%; height:auto; margin:2px 0"><div style="min-height:2.6em">{caption}</div></div>'
    )


def sentence(text, *, wrong=False):
    """A line of prose; ``wrong`` marks it as an error."""
    color = "color: var(--jp-error-color1, #b00020);" if wrong else ""
    return f'<div role="status" style="line-height:1.4; {color}">{escape(text)}</div>'


def probabilities(highest, clean_label):
    """The highest probabilities under each modification, side by side, a bar behind each; the clean label is green.

    highest: View.highest().  clean_label: the name of x's top label.
    """
    columns = "".join(_ranking(name, rows, clean_label) for name, rows in highest.items())
    return f'<div style="display:flex; gap:1em">{columns}</div>'


def _ranking(name, rows, clean_label):
    return _table(name, "".join(_bar(label, p, CLEAN_BAR if label == clean_label else BAR) for label, p in rows))


def _table(name, rows):
    """A table under its name, as wide as those beside it; cells of a row are equally wide unless they say more."""
    return (
        '<div style="flex:1 1 0; min-width:0; container-type:inline-size"><table style="width:100%; '
        'table-layout:fixed; border-collapse:collapse; line-height:1.4"><caption style="text-align:left; '
        f'height:1.4em">{_in_one_line(name)}</caption>{rows}</table></div>'
    )


def _in_one_line(name):
    """A name in bold, in letters so small that as many of them fit the container's width; 0.6 em is a letter's."""
    size = 100 / 0.6 / max(1, len(name))
    return f'<b style="white-space:nowrap; font-size:min(1em, {size:.1f}cqw)">{escape(name)}</b>'


def _bar(label, p, color):
    fill = f"background:linear-gradient(to right, {color} {p:.1%}, transparent {p:.1%})"
    clipped = "overflow:hidden; text-overflow:ellipsis; white-space:nowrap"
    return (
        f'<tr style="{fill}"><td style="text-align:left; padding:0 3px; {clipped}" title="{escape(label)}">'
        f'{escape(label)}</td><td style="text-align:right; padding:0 3px; width:3em">{p:.3f}</td></tr>'
    )


def heat_maps(maps):
    """8x8 heat maps side by side, one logarithmic color scale from LOW to HIGH for all. maps: View.bands()."""
    tables = "".join(_heat_map(name, values) for name, values in maps.items())
    return f'<div style="display:flex; gap:1.5em">{tables}</div>'


def _heat_map(name, values):
    return _table(name, "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in values.tolist()))


def _cell(value):
    place = (np.log(max(value, LOW)) - np.log(LOW)) / (np.log(HIGH) - np.log(LOW))
    color = COLORS[min(255, int(255 * place))]
    ink = "#000" if 0.3 * color[0] + 0.6 * color[1] + 0.1 * color[2] > 110 else "#fff"
    text = f"{value:.2f}" if value < 0.995 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return (
        f'<td style="background:rgb{color}; color:{ink}; padding:0; text-align:center; font-size:min(85%, 5cqw)">'
        f"{text}</td>"
    )
