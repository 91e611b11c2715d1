"""Variants of the round trip, each with a name, that show which of its parts undoes a perturbation.

    "all", "none"                    JPEG, bit for bit, and the image itself
    "only <step>", "all but <step>"  one of jpeg.ladder.STEPS alone, and JPEG without it
    "only band <k>"                  quantization of one band of luma and of chroma, and nothing else: no other band, no
                                     subsampling, real numbers throughout
    "all but band <k>"               JPEG in which that band keeps its coefficients
    "grid <dy> <dx>"                 JPEG whose blocks begin dy rows below and dx columns right of the image's corner

Bands are numbered from 0, the mean, to 63 in the zig-zag order. A band of subsampled chroma is not the band of that
number of full chroma: "only band <k>" has the latter, "all but band <k>" the former, as the file has.

Steps left out are done in real numbers, so that the results need not be whole grey levels, nor inside 0 to 255.
"""

from typing import NamedTuple

import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.jpeg.ladder import STEPS, Prepared
from jpegstudy.jpeg.sampling import FACTORS

BANDS = dct.BLOCK**2
QUANTIZATION = ("luma quantization", "chroma quantization")
SHIFTS = ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (4, 4), (0, 4), (4, 0), (8, 8))


class Variant(NamedTuple):
    """One variant of the round trip.

    steps: those of jpeg.ladder.STEPS that are done.  bands: the zig-zag numbers of the bands that are quantized.
    shift: of the grid, down and to the right, in pixels.
    """

    name: str
    steps: tuple[str, ...] = STEPS
    bands: tuple[int, ...] = tuple(range(BANDS))
    shift: tuple[int, int] = (0, 0)


def variants(*, bands=True, shifts=SHIFTS):
    """All variants in the order of this module's docstring: a list of Variant.

    bands: whether with those of single bands, 128 of them.  shifts: pairs (dy, dx), 0 to 15 each.
    Raises BadInput for a shift that is no such pair.
    """
    found = [Variant("all"), Variant("none", steps=())]
    found += [Variant(f"only {step}", steps=(step,)) for step in STEPS]
    found += [Variant(f"all but {step}", steps=tuple(other for other in STEPS if other != step)) for step in STEPS]
    if bands:
        every = range(BANDS)
        found += [Variant(f"only band {k}", steps=QUANTIZATION, bands=(k,)) for k in every]
        found += [Variant(f"all but band {k}", bands=tuple(other for other in every if other != k)) for k in every]
    return found + [Variant(f"grid {dy} {dx}", shift=(dy, dx)) for dy, dx in map(_checked_shift, shifts)]


def run_variants(images, chosen, *, quality=75, subsampling="4:2:0"):
    """Yield ``(variant, result)`` for each of ``chosen``: what the variant leaves of the images, float32, like them.

    images: uint8 (N, 3, H, W) or (N, 1, H, W), grey levels.  chosen: Variants, as ``variants`` gives them.
    What precedes quantization is done once for each form that the variants need, six of color images for all of them,
    but for shifted grids, which are other blocks. One result is held at a time.
    Raises BadInput as ``jpeg.roundtrip``.
    """
    prepared = Prepared(images, quality=quality, subsampling=subsampling)
    order = dct.zigzag()
    for variant in chosen:
        if variant.shift != (0, 0):
            yield variant, shifted_roundtrip(images, variant.shift, quality=quality, subsampling=subsampling)
            continue
        quantized = torch.zeros(BANDS, dtype=torch.bool)
        quantized[order[list(variant.bands)]] = True
        bands = None if len(variant.bands) == BANDS else quantized.reshape(dct.BLOCK, dct.BLOCK)
        yield variant, prepared.left_by(variant.steps, bands=bands)


def shifted_roundtrip(images, shift, *, quality=75, subsampling="4:2:0"):
    """JPEG with its grid of blocks moved by ``shift``, (dy, dx) in pixels: float32 whole grey levels, like images.

    The image gets its first row and column repeated above and to the left, so that a block begins at (dy, dx), and is
    cut back afterward. Where chroma is halved its grid is of 16 pixels: only a shift of 16 is none.
    Raises BadInput for shifts that are not whole numbers of 0 to 15, and as ``jpeg.roundtrip``.
    """
    shift = _checked_shift(shift)
    jpeg.arguments.check_images(images)
    jpeg.arguments.check_subsampling(subsampling)
    height, width = images.shape[-2:]
    above, left = (-by % (dct.BLOCK * factor) for by, factor in zip(shift, FACTORS[subsampling], strict=True))
    rows = torch.arange(-above, height, device=images.device).clamp(min=0)
    columns = torch.arange(-left, width, device=images.device).clamp(min=0)
    framed = images[..., rows, :][..., columns]
    return jpeg.roundtrip(framed, quality=quality, subsampling=subsampling)[..., above:, left:].float()


def _checked_shift(shift):
    if len(shift) != 2 or not all(isinstance(by, int) and 0 <= by < 2 * dct.BLOCK for by in shift):
        raise BadInput(f"a shift of {shift!r}; wanted (dy, dx), whole numbers of pixels from 0 to 15")
    return tuple(shift)
