"""The round trip with some of its steps left out, to see what each of them takes away.

A step that is on does what libjpeg does; one that is left out loses nothing, for it is done in real numbers:

    "color"                 both conversions round to 8 bits: to luma and chroma, and at the end to RGB, clamped to
                            0-255. Left out: the linear map and its inverse, unrounded.
    "chroma sampling"       chroma is halved as ``subsampling`` says, and interpolated. Left out: 4:4:4.
    "luma quantization"     coefficients are rounded to multiples of the table's steps. Left out: they stay as they are.
    "chroma quantization"   likewise.
    "rounding"              what libjpeg rounds in between: averages of chroma, both passes of the transform and its
                            inverse, decoded samples (with a clamp to 8 bits), interpolated chroma. Left out: the
                            same in real numbers, without a clamp.

All of them are JPEG, bit for bit; none is the image itself. Grey images have neither color nor chroma.
"""

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, quantization, sampling
from jpegstudy.jpeg.arguments import check_images, check_subsampling
from jpegstudy.jpeg.tables import choose

STEPS = ("color", "chroma sampling", "luma quantization", "chroma quantization", "rounding")


def partial(images, *, quality=75, subsampling="4:2:0", tables=None, steps=STEPS):
    """What only ``steps``, of STEPS, leave of the images: float32, like images, grey levels.

    images, quality, subsampling, tables: as for ``jpeg.roundtrip``. steps: names, in any order.
    Values are whole and of 0 to 255 where "color" is on; otherwise they may leave that range, and are rounded to 2^-16,
    far above the errors of float64, in which all is computed.
    Raises BadInput for an unknown step, and as ``jpeg.roundtrip``.
    """
    check_images(images)
    check_subsampling(subsampling)
    table = choose(quality, tables, images)[:, :, None]
    steps = _checked(steps)
    rounded, subsampling = "rounding" in steps, subsampling if "chroma sampling" in steps else "4:4:4"
    height, width = images.shape[-2:]
    exact = images.to(torch.float64)
    if images.shape[1] == 1:
        luma = _code(sampling.pad(exact - 128), table[:, 0], "luma quantization" in steps, rounded)
        return _as_float32(luma[..., :height, :width] + 128)
    luma, chroma = color.to_ycbcr(exact, rounded="color" in steps)
    luma = _code(sampling.pad(luma), table[:, 0], "luma quantization" in steps, rounded)[..., :height, :width]
    chroma = sampling.downsample(chroma, subsampling, rounded=rounded)
    chroma = _code(chroma, table[:, 1], "chroma quantization" in steps, rounded)
    chroma = sampling.upsample(chroma, subsampling, height, width, rounded=rounded)
    return _as_float32(color.to_rgb(luma, chroma, rounded="color" in steps))


def _as_float32(images):
    """Rounded to multiples of 2^-16, which float32 holds up to 256; so what lost nothing comes back as it was."""
    return ((images.to(torch.float64) * 2**16).round() / 2**16).to(torch.float32)


def _checked(steps):
    """``steps`` as a set. Raises BadInput for a name that is none of STEPS."""
    if isinstance(steps, str) or not set(steps) <= set(STEPS):
        raise BadInput(f"steps are {steps!r}; wanted a list of {', '.join(STEPS)}")
    return set(steps)


def _code(planes, table, quantized, rounded):
    """Planes through the transform and back, by libjpeg's integers or in real numbers."""
    coefficients = dct.forward(planes) if rounded else dct.GAIN * dct.planes(dct.coefficients(planes))
    if quantized:
        coefficients = quantization.dequantize(quantization.quantize(coefficients, table), table)
    else:
        coefficients = coefficients / dct.GAIN
    return dct.inverse(coefficients).clamp(-128, 127) if rounded else dct.samples(dct.blocks(coefficients))
