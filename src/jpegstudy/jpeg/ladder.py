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
``partial`` does this once; ``Prepared`` many times for the same images, sharing what precedes quantization.
"""

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, quantization, sampling
from jpegstudy.jpeg.arguments import check_images, check_subsampling
from jpegstudy.jpeg.tables import choose

STEPS = ("color", "chroma sampling", "luma quantization", "chroma quantization", "rounding")
NO_BANDS = torch.zeros(8, 8, dtype=torch.bool)


def partial(images, *, quality=75, subsampling="4:2:0", tables=None, steps=STEPS):
    """What only ``steps``, of STEPS, leave of the images: float32, like images, grey levels.

    images, quality, subsampling, tables: as for ``jpeg.roundtrip``. steps: names, in any order.
    Values are whole and of 0 to 255 where "color" is on; otherwise they may leave that range, and are rounded to 2^-16,
    far above the errors of float64, in which all is computed.
    Raises BadInput for an unknown step, and as ``jpeg.roundtrip``.
    """
    return Prepared(images, quality=quality, subsampling=subsampling, tables=tables).left_by(steps)


class Prepared:
    """Images on their way into many partial round trips: what precedes quantization is done once for each form of it.

    Arguments and errors as for ``partial``. Memory: up to eight forms of the coefficients, float64, as they are asked
    for; so give it a batch, and let it go.
    """

    def __init__(self, images, *, quality=75, subsampling="4:2:0", tables=None):
        check_images(images)
        check_subsampling(subsampling)
        self._exact, self.subsampling = images.to(torch.float64), subsampling
        of_both = choose(quality, tables, images)[:, :, None]  # (1 or N, 2, 1, 8, 8)
        self._tables = dict(zip(("luma", "chroma"), of_both.unbind(1), strict=True))
        self._kept = {}

    def left_by(self, steps=STEPS, *, bands=None):
        """What only ``steps`` leave of the images; see ``partial``.

        bands: bool (8, 8), those that luma's and chroma's quantization apply to, the others stay as they are. None:
        all. They are bands of what is coded: of halved chroma where "chroma sampling" is on.
        """
        steps = _checked(steps)
        rounded, of_color = "rounding" in steps, "color" in steps
        subsampling = self.subsampling if "chroma sampling" in steps else "4:4:4"
        height, width = self._exact.shape[-2:]
        coded = []
        for kind, coefficients in self._coefficients(of_color, subsampling, rounded).items():
            quantized = bands if f"{kind} quantization" in steps else NO_BANDS
            coded.append(_decode(coefficients, self._tables[kind], quantized, rounded))
        luma = coded[0][..., :height, :width]
        if len(coded) == 1:
            return _as_float32(luma + 128)
        chroma = sampling.upsample(coded[1], subsampling, height, width, rounded=rounded)
        return _as_float32(color.to_rgb(luma, chroma, rounded=of_color))

    def levels(self):
        """The whole numbers that a JPEG file of each image holds: a list of luma's (N, 1, H, W) and, for color images,
        chroma's (N, 2, h, w), in their blocks' places, sides padded to multiples of 8; float64."""
        coefficients = self._coefficients(True, self.subsampling, True)
        return [quantization.quantize(each, self._tables[kind]) for kind, each in coefficients.items()]

    def _coefficients(self, of_color, subsampling, rounded):
        """Coefficients of "luma", and for color images "chroma", in one form; GAIN times the orthonormal ones."""
        exact = self._exact
        if exact.shape[1] == 1:
            return {"luma": self._once(("grey", rounded), lambda: _encode(sampling.pad(exact - 128), rounded))}

        def luma():
            return _encode(sampling.pad(color.to_ycbcr(exact, rounded=of_color)[0]), rounded)

        def chroma():
            full = color.to_ycbcr(exact, rounded=of_color)[1]
            return _encode(sampling.downsample(full, subsampling, rounded=rounded), rounded)

        return {
            "luma": self._once(("luma", of_color, rounded), luma),
            "chroma": self._once(("chroma", of_color, rounded, subsampling), chroma),
        }

    def _once(self, form, make):
        if form not in self._kept:
            self._kept[form] = make()
        return self._kept[form]


def _as_float32(images):
    """Rounded to multiples of 2^-16, which float32 holds up to 256; so what lost nothing comes back as it was."""
    return ((images.to(torch.float64) * 2**16).round() / 2**16).to(torch.float32)


def _checked(steps):
    """``steps`` as a set. Raises BadInput for a name that is none of STEPS."""
    if isinstance(steps, str) or not set(steps) <= set(STEPS):
        raise BadInput(f"steps are {steps!r}; wanted a list of {', '.join(STEPS)}")
    return set(steps)


def _encode(planes, rounded):
    """Planes through the transform, by libjpeg's integers or in real numbers; GAIN times the orthonormal one's."""
    return dct.forward(planes) if rounded else dct.GAIN * dct.planes(dct.coefficients(planes))


def _decode(coefficients, table, bands, rounded):
    """What is left of the planes once some bands of their coefficients are quantized: None for all of them."""
    if bands is None:
        left = quantization.dequantize(quantization.quantize(coefficients, table), table)
    elif not bands.any():
        left = coefficients / dct.GAIN
    else:
        lost = quantization.dequantize(quantization.quantize(coefficients, table), table)
        chosen = torch.as_tensor(bands, device=lost.device)
        left = dct.planes(torch.where(chosen, dct.blocks(lost), dct.blocks(coefficients / dct.GAIN)))
    return dct.inverse(left).clamp(-128, 127) if rounded else dct.samples(dct.blocks(left))
