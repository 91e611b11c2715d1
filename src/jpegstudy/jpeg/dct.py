"""The discrete cosine transform of 8x8 blocks: libjpeg's, bit for bit, and the real one.

libjpeg's accurate transform ("islow") works along rows, rounds, works along columns, rounds. Each of the four passes is
one product with an integer matrix, MATRIX or its transpose, and one rounding shift: there is no rounding inside. The
products are made in float64, in which every sum here is exact (they stay below 2^32), in any order and whatever the
process allows its float32 products (TF32, bfloat16): those are set for a whole process, not for a thread.

Planes are (..., H, W) with H and W multiples of 8, level-shifted samples or coefficients in their blocks' places.
"""

import functools
import math

import torch

BLOCK = 8
# libjpeg's butterflies, multiplied out: 2^13 sqrt(8) times the orthonormal matrix, in places a unit from the nearest
MATRIX = (
    (8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192),
    (11363, 9633, 6437, 2260, -2260, -6437, -9633, -11363),
    (10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703),
    (9633, -2259, -11362, -6436, 6436, 11362, 2259, -9633),
    (8192, -8192, -8192, 8192, 8192, -8192, -8192, 8192),
    (6437, -11362, 2261, 9633, -9633, -2261, 11362, -6437),
    (4433, -10704, 10704, -4433, -4433, 10704, -10704, 4433),
    (2260, -6436, 9633, -11363, 11363, -9633, 6436, -2260),
)
GAIN = 8  # of libjpeg's coefficients over the orthonormal ones, between the forward transform and quantization
FORWARD_SHIFTS = (11, 15)  # bits: along rows, then along columns
INVERSE_SHIFTS = (11, 18)  # bits: along columns, then along rows
_kept = {}  # by device; a plain dictionary, for torch.compile looks through functools.cache


def forward(samples, *, fused=False):
    """libjpeg's forward transform: float64 coefficients (..., H, W), whole numbers, GAIN times the orthonormal DCT's.

    samples: level-shifted, -128 to 127; whole numbers give whole numbers, others the same formula's value.
    fused: write the products as sums of eight terms rather than matrix products, which need not end before the rounding
    begins: several times slower, except under torch.compile, where it is the faster form. The values are the same.
    Source: libjpeg-turbo, jfdctint.c.
    """
    rows, columns = weights(samples.device)[:2]
    return _along_columns(_along_rows(samples.to(torch.float64), rows, fused), columns, fused)


def inverse(coefficients, *, fused=False):
    """libjpeg's inverse transform: float64 samples (..., H, W), level-shifted whole numbers, not yet clamped.

    coefficients: dequantized, of the orthonormal DCT's size (without GAIN).  fused: see ``forward``.
    Source: libjpeg-turbo, jidctint.c.
    """
    columns, rows = weights(coefficients.device)[2:]
    return _along_rows(_along_columns(coefficients.to(torch.float64), columns, fused), rows, fused)


def coefficients(samples):
    """The real, orthonormal DCT of every block: (..., H/8, W/8, 8, 8) of planes (..., H, W), floating as they are.

    Source: ITU-T T.81, A.3.3.
    """
    matrix = orthonormal(samples.dtype, samples.device)
    return matrix @ blocks(samples) @ matrix.T


def samples(coefficients):
    """The inverse of ``coefficients``: planes (..., H, W) of (..., H/8, W/8, 8, 8)."""
    matrix = orthonormal(coefficients.dtype, coefficients.device)
    return planes(matrix.T @ coefficients @ matrix)


def blocks(planes):
    """Planes (..., H, W) as blocks (..., H/8, W/8, 8, 8): a view."""
    return planes.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, BLOCK)).transpose(-3, -2)


def planes(blocks):
    """The inverse of ``blocks``: (..., H/8, W/8, 8, 8) as planes (..., H, W)."""
    return blocks.transpose(-3, -2).flatten(-2).flatten(-3, -2)


def zigzag():
    """The numbers 8 v + u of the bands in JPEG's zig-zag order, lowest frequency first: int64 (64,).

    Source: ITU-T T.81, Figure A.6.
    """
    bands = [(v, u) for v in range(8) for u in range(8)]
    ordered = sorted(bands, key=lambda band: (sum(band), band[0] if sum(band) % 2 else band[1]))
    return torch.tensor([8 * v + u for v, u in ordered])


@functools.cache
def orthonormal(dtype, device):
    """The matrix of the real DCT, (8, 8) of that floating dtype on that device: row u is the u-th cosine.

    It multiplies float32 in whatever precision the process allows; float64 is never rounded.
    """
    with torch.inference_mode(False):  # it is kept, and must serve where gradients are wanted
        u, x = torch.arange(BLOCK, dtype=torch.float64)[:, None], torch.arange(BLOCK, dtype=torch.float64)
        cosines = torch.cos((2 * x + 1) * u * math.pi / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
        cosines[0] /= math.sqrt(2)
        return cosines.to(device, dtype)


def weights(device):
    """The matrices of the four passes with their shifts in them, float64 (4, 8, 8); powers of two change no digit.

    They are made once for each device; where torch.compile traces, they should have been made before.
    """
    if device not in _kept:
        with torch.inference_mode(False):  # they must serve where gradients are wanted too
            matrix = torch.tensor(MATRIX, dtype=torch.float64)
            oriented = (matrix.T, matrix, matrix.T, matrix)  # rows are multiplied from the right, columns from the left
            shifts = (*FORWARD_SHIFTS, *INVERSE_SHIFTS)
            scaled = [each / 2**bits for each, bits in zip(oriented, shifts, strict=True)]
            _kept[device] = torch.stack(scaled).to(device)
    return _kept[device]


def _along_rows(planes, matrix, fused):
    pieces = planes.reshape(-1, BLOCK)
    product = (pieces[..., None] * matrix).sum(-2) if fused else pieces @ matrix
    return product.add_(0.5).floor_().view(planes.shape)


def _along_columns(planes, matrix, fused):
    bands = planes.reshape(-1, BLOCK, planes.shape[-1])
    product = (bands[:, None] * matrix[..., None]).sum(-2) if fused else matrix @ bands
    return product.add_(0.5).floor_().view(planes.shape)
