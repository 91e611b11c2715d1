"""Image files to x: decoding, and the paper's scaling and cropping.

Whatever a file holds has one defined treatment, or is refused with a reason that rejected.csv shows:

    grey, black and white, palette   converted to RGB
    CMYK, YCCK, Lab, HSV             converted to RGB by Pillow (no color profile is applied, as in torchvision)
    16-bit grey                      the upper 8 bits, rounded: level * 255 / 65535
    transparency                     laid over white, as a viewer of the file would see it
    EXIF orientation                 applied, so that the image stands upright
    several frames                   the first
    smaller than the crop            enlarged: the shortest side becomes ``shortest_side``; refused where none is scaled
    32-bit integers and floats       refused: their range is not defined
    over MAX_PIXELS pixels           refused before anything is decoded
    over MAX_BYTES bytes             refused before anything is read
    other than a regular file        refused unopened, since reading a pipe or a device may never end

A file's kind is told by its contents, whatever its name. Of what Pillow reads, only raster formats that its own
decoders handle in memory are let in (FORMATS); not EPS and WMF, which start other programs or need another system, nor
fonts, videos, scientific containers and formats of which Pillow reads the header only.
"""

import io
import os
import stat
import threading
import warnings

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20
STRIP_PIXELS = 2**20  # converted at a time: temporary copies of 100 megapixels in every thread would take gigabytes

FORMATS = {  # Pillow's name -> suffixes that such files have
    "AVIF": (".avif", ".avifs"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),  # an MPO is a JPEG with further ones behind it
    "JPEG2000": (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
    "PCX": (".pcx",),
    "PNG": (".png", ".apng"),
    "PPM": (".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
    "QOI": (".qoi",),
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
UNSIGNED_FORMATS = {  # nothing in the file says what it is, so that they are tried for files so named only
    "DIB": (".dib",),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
SUFFIXES = frozenset(suffix for suffixes in (FORMATS | UNSIGNED_FORMATS).values() for suffix in suffixes)


class _Silence:
    """No warnings while any thread is inside: Pillow's say nothing about pixels, or name a limit below MAX_PIXELS.

    ``warnings.catch_warnings``, entered by several threads at once, would leave all warnings off for good.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self):
        with self._lock:
            if not self._inside:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.__exit__(*exception)


_silence = _Silence()


class Rejected(Exception):
    """A file that gives no image; the message is the reason, in one line."""


def looks_like_image(path):
    """True when a file's name or, failing that, its header says that it is an image; its pixels may be broken."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        _check_file(path)
        with _silence, open(path, "rb") as file, Image.open(file, formats=_formats(path)):
            return True
    except Image.DecompressionBombError:
        return True
    except Exception:  # as in decode: whatever a header makes Pillow raise, decode will refuse the file
        return False


def decode(path):
    """The image in a file as an upright Pillow image of mode RGB. Raises Rejected with the reason."""
    try:
        _check_file(path)
        contents = path.read_bytes()
    except MemoryError as error:
        raise Rejected("not enough memory to read it") from error
    except OSError as error:
        raise Rejected(f"cannot be read: {error.strerror or error}") from error
    try:
        with _silence, Image.open(io.BytesIO(contents), formats=_formats(path)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise Rejected(f"{width} x {height} pixels; at most {MAX_PIXELS:,} are decoded")
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected("not enough memory to decode it") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit comes before the size can be asked for
        raise Rejected(
            f"more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels; at most {MAX_PIXELS:,} are decoded"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise Rejected(f"not an image that Pillow knows; decoded are {', '.join(FORMATS)}") from error
    except Exception as error:  # broken files make Pillow raise at least six kinds, SyntaxError and ValueError too
        words = " ".join(str(error).split())
        raise Rejected(f"{words or type(error).__name__}"[:200]) from error


def _check_file(path):
    """Raise Rejected, or OSError, for what is not to be opened."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise Rejected("a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise Rejected("not a regular file but a pipe, a socket or a device")
    if not found.st_size:
        raise Rejected("empty file")
    if found.st_size > MAX_BYTES:
        raise Rejected(f"{found.st_size:,} bytes; at most {MAX_BYTES:,} are read")


def _formats(path):
    suffix = path.suffix.lower()
    return [*FORMATS, *(name for name, suffixes in UNSIGNED_FORMATS.items() if suffix in suffixes)]


def _to_rgb(image):
    if image.mode in ("I", "F"):
        raise Rejected(f"32-bit pixels (mode {image.mode}) have no defined range")
    if image.mode.startswith("I;16"):
        image = _upper_8_bits(image)
    if image.has_transparency_data:
        return _over_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _upper_8_bits(image):
    """round(level * 255 / 65535) of 16-bit grey: that is level / 257, and no level lies halfway, 257 being odd."""
    result = np.empty((image.height, image.width), np.uint8)
    for box in _strips(image):
        level = np.asarray(image.crop(box)).astype(np.uint32)
        result[box[1] : box[3]] = (level + 128) // 257
    return Image.fromarray(result)


def _over_white(image):
    result = Image.new("RGB", image.size)
    for box in _strips(image):
        strip = image.crop(box).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        result.paste(Image.alpha_composite(white, strip).convert("RGB"), box)
    return result


def _strips(image):
    """Boxes of whole rows that cover the image, of about STRIP_PIXELS each."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def center_crop(image, *, shortest_side=256, crop=224):
    """The paper's step 1: scale ``image`` so that its shortest side is ``shortest_side`` pixels, cut the center square.

    Antialiased bilinear scaling (Pillow's), long side rounded down, offset of the square rounded down. Of an extreme
    shape (1 x 4000 would become 256 x 1,024,000) only the square is computed, within one grey level of the same.
    shortest_side: None cuts from the image as it is. Raises Rejected if that is smaller than the crop.
    Returns uint8 (3, crop, crop), grey levels. Source: Dziugaite et al. 2016, section 4, step 1.
    """
    scaled = _scaled_size(image, shortest_side, crop)
    return _cut(image, scaled, [(side - crop) // 2 for side in scaled], crop)


def random_crop(image, *, shortest_side=256, crop=224, rng):
    """A square anywhere in the scaled image, as the training images of the paper's network were cut.

    ``rng`` is a numpy Generator; the rest is as for ``center_crop``.
    """
    scaled = _scaled_size(image, shortest_side, crop)
    return _cut(image, scaled, [int(rng.integers(0, side - crop + 1)) for side in scaled], crop)


def _scaled_size(image, shortest_side, crop):
    if shortest_side is None:
        if min(image.size) < crop:
            size = " x ".join(map(str, image.size))
            raise Rejected(f"{size} pixels, smaller than the crop of {crop}, and images are not scaled here")
        return list(image.size)
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
