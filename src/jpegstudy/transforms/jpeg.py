"""JPEG as a transform."""

import re
from dataclasses import dataclass

import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import size

_SETTINGS = re.compile(r"(?P<quality>\d+)?(?:-(?P<subsampling>444|422|420))?")


class JpegSettings:
    """The quality and subsampling of JPEG, as the notation of modifications writes them."""

    @property
    def settings(self):
        """What stands behind the name: "" for quality 75 and 4:2:0, else such as "50" or "75-444"."""
        plain = self.subsampling == "4:2:0"
        quality = "" if self.quality == 75 and plain else str(self.quality)
        return f"{quality}{'' if plain else '-' + self.subsampling.replace(':', '')}"

    @classmethod
    def of(cls, settings):
        """The transform with these settings, as ``settings`` writes them. Raises BadInput for others."""
        found = _SETTINGS.fullmatch(settings)
        if not found:
            raise BadInput(f"{cls.name} has no settings {settings!r}; wanted such as {cls.name}50 or {cls.name}75-444")
        quality = int(found["quality"] or 75)
        if not 1 <= quality <= 100:
            raise BadInput(f"quality is {quality}; libjpeg takes 1 to 100")
        return cls(quality=quality, subsampling=":".join(found["subsampling"] or "420"))


@dataclass(frozen=True)
class Jpeg(JpegSettings):
    """JPG(x): the round trip at a quality of libjpeg's, 1 to 100."""

    quality: int = 75
    subsampling: str = "4:2:0"
    codec: str = "auto"  # of jpeg.CODECS
    name = "JPG"
    output = torch.uint8
    differentiable = False
    stochastic = False
    resizes = False

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        settings = {"quality": self.quality, "subsampling": self.subsampling, "codec": self.codec}
        return jpeg.roundtrip(images, **settings)

    def bits(self, images):
        """Bits of each image's whole file: int64 (N,)."""
        return size.in_bits(images, quality=self.quality, subsampling=self.subsampling)
