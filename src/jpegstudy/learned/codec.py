"""A learned codec: images to latents, their density, a real stream, and back.

Outside, images are uint8 (N, 3, H, W), grey levels; inside, floats from 0 to 1. Sides may have any length: the right
and the lower edge are mirrored to the next multiple of the codec's stride, or repeated where an image is too small to
be mirrored, and cut off again. A stream holds the latents of what was added too; bits per pixel count the image's own
pixels.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import nn

from jpegstudy.errors import BadInput
from jpegstudy.learned import stream
from jpegstudy.learned.densities import TABLES, FactorizedDensity, GaussianConditional
from jpegstudy.learned.layers import Gdn, down, up
from jpegstudy.learned.pixels import check_floats, check_images, cropped, evaluating, from_grey, ordered, pad, to_grey
from jpegstudy.learned.singly import singly


@dataclass(frozen=True)
class Shape:
    """What a codec is built of, besides its weights.

    prior: one of CODECS.  n: channels of the inner layers.  m: channels of the latents y.
    kernel: of the main convolutions, pixels, odd.  stride: of each of them.  layers: how many of them on each side.
    """

    prior: str
    n: int
    m: int
    kernel: int = 5
    stride: int = 2
    layers: int = 4

    def __post_init__(self):
        if self.prior not in CODECS:
            raise BadInput(f"prior is {self.prior!r}; wanted one of {', '.join(CODECS)}")
        for name, least in {"n": 1, "m": 1, "kernel": 1, "stride": 2, "layers": 1}.items():
            if type(getattr(self, name)) is not int or getattr(self, name) < least:
                raise BadInput(f"{name} is {getattr(self, name)!r}; wanted a whole number of at least {least}")
        if self.kernel % 2 == 0:
            raise BadInput(f"kernel is {self.kernel}; wanted an odd number")


@dataclass
class Coded:
    """What a codec makes of images.

    reconstruction: float (N, 3, H, W), around 0 to 1 but not clipped.
    likelihoods: of the latents by name, y and where there is a hyperprior z, floats (N, C, h, w).
    """

    reconstruction: torch.Tensor
    likelihoods: dict

    @property
    def images(self):
        """The reconstruction as an image: clipped and rounded, uint8 (N, 3, H, W), grey levels."""
        return to_grey(self.reconstruction)

    @property
    def bits(self):
        """The bits of each image by its latents' likelihoods, float (N,): what a stream takes but for its header.

        A latent that its density holds impossible counts 30 bits here; a stream may need fewer for it.
        """
        return sum(-torch.log2(each).flatten(1).sum(1) for each in self.likelihoods.values())

    @property
    def bits_per_pixel(self):
        """``bits`` over the image's own pixels, float (N,)."""
        return self.bits / self.reconstruction[0, 0].numel()


