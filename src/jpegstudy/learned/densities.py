"""The probabilities of latents: learned per channel (factorized), or Gaussian with a scale and a mean for each.

A density quantizes latents, float (N, C, H, W), gives the likelihood of what results, and makes the tables that code
it. Names and shapes of parameters and buffers are those of CompressAI's files.
"""

import copy
import hashlib
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from jpegstudy.errors import BadInput
from jpegstudy.learned.layers import LowerBound
from jpegstudy.learned.tables import LARGEST, TAIL, WIDEST, Tables

LEAST_LIKELIHOOD = 1e-9  # about 30 bits
LEAST_SCALE = 0.11
LARGEST_SCALE, SCALES = 256, 64  # of the table of scales: 64 from 0.11 to 256, evenly spaced in their logarithms
TABLES = ("_quantized_cdf", "_offset", "_cdf_length")  # buffers that follow from the rest


def noisy(latents):
    """Latents with uniform noise of -0.5 to 0.5 added: what stands for rounding in training."""
    return latents + torch.empty_like(latents).uniform_(-0.5, 0.5)


def whole(values):
    """Rounded float values (C, H, W) as int64, in the order of memory, as numpy (C H W).

    Raises BadInput if some are too large for the coder, or not finite.
    """
    values = values.detach().flatten().cpu()
    if not (values.abs() < LARGEST).all():  # false for NaN too
        raise BadInput(
            "the codec's latents are not finite, or too large to be coded; its weights, or this image, blow up"
        )
    return values.long().numpy()


class _Density(nn.Module):
    """What both have: the floor of likelihoods, and buffers for the tables."""

    def __init__(self):
        super().__init__()
        self.likelihood_lower_bound = LowerBound(LEAST_LIKELIHOOD)
        for name in TABLES:
            self.register_buffer(name, torch.empty(0, dtype=torch.int32))
        self._made_from, self._tables = None, None

    def tables(self):
        """The Tables of the weights as they are now: made again if they have changed. Kept in the buffers too."""
        made_from = self._fingerprint()
        if self._made_from != made_from:
            self._tables, self._made_from = self._make(), made_from
            for name, array in zip(TABLES, (self._tables.cdf, self._tables.offset, self._tables.length), strict=True):
                setattr(self, name, torch.from_numpy(array).to(getattr(self, name).device))
        return self._tables

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in TABLES:  # their sizes differ from file to file
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=getattr(self, name).device))
        super()._load_from_state_dict(state_dict, prefix, *args)


