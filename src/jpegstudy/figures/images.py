"""Pictures of images themselves: the paper's Figure 2, and a grid to look at an image set.

Images are uint8 (N, 3, H, W), RGB, in grey levels; arrays or tensors.
"""

import textwrap

import numpy as np

from jpegstudy.errors import BadInput

from .style import WIDTH, broken, new_figure, styled

IN_A_ROW = 5


@styled
def image_strip(images, titles, captions):
    """The paper's Figure 2: images side by side, what was done above each, the prediction beneath.

    titles: a modification per image.  captions: such as "agama 0.99"; long ones are wrapped.
    More than five images go on in the next row. Raises BadInput if the counts differ or images are not uint8.
    """
    return _grid(_as_pictures(images, titles, captions), titles, captions, columns=min(len(titles), IN_A_ROW))


@styled
def sample_images(images, captions, *, columns=4):
    """A grid of images with a caption beneath each. Raises BadInput as image_strip does."""
    return _grid(_as_pictures(images, captions), None, captions, columns=min(len(captions), columns))


def in_one_line(titles, captions):
    """The words of an image_strip as its alternative text: "x: moped 0.50; Adv1(x): disk brake 0.31"."""
    return "; ".join(f"{title}: {' '.join(caption.split())}" for title, caption in zip(titles, captions, strict=True))


def _as_pictures(images, *texts):
    """Images as an array (N, H, W, 3), checked against the texts that go with them."""
    pictures = np.asarray(images)
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise BadInput(f"images are {pictures.dtype} {pictures.shape}; give uint8 (N, 3, H, W)")
    if len(pictures) == 0 or any(len(text) != len(pictures) for text in texts):
        counts = ", ".join(str(len(text)) for text in texts)
        raise BadInput(f"{len(pictures)} images have {counts} texts; give at least one image and a text for each")
    return pictures.transpose(0, 2, 3, 1)


def _grid(pictures, titles, captions, *, columns):
    rows = -(-len(pictures) // columns)
    cell = WIDTH / max(columns, 3)  # one or two images would be blown up
    letters = max(10, int(cell * 11))  # as many of size 10 or 11 as fit the width of a cell
    captions = [_wrap(caption, letters) for caption in captions]
    lines = max(caption.count("\n") + 1 for caption in captions)
    titles = None if titles is None else [broken(title) if len(title) > letters else title for title in titles]
    title_lines = max((title.count("\n") + 1 for title in titles or []), default=0)
    height = (
        cell * pictures.shape[1] / pictures.shape[2] + 0.2 * lines + (0.1 + 0.2 * title_lines if title_lines else 0.08)
    )
    figure = new_figure(rows * height, width=cell * columns)
    for k, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        if k >= len(pictures):
            axes.set_axis_off()
            continue
        axes.imshow(pictures[k], interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(captions[k], fontsize=11)
        if titles is not None:
            axes.set_title(titles[k], fontsize=11 if max(map(len, titles[k].split("\n"))) <= letters else 9)
    return figure


def _wrap(text, letters):
    """Break a caption into lines where it is too wide, and keep the breaks it has."""
    return "\n".join(part for line in str(text).split("\n") for part in textwrap.wrap(line, letters) or [""])
