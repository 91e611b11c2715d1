"""The round trip through libjpeg-turbo itself, with the library's defaults.

That is: accurate integer DCT, "fancy" chroma upsampling, baseline, Huffman's tables as the standard has them.
imagecodecs codes with tables scaled from the standard's by the quality; Pillow writes the same files (a test holds it)
and takes longer, but takes tables of one's own too. Python's lock is released while an image is coded, so several
threads code at once.
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

__all__ = ["SUBSAMPLINGS", "encode", "roundtrip"]

FEWEST = 8  # images that are worth a second thread


def roundtrip(images, *, quality=75, subsampling="4:2:0", tables=None, workers=None):
    """Encode each image as a JPEG, decode it, and give back what is left of it.

    Arguments, result and errors as for ``jpeg.roundtrip``; images on a GPU go to the CPU and back.
    workers: threads that code at once. None takes as many as torch computes with in the calling thread: one in the
    workers of a study's steps, which are busy coding other batches; and one for fewer than eight images.
    """
    encoders = _encoders(images, quality, subsampling, tables)
    before = images.cpu().numpy()
    after = np.empty(before.shape, np.uint8)
    _for_each(_roundtrip, workers, before, after, encoders)
    return torch.from_numpy(after).to(images.device)


def encode(images, *, quality=75, subsampling="4:2:0", tables=None, workers=None):
    """The JPEG files of the images: a list of N bytes, whole files with their headers.

    Arguments and errors as for ``roundtrip``.
    """
    encoders = _encoders(images, quality, subsampling, tables)
    return _for_each(_encode, workers, images.cpu().numpy(), encoders)


def _encoders(images, quality, subsampling, tables):
    """For each image a function from its pixels, uint8 (H, W, 3) or grey (H, W), to bytes. Checks all arguments."""
    check_images(images)
    check_subsampling(subsampling)
    chosen = choose(quality, tables, images)
    if tables is not None:
        steps = [table.flatten().tolist() for table in chosen[0]]
        return [functools.partial(_by_pillow, tables=steps, subsampling=subsampling)] * len(images)
    qualities = quality.tolist() if isinstance(quality, torch.Tensor) else [quality] * len(images)
    return [functools.partial(_by_imagecodecs, quality=each, subsampling=subsampling) for each in qualities]


def _for_each(work, workers, images, *others):
    """``work`` of each image and what belongs to it, by ``workers`` threads (see ``roundtrip``): a list."""
    if workers is None:
        workers = torch.get_num_threads() if len(images) >= FEWEST else 1
    if workers == 1:
        return list(map(work, images, *others))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, images, *others))


def _roundtrip(image, result, encoder):
    """One image there and back, into ``result``; both uint8 (3 or 1, H, W)."""
    decoded = imagecodecs.jpeg8_decode(_encode(image, encoder))
    if decoded.ndim == 2:
        result[0] = decoded
        return
    for channel in range(len(image)):
        result[channel] = decoded[..., channel]


def _encode(image, encoder):
    """The file of one image, uint8 (3 or 1, H, W).

    Its pixels are laid out channel by channel, for that takes a fraction of the time of a transposed copy. It is a copy
    in any case, because imagecodecs refuses arrays whose strides are odd, as those of a side of 1 may be.
    """
    channels, height, width = image.shape
    if channels == 1:
        return encoder(np.array(image[0], order="C"))
    pixels = np.empty((height, width, channels), np.uint8)
    for channel in range(channels):
        pixels[..., channel] = image[channel]
    return encoder(pixels)


def _by_imagecodecs(pixels, quality, subsampling):
    """The file with the standard's tables."""
    sampled = subsampling.replace(":", "") if pixels.ndim == 3 else None
    return imagecodecs.jpeg8_encode(pixels, level=quality, subsampling=sampled)


def _by_pillow(pixels, tables, subsampling):
    """The file with two tables of 64, of which grey takes the first; without a quality, by which Pillow scales them."""
    buffer = io.BytesIO()
    if pixels.ndim == 3:
        Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=subsampling)
    else:
        Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables[:1])
    return buffer.getvalue()
