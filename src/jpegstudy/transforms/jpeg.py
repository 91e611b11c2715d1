"""JPEG as a transform."""

from dataclasses import dataclass

from jpegstudy import jpeg


@dataclass(frozen=True)
class Jpeg:
    """JPG(x): the round trip at a quality of libjpeg's, 1 to 100."""

    quality: int = 75
    subsampling: str = "4:2:0"
    codec: str = "auto"  # of jpeg.CODECS
    name = "JPG"
    differentiable = False
    stochastic = False

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        settings = {"quality": self.quality, "subsampling": self.subsampling, "codec": self.codec}
        return jpeg.roundtrip(images, **settings)