class Codec(nn.Module):
    """What the codecs of every prior have; see FactorizedPrior, ScaleHyperprior and MeanScaleHyperprior.

    In training latents get noise; in eval they are rounded, each image by itself on one thread, so that neither the
    batch it comes in nor the number of cores changes a bit of it.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        n, m, kernel, stride, layers = shape.n, shape.m, shape.kernel, shape.stride, shape.layers
        widths = [3, *[n] * (layers - 1), m]
        analysis, synthesis = [], []
        for layer in range(layers):
            analysis += [down(widths[layer], widths[layer + 1], kernel, stride), Gdn(n)]
            synthesis += [up(widths[layers - layer], widths[layers - layer - 1], kernel, stride), Gdn(n, inverse=True)]
        self.g_a, self.g_s = nn.Sequential(*analysis[:-1]), nn.Sequential(*synthesis[:-1])

    @property
    def stride(self):
        """Sides are brought to a multiple of this, pixels."""
        return self.shape.stride**self.shape.layers

    @property
    def device(self):
        """Where the weights are."""
        return self.entropy_bottleneck.quantiles.device

    @property
    def dtype(self):
        """What it computes in: float32, unless it was made float64."""
        return self.entropy_bottleneck.quantiles.dtype

    def forward(self, x):
        """Coded of x, floats (N, 3, H, W) from 0 to 1. Raises BadInput for others."""
        check_floats(x, self.dtype)
        if self.training:
            return self._coded(x)
        parts = singly(self._coded, x.split(1), self.device)
        likelihoods = {name: torch.cat([part.likelihoods[name] for part in parts]) for name in parts[0].likelihoods}
        return Coded(torch.cat([part.reconstruction for part in parts]), likelihoods)

    def _coded(self, x):
        latents, likelihoods = self.quantized(self.analysis(x))
        return Coded(self.synthesis(latents, x.shape[2:]), likelihoods)

    def analysis(self, x):
        """The latents (N, M, h, w) of x, floats (N, 3, H, W) from 0 to 1, padded to the stride."""
        return self.g_a(pad(x, self.stride))

    def synthesis(self, latents, size):
        """What latents (N, M, h, w) show: floats (N, 3, H, W), around 0 to 1; size: (H, W)."""
        return cropped(self.g_s(ordered(latents)), size)

    def soft(self, x):
        """g_s(g_a(x)): the reconstruction without quantization, through which gradients flow; not clipped.

        x: floats (N, 3, H, W) from 0 to 1; returns the same shape. Source: Chen and Ma 2023, who attack this path.
        """
        check_floats(x, self.dtype)
        return self.synthesis(self.analysis(x), x.shape[2:])

    def soft_bits(self, x):
        """The bits of each image by its latents' likelihoods without quantization, through which gradients flow.

        x: floats (N, 3, H, W) from 0 to 1; returns floats (N,). A latent's likelihood is that of the rounding interval
        around it, wherever it lies.
        """
        check_floats(x, self.dtype)
        likelihoods = self.likelihoods(self.analysis(x))
        return Coded(x, likelihoods).bits

    @torch.no_grad()
    def reconstruct(self, images):
        """Images as they come out of the codec, uint8 (N, 3, H, W): those of ``decode(encode(images))``, to the bit."""

        def reconstructed(x):
            return to_grey(self.synthesis(self.rounded(self.analysis(x)), x.shape[2:]))

        return self._each(reconstructed, images)

    @torch.no_grad()
    def estimated_bits(self, images):
        """The bits of each image uint8 (N, 3, H, W) by the likelihoods of its rounded latents: floats (N,)."""
        return self._each(lambda x: self._coded(x).bits, images)

    def bits(self, images):
        """The bits of each image's whole stream, header and all: int64 (N,). Raises BadInput as ``encode``."""
        return torch.tensor([8 * len(each) for each in self.encode(images)], device=images.device)

    def _each(self, work, images):
        """What ``work(x)`` gives of each image uint8 (N, 3, H, W) as x (1, 3, H, W), in eval mode meanwhile."""
        check_images(images)
        with evaluating(self):
            results = singly(
                lambda image: work(from_grey(image).to(self.device, self.dtype)), images.split(1), self.device
            )
        return torch.cat(results).to(images.device)

    def encode(self, images):
        """The stream of each image uint8 (N, 3, H, W): a list of N bytes; see the module ``stream`` for its bits."""
        return stream.encode(self, images)

    def decode(self, data):
        """The image of a stream: uint8 (3, H, W). Raises BadInput for what this codec has not written."""
        return stream.decode(self, data)

    def quantile_loss(self):
        """The auxiliary loss that moves the factorized density's quantiles, and nothing else, to where they belong."""
        return self.entropy_bottleneck.quantile_loss()

    def update(self):
        """Bring the tables in the buffers up to date. Coding does so itself; what is written to a file needs it."""
        for density in self.modules():
            if isinstance(density, FactorizedDensity | GaussianConditional):
                density.tables()

    def digest(self):
        """SHA-256 of the shape, the weights and what else decides about results: 32 bytes."""
        result = hashlib.sha256(repr(self.shape).encode())
        for name, value in sorted(self.state_dict().items()):
            if not name.endswith(TABLES):
                result.update(f"{name} {tuple(value.shape)}".encode())
                result.update(value.cpu().contiguous().numpy().tobytes())
        return result.digest()


