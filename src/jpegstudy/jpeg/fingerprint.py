"""Which JPEG codec this is, by what it does: another library, or another version, may give other pixels."""

import functools
import hashlib

import imagecodecs
import torch

from jpegstudy.jpeg import SUBSAMPLINGS, codec_on, roundtrip

QUALITIES = (1, 10, 25, 50, 75, 90, 100)
HEIGHT, WIDTH = 61, 83  # no multiples of 8: edges are where implementations differ


@functools.cache
def of_codec(codec="auto", device="cpu"):
    """A codec of jpeg.CODECS as a record names it: ``{"fingerprint": 16 hexadecimal digits, "library": version}``.

    The fingerprint is a hash of the pixels that a fixed image on that device gives over QUALITIES and all subsamplings;
    two codecs with the same one may be exchanged.
    """
    digest = hashlib.sha256()
    image = _image().to(device)
    for subsampling in SUBSAMPLINGS:
        for quality in QUALITIES:
            coded = roundtrip(image, quality=quality, subsampling=subsampling, codec=codec)
            digest.update(coded.cpu().numpy().tobytes())
    library = f"torch {torch.__version__}" if codec_on(device, codec) == "torch" else imagecodecs.jpeg8_version()
    return {"fingerprint": digest.hexdigest()[:16], "library": library}


def _image():
    """uint8 (1, 3, HEIGHT, WIDTH): slopes on the left; on the right noise, by whole numbers that no library changes."""
    place = torch.arange(3 * HEIGHT * WIDTH).reshape(1, 3, HEIGHT, WIDTH)
    row, column = torch.arange(HEIGHT).reshape(1, 1, -1, 1), torch.arange(WIDTH).reshape(1, 1, 1, -1)
    channel = torch.arange(3).reshape(1, 3, 1, 1)
    slopes = (3 * column + (channel + 1) * row + 40 * channel) % 256
    noise = (place * 2654435761 >> 13) % 256  # Knuth's multiplicative hash
    return torch.where(column < WIDTH // 2, slopes, noise).to(torch.uint8)
