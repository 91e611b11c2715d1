"""Where JPEG moves an attacked image: toward the clean one, or elsewhere. The study's Figure 1 put into numbers.

With the clean image x, its attack Adv, and JPG for the round trip:

    delta = Adv - x                   the perturbation
    s = JPG(Adv) - JPG(x)             what of it survives
    residual = JPG(x) - x             what JPEG does to the clean image
    step = JPG(Adv) - Adv             what JPEG does to the attacked one:  step = residual + s - delta

Figure 1 of Dziugaite et al. 2016 draws x in a subspace that JPEG projects onto, and delta orthogonal to it. Then
residual = 0, s = 0, and step = -delta. These numbers decide whether the picture holds, each with its value there:

    residual_ratio    |residual| / |delta|            0    x lies where JPEG leads
    survival_ratio    |s| / |delta|                   0    nothing of the perturbation survives
    gain              <s, delta> / |delta|^2          0    nothing does in its own direction
    step_cosine       cos(step, -delta)               1    JPEG steps back the way that the attack came
    projection_gap    <s, delta - s> / |delta|^2      0    s is delta's orthogonal projection onto some subspace,
                                                           whether delta is orthogonal to it or not
    kept_share        see there                       0    delta has no part in the span of what the file keeps

The gap is gain - survival_ratio^2. It is below 0 where JPEG answers a perturbation with noise of its own: a quantizer
is no projection, for it moves a coefficient by a whole step or not at all.

Source: Dziugaite et al. 2016, Figure 1 and section 2; the numbers are the project's.
"""

import pandas as pd
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, sampling
from jpegstudy.jpeg.ladder import Prepared

ITERATIONS = 100  # of conjugate gradients, at most
TOLERANCE = 1e-3  # of the perturbation's norm, at which they stop: shares of textures are then off by 2e-5 at most


def measure_geometry(x, attacked, compressed, compressed_attacked, noisy=None):
    """One row per image of the numbers above and of distances, float64.

    x, attacked, compressed, compressed_attacked, noisy: x, Adv, JPG(x), JPG(Adv) and JPGnoise(Adv) or None, uint8 or
    floating (N, C, H, W) of one shape, grey levels.
    Columns: those of the module's docstring but kept_share; survivor_cosine, cos(s, delta); residual_cosine,
    cos(residual, delta); stray_ratio, the length of the part of s orthogonal to delta over |delta|; and distances in
    grey levels, ``l2_<image>_<from>`` and their root mean squares ``rms_<image>_<from>``, of attacked,
    compressed_attacked, noisy (where given) from x and from compressed, and of compressed from x.
    NaN where a direction has no length, such as all ratios of an image that was not perturbed.
    Raises BadInput for shapes that differ.
    """
    given = {"x": x, "attacked": attacked, "compressed": compressed, "compressed_attacked": compressed_attacked}
    if noisy is not None:
        given["noisy"] = noisy
    rows = {name: images.detach().to(torch.float64).flatten(1) for name, images in _checked(given).items()}
    delta = rows["attacked"] - rows["x"]
    survivor = rows["compressed_attacked"] - rows["compressed"]
    residual = rows["compressed"] - rows["x"]
    step = rows["compressed_attacked"] - rows["attacked"]
    power, through, left = _dot(delta, delta), _dot(survivor, delta), _dot(survivor, survivor)
    stray = survivor - torch.where(power > 0, through / power, 0.0)[:, None] * delta
    found = {
        "residual_ratio": (_dot(residual, residual) / power).sqrt(),
        "survival_ratio": (left / power).sqrt(),
        "gain": through / power,
        "step_cosine": _cosine(step, -delta),
        "projection_gap": (through - left) / power,
        "survivor_cosine": _cosine(survivor, delta),
        "residual_cosine": _cosine(residual, delta),
        "stray_ratio": (_dot(stray, stray) / power).sqrt(),
    }
    found = {name: torch.where(power > 0, values, torch.nan) for name, values in found.items()}
    pairs = [(name, start) for start in ("x", "compressed") for name in rows if name not in ("x", "compressed")]
    for name, start in [("compressed", "x"), *pairs]:
        distance = (rows[name] - rows[start]).norm(dim=1)
        found[f"l2_{name}_{start}"] = distance
        found[f"rms_{name}_{start}"] = distance / delta.shape[1] ** 0.5
    return pd.DataFrame({name: values.cpu().numpy() for name, values in found.items()})


def kept_part(x, delta, *, quality=75, subsampling="4:2:0"):
    """What of a perturbation a linear JPEG would keep that erases the coefficients which x's own file has as 0.

    x: uint8 (N, 3, H, W), grey levels.  delta: floating, like x.  Quality and subsampling as for ``jpeg.roundtrip``.
    Every other coefficient passes whole. This is JPEG as a projection onto what x's file holds, in JPEG's own colors,
    with color, subsampling and transform linear and unrounded; its gain is <kept, delta> / |delta|^2. The measured gain
    is another: a perturbation also pushes coefficients over the first tie, from 0 to a whole step (see
    mechanism.prediction), and the difference of the two gains says how far JPEG is from such a projection.
    Returns float64 (N, 3, H, W). Raises BadInput for shapes that differ, and as ``jpeg.roundtrip``.
    """
    _check_colors(x, delta)
    kept = _kept(x, quality, subsampling)
    return _synthesize(_analyze(delta, subsampling), kept, subsampling, x.shape[-2:])


