"""An image file's pixels to x, as the readings scale and round them."""

import functools

import numpy as np
from PIL import Image

from jpegstudy import decoding


class ScaledImage:
    """A decoded image (Pillow, RGB) from which x of several readings is cut; each way of scaling is done once.

    shortest_side: pixels that the shorter side is scaled to, the other in proportion, rounded down; None leaves both.
    """

    def __init__(self, image, shortest_side):
        self.image, self.shortest_side = image, shortest_side
        self.size = list(image.size)
        if shortest_side is not None:
            self.size = [max(shortest_side, side * shortest_side // min(image.size)) for side in image.size]

    def clean(self, reading, crop):
        """x: the central square of ``crop`` pixels, (3, crop, crop), grey levels.

        reading: anything with a Reading's fields scaling and clean. uint8, or float32 where x is kept in float.
        """
        if (reading.scaling, reading.clean) == ("pillow", "rounded"):
            return decoding.center_crop(self.image, shortest_side=self.shortest_side, crop=crop)
        scaled = self._torch7 if reading.scaling == "torch7" else self._pillow
        top, left = (scaled.shape[1] - crop) // 2, (scaled.shape[2] - crop) // 2
        x = scaled[:, top : top + crop, left : left + crop]
        if reading.clean == "float":
            return np.ascontiguousarray(x, np.float32)
        # A value that arithmetic left just below a whole number is that number, for truncation too
        whole = np.floor(x + (0.5 if reading.clean == "rounded" else 1e-3))
        return whole.clip(0, 255).astype(np.uint8)

    @functools.cached_property
    def _pillow(self):
        """Pillow's antialiased bilinear scaling without its rounding to 8 bits: float32 (3, H, W)."""
        channels = [channel.convert("F").resize(self.size, Image.Resampling.BILINEAR) for channel in self.image.split()]
        return np.stack([np.asarray(channel) for channel in channels])

    @functools.cached_property
    def _torch7(self):
        return torch7_scaled(np.asarray(self.image, np.float64).transpose(2, 0, 1), *self.size)


def torch7_scaled(x, width, height):
    """What Torch7's ``image.scale`` makes of x, float64 (C, H, W), in its mode "bilinear": (C, height, width).

    Shrinking averages the area that a pixel covers, with fractions of the pixels at its ends; enlarging interpolates
    between the corners. Source: torch/image, generic/image.c of July 2016 (image_(Main_scaleLinear_rowcol)).
    """
    across = _resized(x, width)
    return _resized(across.swapaxes(1, 2), height).swapaxes(1, 2)


def _resized(x, after):
    """Along the last axis."""
    before = x.shape[-1]
    if after > before:
        places = np.linspace(0, before - 1, after)
        left = np.minimum(places.astype(int), max(before - 2, 0))
        share = places - left
        return (1 - share) * x[..., left] + share * x[..., np.minimum(left + 1, before - 1)]
    edges = np.linspace(0, before, after + 1)
    whole = np.minimum(edges.astype(int), before - 1)
    sums = np.concatenate([np.zeros((*x.shape[:-1], 1)), np.cumsum(x, axis=-1)], axis=-1)
    up_to_edges = sums[..., whole] + (edges - whole) * x[..., whole]
    return np.diff(up_to_edges, axis=-1) * (after / before)
