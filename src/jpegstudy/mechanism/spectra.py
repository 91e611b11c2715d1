"""Where in frequency and color perturbations, gradients and images lie, beside the steps that JPEG quantizes with.

A spectrum is (3, 8, 8): luma, Cb and Cr, and the 64 bands of the orthonormal 8x8 DCT in natural order (dct.zigzag gives
JPEG's). Everything is linear in the values and unrounded, and a perturbation is taken without the shift of an image's
luma by 128, which moves only the mean's band. RGB values are in grey levels, so coefficients are too: they compare with
the steps as they are.

subsampling says on which grid chroma's bands lie: "4:4:4" on the image's, "4:2:0" on that of a file with halved chroma,
whose steps apply there. Blocks that are not whole do not count; with subsampling, nor do units of 16 pixels.

The energies of the three planes do not add up to that of RGB, for the axes of YCbCr are not orthogonal. ``strengths``
do add up: to the product of gradient and perturbation.
"""

import numpy as np
import pandas as pd
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, sampling, tables
from jpegstudy.jpeg.arguments import check_subsampling
from jpegstudy.mechanism.survival import predicted_energy, predicted_gain

PLANES = ("luma", "Cb", "Cr")
GROUPS = {"low": (1, 10), "middle": (10, 36), "high": (36, 64)}  # of bands in the zig-zag order, without the mean


def steps_of(quality):
    """The quantization steps of each plane and band: float64 (3, 8, 8), grey levels. Raises BadInput as the tables."""
    luma, chroma = tables.for_quality(quality).to(torch.float64).numpy()
    return np.stack([luma, chroma, chroma])


def blocks_of(subsampling):
    """How many blocks each plane has for one of Cb's: (3,). Mean squares times these compare as energies."""
    check_subsampling(subsampling)
    down, across = sampling.FACTORS[subsampling]
    return np.array([down * across, 1, 1])


def coefficients(values, subsampling="4:4:4"):
    """Each plane's coefficients, a list of three float64 (N, blocks, 8, 8); values and errors as for ``band_power``."""
    luma, chroma = (dct.coefficients(plane).flatten(2, 3) for plane in _planes(values, subsampling))
    return [luma[:, 0], chroma[:, 0], chroma[:, 1]]


def band_power(values, *, subsampling="4:4:4"):
    """The mean square coefficient of each plane and band of each image: float64 (N, 3, 8, 8), squared grey levels.

    values: uint8 or floating (N, 3, H, W), grey levels: images, perturbations, gradients.
    Raises BadInput for another shape, or images without a whole block.
    """
    planes = coefficients(values, subsampling)
    return np.stack([plane.square().mean(dim=1).cpu().numpy() for plane in planes], axis=1)


def strengths(gradient, perturbation, *, subsampling="4:4:4"):
    """What each plane and band adds to the product of gradient and perturbation: float64 (N, 3, 8, 8).

    gradient, perturbation: floating (N, 3, H, W), per grey level and in grey levels.
    With "4:4:4" the 192 numbers of an image add up to <gradient, perturbation> over its whole blocks: the first order
    of what the attack does. With subsampled chroma they add up to what of that is left once chroma was halved and
    interpolated, and each is what a band of the file carries: times that band's gain, what JPEG leaves of it.
    Raises BadInput for shapes that differ, and as ``band_power``.
    """
    if gradient.shape != perturbation.shape:
        raise BadInput(f"a gradient of {tuple(gradient.shape)} and a perturbation of {tuple(perturbation.shape)}")
    moved = _planes(perturbation, subsampling)
    products = [
        (dct.coefficients(g) * dct.coefficients(p)).sum(dim=(2, 3))
        for g, p in zip(_of_planes(gradient, subsampling), moved, strict=True)
    ]
    return torch.cat(products, dim=1).cpu().numpy()


