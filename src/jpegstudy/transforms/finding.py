"""From a transform's name with its settings, as the notation writes it, to the transform."""

import difflib
import re

from jpegstudy.errors import BadInput
from jpegstudy.transforms import custom
from jpegstudy.transforms.bit_depth import BitDepth
from jpegstudy.transforms.feature_distillation import FeatureDistillation, FeatureDistillation8
from jpegstudy.transforms.gaussian import Gaussian
from jpegstudy.transforms.jpeg import Jpeg
from jpegstudy.transforms.jpeg2000 import Jpeg2000
from jpegstudy.transforms.jpeg_noise import JpegNoise
from jpegstudy.transforms.median import Median
from jpegstudy.transforms.quilting import Quilt
from jpegstudy.transforms.resize_and_pad import ResizeAndPad
from jpegstudy.transforms.slq import Slq
from jpegstudy.transforms.total_variation import TotalVariation
from jpegstudy.transforms.webp import Webp

TRANSFORMS = {
    transform.name: transform
    for transform in (
        Jpeg, JpegNoise, FeatureDistillation, FeatureDistillation8, Slq, BitDepth, Median, Gaussian, TotalVariation,
        Quilt, Jpeg2000, Webp, ResizeAndPad,
    )
}  # fmt: skip


def find(text, known=TRANSFORMS):
    """The transform that ``text`` names: JPG50-444, FD8-v1, GAUSS0.5, QUILT[patches.npy], package.module:function.

    known: the classes by name, for a layer above that has more of them.
    Raises BadInput with the nearest names if there is none, and for settings that it doesn't take.
    """
    if re.fullmatch(custom.FORM, text):
        return custom.Custom.of(text)
    for name in sorted(known, key=len, reverse=True):  # JPGnoise before JPG, FD8 before FD
        rest = text.removeprefix(name)
        if text.startswith(name) and not rest[:1].isalpha():
            return known[name].of(rest)
    near = difflib.get_close_matches(re.split(r"[\d\[-]", text)[0] or text, known, n=3, cutoff=0.4)
    raise BadInput(
        f"there is no transform {text!r}; {'nearest' if near else 'known'}: {', '.join(near or known)}; your own "
        "goes by package.module:function"
    )
