"""Feature Distillation: 8x8 blocks quantized by a table that is made for networks rather than for eyes.

As released: red, green and blue each for itself, the orthonormal DCT, no level shift, rounding halves to even, and an
image in float that is clipped to 0 to 255 and not rounded (``FD``). What a file or a screen can hold is 8 bits
(``FD8``). Taken once, on what the attacker hands in, it is the paper's one pass; where the defender has quantized the
clean image too, before the attacker sees it, the two passes: FD(Adv2(FD(x))).

The released code leaves the first image of every call black and takes no sizes but multiples of 8; this does neither.
Source: Liu et al. 2019, "Feature Distillation: DNN-Oriented JPEG Compression Against Adversarial Examples".
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.transforms import distillation_tables

_SETTINGS = re.compile(r"(?:-(?P<table>v1|code|flat\d+|\d+:\d+:\d+))?(?:\+(?P<offset>[1-7]))?")


@dataclass(frozen=True)
class FeatureDistillation:
    """FD(x): images through one table, float32 as the authors released it.

    table: a name of distillation_tables.  offset: pixels by which the grid of blocks lies further down and right, 0 to
    7, as after a crop.  ranking: for a table such as 15:1:40, the 64 bands as ``rank_bands`` gives them, as a tuple.
    Images whose sides are no multiples of 8 are mirrored at their edges, which are cut off again.
    Raises BadInput for a table that is none.
    """

    table: str = "code"
    offset: int = 0
    ranking: tuple | None = None
    name: ClassVar = "FD"
    output: ClassVar = torch.float32
    differentiable: ClassVar = False
    stochastic: ClassVar = False
    resizes: ClassVar = False

    def __post_init__(self):
        distillation_tables.steps_of(self.table, self.ranking)
        if not (isinstance(self.offset, int) and 0 <= self.offset <= 7):
            raise BadInput(f"offset is {self.offset!r}; wanted 0 to 7 pixels")

    @property
    def steps(self):
        """The table: float64 (8, 8), grey levels."""
        return distillation_tables.steps_of(self.table, self.ranking)

    @property
    def settings(self):
        """What stands behind the name in the notation of modifications, such as "-v1" or "+4"."""
        return ("" if self.table == "code" else f"-{self.table}") + (f"+{self.offset}" if self.offset else "")

    @classmethod
    def of(cls, settings):
        """The transform with these settings, as ``settings`` writes them. Raises BadInput for others."""
        found = _SETTINGS.fullmatch(settings)
        if not found:
            raise BadInput(
                f"{cls.name} has no settings {settings!r}; wanted {cls.name}, {cls.name}-v1, {cls.name}-flat30 or "
                f"{cls.name}-15:1:40, with +4 behind it for a grid 4 pixels off"
            )
        return cls(table=found["table"] or "code", offset=int(found["offset"] or 0))

    def __call__(self, images, *, seed=None, indices=None):
        """Images uint8 or floating (N, C, H, W) in grey levels; float32 of the same shape, 0 to 255.

        Nothing is random here.  Raises BadInput for images of another shape.
        """
        return quantize(images, self.steps, offset=self.offset)


@dataclass(frozen=True)
class FeatureDistillation8(FeatureDistillation):
    """FD8(x): Feature Distillation with its result rounded to 8 bits, halves to even, as a file would hold it."""

    name: ClassVar = "FD8"
    output: ClassVar = torch.uint8

    def __call__(self, images, *, seed=None, indices=None):
        """As FeatureDistillation; the result is uint8."""
        return super().__call__(images).round_().to(torch.uint8)


def quantize(images, steps, *, offset=0):
    """Every 8x8 block's coefficients rounded to multiples of their steps, and back, clipped to 0 to 255.

    images: (N, C, H, W), grey levels.  steps: float64 (8, 8).  offset: see FeatureDistillation.  Returns float32.
    """
    if images.dim() != 4 or 0 in images.shape[-2:]:
        raise BadInput(f"images are {tuple(images.shape)}; wanted (N, C, H, W)")
    height, width = images.shape[-2:]
    x = _to_whole_blocks(images, offset).to(torch.float64)
    matrix, scales = _unscaled(x.device)
    steps = steps.to(x.device)
    # (N C H/8, 8, W), which the steps of a row of blocks fit, so that no block is moved in memory
    bands = matrix @ (x.reshape(-1, dct.BLOCK) @ matrix.T).view(-1, dct.BLOCK, x.shape[-1])
    across = (1, x.shape[-1] // dct.BLOCK)
    bands.div_((steps / scales).repeat(across)).round_().mul_((steps * scales).repeat(across))
    rows = (matrix.T @ bands).view(-1, dct.BLOCK) @ matrix
    begin = -offset % dct.BLOCK
    result = rows.view(x.shape)[..., begin : begin + height, begin : begin + width]
    return result.to(torch.float32).clamp_(0, 255)


def _unscaled(device):
    """The DCT's matrix with its rows 0 and 4 as plain signs, and what coefficients then lack of the orthonormal ones.

    The mean of a block of whole grey levels can lie just between two multiples of its step. So that the last bit of
    1/sqrt(8) does not decide where it goes, those bands' sums stay whole numbers until they are divided by 8.
    """
    matrix = dct.orthonormal(torch.float64, device).clone()
    plain = [0, 4]
    matrix[plain] = matrix[plain].sign()
    scales = torch.ones(8, 8, dtype=torch.float64, device=device)
    scales[plain] /= 8**0.5
    scales[:, plain] /= 8**0.5
    for v in plain:
        scales[v, plain] = 1 / 8
    return matrix, scales


def _to_whole_blocks(images, offset):
    """Images mirrored at their edges to whole blocks of a grid that begins ``offset`` pixels down and right."""
    before = (-offset) % dct.BLOCK
    for dimension in (-2, -1):
        size = images.shape[dimension]
        after = -(size + before) % dct.BLOCK
        if before or after:
            places = np.pad(np.arange(size), (before, after), mode="reflect")
            images = images.index_select(dimension, torch.from_numpy(places).to(images.device))
    return images
