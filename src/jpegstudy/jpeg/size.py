"""How many bits an image takes as a JPEG file: the rate, beside what the round trip loses."""

import torch

from jpegstudy.jpeg import libjpeg

HEADERS = {3: 8 * 625, 1: 8 * 330}  # bits of a file that do not depend on the image, by its channels


def in_bits(images, *, quality=75, subsampling="4:2:0", tables=None):
    """The bits that libjpeg needs for each image: int64 (N,), on their device; divided by H * W, bits per pixel.

    They are those of the whole file as Pillow's and torchvision's encoders write it by default, baseline and with the
    standard's Huffman tables. HEADERS of them are the same for every image.
    Arguments and errors as for ``jpeg.roundtrip``.
    """
    files = libjpeg.encode(images, quality=quality, subsampling=subsampling, tables=tables)
    return torch.tensor([8 * len(file) for file in files], dtype=torch.int64, device=images.device)
