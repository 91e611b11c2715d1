"""What can be done to an image without knowing the attack. One protocol, one registry.

A transform maps ``uint8 (N, 3, H, W)`` to the same: ``transform(images, *, seed=None, indices=None)``. It is pure; a
random one draws from the seed and each image's index, so that neither shards nor batches change what an image gets.
It declares its ``name`` in the notation of modifications, and whether it is ``differentiable`` and ``stochastic``.
"""

from typing import Protocol

from jpegstudy.transforms.jpeg import Jpeg
from jpegstudy.transforms.jpeg_noise import JpegNoise

__all__ = ["TRANSFORMS", "Jpeg", "JpegNoise", "Transform"]


class Transform(Protocol):
    """What every transform offers."""

    name: str
    differentiable: bool
    stochastic: bool

    def __call__(self, images, *, seed=None, indices=None):
        """Images uint8 (N, 3, H, W) in grey levels, transformed; ``indices`` are the images' numbers, (N,)."""


TRANSFORMS = {transform.name: transform for transform in (Jpeg, JpegNoise)}
