"""Files that hold more than 8 bits a value: 16-bit PNG, 16-bit and float TIFF, and NumPy arrays.

An adversarial image often exists in such a file before it is saved in 8 bits. ``decoding`` reads some of them in 8 bits
only and refuses the others, as the study's images are 8-bit; here each gives its grey levels unrounded:

    16 bits               level * 255 / 65535
    floats up to 1        times 255
    other floats to 255   grey levels as they are
    floats beyond 0-255   refused, as are values that are not finite: it would be a guess what they mean
    transparency, turned, CMYK, palette   not read here; ``decoding`` says what becomes of them
"""

import io
import struct

import imagecodecs
import numpy as np
from PIL import TiffImagePlugin

from jpegstudy.decoding import MAX_BYTES, MAX_PIXELS
from jpegstudy.errors import BadInput, one_line

PNG, TIFFS = b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NUMPY = b"\x93NUMPY"
HEADER = 26  # bytes that tell a PNG's depth and color type
GREY, RGB = 0, 2  # PNG's color types without transparency and palette
WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION, CHANNELS, SAMPLE_FORMAT = 256, 257, 258, 262, 274, 277, 339  # of TIFF
OVERSHOOT = 1e-3  # of 1, by which arithmetic in 0-1 may miss its range


def read(path):
    """The grey levels in a file that holds more than 8 bits a value: float32 (3, H, W) in 0-255; None for other files.

    path: a pathlib.Path; a file that is not there, or not a regular one, is an other file.
    Raises BadInput if the file is broken, or holds values without a defined range.
    """
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        with open(path, "rb") as file:
            begin = file.read(HEADER)
        found = next((reader for starts, reader in READERS.items() if begin.startswith(starts)), None)
        values = found(path.read_bytes()) if found else None
    except OSError:
        return None
    except Exception as error:  # broken files make each reader raise its own kinds
        raise BadInput(f"{path.name} cannot be read: {one_line(error)}") from error
    if values is None:
        return None
    try:
        return _grey_levels(_channels_first(values))
    except BadInput as error:
        raise BadInput(f"{path.name} {error}") from error


def _png(contents):
    depth, color = contents[24:26]
    if depth != 16 or color not in (GREY, RGB) or b"tRNS" in contents[:2000] or b"eXIf" in contents[:2000]:
        return None
    _check_size(*struct.unpack(">II", contents[16:24]))
    return imagecodecs.png_decode(contents)


def _tiff(contents):
    stream, big = io.BytesIO(contents), contents[2:4] in (b"+\0", b"\0+")  # a BigTIFF has a longer header
    tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(16 if big else 8))
    stream.seek(tags.next)
    tags.load(stream)
    bits, whole = max(tags.get(BITS, (1,))), tags.get(SAMPLE_FORMAT, (1,))[0] == 1
    plain = tags.get(PHOTOMETRIC) in (1, 2) and tags.get(CHANNELS, 1) in (1, 3) and tags.get(ORIENTATION, 1) == 1
    if bits <= 8 or not plain or (whole and bits != 16):
        return None
    _check_size(tags[WIDTH], tags[HEIGHT])
    return imagecodecs.tiff_decode(contents)


def _numpy(contents):
    return np.load(io.BytesIO(contents), allow_pickle=False)


READERS = {PNG: _png, NUMPY: _numpy, TIFFS: _tiff}


def _check_size(width, height):
    if width * height > MAX_PIXELS:
        raise BadInput(f"{width} x {height} pixels; at most {MAX_PIXELS:,} are decoded")


def _channels_first(values):
    """An array (H, W), (H, W, 3) or (3, H, W), or a batch of one, as (3, H, W)."""
    given = values.shape
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 2:
        values = np.stack([values] * 3)
    elif values.ndim == 3 and values.shape[2] in (1, 3) and values.shape[0] != 3:
        values = values.transpose(2, 0, 1)
    if values.ndim == 3 and values.shape[0] == 1:
        values = np.repeat(values, 3, axis=0)
    if values.ndim != 3 or values.shape[0] != 3 or 0 in values.shape:
        raise BadInput(f"holds an array {given}; wanted (3, H, W), (H, W, 3) or (H, W)")
    return values


def _grey_levels(values):
    if values.dtype == np.uint16:
        return (values / np.float32(257)).astype(np.float32)
    if values.dtype == np.uint8:
        return values.astype(np.float32)
    if not np.issubdtype(values.dtype, np.floating):
        raise BadInput(f"holds {values.dtype}; wanted uint8, uint16 or floats")
    if not np.isfinite(values).all():
        raise BadInput("holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    unit = 1 if high <= 1 + OVERSHOOT else 255
    if low < -OVERSHOOT * unit or high > (1 + OVERSHOOT) * unit:
        raise BadInput(f"holds values from {low:.3g} to {high:.3g}; wanted 0 to 1, or grey levels 0 to 255")
    return np.clip(values * (255 / unit), 0, 255).astype(np.float32)
