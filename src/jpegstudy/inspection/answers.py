"""What a network makes of one image and of its JPEGs, as a table with a row for each modification."""

import pandas as pd

from jpegstudy import jpeg
from jpegstudy.errors import BadInput, one_line
from jpegstudy.modifications import named

QUALITIES = (95, 90, 85, 75, 65, 50, 35, 25)


def answers(network, picture, *, symbol="x", clean_label=None):
    """One row for the file as it is, its 8-bit rounding where that differs, and its JPEG of each of QUALITIES.

    picture: files.Picture.  symbol: of the image in the paper's notation: x, x', Adv1(x).
    clean_label: the label that JPEG is hoped to bring back, the number of a class.
    Columns: modification, quality (null without JPEG), label (number), class_name, probability, own_probability (of the
    file's own top label), survives (the label is the file's own); with a clean label clean_probability and restored
    (the label is the clean one).
    Raises BadInput if the network does not take images of this size.
    """
    states = [(symbol, None, picture.values)]
    if not picture.is_8_bit:
        states.append((f"round({symbol})", None, picture.x))
    for quality in QUALITIES:
        compressed = jpeg.roundtrip(picture.x[None], quality=quality)[0]
        states.append((notation(symbol, quality), quality, compressed))
    rows = []
    for modification, quality, image in states:  # one by one: as much memory as one image takes
        p = _probabilities(network, image)
        label = int(p.argmax())
        own = rows[0]["label"] if rows else label
        row = {"modification": modification, "quality": quality}
        row |= {"label": label, "class_name": network.class_names[label], "probability": float(p[label])}
        row |= {"own_probability": float(p[own]), "survives": label == own}
        if clean_label is not None:
            row |= {"clean_probability": float(p[clean_label]), "restored": label == clean_label}
        rows.append(row)
    return pd.DataFrame(rows).astype({"quality": "Int64"})


def notation(symbol, quality, subsampling="4:2:0"):
    """The JPEG of an image called ``symbol``, in the paper's notation: of x' at quality 50 it is JPG50(x')."""
    return str(named("JPG", None, quality=quality, subsampling=subsampling)).replace("x", symbol)


def _probabilities(network, image):
    try:
        return network.probabilities(image[None])[0]
    except Exception as error:  # a network of one input size, given another; a user's own may raise anything
        height, width = image.shape[1:]
        raise BadInput(
            f"network {network.name!r} does not take {width} x {height} images: {one_line(error)}; its own size is "
            f"{network.crop} x {network.crop}"
        ) from error
