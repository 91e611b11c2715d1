"""The layers of learned codecs: strided convolutions and generalized divisive normalization (GDN).

Names and shapes of parameters and buffers are those of CompressAI's files, so that its published weights fit.
"""

import torch
import torch.nn.functional as F
from torch import nn

TINY = 2.0**-18  # what keeps a square root's slope finite where beta or gamma is 0
LEAST_BETA = 1e-6


class _LowerBound(torch.autograd.Function):
    """max(x, bound), through which a gradient passes below the bound too if a step along it leads back up."""

    @staticmethod
    def forward(context, x, bound):
        context.save_for_backward(x, bound)
        return torch.maximum(x, bound)

    @staticmethod
    def backward(context, gradient):
        x, bound = context.saved_tensors
        return gradient * ((x >= bound) | (gradient < 0)), None


class LowerBound(nn.Module):
    """max(x, bound), elementwise, of floats of any shape.

    Below the bound, only gradients that training's step would follow upward pass: plain clamping would leave a
    parameter that once fell below it there for ever.
    Source: Balle et al. 2018, as in the authors' and CompressAI's code.
    """

    def __init__(self, bound):
        super().__init__()
        self.register_buffer("bound", torch.tensor([float(bound)]))

    def forward(self, x):
        """x, no less than the bound."""
        return _LowerBound.apply(x, self.bound.to(x.dtype))


class NonNegative(nn.Module):
    """Numbers of at least ``minimum``, as the squares of what is trained, less a pedestal of 2**-36.

    Source: Balle 2018, "Efficient nonlinear transforms for lossy image compression", section 3.
    """

    def __init__(self, minimum=0.0):
        super().__init__()
        self.register_buffer("pedestal", torch.tensor([TINY**2]))
        self.lower_bound = LowerBound((minimum + TINY**2) ** 0.5)

    def initial(self, value):
        """What to train, so that the number is ``value``, a float tensor."""
        return torch.sqrt(torch.maximum(value + self.pedestal, self.pedestal))

    def forward(self, x):
        """The number that x, what is trained, stands for."""
        return self.lower_bound(x) ** 2 - self.pedestal


class Gdn(nn.Module):
    """y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j**2) over the channels of float x (N, C, H, W).

    The inverse (IGDN) multiplies by the root instead; it undoes GDN only approximately, and has no bound: large
    latents become larger still.
    Source: Balle et al. 2016, arXiv 1511.06281, equation 2 with the exponents at 2 and 1/2.
    """

    def __init__(self, channels, *, inverse=False):
        super().__init__()
        self.inverse = inverse
        self.beta_reparam = NonNegative(LEAST_BETA)
        self.beta = nn.Parameter(self.beta_reparam.initial(torch.ones(channels)))  # (C,)
        self.gamma_reparam = NonNegative()
        self.gamma = nn.Parameter(self.gamma_reparam.initial(0.1 * torch.eye(channels)))  # (C, C): of i, from j

    def forward(self, x):
        """x normalized, of the same shape."""
        gamma = self.gamma_reparam(self.gamma)[:, :, None, None]
        pool = F.conv2d(x**2, gamma, self.beta_reparam(self.beta))  # (N, C, H, W)
        return x * (torch.sqrt(pool) if self.inverse else torch.rsqrt(pool))


def down(inputs, outputs, kernel=5, stride=2):
    """A convolution from ``inputs`` to ``outputs`` channels that divides the sides, multiples of ``stride``, by it."""
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)


def up(inputs, outputs, kernel=5, stride=2):
    """A transposed convolution that multiplies the sides by ``stride``."""
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, output_padding=stride - 1)
