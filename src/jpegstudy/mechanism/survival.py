"""What survives of a perturbation in each of the 64 bands of the DCT, after a transform of the perturbed image.

With e a coefficient of the perturbation and s what the transform leaves of it (its result with the perturbation, less
that without), the gain E[s e] / E[e^2] is the share of the perturbation's own direction that gets through, and the
energy E[s^2] / E[e^2] the size of what comes out, whatever its direction: a quantizer removes a perturbation where both
are 0, and replaces it by noise where the energy alone is not.

A quantizer whose input already lay on its lattice rounds the perturbation by itself. For a Gaussian coefficient of
deviation d and a step Q, with t = Q / 2d and the normal density phi and distribution Phi,

    gain = 4 t sum over k >= 1 of phi((2k - 1) t)
    energy = sum over k >= 1 of (2 t k)^2 2 [Phi((2k + 1) t) - Phi((2k - 1) t)]

Where the input lies anywhere between two points of the lattice, with every phase as likely, the gain is 1 whatever the
step, as for a quantizer with subtractive dither: that is all the difference between two passes and one.
"""

import numpy as np
import torch
from scipy.stats import norm

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct

REACH = 9.0  # deviations behind which nothing is left of a Gaussian


def predicted_gain(steps, deviations):
    """The gain of quantizers whose input lay on their lattice; arrays of one shape, grey levels, in and out.

    0 where the deviation is 0. Source: the expectation of x round(x), term by term.
    """
    t, terms = _ratios(steps, deviations)
    total = sum(norm.pdf((2 * k - 1) * t) for k in range(1, terms + 1))
    return np.where(np.isinf(t), 0.0, 4 * np.where(np.isinf(t), 0.0, t) * total)


def predicted_energy(steps, deviations):
    """The energy, as ``predicted_gain``; above 1 where survivors are blown up to a whole step."""
    t, terms = _ratios(steps, deviations)
    finite = np.where(np.isinf(t), 0.0, t)
    parts = [
        (2 * finite * k) ** 2 * 2 * (norm.cdf((2 * k + 1) * finite) - norm.cdf((2 * k - 1) * finite))
        for k in range(1, terms + 1)
    ]
    return np.where(np.isinf(t), 0.0, sum(parts))


def _ratios(steps, deviations):
    steps, deviations = np.broadcast_arrays(np.asarray(steps, float), np.asarray(deviations, float))
    if not (steps > 0).all() or not (deviations >= 0).all():
        raise BadInput("steps and deviations in grey levels; wanted steps above 0 and deviations of 0 or more")
    with np.errstate(divide="ignore"):
        t = np.where(deviations > 0, steps / (2 * deviations), np.inf)
    smallest = t.min()
    return t, 1 if np.isinf(smallest) else int(np.ceil((REACH / smallest + 1) / 2)) + 1


class Survival:
    """Sums over blocks and colors, band by band, of any number of images: memory does not grow with them."""

    def __init__(self):
        self.blocks = 0
        self.images = 0
        self._given = np.zeros((8, 8))
        self._left = np.zeros((8, 8))
        self._both = np.zeros((8, 8))

    def add(self, perturbation, left):
        """Count a batch. Both floating (N, 3, H, W), grey levels: what was added to the image that the transform would
        have seen, and what of it is in the transform's result. Blocks that are not whole do not count."""
        if perturbation.shape != left.shape:
            raise BadInput(f"a perturbation of {tuple(perturbation.shape)} and {tuple(left.shape)} left of it")
        height, width = (size - size % dct.BLOCK for size in left.shape[-2:])
        given, survived = (
            dct.coefficients(part[..., :height, :width].to(torch.float64)).reshape(-1, 8, 8).cpu().numpy()
            for part in (perturbation, left)
        )
        self.blocks, self.images = self.blocks + len(given), self.images + len(perturbation)
        self._given += (given**2).sum(axis=0)
        self._left += (survived**2).sum(axis=0)
        self._both += (given * survived).sum(axis=0)

    @property
    def deviations(self):
        """The perturbation's own spectrum: the root mean square of its coefficients, (8, 8), grey levels."""
        return np.sqrt(self._given / max(1, self.blocks))

    @property
    def gain(self):
        """(8, 8), by band; NaN where nothing was perturbed."""
        return _quotient(self._both, self._given)

    @property
    def energy(self):
        """(8, 8), by band."""
        return _quotient(self._left, self._given)

    @property
    def total_gain(self):
        """Over all bands."""
        return float(_quotient(self._both.sum(), self._given.sum()))

    @property
    def total_energy(self):
        """Over all bands."""
        return float(_quotient(self._left.sum(), self._given.sum()))

    def predicted(self, steps):
        """``(gain, energy)`` over all bands by the closed forms, with the perturbation's own spectrum."""
        share = self._given / self._given.sum()
        return tuple(float((share * of(steps, self.deviations)).sum()) for of in (predicted_gain, predicted_energy))


def _quotient(above, below):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
