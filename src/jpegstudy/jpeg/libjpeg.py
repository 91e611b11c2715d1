"""The round trip through libjpeg-turbo itself, with the library's defaults.

That is: accurate integer DCT, "fancy" chroma upsampling, baseline. imagecodecs codes with tables scaled from the
standard's by the quality; Pillow's gives the same pixels (a test holds it) and takes longer, but takes tables of one's
own too. Python's lock is released while an image is coded, so several threads code at once.
"""

import functools
import io
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import torch
from PIL import Image

from jpegstudy.jpeg.arguments import SUBSAMPLINGS, check_images, check_subsampling
from jpegstudy.jpeg.tables import choose

__all__ = ["SUBSAMPLINGS", "roundtrip"]

FEWEST = 8  # images that are worth a second thread


def roundtrip(images, *, quality=75, subsampling="4:2:0", tables=None, workers=None):
    """Encode each image as a JPEG, decode it, and give back what is left of it.

    Arguments, result and errors as for ``jpeg.roundtrip``; images on a GPU go to the CPU and back.
    workers: threads that code at once. None takes as many as torch computes with in the calling thread: one in the
    workers of a study's steps, which are busy coding other batches; and one for fewer than eight images.
    """
    check_images(images)
    check_subsampling(subsampling)
    chosen = choose(quality, tables, images)
    before = images.cpu().numpy()
    after = np.empty(before.shape, np.uint8)
    if tables is not None:
        steps = [table.flatten().tolist() for table in chosen[0]]
        coders = [functools.partial(_by_pillow, tables=steps, subsampling=subsampling)] * len(before)
    else:
        qualities = quality.tolist() if isinstance(quality, torch.Tensor) else [quality] * len(before)
        coders = [functools.partial(_by_imagecodecs, quality=each, subsampling=subsampling) for each in qualities]
    if workers is None:
        workers = torch.get_num_threads() if len(before) >= FEWEST else 1
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(_one, before, after, coders))
    else:
        list(map(_one, before, after, coders))
    return torch.from_numpy(after).to(images.device)


def _one(image, coded, coder):
    """One image through the ``coder`` into ``coded``; both uint8 (3 or 1, H, W).

    Channel by channel, for that interleaves several times faster than a transposed copy. It is a copy in any case,
    because imagecodecs refuses arrays whose strides are odd, as those of a side of 1 may be.
    """
    channels, height, width = image.shape
    pixels = np.empty((height, width) if channels == 1 else (height, width, channels), np.uint8)
    if channels == 1:
        pixels[:] = image[0]
        coded[0] = coder(pixels)
        return
    for channel in range(channels):
        pixels[..., channel] = image[channel]
    decoded = coder(pixels)
    for channel in range(channels):
        coded[channel] = decoded[..., channel]


def _by_imagecodecs(pixels, quality, subsampling):
    """uint8 (H, W, 3), or grey (H, W), there and back with the standard's tables."""
    sampled = subsampling.replace(":", "") if pixels.ndim == 3 else None
    return imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(pixels, level=quality, subsampling=sampled))


def _by_pillow(pixels, tables, subsampling):
    """uint8 (H, W, 3), or grey (H, W), there and back with two tables of 64; grey takes the first.

    Without a quality, by which Pillow would scale them.
    """
    buffer = io.BytesIO()
    if pixels.ndim == 3:
        Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=subsampling)
    else:
        Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables[:1])
    return np.asarray(Image.open(buffer))
