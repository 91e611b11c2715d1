"""What can be done to an image without knowing the attack. One protocol, one registry.

A transform maps ``uint8 (N, 3, H, W)`` to the same: ``transform(images, *, seed=None, indices=None)``. It is pure; a
random one draws from the seed and each image's index, so that neither shards nor batches change what an image gets.
It declares its ``name`` in the notation of modifications, whether it is ``differentiable`` and ``stochastic``, whether
it ``resizes``, and its ``output``: one whose authors leave floats gives float32, in grey levels. ``settings`` is what
stands behind the name, and ``of`` reads that again.
"""

from typing import Protocol

import torch

from jpegstudy.transforms.feature_distillation import FeatureDistillation, FeatureDistillation8
from jpegstudy.transforms.jpeg import Jpeg
from jpegstudy.transforms.jpeg_noise import JpegNoise

__all__ = ["TRANSFORMS", "FeatureDistillation", "FeatureDistillation8", "Jpeg", "JpegNoise", "Transform"]


class Transform(Protocol):
    """What every transform offers."""

    name: str
    differentiable: bool
    stochastic: bool
    resizes: bool
    output: torch.dtype
    settings: str

    @classmethod
    def of(cls, settings):
        """The transform with those settings. Raises BadInput for others."""

    def __call__(self, images, *, seed=None, indices=None):
        """Images uint8 (N, 3, H, W) in grey levels, transformed; ``indices`` are the images' numbers, (N,)."""


TRANSFORMS = {transform.name: transform for transform in (Jpeg, JpegNoise, FeatureDistillation, FeatureDistillation8)}
