"""Pictures to put side by side: a small change made visible, and an image as PNG."""

import io
import zlib

import torch
from PIL import Image

MIDDLE = 128  # the grey of no change
LARGEST_FACTOR = 64
OUTLIERS = 0.01  # share of the values that may be cut off, so that a few large ones do not make the rest invisible
SHOWN_WIDTH = 224  # pixels; smaller images are enlarged by the whole factor that fits


def amplified(change):
    """A change (3, H, W) as a picture around middle grey: (uint8 (3, H, W), factor).

    The factor is the power of two, at most LARGEST_FACTOR, that brings the change nearest to the whole range.
    """
    magnitude = change.abs().flatten().float()
    large = magnitude.kthvalue(int((1 - OUTLIERS) * len(magnitude)) or 1).values.item() or magnitude.max().item()
    factor = 1
    while factor < LARGEST_FACTOR and 2 * factor * large < MIDDLE:
        factor *= 2
    return (change.int() * factor + MIDDLE).clamp_(0, 255).to(torch.uint8), factor


def to_pillow(image):
    """A Pillow image of uint8 (3, H, W)."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())


def png(image):
    """uint8 (3, H, W) as the bytes of a PNG to be shown; small images enlarged without blurring their pixels."""
    picture = to_pillow(image)
    factor = SHOWN_WIDTH // picture.width
    if factor > 1:
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)  # stronger is slower, saves little
    return buffer.getvalue()
