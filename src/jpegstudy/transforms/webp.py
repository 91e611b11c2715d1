"""WebP as a transform: a video codec's key frame, with prediction between its blocks."""

from dataclasses import dataclass

import torch

from jpegstudy.transforms import pillow_files
from jpegstudy.transforms.settings import refuse, whole

WANTED = "libwebp's quality, 0 to 100; 75, its default, where nothing stands"
METHOD = 4  # of 0 to 6: how long libwebp looks for a smaller file; its default


@dataclass(frozen=True)
class Webp:
    """WEBP: the lossy round trip through libwebp, which halves chroma in both directions.

    quality: libwebp's, 0 to 100. Raises BadInput for another. Its numbers are not libjpeg's. No setting of it is a
    defense's authors'; 75 is the library's. Match its rate to that of another codec.
    Source: libwebp through Pillow, method 4.
    """

    quality: int = 75
    name = "WEBP"
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if type(self.quality) is not int or not 0 <= self.quality <= 100:
            refuse(self.name, self.quality, WANTED)

    @property
    def settings(self):
        """The quality; nothing for 75."""
        return "" if self.quality == 75 else str(self.quality)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(whole(cls.name, settings, WANTED)) if settings else cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here. Raises BadInput if Pillow lacks WebP."""
        return pillow_files.decode(self.encode(images), images)

    def bits(self, images):
        """Bits of each image's whole file: int64 (N,)."""
        return pillow_files.bits(self.encode(images), images.device)

    def encode(self, images):
        """The file of each image, uint8 (N, 3, H, W): a list of N bytes."""
        return pillow_files.encode(images, "WEBP", quality=self.quality, method=METHOD)