class FactorizedPrior(Codec):
    """Latents whose channels each have one learned density.

    Source: Balle et al. 2017, arXiv 1611.01704, with the density of Balle et al. 2018: bmshj2018-factorized.
    """

    def __init__(self, shape):
        super().__init__(shape)
        self.entropy_bottleneck = FactorizedDensity(shape.m)

    def quantized(self, y):
        """(quantized latents, likelihoods by name) of latents y (N, M, h, w)."""
        values, likelihood = self.entropy_bottleneck(y)
        return values, {"y": likelihood}

    def rounded(self, y):
        """Latents y (N, M, h, w) as a stream has them."""
        return self.entropy_bottleneck.rounded(y)

    def likelihoods(self, y):
        """The likelihoods by name of latents y (N, M, h, w) as they are, not quantized."""
        return {"y": self.entropy_bottleneck.likelihood(y)}

    def through(self, coder, y, shape):
        """Quantized latents (1, M, h, w) that a Writer writes, or a Reader reads where y is None; shape: (h, w)."""
        return self.entropy_bottleneck.through(coder, y, shape)


class ScaleHyperprior(Codec):
    """Latents y are Gaussian with mean 0 and scales that are told in a few latents z more.

    Source: Balle et al. 2018, arXiv 1802.01436: bmshj2018-hyperprior.
    """

    activation = nn.ReLU

    def __init__(self, shape):
        super().__init__(shape)
        n, m, act = shape.n, shape.m, self.activation
        self.entropy_bottleneck = FactorizedDensity(n)
        self.h_a = nn.Sequential(down(m, n, 3, 1), act(), down(n, n), act(), down(n, n))
        self.h_s = self.hyper_synthesis(n, m)
        self.gaussian_conditional = GaussianConditional()

    def hyper_synthesis(self, n, m):
        """From z to scales."""
        return nn.Sequential(up(n, n), nn.ReLU(), up(n, n), nn.ReLU(), down(n, m, 3, 1), nn.ReLU())

    @property
    def stride(self):
        """Sides are brought to a multiple of this, pixels: z is smaller than y by 4."""
        return super().stride * 4

    def hyper_latents(self, y):
        """z (N, n, h / 4, w / 4) of y (N, m, h, w)."""
        return self.h_a(ordered(y.abs()))

    def parameters_of(self, z):
        """(scales, means) of y, of y's shape, as quantized z has them."""
        scales = self.h_s(ordered(z))
        return scales, torch.zeros_like(scales)

    def quantized(self, y):
        """(quantized latents, likelihoods by name) of latents y (N, M, h, w)."""
        z, likelihood_of_z = self.entropy_bottleneck(self.hyper_latents(y))
        values, likelihood = self.gaussian_conditional(y, *self.parameters_of(z))
        return values, {"y": likelihood, "z": likelihood_of_z}

    def rounded(self, y):
        """Latents y (N, M, h, w) as a stream has them."""
        z = self.entropy_bottleneck.rounded(self.hyper_latents(y))
        return self.gaussian_conditional.rounded(y, self.parameters_of(z)[1])

    def likelihoods(self, y):
        """The likelihoods by name of latents y (N, M, h, w) as they are, not quantized, and of z likewise."""
        z = self.hyper_latents(y)
        y_given_z = self.gaussian_conditional.likelihood(y, *self.parameters_of(z))
        return {"y": y_given_z, "z": self.entropy_bottleneck.likelihood(z)}

    def through(self, coder, y, shape):
        """Quantized latents (1, M, h, w) that a Writer writes, or a Reader reads where y is None; shape: (h, w)."""
        z = None if y is None else self.hyper_latents(y)
        z = self.entropy_bottleneck.through(coder, z, [side // 4 for side in shape])
        return self.gaussian_conditional.through(coder, y, *self.parameters_of(z))


class MeanScaleHyperprior(ScaleHyperprior):
    """Latents y are Gaussian with means and scales that are told in a few latents z more.

    Source: Minnen et al. 2018, arXiv 1809.02736, without its context model: mbt2018-mean.
    """

    activation = nn.LeakyReLU

    def hyper_synthesis(self, n, m):
        """From z to scales and means."""
        wide = m * 3 // 2
        act = self.activation
        return nn.Sequential(up(n, m), act(), up(m, wide), act(), down(wide, 2 * m, 3, 1))

    def hyper_latents(self, y):
        """z (N, n, h / 4, w / 4) of y (N, m, h, w)."""
        return self.h_a(ordered(y))

    def parameters_of(self, z):
        """(scales, means) of y, of y's shape, as quantized z has them."""
        return self.h_s(ordered(z)).chunk(2, 1)


CODECS = {"factorized": FactorizedPrior, "scale": ScaleHyperprior, "mean-scale": MeanScaleHyperprior}
