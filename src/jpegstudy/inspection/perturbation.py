"""A perturbation of any size in grey levels, fractions too, and how large one is that somebody else made."""

from dataclasses import dataclass

import torch

from jpegstudy import attacks
from jpegstudy.errors import BadInput

LARGEST_EPSILON = 255


def check_epsilon(epsilon, largest=LARGEST_EPSILON):
    """Raise BadInput unless ``epsilon`` is a number of grey levels from 0 to ``largest``."""
    if type(epsilon) not in (int, float) or not 0 <= epsilon <= largest:  # which no NaN is
        raise BadInput(f"epsilon is {epsilon!r}; wanted a number of grey levels from 0 to {largest}")


def move(image, sign, *, epsilon):
    """clip(x + epsilon * sign, 0, 255), not rounded: Adv_epsilon(x) before it is saved.

    image: uint8 (3, H, W), grey levels.  sign: int8, same shape.  epsilon: grey levels, fractions too.
    Returns uint8 for a whole epsilon, where nothing has to be rounded; otherwise float32. Of whole grey levels moved by
    a fraction, rounding leaves whole ones: the nearest epsilon's, and of a half either.
    Raises BadInput as ``check_epsilon``.
    """
    check_epsilon(epsilon)
    if epsilon == int(epsilon):
        return attacks.perturb(image, sign, epsilon=int(epsilon))
    return (image.float() + epsilon * sign).clamp_(0, 255)


@dataclass(frozen=True)
class Size:
    """How large a perturbation is: ``largest`` and ``rms`` in grey levels, and how many of ``count`` values differ."""

    largest: float
    rms: float
    changed: int
    count: int

    def __str__(self):
        plural = "" if self.largest == 1 else "s"
        share = self.changed / self.count
        return (
            f"largest change {self.largest:g} grey level{plural}, rms {self.rms:.2f}, "
            f"{self.changed:,} of {self.count:,} values changed ({share:.1%})"
        )


def size_of(before, after):
    """The Size of what was done to an image. Both (3, H, W), in grey levels, uint8 or floating."""
    change = after.double() - before.double()
    return Size(
        largest=round(change.abs().max().item(), 4),
        rms=change.square().mean().sqrt().item(),
        changed=int(torch.count_nonzero(change)),
        count=change.numel(),
    )