def sensitivity_power(gradient, *, subsampling="4:4:4"):
    """The mean square of what the objective changes by with each plane's and band's coefficients: float64 (N, 3, 8, 8).

    gradient: floating (N, 3, H, W), per grey level of RGB; per grey level of a coefficient comes out. That is not the
    spectrum of the gradient taken for an image: a coefficient of luma moves all three colors.
    Raises BadInput as ``band_power``.
    """
    luma, chroma = (dct.coefficients(plane).square().mean(dim=(2, 3)) for plane in _of_planes(gradient, subsampling))
    return torch.cat([luma, chroma], dim=1).cpu().numpy()


def _of_planes(gradient, subsampling):
    """The gradient with respect to luma (N, 1, H, W) and chroma (N, 2, h, w): float64, whole blocks only."""
    height, width = whole_sides(gradient, subsampling)
    at = [torch.zeros_like(plane).requires_grad_() for plane in _planes(gradient, subsampling)]
    with torch.enable_grad():  # the way back is linear; its transpose takes the gradient from RGB to the planes
        chroma = sampling.upsample(at[1], subsampling, height, width, rounded=False)
        back = color.to_rgb(at[0] - 128, chroma, rounded=False)
        return torch.autograd.grad(back, at, gradient[..., :height, :width].to(torch.float64))


class Spectrum:
    """The spectrum of any number of images: memory does not grow with them."""

    def __init__(self, *, subsampling="4:4:4"):
        check_subsampling(subsampling)
        self.subsampling = subsampling
        self.images = 0
        self.blocks = np.zeros(3, int)  # of each plane
        self._squares = np.zeros((3, 8, 8))

    def add(self, values):
        """Count a batch; values and errors as for ``band_power``."""
        self._count(coefficients(values, self.subsampling))

    def _count(self, planes):
        for number, plane in enumerate(planes):
            self._squares[number] += plane.square().sum(dim=(0, 1)).cpu().numpy()
            self.blocks[number] += plane.shape[0] * plane.shape[1]
        self.images += len(planes[0])

    @property
    def deviations(self):
        """The root mean square coefficient, (3, 8, 8), grey levels; 0 before the first image."""
        return np.sqrt(self._squares / np.maximum(1, self.blocks)[:, None, None])

    @property
    def shares(self):
        """Of each plane's own energy, (3, 8, 8), each plane adding up to 1; NaN for a plane without energy."""
        return _quotient(self._squares, self._squares.sum(axis=(1, 2), keepdims=True))


class PlaneSurvival:
    """What survives of a perturbation by plane and band, of any number of images. See mechanism.survival for the terms.

    That one counts the colors of RGB together; this one counts the planes that are quantized, each on its own.
    """

    def __init__(self, *, subsampling="4:4:4"):
        self._given, self._left = Spectrum(subsampling=subsampling), Spectrum(subsampling=subsampling)
        self._both = np.zeros((3, 8, 8))

    def add(self, perturbation, left):
        """Count a batch: what was added to images, and what of it is in the results; floating (N, 3, H, W), grey
        levels. Raises BadInput for shapes that differ, and as ``band_power``."""
        if perturbation.shape != left.shape:
            raise BadInput(f"a perturbation of {tuple(perturbation.shape)} and {tuple(left.shape)} left of it")
        given, survived = (coefficients(values, self._given.subsampling) for values in (perturbation, left))
        self._given._count(given)
        self._left._count(survived)
        for number, pair in enumerate(zip(given, survived, strict=True)):
            self._both[number] += (pair[0] * pair[1]).sum(dim=(0, 1)).cpu().numpy()

    @property
    def images(self):
        """How many were counted."""
        return self._given.images

    @property
    def blocks(self):
        """How many were counted of each plane, (3,)."""
        return self._given.blocks

    @property
    def deviations(self):
        """The perturbation's spectrum, (3, 8, 8), grey levels."""
        return self._given.deviations

    @property
    def gain(self):
        """(3, 8, 8); NaN where nothing was perturbed."""
        return _quotient(self._both, self._given._squares)

    @property
    def energy(self):
        """(3, 8, 8); NaN where nothing was perturbed."""
        return _quotient(self._left._squares, self._given._squares)

    @property
    def plane_gain(self):
        """Of each plane over all its bands, (3,)."""
        return _quotient(self._both.sum(axis=(1, 2)), self._given._squares.sum(axis=(1, 2)))

    @property
    def plane_energy(self):
        """Of each plane over all its bands, (3,)."""
        return _quotient(self._left._squares.sum(axis=(1, 2)), self._given._squares.sum(axis=(1, 2)))

    def predicted_on_lattice(self, steps):
        """``(gain, energy)``, each (3, 8, 8), by the closed forms for images that were quantized with ``steps`` before.

        For images that were not, see mechanism.prediction.
        """
        return predicted_gain(steps, self.deviations), predicted_energy(steps, self.deviations)