class FactorizedDensity(_Density):
    """Each channel's own density: the slope of a learned, monotone cumulative function, whatever the place.

    The function is a small network per channel, 1 -> 3 -> 3 -> 3 -> 3 -> 1: y <- softplus(matrix) y + bias, then
    y <- y + tanh(factor) tanh(y) but in the last layer, which a sigmoid follows. Latents are rounded around a learned
    median, the middle one of three quantiles.
    Source: Balle et al. 2018, arXiv 1802.01436, appendix 6.1.
    """

    widths = (1, 3, 3, 3, 3, 1)

    def __init__(self, channels, *, scale=10.0):
        """scale: about how far latents spread before training."""
        super().__init__()
        self.channels, self.layers = channels, len(self.widths) - 1
        each = scale ** (1 / self.layers)
        for layer, (inputs, outputs) in enumerate(zip(self.widths[:-1], self.widths[1:], strict=True)):
            start = math.log(math.expm1(1 / each / outputs))
            self.register_parameter(f"_matrix{layer}", nn.Parameter(torch.full((channels, outputs, inputs), start)))
            bias = torch.empty(channels, outputs, 1).uniform_(-0.5, 0.5)
            self.register_parameter(f"_bias{layer}", nn.Parameter(bias))
            if layer < self.layers - 1:
                self.register_parameter(f"_factor{layer}", nn.Parameter(torch.zeros(channels, outputs, 1)))
        self.quantiles = nn.Parameter(torch.tensor([-scale, 0.0, scale]).repeat(channels, 1, 1))  # (C, 1, 3)
        edge = math.log(2 / LEAST_LIKELIHOOD - 1)
        self.register_buffer("target", torch.tensor([-edge, 0.0, edge]))

    @property
    def medians(self):
        """What latents are rounded around, (C, 1, 1). Only ``quantile_loss`` moves them."""
        return self.quantiles[:, :, 1:2].detach()

    def logits(self, values, *, train=True):
        """The logit of each channel's cumulative function at values, floats (C, 1, K), of the same shape.

        train: False keeps gradients from the function's parameters.
        """
        for layer in range(self.layers):
            matrix, bias = getattr(self, f"_matrix{layer}"), getattr(self, f"_bias{layer}")
            factor = getattr(self, f"_factor{layer}", None)
            if not train:
                matrix, bias, factor = (each if each is None else each.detach() for each in (matrix, bias, factor))
            values = F.softplus(matrix.to(values.dtype)) @ values + bias.to(values.dtype)
            if factor is not None:
                values = values + torch.tanh(factor.to(values.dtype)) * torch.tanh(values)
        return values

    def likelihood(self, values):
        """P(value - 0.5 < latent < value + 0.5), at least LEAST_LIKELIHOOD, of values (N, C, H, W); the same shape."""
        flat = values.transpose(0, 1).reshape(self.channels, 1, -1)
        lower, upper = self.logits(flat - 0.5), self.logits(flat + 0.5)
        side = -torch.sign(lower + upper).detach()  # both on the side where a sigmoid is small, and floats are fine
        mass = (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()
        count, _, height, width = values.shape
        mass = mass.reshape(self.channels, count, height, width).transpose(0, 1)
        return self.likelihood_lower_bound(mass)

    def rounded(self, latents):
        """Latents (N, C, H, W) rounded around the medians."""
        return torch.round(latents - self.medians) + self.medians

    def forward(self, latents):
        """(quantized latents, their likelihoods): with noise in training, else rounded around the medians."""
        values = noisy(latents) if self.training else self.rounded(latents)
        return values, self.likelihood(values)

    def quantile_loss(self):
        """How far the quantiles' logits are from those wanted, summed; its gradient moves the quantiles only."""
        return (self.logits(self.quantiles, train=False) - self.target).abs().sum()

    def through(self, coder, latents, shape):
        """Quantized latents (1, C, H, W) that a Writer writes, or that a Reader reads where ``latents`` is None.

        shape: (H, W). Equal to what ``forward`` rounds latents to, to the bit.
        """
        symbols = None if latents is None else whole(torch.round(latents - self.medians))
        rows = np.repeat(np.arange(self.channels), shape[0] * shape[1])
        symbols = torch.from_numpy(coder(symbols, rows, self.tables()))
        return symbols.reshape(1, self.channels, *shape).to(self.medians) + self.medians

    def _fingerprint(self):
        state = [value.detach().cpu().numpy().tobytes() for value in self.parameters()]
        return hashlib.sha256(b"".join(state)).digest()

    @torch.no_grad()
    def _make(self):
        """Tables around the medians, as wide as the function says, wherever the outer quantiles stand."""
        if self.quantiles.device.type != "cpu":  # not every device has float64
            return copy.deepcopy(self).cpu()._make()
        medians = self.medians.double()[:, 0]  # (C, 1)
        edge = math.log(2 / TAIL - 1)
        first, last = (self._where(target)[:, 0] - medians for target in (-edge, edge))  # (C, 1) each
        first = first.floor().clamp(-WIDEST, 0).long().flatten().tolist()
        last = last.ceil().clamp(0, WIDEST).long().flatten().tolist()
        steps = torch.arange(min(first), max(last) + 2, dtype=torch.float64)
        cumulated = torch.sigmoid(self.logits((medians + steps - 0.5)[:, None]))[:, 0].numpy()  # (C, K)
        masses = [
            np.diff(row[a - min(first) : b - min(first) + 2]) for row, a, b in zip(cumulated, first, last, strict=True)
        ]
        return Tables.of(masses, first)

    def _where(self, target):
        """Where each channel's logit is ``target``, within 2**-10, (C, 1, 1) float64, by halving."""
        low = torch.full((self.channels, 1, 1), -(2.0**16), dtype=torch.float64)
        high = -low
        for _ in range(27):
            middle = (low + high) / 2
            below = self.logits(middle) < target
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2


class GaussianConditional(_Density):
    """A Gaussian for each latent, integrated over a rounding interval, of a scale and a mean that something predicts.

    Scales below 0.11 count as 0.11. Tables exist for 64 scales; a latent goes by the one nearest to its own in the
    logarithm, and is rounded around its mean, so a symbol is its distance from the mean.
    Source: Balle et al. 2018, arXiv 1802.01436, equation 8; the means: Minnen et al. 2018, arXiv 1809.02736.
    """

    def __init__(self):
        super().__init__()
        self.lower_bound_scale = LowerBound(LEAST_SCALE)
        scales = torch.exp(torch.linspace(math.log(LEAST_SCALE), math.log(LARGEST_SCALE), SCALES))
        self.register_buffer("scale_table", scales)
        self.register_buffer("scale_bound", torch.tensor([LEAST_SCALE]))

    def likelihood(self, values, scales, means):
        """P(value - 0.5 < latent < value + 0.5), at least LEAST_LIKELIHOOD; all of one shape, floats."""
        scales = self.lower_bound_scale(scales)
        distance = (values - means).abs()  # of the two equal tails the one where floats are fine
        mass = _cumulated((0.5 - distance) / scales) - _cumulated((-0.5 - distance) / scales)
        return self.likelihood_lower_bound(mass)

    def rounded(self, latents, means):
        """Latents rounded around their means."""
        return torch.round(latents - means) + means

    def forward(self, latents, scales, means):
        """(quantized latents, their likelihoods): with noise in training, else rounded around the means."""
        values = noisy(latents) if self.training else self.rounded(latents, means)
        return values, self.likelihood(values, scales, means)

    def through(self, coder, latents, scales, means):
        """Quantized latents (1, C, H, W) that a Writer writes, or that a Reader reads where ``latents`` is None.

        Equal to what ``forward`` rounds latents to, to the bit.
        """
        symbols = None if latents is None else whole(torch.round(latents - means))
        symbols = torch.from_numpy(coder(symbols, self.rows(scales), self.tables()))
        return symbols.reshape(means.shape).to(means) + means

    @torch.no_grad()
    def rows(self, scales):
        """The table of each scale, as numpy int64 (K,): the nearest in the logarithm."""
        logs = torch.log(self.scale_table.cpu().double())
        between = (logs[1:] + logs[:-1]) / 2
        wanted = torch.log(self.lower_bound_scale(scales).flatten().cpu().double())
        return torch.bucketize(wanted, between).numpy()

    def _fingerprint(self):
        return self.scale_table.cpu().numpy().tobytes()

    def _make(self):
        scales = self.scale_table.double().cpu()
        wide = -math.sqrt(2) * float(torch.erfinv(torch.tensor(TAIL - 1, dtype=torch.float64)))  # deviations
        masses, offsets = [], []
        for scale in scales.tolist():
            side = min(math.ceil(scale * wide), WIDEST)
            steps = torch.arange(-side, side + 1, dtype=torch.float64).abs()
            masses.append((_cumulated((0.5 - steps) / scale) - _cumulated((-0.5 - steps) / scale)).numpy())
            offsets.append(-side)
        return Tables.of(masses, offsets)


def _cumulated(x):
    """The standard Gaussian's cumulative function, through erfc, whose tails are fine."""
    return 0.5 * torch.erfc(-(2**-0.5) * x)
