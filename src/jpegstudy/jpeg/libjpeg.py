"""The round trip through libjpeg-turbo itself, as imagecodecs wraps it, with the library's defaults.

That is: accurate integer DCT, "fancy" chroma upsampling, baseline, tables scaled from the standard's by the quality.
Pillow's gives the same pixels (a test holds it) and takes longer. Python's lock is released while an image is coded, so
several threads code at once.
"""

import imagecodecs
import numpy as np
import torch

from jpegstudy.errors import BadInput

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


def roundtrip(images, *, quality=75, subsampling="4:2:0"):
    """Encode each image as a JPEG, decode it, and give back what is left of it.

    images: uint8 (N, 3, H, W), RGB, grey levels, on any device; the result is like them, on the same device.
    Raises BadInput for another type or shape, a quality outside 1-100, or an unknown subsampling.
    Source: ITU-T T.81; Torch7's ``image.save`` of the 2016 study used quality 75 and 4:2:0.
    """
    _check(images, quality, subsampling)
    before = images.cpu().contiguous().numpy()
    after = np.empty_like(before)
    for image, coded in zip(before, after, strict=True):
        _one(image, coded, quality, subsampling)
    return torch.from_numpy(after).to(images.device)


def _one(image, coded, quality, subsampling):
    """One image through the encoder and the decoder, into ``coded``; both uint8 (3, H, W).

    Channel by channel, for that interleaves several times faster than a transposed copy.
    """
    pixels = np.empty((*image.shape[1:], 3), np.uint8)
    for channel in range(3):
        pixels[..., channel] = image[channel]
    coded_bytes = imagecodecs.jpeg8_encode(pixels, level=quality, subsampling=subsampling.replace(":", ""))
    decoded = imagecodecs.jpeg8_decode(coded_bytes)
    for channel in range(3):
        coded[channel] = decoded[..., channel]


def _check(images, quality, subsampling):
    if not isinstance(images, torch.Tensor) or images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, torch.Tensor) else type(images).__name__
        raise BadInput(f"images are {given}; wanted a uint8 tensor (N, 3, H, W) in grey levels")
    if type(quality) is not int or not 1 <= quality <= 100:
        raise BadInput(f"quality is {quality!r}; libjpeg takes a whole number from 1 to 100")
    if subsampling not in SUBSAMPLINGS:
        raise BadInput(f"subsampling is {subsampling!r}; wanted {' or '.join(SUBSAMPLINGS)}")
