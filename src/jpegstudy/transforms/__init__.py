"""What can be done to an image without knowing the attack. One protocol, one registry.

A transform maps ``uint8 (N, 3, H, W)`` to the same: ``transform(images, *, seed=None, indices=None)``. It is pure; a
random one draws from the seed and each image's index, so that neither shards nor batches change what an image gets.
It declares its ``name`` in the notation of modifications, whether it is ``stochastic``, whether it ``resizes``, and its
``output``: one whose authors leave floats gives float32, in grey levels. One that is ``differentiable`` has a method
``smooth``: the same of floating images, but for rounding, through which gradients flow. ``settings`` is what
stands behind the name, and ``of`` reads that again.

    jpeg, jpeg_noise                                the study's subject and its control
    feature_distillation, distillation_tables       quantization made for networks
    slq                                             JPEG at a quality that changes from tile to tile
    bit_depth, median, gaussian                     fewer grey levels; smoothing
    total_variation, quilting, resize_and_pad       what others put before the classifier
    jpeg2000, webp                                  other codecs; they tell their bits too
    custom                                          a user's own function

    finding     from a name with settings to the transform      patches         databases to quilt from
    settings    what stands behind a name, read and written     pillow_files    images as Pillow's files, and back
    drawing     the generators of what is random                threads         images through a few threads
"""

from typing import Protocol

import torch

from jpegstudy.transforms.bit_depth import BitDepth
from jpegstudy.transforms.custom import Custom
from jpegstudy.transforms.feature_distillation import FeatureDistillation, FeatureDistillation8
from jpegstudy.transforms.finding import TRANSFORMS, find
from jpegstudy.transforms.gaussian import Gaussian
from jpegstudy.transforms.jpeg import Jpeg
from jpegstudy.transforms.jpeg2000 import Jpeg2000
from jpegstudy.transforms.jpeg_noise import JpegNoise
from jpegstudy.transforms.median import Median
from jpegstudy.transforms.quilting import Quilt
from jpegstudy.transforms.resize_and_pad import ResizeAndPad
from jpegstudy.transforms.slq import Slq
from jpegstudy.transforms.total_variation import TotalVariation
from jpegstudy.transforms.webp import Webp

__all__ = [
    "TRANSFORMS", "BitDepth", "Custom", "FeatureDistillation", "FeatureDistillation8", "Gaussian", "Jpeg", "Jpeg2000",
    "JpegNoise", "Median", "Quilt", "ResizeAndPad", "Slq", "TotalVariation", "Transform", "Webp", "find",
]  # fmt: skip


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
