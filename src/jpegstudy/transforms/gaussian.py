"""Gaussian blur."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.settings import decimal, refuse, written

WANTED = "sigma in pixels, 0.1 to 50, such as GAUSS1 or GAUSS0.5; there is no authors' choice to fall back on"


@dataclass(frozen=True)
class Gaussian:
    """GAUSS: each channel is convolved with a Gaussian and rounded to the nearest grey level; borders are reflected.

    sigma: in pixels, 0.1 to 50; the window ends at four of them. Raises BadInput for another.
    No one setting is the authors': papers name blur among the transforms tried and vary sigma. So it has no default,
    and a study sweeps it.
    Source: Kurakin et al. 2017 (adversarial examples in the physical world) try it among their artificial transforms.
    """

    sigma: float
    name = "GAUSS"
    differentiable = True
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if isinstance(self.sigma, bool) or not isinstance(self.sigma, int | float) or not 0.1 <= self.sigma <= 50:
            refuse(self.name, self.sigma, WANTED)

    @property
    def settings(self):
        """Sigma."""
        return written(self.sigma)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(decimal(cls.name, settings, WANTED))

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        check_images(images)
        blurred = blur(images.cpu().numpy().astype(np.float64), self.sigma)
        return torch.from_numpy(np.rint(blurred).clip(0, 255).astype(np.uint8)).to(images.device)

    def smooth(self, images, *, seed=None, indices=None):
        """The same of floating images, not rounded, through which gradients flow."""
        return _Blur.apply(images, self.sigma)


def blur(values, sigma):
    """Values (N, C, H, W), a numpy array, smoothed along their last two axes, mirrored at the edges."""
    return ndimage.gaussian_filter(values, sigma=(0, 0, sigma, sigma), mode="reflect", truncate=4)


class _Blur(torch.autograd.Function):
    """Its matrix is symmetric, as the kernel and the mirrored edges are: gradients are blurred like images."""

    @staticmethod
    def forward(context, images, sigma):
        context.sigma = sigma
        return _blurred(images, sigma)

    @staticmethod
    def backward(context, gradient):
        return _blurred(gradient, context.sigma), None


def _blurred(images, sigma):
    return torch.from_numpy(blur(images.detach().cpu().numpy(), sigma)).to(images)
