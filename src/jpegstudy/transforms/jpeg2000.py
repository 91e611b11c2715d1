"""JPEG 2000 as a transform: the wavelet codec that came after JPEG."""

from dataclasses import dataclass

import torch

from jpegstudy.transforms import pillow_files
from jpegstudy.transforms.settings import decimal, refuse, written

WANTED = "the compression ratio, 1 to 1000, such as J2K20; there is no authors' choice to fall back on"
RESOLUTIONS = 6  # OpenJPEG's default; smaller images have fewer


@dataclass(frozen=True)
class Jpeg2000:
    """J2K: the round trip through OpenJPEG, by the irreversible 9/7 wavelet and color transform.

    ratio: bits of the image as it stands, 24 a pixel, to bits of the file; 1 to 1000. Raises BadInput for another.
    OpenJPEG truncates to reach it, so files take at most their share but for their headers, about 200 bytes, which
    small images have no room for. No setting of it is a defense's authors'; match its rate to that of another codec.
    Source: ITU-T T.800; Pillow's encoder.
    """

    ratio: float
    name = "J2K"
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if isinstance(self.ratio, bool) or not isinstance(self.ratio, int | float) or not 1 <= self.ratio <= 1000:
            refuse(self.name, self.ratio, WANTED)

    @property
    def settings(self):
        """The ratio."""
        return written(self.ratio)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(decimal(cls.name, settings, WANTED))

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here. Raises BadInput if Pillow lacks JPEG 2000."""
        return pillow_files.decode(self.encode(images), images)

    def bits(self, images):
        """Bits of each image's whole file: int64 (N,)."""
        return pillow_files.bits(self.encode(images), images.device)

    def encode(self, images):
        """The file of each image, uint8 (N, 3, H, W): a list of N bytes."""
        resolutions = min(RESOLUTIONS, min(images.shape[-2:]).bit_length()) if len(images) else RESOLUTIONS
        options = {"quality_mode": "rates", "quality_layers": [self.ratio], "irreversible": True}
        return pillow_files.encode(images, "JPEG2000", num_resolutions=resolutions, **options)
