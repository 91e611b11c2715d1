"""JPEG under the attacks that learned codecs are under: as a codec, with an attack of its own, and a bound.

Gradients through JPEG hide how far it can be moved: its quantizer is flat but for jumps. The attack of its own knows
where the jumps are. Yet quantization puts no coefficient further away than its own change and half of a step, and no
change of luma leaves its block, one of subsampled color its block by a pixel: nothing says so of a learned codec.
"""

import math
from dataclasses import dataclass

import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, sampling, size, surrogate, tables
from jpegstudy.jpeg.arguments import check_quality, check_subsampling
from jpegstudy.learned.attack import Distorted
from jpegstudy.learned.budget import Budget, check_kept, mean_squares, squares_of
from jpegstudy.learned.pixels import check_images

GRADIENTS = ("straight-through", "smooth")
MARGINS = (0.03, 0.06, 0.12, 0.25)  # of a step, beyond the boundary: rounding to 8 bits shall not undo a jump
INTEGERS = 1.0  # grey levels, RMS: more than libjpeg's rounding of samples and its integer transform can add


@dataclass(frozen=True)
class Jpeg:
    """JPEG as the attacks of ``learned.attack`` take a codec; its rate has no gradient.

    quality, subsampling: as for ``jpeg.roundtrip``; quality an int.
    gradient: "straight-through" has the exact pixels forward, "smooth" leaves out all rounding, forward too. Then the
    real codec's output, the attack's reference, differs from what the gradient sees even without an attack.
    Raises BadInput for others.
    """

    quality: int = 75
    subsampling: str = "4:2:0"
    gradient: str = "smooth"

    def __post_init__(self):
        check_quality(self.quality, 0)
        check_subsampling(self.subsampling)
        if self.gradient not in GRADIENTS:
            raise BadInput(f"gradient is {self.gradient!r}; wanted {' or '.join(GRADIENTS)}")

    def soft(self, x):
        """x, floats (N, 3, H, W) from 0 to 1, as they come out of the codec, with gradients."""
        through = surrogate.smooth if self.gradient == "smooth" else surrogate.roundtrip
        return through(255 * x, quality=self.quality, subsampling=self.subsampling) / 255

    def reconstruct(self, images):
        """Images as they come out of the codec, uint8 (N, 3, H, W)."""
        return jpeg.roundtrip(images, quality=self.quality, subsampling=self.subsampling)

    def bits(self, images):
        """The bits of each image's whole file: int64 (N,)."""
        return size.in_bits(images, quality=self.quality, subsampling=self.subsampling)

    def estimated_bits(self, images):
        """The same as ``bits``: nothing needs to be estimated."""
        return self.bits(images)


@torch.no_grad()
def quantizer_flip(codec, images, *, mse_budget, linf=16, indices=None):
    """Move luma's coefficients over the nearest boundary of their quantization, as many as the budget pays for.

    codec: a Jpeg.  images, mse_budget, linf, indices: as in ``learned.attack``.
    A coefficient at a distance d from where it rounds otherwise costs d**2 and gains a step squared, so those count
    first that are nearest in units of their steps. The change is the same in red, green and blue, which leaves chroma
    as it is but where pixels clip. It is rounded to 8 bits and measured again; how far beyond the boundary coefficients
    are put is tried out, and what moves the real JPEG the most is kept. No gradient, nothing random.
    A box makes it weaker where the budget is large: 16 grey levels cost it about 2 dB at 1e-3.
    Returns Distorted, whose curve has a column for each margin tried, after one for the images as they are.
    Raises BadInput as the attacks do, and for another codec.
    Source: ours.
    """
    if not isinstance(codec, Jpeg):
        raise BadInput(f"codec is a {type(codec).__name__}; the quantizer flip is for a learned.jpeg_codec.Jpeg")
    check_images(images)
    device = images.device
    images = images.cpu()  # it takes float64, and little time
    budget = Budget(images, mse_budget, linf, indices)
    reference = codec.reconstruct(images)
    best, curve = images.clone(), torch.zeros(len(images), len(MARGINS) + 1, dtype=torch.float64)
    steps = torch.zeros(len(images), dtype=torch.int64)
    for column, margin in enumerate(MARGINS, 1):
        moved = torch.cat([_flipped(budget, i, codec.quality, margin) for i in range(len(images))])
        curve[:, column] = mean_squares(reference, codec.reconstruct(moved))
        better = curve[:, column] > curve.gather(1, steps[:, None])[:, 0]
        steps[better] = column
        best[better] = moved[better]
    check_kept(images, best, mse_budget, linf, budget.numbers)
    return Distorted(best.to(device), curve.float().to(device), steps.to(device), mean_squares(images, best))


def _flipped(budget, index, quality, margin):
    """One image with as many coefficients moved as its budget pays for after rounding: uint8 (1, 3, H, W)."""
    image = budget.images[index : index + 1]
    height, width = image.shape[-2:]
    one = Budget(image, budget.mse_budget, budget.linf)
    luma = color.to_ycbcr(image)[0].double()
    coefficients = dct.coefficients(sampling.pad(luma))  # (1, 1, h, w, 8, 8)
    step = tables.for_quality(quality)[0].to(coefficients)
    units = coefficients / step
    off = units - units.round()
    distance = 0.5 - off.abs() + margin  # to the other side of the nearest boundary, in steps
    side = torch.where(off < 0, -1.0, 1.0).to(off)
    change, order = (side * distance * step).flatten(), distance.flatten().argsort(stable=True)

    def with_flips(count):
        chosen = torch.zeros_like(change)
        chosen[order[:count]] = change[order[:count]]
        return one.rounded(dct.samples(chosen.view(coefficients.shape))[..., :height, :width])

    paid = change[order].square().cumsum(0)
    low, high = 0, min(len(paid), 1 + int((paid <= one.most / 3 * 1.2).sum()))  # thrice paid: in each color
    while low < high:  # the largest number of flips that fits, by halving
        count = (low + high + 1) // 2
        fits = int(squares_of(image, with_flips(count))[0]) <= one.most
        low, high = (count, high) if fits else (low, count - 1)
    return with_flips(low)


def coefficient_bound(change, quality):
    """How far a JPEG's coefficient can be from the clean image's: |d| + q / 2.

    change: what was added to luma's coefficients d, floats (..., 8, 8), in the orthonormal transform's grey levels.
    quality: libjpeg's. Returns floats like change.
    It holds for what quantization makes of them; rounding of samples and the integer transform come on top.
    """
    return change.abs() + tables.for_quality(quality)[0].to(change) / 2


def mse_bound(mse_budget, quality):
    """The largest mean squared error that a JPEG's luma can have to the clean luma, on values from 0 to 1.

    mse_budget: the mean squared error of luma's change.  quality: libjpeg's.
    The root of it is the root of the budget, half a root mean square quantization step, and INTEGERS for what libjpeg
    rounds, by the triangle inequality over the orthonormal transform. For sides that are multiples of 8, or else with
    the budget measured over the padded blocks.
    """
    step = tables.for_quality(quality)[0].double()
    root = math.sqrt(mse_budget) + (float(step.square().mean().sqrt()) / 2 + INTEGERS) / 255
    return root**2