def band_table(quality, **spectra):
    """A tidy table of spectra beside a quality's steps: plane, band (zig-zag), v, u, step, and a column a spectrum.

    spectra: (3, 8, 8) each, such as ``deviations`` of an accumulator.  192 rows.
    """
    order = dct.zigzag().numpy()
    table = pd.DataFrame({"plane": np.repeat(PLANES, 64), "band": np.tile(np.arange(64), 3)})
    table["v"], table["u"] = np.tile(order // 8, 3), np.tile(order % 8, 3)
    for name, values in {"step": steps_of(quality), **spectra}.items():
        table[name] = np.asarray(values).reshape(3, 64)[:, order].ravel()
    return table


def share_table(power):
    """Shares of each image's mean square coefficients, a row an image, from ``band_power``, (N, 3, 8, 8).

    Columns: chroma_share, Cb's and Cr's of the sum over the three planes, each counted alike; mean_share, low_share,
    middle_share, high_share: of luma's energy in its mean, and in the bands 1 to 9, 10 to 35 and 36 to 63 of the
    zig-zag order.
    NaN where there is no energy.
    """
    ordered = np.asarray(power).reshape(len(power), 3, 64)[:, :, dct.zigzag().numpy()]
    luma = ordered[:, 0]
    found = {"chroma_share": _quotient(ordered[:, 1:].sum(axis=(1, 2)), ordered.sum(axis=(1, 2)))}
    for name, (first, end) in {"mean": (0, 1), **GROUPS}.items():
        found[f"{name}_share"] = _quotient(luma[:, first:end].sum(axis=1), luma.sum(axis=1))
    return pd.DataFrame(found)


def texture_table(images):
    """How much texture each image has, a row an image: uint8 or floating (N, 3, H, W), grey levels.

    Columns: log_texture, the logarithm to base 10 of luma's mean square coefficient without the mean's band, of which
    grey_levels^2 / 100 are added so that a flat image has one; fine_share, the share of that energy in bands 36 to 63.
    NaN for the share of a flat image.
    """
    power = band_power(images)[:, 0].reshape(len(images), 64)[:, dct.zigzag().numpy()][:, 1:]
    fine = power[:, GROUPS["high"][0] - 1 :].sum(axis=1)
    return pd.DataFrame(
        {"log_texture": np.log10(power.mean(axis=1) + 0.01), "fine_share": _quotient(fine, power.sum(axis=1))}
    )


def whole_sides(values, subsampling):
    """Height and width of the whole blocks, or units, of images (N, 3, H, W). Raises BadInput where there are none."""
    check_subsampling(subsampling)
    if values.dim() != 4 or values.shape[1] != 3:
        raise BadInput(f"values are {tuple(values.shape)}; wanted (N, 3, H, W)")
    units = [dct.BLOCK * factor for factor in sampling.FACTORS[subsampling]]
    height, width = (size - size % unit for size, unit in zip(values.shape[-2:], units, strict=True))
    if not height or not width:
        raise BadInput(f"images of {values.shape[-2]} x {values.shape[-1]}; wanted {units[0]} x {units[1]} or larger")
    return height, width


def _planes(values, subsampling):
    """Luma (N, 1, H, W) and chroma (N, 2, h, w), linear, float64, whole blocks only."""
    height, width = whole_sides(values, subsampling)
    luma, chroma = color.to_ycbcr(values[..., :height, :width].detach().to(torch.float64), rounded=False)
    return [luma + 128, sampling.downsample(chroma, subsampling, rounded=False)]


def _quotient(above, below):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
