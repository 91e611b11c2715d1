"""Quantization: the one step of JPEG that is meant to lose something.

Coefficients are planes (..., H, W), each in its place in its 8x8 block; tables are (..., 8, 8) of whole numbers, whose
leading dimensions broadcast to the planes'. All is floating; float64 is exact.
"""

import torch

from jpegstudy.jpeg.dct import BLOCK, GAIN

# A tie times this lies outside of it, so that rounding to the nearest takes it away from zero, whatever it does with
# ties. Nothing else gets across a tie: a level stays below 2^11, and what is no tie at least 2^-11 away from one.
OUTWARD = 1 + 2**-40


def quantize(coefficients, tables):
    """The levels that are coded, whole numbers (..., H, W): the nearest to coefficient / step, halves away from zero.

    coefficients: as ``dct.forward`` gives them, GAIN times the orthonormal ones.
    libjpeg multiplies by a reciprocal of 16 bits; for every step from 1 to 255 that gives the same levels.
    Source: ITU-T T.81, A.3.4; libjpeg-turbo, jcdctmgr.c.
    """
    to_levels, _ = factors(tables, coefficients.shape[-1])
    return _times(coefficients, to_levels).round_()


def dequantize(levels, tables):
    """The coefficients that levels (..., H, W) stand for, of the orthonormal DCT's size.

    Source: ITU-T T.81, A.3.4; libjpeg-turbo, jddctmgr.c.
    """
    _, to_coefficients = factors(tables, levels.shape[-1])
    return _times(levels, to_coefficients)


def lose(coefficients, factors):
    """``dequantize(quantize(coefficients, tables), tables)``, given the ``factors`` of the tables."""
    to_levels, to_coefficients = factors
    return _times(_times(coefficients, to_levels).round_(), to_coefficients)


def factors(tables, width):
    """What coefficients are multiplied by to be levels, and levels to be coefficients: float64 (2, ..., 1, 8, width).

    Each is laid out for a row of blocks, whatever the number of rows.
    """
    steps = tables.to(torch.float64)
    steps = steps.unsqueeze(-2).expand(*tables.shape[:-1], width // BLOCK, BLOCK).flatten(-2)
    return torch.stack([OUTWARD / (GAIN * steps), steps]).unsqueeze(-3)


def _times(planes, factors):
    return (planes.unflatten(-2, (-1, BLOCK)) * factors).flatten(-3, -2)
