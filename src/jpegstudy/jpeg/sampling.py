"""Edges and chroma subsampling, as libjpeg does both, and unrounded. Planes are floating (N, C, H, W), any N and C.

Going down, libjpeg averages 1x2 or 2x2 values. Going up, it weighs the nearest value 3/4 and the next 1/4 in each
direction in which it doubles ("fancy" upsampling), which interpolates between the centers.
"""

import torch
from torch.nn import functional

from jpegstudy.jpeg.dct import BLOCK

FACTORS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}  # pixels that share a chroma value: down, across
HALVES = {"4:2:2": (1 / 4, 2 / 4), "4:2:0": (8 / 64, 7 / 64)}  # what rounds even and odd columns, before the rows
NARROWEST = 3  # values in a row of chroma from which on libjpeg interpolates


def pad(planes, down=BLOCK, across=BLOCK):
    """The planes with their last row and last column repeated to multiples of ``down`` and ``across``.

    Source: ITU-T T.81, A.2.4; libjpeg-turbo, jcprepct.c and jcsample.c (expand_right_edge).
    """
    below, right = -planes.shape[-2] % down, -planes.shape[-1] % across
    return functional.pad(planes, (0, right, 0, below), mode="replicate") if below or right else planes


def downsample(chroma, subsampling, *, rounded=True):
    """Chroma at the resolution that is coded, padded to whole blocks.

    chroma: (N, C, H, W); the result is (N, C, h, w) with h and w the multiples of 8 from ceil(H / down) and
    ceil(W / across) up, (down, across) = FACTORS[subsampling].
    rounded: each average is rounded to a whole number, halves and quarters by turns down and up along a row, so that
    the image does not get brighter; chroma must be whole numbers. Otherwise the plain average.
    Source: libjpeg-turbo, jcsample.c (h2v1_downsample, h2v2_downsample).
    """
    down, across = FACTORS[subsampling]
    if across == 1:
        return pad(chroma)
    # Rows are made whole blocks after averaging: the last average may be of two different rows, and it is what repeats.
    chroma = pad(chroma, down, across * BLOCK)
    if down == 2:
        chroma = chroma[..., 0::2, :] + chroma[..., 1::2, :]
    chroma = (chroma[..., 0::2] + chroma[..., 1::2]).mul_(1 / (down * across))
    if rounded:
        turns = torch.arange(chroma.shape[-1], dtype=chroma.dtype, device=chroma.device) % 2
        chroma = chroma.add_((turns + (down - 1)) / (down * across)).floor_()
    return pad(chroma)


def upsample(chroma, subsampling, height, width, *, rounded=True):
    """Chroma (N, C, height, width) from what ``downsample`` made of it, or a decoder.

    What pads the blocks is cut off first and never serves as a neighbor; the neighbor of an edge is the edge. Images of
    at most 4 pixels across have their values repeated instead, in both directions.
    rounded: to whole numbers as libjpeg does; chroma must be whole numbers.
    Source: libjpeg-turbo, jdsample.c (h2v1_fancy_upsample, h2v2_fancy_upsample; jinit_upsampler for the narrow ones).
    """
    down, across = FACTORS[subsampling]
    chroma = chroma[..., : -(-height // down), : -(-width // across)]
    if across == 1:
        return chroma
    if chroma.shape[-1] < NARROWEST:
        full = chroma.repeat_interleave(down, dim=-2).repeat_interleave(across, dim=-1)
        return full[..., :height, :width]
    even, odd = HALVES[subsampling] if rounded else (0, 0)
    framed = functional.pad(chroma / 4**down, (1, 1, down - 1, down - 1), mode="replicate")
    near, left, right = framed[..., 1:-1], framed[..., :-2], framed[..., 2:]
    chroma = torch.stack(
        [torch.add(left, near, alpha=3).add_(even), torch.add(right, near, alpha=3).add_(odd)], dim=-1
    ).flatten(-2)
    if down == 2:
        near, above, below = chroma[..., 1:-1, :], chroma[..., :-2, :], chroma[..., 2:, :]
        chroma = torch.stack([above, below], dim=-2).add_(near[..., None, :], alpha=3).flatten(-3, -2)
    return (chroma.floor_() if rounded else chroma)[..., :height, :width]
