"""What an attack on a codec may spend: a mean squared error for each image, and a largest change, in 8 bits.

The mean squared error is on pixels from 0 to 1, the mean over an image's pixels and colors, never over a batch: 1e-4 is
a root mean square of 2.55 grey levels. Everything is measured on whole grey levels, as they would be saved.
"""

import contextlib
import math

import numpy as np
import torch
from torch import nn

from jpegstudy.errors import BadInput
from jpegstudy.learned.pixels import check_images, ordered

SHRINK = 0.999  # of a perturbation that rounding took out of its ball, and what it is too long by, until it is back


class Budget:
    """The budget around images: what fits into it. Raises BadInput for one that does not let an image change at all.

    images: uint8 (N, 3, H, W), grey levels.  mse_budget: above 0, on pixels from 0 to 1.
    linf: largest change in grey levels; None is no limit.  numbers: (N,), how messages name the images; None counts.
    """

    def __init__(self, images, mse_budget, linf=16, numbers=None):
        check_images(images)
        check_budget_itself(mse_budget, linf)
        self.images = images
        self.numbers = np.arange(len(images)) if numbers is None else np.asarray(numbers)
        if len(self.numbers) != len(images):
            raise BadInput(f"there are {len(images)} images and {len(self.numbers)} indices; wanted one for each")
        self.mse_budget, self.linf = mse_budget, linf
        self.most = most_squares(mse_budget, images[0].numel())
        if self.most < 1:
            raise BadInput(
                f"image {self.numbers[0]} cannot change within an mse_budget of {mse_budget:g}: one value that moves "
                f"by one grey level takes {1 / 255**2 / images[0].numel():.3g}"
            )
        base = images.to(torch.int16)
        reach = 255 if linf is None else math.floor(linf)
        self.low, self.high = (base - reach).clamp(min=0), (base + reach).clamp(max=255)
        self._box = None

    @property
    def radius(self):
        """The L2 norm that an image's change may have, on pixels from 0 to 1."""
        return math.sqrt(self.mse_budget * self.images[0].numel())

    def boxed(self, x):
        """x, floats (N, 3, H, W) from 0 to 1, clipped to the largest change and to the range of pixels."""
        if self._box is None or self._box[0].dtype != x.dtype:  # every step of an attack asks for it
            self._box = ordered(self.low.to(x) / 255), ordered(self.high.to(x) / 255)
        return torch.clamp(x, *self._box)

    def projected(self, x, base):
        """x, floats, on the ball of the mean squared error around ``base`` where it lies outside, and in the box."""
        change = x - base
        length = change.square().sum((1, 2, 3), keepdim=True).sqrt()
        return self.boxed(base + change * (self.radius / length.clamp(min=1e-30)).clamp(max=1))

    def fitted(self, x):
        """x, floats (N, 3, H, W) from 0 to 1, as 8-bit images within the budget: uint8.

        A change that is too large is made smaller as a whole, by as little as its rounding allows.
        """
        base = self.images.to(x)
        change = x * 255 - base
        squares = change.square().sum((1, 2, 3))
        scale = (self.most / squares.clamp(min=1e-30)).sqrt().clamp(max=1)
        while True:
            rounded = self.rounded(change * scale.to(x).view(-1, 1, 1, 1))
            squares = squares_of(self.images, rounded)
            over = squares > self.most
            if not over.any():
                return rounded
            scale = torch.where(over, scale * SHRINK * (self.most / squares.clamp(min=1)).sqrt(), scale)

    def rounded(self, change):
        """The images with a change in grey levels, floats, rounded and clipped to the box: uint8."""
        moved = (self.images.to(change) + change).round()
        return torch.minimum(torch.maximum(moved, self.low.to(change)), self.high.to(change)).to(torch.uint8)


def check_budget_itself(mse_budget, linf):
    """Raise BadInput unless mse_budget is a number above 0 and up to 1, and linf None or from 1 grey level up."""
    if isinstance(mse_budget, bool) or not isinstance(mse_budget, int | float) or not 0 < mse_budget <= 1:
        raise BadInput(f"mse_budget is {mse_budget!r}; wanted a number above 0 and up to 1, on pixels from 0 to 1")
    if linf is not None and (isinstance(linf, bool) or not isinstance(linf, int | float) or not 1 <= linf <= 255):
        raise BadInput(f"linf is {linf!r}; wanted 1 to 255 grey levels, or None for no limit")


def check_kept(before, after, mse_budget, linf, numbers):
    """Raise BadInput that names the image, by its number of ``numbers`` (N,), that left its budget.

    before, after: uint8 (N, 3, H, W). Measured in whole numbers, from the images as they are.
    """
    squares = squares_of(before, after)
    largest = (after.to(torch.int16) - before.to(torch.int16)).abs().flatten(1).amax(1)
    most = most_squares(mse_budget, before[0].numel())
    for number, spent, change in zip(numbers, squares.tolist(), largest.tolist(), strict=True):
        if spent > most:
            spent = spent / before[0].numel() / 255**2
            raise BadInput(f"image {number} has a mean squared error of {spent:.6g}; wanted at most {mse_budget:g}")
        if linf is not None and change > linf:
            raise BadInput(f"image {number} changed by {change} grey levels; wanted at most {linf:g}")


def most_squares(mse_budget, values):
    """The sum of squared changes, in whole grey levels, that fits into a mean squared error over ``values``."""
    return math.floor(mse_budget * 255**2 * values * (1 + 1e-12))


def squares_of(before, after):
    """The sum of squared changes of each image in grey levels: int64 (N,)."""
    change = after.to(torch.int32) - before.to(torch.int32)
    return change.square().flatten(1).sum(1)


def mean_squares(before, after):
    """The mean squared error of each image, uint8 (N, 3, H, W), on pixels from 0 to 1: float64 (N,), on the CPU."""
    return squares_of(before, after).cpu().double() / before[0].numel() / 255**2


@contextlib.contextmanager
def frozen(codec):
    """A context in which a module is in eval mode and its parameters want no gradient; after it, all is as before.

    What holds a module as its ``codec`` counts for that; anything else is left alone.
    """
    while not isinstance(codec, nn.Module) and hasattr(codec, "codec"):
        codec = codec.codec
    modules = list(codec.modules()) if isinstance(codec, nn.Module) else []
    parameters = list(codec.parameters()) if isinstance(codec, nn.Module) else []
    modes, wishes = [each.training for each in modules], [each.requires_grad for each in parameters]
    try:
        for module in modules:
            module.training = False
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for parameter, wish in zip(parameters, wishes, strict=True):
            parameter.requires_grad_(wish)
