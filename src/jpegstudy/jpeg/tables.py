"""Quantization tables: the standard's examples, scaled by libjpeg's quality, and a user's own.

A pair of tables is int32 (2, 8, 8): for luma and for chroma, in natural order (row by row, the mean's step first), each
entry the step in which the orthonormal DCT's coefficient is counted, in grey levels.
"""

import functools

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import INTEGERS, check_quality

DEFAULT_QUALITY = 75  # libjpeg's own
LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)


def for_quality(quality):
    """The tables that libjpeg makes of its quality: int32 (2, 8, 8), or (N, 2, 8, 8) for a tensor of N qualities.

    quality: an int from 1 to 100, or an integer tensor (N,) of such, on any device; the tables are on the same (the CPU
    for an int). Quality 50 gives the standard's tables, 100 only ones.
    Raises BadInput for another quality.
    Source: ITU-T T.81, tables K.1 and K.2; libjpeg-turbo, jcparam.c (jpeg_quality_scaling, jpeg_add_quant_table).
    """
    check_quality(quality)
    quality = torch.as_tensor(quality, dtype=torch.int32)
    standard = torch.tensor((LUMA, CHROMA), dtype=torch.int32, device=quality.device)
    percent = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return ((percent[..., None, None, None] * standard + 50) // 100).clamp_(1, 255)


def custom(tables):
    """A user's tables, checked: int32 (2, 8, 8) on their own device, the CPU for anything but a tensor.

    tables: luma's 64 steps and chroma's, whole numbers from 1 to 255 in natural order: an integer tensor, array or
    nested list of the shape (2, 8, 8) or (2, 64).
    Raises BadInput for anything else.
    Source: ITU-T T.81, B.2.4.1: 8 bits an entry in a baseline file, and none is 0.
    """
    try:
        given = torch.as_tensor(tables)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"tables are a {type(tables).__name__} that is no array of numbers; wanted integers (2, 8, 8)"
        ) from error
    if given.dtype not in INTEGERS or given.shape not in ((2, 8, 8), (2, 64)):
        found = f"{given.dtype} {tuple(given.shape)}"
        raise BadInput(f"tables are {found}; wanted integers (2, 8, 8) or (2, 64): luma's and chroma's")
    if given.min() < 1 or given.max() > 255:
        raise BadInput(f"tables hold {given.min().item()} to {given.max().item()}; wanted steps of 1 to 255")
    return given.to(torch.int32).reshape(2, 8, 8)


def choose(quality, tables, images):
    """The tables of a call that takes a quality or tables: int32 (1, 2, 8, 8), or (N, 2, 8, 8) for a quality each.

    They are on the device of the ``images``, (N, ...), and not to be changed: those of a quality are kept there.
    Raises BadInput as ``for_quality`` and ``custom``, and for tables with a quality, for it would not scale them.
    """
    check_quality(quality, len(images))
    if tables is not None:
        if isinstance(quality, torch.Tensor) or quality != DEFAULT_QUALITY:
            raise BadInput(
                f"quality is {quality} and tables are given, which are used as they are; leave out one of them"
            )
        return custom(tables).to(images.device)[None]
    if isinstance(quality, torch.Tensor):
        return for_quality(quality).to(images.device)
    return _kept_for_quality(quality, images.device)


@functools.cache
def _kept_for_quality(quality, device):
    with torch.inference_mode(False):  # they must serve where gradients are wanted too
        return for_quality(quality).to(device)[None]
