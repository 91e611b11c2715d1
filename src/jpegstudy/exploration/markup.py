"""The tables of the sliders' panel as HTML: text, so that they are sharp at any size and can be read aloud and copied.

Colors follow JupyterLab's theme where it sets them.
"""

import base64
from html import escape

import matplotlib
import numpy as np

LOW, HIGH = 0.1, 100.0  # grey levels; ends of the heat maps' logarithmic color scale
COLORS = [tuple(int(255 * part) for part in color[:3]) for color in matplotlib.colormaps["viridis"](np.arange(256))]
BAR = "#7fb3d5"  # of a probability; light enough for text over it
CLEAN_BAR = "#8cc98c"  # of the clean label


def tile(title, png, caption):
    """A picture with its title and its caption, which together are its alternative text. png: the bytes of the file.

    The picture's place is kept while the browser reads it, so that nothing jumps when a slider moves.
    """
    title, caption = escape(title), escape(caption)
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return (
        f'<div style="text-align:center; line-height:1.3"><b>{title}</b>'
        f'<img alt="{title}: {caption}" decoding="sync" src="{source}" width="1" height="1" style="display:block; '
        f'width:100%; height:auto; margin:2px 0">{caption}</div>'
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
        '<div style="flex:1 1 0; min-width:0"><table style="width:100%; table-layout:fixed; border-collapse:collapse; '
        f'line-height:1.4"><caption style="text-align:left"><b>{escape(name)}</b></caption>{rows}</table></div>'
    )


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
        f'<td style="background:rgb{color}; color:{ink}; padding:0 2px; text-align:center; font-size:85%">{text}</td>'
    )
