"""JPEG noise: what JPEG changed, shuffled over the image. The 2016 study's control.

It shares every permutation-invariant statistic with what JPEG did, and has lost where and in which direction.
"""

from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.errors import BadInput
from jpegstudy.transforms.jpeg import Jpeg, JpegSettings


def permutation(seed, index, size):
    """P of one image: a uniform permutation of ``size`` entries that depends on the seed and the image's index only."""
    return np.random.default_rng([seed, int(index)]).permutation(size)


@dataclass(frozen=True)
class JpegNoise(JpegSettings):
    """JPGnoise(x') = clip(x' + P Δ(x'), 0, 255) with the residual Δ(x') = JPG(x') - x'.

    P permutes all 3*H*W entries together; it is drawn once per image and shared by every epsilon.
    Source: Dziugaite et al. 2016, equations 2 and 3; the clip is the project's default reading.
    """

    quality: int = 75
    subsampling: str = "4:2:0"
    codec: str = "auto"  # of jpeg.CODECS
    name = "JPGnoise"
    output = torch.uint8
    differentiable = False
    stochastic = True
    resizes = False

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform. Raises BadInput without a seed and one index for each image."""
        if seed is None or indices is None or len(indices) != len(images):
            raise BadInput("JPEG noise is random: it needs a seed and the index of each image")
        compressed = Jpeg(self.quality, self.subsampling, self.codec)(images)
        before = images.cpu().numpy().reshape(len(images), -1).astype(np.int16)
        residual = compressed.cpu().numpy().reshape(before.shape) - before
        result = np.empty(before.shape, np.uint8)
        rows = {}  # rows of the same image, at different epsilons, share one drawing
        for row, index in enumerate(indices):
            rows.setdefault(int(index), []).append(row)
        for index, same in rows.items():
            order = permutation(seed, index, before.shape[1])
            for row in same:
                result[row] = np.clip(before[row] + residual[row].take(order), 0, 255)
        return torch.from_numpy(result.reshape(images.shape)).to(images.device)
