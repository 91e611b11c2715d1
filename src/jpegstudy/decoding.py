"""Image files to x: decoding, and the paper's scaling and cropping.

Whatever a file holds has one defined treatment, or is refused with a reason that rejected.csv shows:

    grey, black and white, palette   converted to RGB
    CMYK, YCCK, Lab, HSV             converted to RGB by Pillow (no color profile is applied, as in torchvision)
    16-bit grey                      the upper 8 bits, rounded: level * 255 / 65535
    transparency                     laid over white, as a viewer of the file would see it
    EXIF orientation                 applied, so that the image stands upright
    several frames                   the first
    smaller than the crop            enlarged: the shortest side always becomes ``shortest_side``
    32-bit integers and floats       refused: their range is not defined
    over MAX_PIXELS pixels           refused before anything is decoded
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000


class Rejected(Exception):
    """A file that gives no image; the message is the reason, in one line."""


def decode(path):
    """The image in a file as an upright Pillow image of mode RGB. Raises Rejected with the reason."""
    if path.is_dir():
        raise Rejected("a folder, not a file")
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise Rejected(f"cannot be read: {error.strerror}") from error
    if not contents:
        raise Rejected("empty file")
    try:
        # Pillow only warns below twice its own limit; ours is checked first. Its warnings about odd metadata say
        # nothing about the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(contents)) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise Rejected(f"{width} x {height} pixels; at most {MAX_PIXELS:,} are decoded")
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image))
    except Rejected:
        raise
    except MemoryError:
        raise
    except (
        Exception
    ) as error:  # broken files make Pillow raise at least six kinds, SyntaxError and ValueError among them
        words = " ".join(str(error).split()).replace(f"{io.BytesIO.__name__}", "")
        if isinstance(error, Image.UnidentifiedImageError):
            words = "not an image that Pillow knows"
        raise Rejected(f"{words or type(error).__name__}"[:200]) from error


def _to_rgb(image):
    if image.mode in ("I", "F"):
        raise Rejected(f"32-bit pixels (mode {image.mode}) have no defined range")
    if image.mode.startswith("I;16"):
        levels = np.asarray(image, dtype=np.float64) * (255 / 65535)
        image = Image.fromarray(np.rint(levels).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def center_crop(image, *, shortest_side=256, crop=224):
    """The paper's step 1: scale ``image`` so that its shortest side is ``shortest_side`` pixels, cut the center square.

    Antialiased bilinear scaling (Pillow's), long side rounded down, offset of the square rounded down. Of an extreme
    shape (1 x 4000 would become 256 x 1,024,000) only the square is computed, within one grey level of the same.
    Returns uint8 (3, crop, crop), grey levels. Source: Dziugaite et al. 2016, section 4, step 1.
    """
    scaled = _scaled_size(image, shortest_side)
    return _cut(image, scaled, [(side - crop) // 2 for side in scaled], crop)


def random_crop(image, *, shortest_side=256, crop=224, rng):
    """A square anywhere in the scaled image, as the training images of the paper's network were cut.

    ``rng`` is a numpy Generator; the rest is as for ``center_crop``.
    """
    scaled = _scaled_size(image, shortest_side)
    return _cut(image, scaled, [int(rng.integers(0, side - crop + 1)) for side in scaled], crop)


def _scaled_size(image, shortest_side):
    return [max(shortest_side, side * shortest_side // min(image.size)) for side in image.size]


def _cut(image, scaled, corner, crop):
    left, top = corner
    if scaled[0] * scaled[1] <= MAX_PIXELS // 10:
        square = (left, top, left + crop, top + crop)
        return _to_array(image.resize(scaled, Image.Resampling.BILINEAR).crop(square))
    across, down = image.width / scaled[0], image.height / scaled[1]  # source pixels in a scaled one
    box = (left * across, top * down, (left + crop) * across, (top + crop) * down)
    return _to_array(image.resize((crop, crop), Image.Resampling.BILINEAR, box=box))


def _to_array(image):
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