def kept_share(x, delta, *, quality=75, subsampling="4:2:0"):
    """The share of each perturbation's energy that lies in the span of what x's own file keeps: float64 (N,), 0 to 1.

    Arguments and errors as for ``kept_part``. The span is that of all images which files with x's nonzero coefficients,
    at any values, decode to, but for rounding; the share is |P delta|^2 / |delta|^2, P the orthogonal projection onto
    it. The colors of JPEG and its interpolated chroma are not orthogonal, so P is found by least squares (conjugate
    gradients, from below: iterated until it no longer moves by TOLERANCE, at most ITERATIONS times).
    A share of 0 is what Figure 1 draws. The span depends on x: the set of all that JPEG can decode to spans everything.
    NaN where delta is 0.
    """
    _check_colors(x, delta)
    kept, size = _kept(x, quality, subsampling), x.shape[-2:]
    target = delta.detach().to(torch.float64)
    power = _dot(target.flatten(1), target.flatten(1))
    found = [torch.zeros_like(mask) for mask in kept]
    missing = target  # target - synthesized
    gradient = _adjoint(missing, found, kept, subsampling, size)
    direction, steepness = gradient, _total(gradient, gradient)
    for _ in range(ITERATIONS):
        change = _synthesize(direction, kept, subsampling, size)
        curvature = _dot(change.flatten(1), change.flatten(1))
        pace = torch.where(curvature > 0, steepness / curvature, 0.0)
        found = [part + _each(pace, along) * along for part, along in zip(found, direction, strict=True)]
        missing = missing - pace[:, None, None, None] * change
        if (pace * curvature.sqrt() <= TOLERANCE * power.sqrt()).all():
            break
        gradient = _adjoint(missing, found, kept, subsampling, size)
        before, steepness = steepness, _total(gradient, gradient)
        turn = torch.where(before > 0, steepness / before, 0.0)
        direction = [part + _each(turn, along) * along for part, along in zip(gradient, direction, strict=True)]
    share = 1 - _dot(missing.flatten(1), missing.flatten(1)) / power
    return torch.where(power > 0, share.clamp(0, 1), torch.nan)


def _kept(x, quality, subsampling):
    """Where x's file has a coefficient other than 0: float64 masks of luma's planes and chroma's."""
    return [levels.ne(0).to(torch.float64) for levels in Prepared(x, quality=quality, subsampling=subsampling).levels()]


def _analyze(delta, subsampling):
    """Coefficients of a change of an image, luma's planes and chroma's, by the linear steps of JPEG."""
    luma, chroma = color.to_ycbcr(delta.detach().to(torch.float64), rounded=False)
    luma = luma + 128  # the shift is the image's, and a change has none
    planes = sampling.pad(luma), sampling.downsample(chroma, subsampling, rounded=False)
    return [dct.planes(dct.coefficients(plane)) for plane in planes]


def _synthesize(coefficients, kept, subsampling, size):
    """The change of an image, float64 (N, 3, H, W), by those coefficients that are kept."""
    luma, chroma = (dct.samples(dct.blocks(part * mask)) for part, mask in zip(coefficients, kept, strict=True))
    height, width = size
    chroma = sampling.upsample(chroma, subsampling, height, width, rounded=False)
    return color.to_rgb(luma[..., :height, :width] - 128, chroma, rounded=False)


def _adjoint(images, like, kept, subsampling, size):
    """The transpose of ``_synthesize`` of images: coefficients."""
    at = [torch.zeros_like(part).requires_grad_() for part in like]  # linear, so anywhere will do
    with torch.enable_grad():
        return list(torch.autograd.grad(_synthesize(at, kept, subsampling, size), at, images))


def _checked(given):
    """The named images as they are. Raises BadInput unless all are (N, C, H, W) of one shape."""
    shapes = {name: tuple(images.shape) for name, images in given.items()}
    if len(set(shapes.values())) != 1 or len(next(iter(shapes.values()))) != 4:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise BadInput(f"images are of shapes {found}; wanted one shape (N, C, H, W)")
    return given


def _check_colors(x, delta):
    _checked({"x": x, "delta": delta})
    if x.shape[1] != 3:
        raise BadInput(f"images are {tuple(x.shape)}; wanted (N, 3, H, W), for the span is one of colors")


def _dot(first, second):
    return (first * second).sum(dim=1)


def _cosine(first, second):
    return _dot(first, second) / (first.norm(dim=1) * second.norm(dim=1))


def _total(first, second):
    return sum(_dot(a.flatten(1), b.flatten(1)) for a, b in zip(first, second, strict=True))


def _each(numbers, like):
    return numbers.reshape(-1, *[1] * (like.dim() - 1))
