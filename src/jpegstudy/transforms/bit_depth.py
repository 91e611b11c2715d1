"""Fewer grey levels: bit-depth reduction, the first of feature squeezing's two squeezers."""

from dataclasses import dataclass

import torch

from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.settings import refuse, whole

WANTED = "bits from 1 to 8; 5, the authors' choice for ImageNet, where nothing stands"


@dataclass(frozen=True)
class BitDepth:
    """BITS: each grey level moves to the nearest of 2^depth levels that are spread evenly from 0 to 255.

    depth: in bits, 1 to 8; 8 changes nothing. Raises BadInput for another.
    The result is round(255 * round(m x / 255) / m) with m = 2^depth - 1; the outer rounding, to whole grey levels, is
    ours, for images are 8-bit here. m and 255 are odd, so that nothing lies half-way, and whole-number arithmetic is
    exact.
    Source: Xu et al. 2018 (feature squeezing), color depth; the depth is that of their best joint detector on
    ImageNet. Guo et al. 2018 round to multiples of 2^-depth instead, which gives one level more.
    """

    depth: int = 5
    name = "BITS"
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if type(self.depth) is not int or not 1 <= self.depth <= 8:
            refuse(self.name, self.depth, WANTED)

    @property
    def settings(self):
        """The depth; nothing for the authors'."""
        return "" if self.depth == 5 else str(self.depth)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(whole(cls.name, settings, WANTED)) if settings else cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        check_images(images)
        return levels(self.depth).to(images.device)[images.long()]


def levels(depth):
    """What each of the 256 grey levels becomes: uint8 (256,)."""
    highest = 2**depth - 1
    step = (2 * highest * torch.arange(256) + 255) // (2 * 255)  # a // b is the floor: this rounds m x / 255
    return ((2 * 255 * step + highest) // (2 * highest)).to(torch.uint8)
