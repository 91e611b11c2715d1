"""From a transform's name with its settings, as the notation writes it, to the transform."""

import difflib
import re

from jpegstudy.errors import BadInput
from jpegstudy.transforms.bit_depth import BitDepth
from jpegstudy.transforms.custom import Custom
from jpegstudy.transforms.gaussian import Gaussian
from jpegstudy.transforms.jpeg import Jpeg
from jpegstudy.transforms.jpeg2000 import Jpeg2000
from jpegstudy.transforms.jpeg_noise import JpegNoise
from jpegstudy.transforms.median import Median
from jpegstudy.transforms.quilting import Quilt
from jpegstudy.transforms.resize_and_pad import ResizeAndPad
from jpegstudy.transforms.settings import refuse
from jpegstudy.transforms.slq import Slq
from jpegstudy.transforms.total_variation import TotalVariation
from jpegstudy.transforms.webp import Webp

# The rivals of JPEG by name. Each has a property ``settings``, what stands behind its name, and a class method ``of``
# that takes it and gives the transform.
DEFENSES = {
    defense.name: defense
    for defense in (Slq, BitDepth, Median, Gaussian, TotalVariation, Quilt, Jpeg2000, Webp, ResizeAndPad)
}


def find(text):
    """The transform that ``text`` names: JPG50-444, SLQ, GAUSS0.5, QUILT[patches.npy], package.module:function.

    Raises BadInput with the nearest names if there is none, and for settings that it doesn't take.
    """
    if ":" in text and "[" not in text:
        return Custom.of(text)
    own = {**dict.fromkeys((Jpeg.name, JpegNoise.name)), **DEFENSES}
    for name in sorted(own, key=len, reverse=True):  # JPGnoise before JPG
        rest = text.removeprefix(name)
        if text.startswith(name) and not rest[:1].isalpha():
            return own[name].of(rest) if own[name] else _of_jpeg(name, rest)
    near = difflib.get_close_matches(re.split(r"[\d\[]", text)[0] or text, own, n=3, cutoff=0.4)
    raise BadInput(
        f"there is no transform {text!r}; {'nearest' if near else 'known'}: {', '.join(near or own)}; your own goes by "
        "package.module:function"
    )


def _of_jpeg(name, settings):
    """JPEG, or its noise, with the settings that the notation has for them."""
    found = re.fullmatch(r"([1-9][0-9]*)?(?:-(444|422|420))?", settings)
    if not found or not 1 <= int(found[1] or 75) <= 100:
        refuse(name, settings, "a quality from 1 to 100 and -444, -422 or -420, or neither, such as JPG50-444")
    transform = JpegNoise if name == JpegNoise.name else Jpeg
    return transform(quality=int(found[1] or 75), subsampling=":".join(found[2] or "420"))
