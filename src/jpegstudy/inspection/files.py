"""A person's own file as a network of the study takes it: scaled and cropped as the study does, or taken as it is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from jpegstudy import decoding
from jpegstudy.errors import BadInput
from jpegstudy.image_sets.items import printable
from jpegstudy.inspection import deep_files

MOST_PIXELS = 2**22  # of an image that is taken whole: a network's memory grows with it
TOLERANCE = 1e-3  # grey levels by which float arithmetic in 0-1 may miss a whole one


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in a network's size. ``name`` is for tables; ``told`` says in words what was done to the file.

    values: (3, H, W) in grey levels: uint8, or float32 where rounding to 8 bits would change any by over TOLERANCE.
    size: (width, height) of the file, pixels.
    """

    name: str
    values: torch.Tensor
    size: tuple = ()
    told: str = ""

    @property
    def is_8_bit(self):
        """True when nothing is lost by saving the image in 8 bits."""
        return self.values.dtype == torch.uint8

    @property
    def x(self):
        """The image in 8 bits: uint8 (3, H, W)."""
        return self.values if self.is_8_bit else self.values.round().to(torch.uint8)


def read(path, network, *, whole=False):
    """The image in a file, as ``network`` takes it: a Picture.

    A file of exactly the network's input size is taken as it is, since an adversarial image that is scaled is another
    one; all others are scaled and cropped as the study does.
    path: of whatever ``decoding`` or ``deep_files`` read.  network: has crop and shortest_side (pixels).
    whole: take a file of any size as it is.
    Raises BadInput if the file gives no image, or one too large to be taken whole.
    """
    path = Path(path)
    name, crop = printable(path.name), network.crop
    values = deep_files.read(path)
    if values is None:
        try:
            values = _channels_first(decoding.decode(path))
        except decoding.Rejected as reason:
            raise BadInput(f"{printable(path)}: {reason}") from reason
    is_8_bit = values.dtype == np.uint8 or np.abs(values - np.rint(values)).max() <= TOLERANCE
    bits = "8 bits, so nothing is rounded" if is_8_bit else "more than 8 bits"
    if is_8_bit:
        values = np.rint(values).astype(np.uint8)
    height, width = values.shape[1:]
    size = f"{width} x {height}"
    if (width, height) == (crop, crop):
        told = f"{size}, the network's input size, so taken as it is; {bits}"
    elif whole and width * height > MOST_PIXELS:
        raise BadInput(f"{name} is {size}; to be taken whole it may have {MOST_PIXELS:,} pixels at most")
    elif whole:
        told = f"{size}, taken whole; {bits}"
    else:
        bits = bits if is_8_bit else f"{bits}, rounded before that"
        told = f"{size}, scaled to {network.shortest_side} on its shortest side, center {crop} x {crop} taken; {bits}"
        image = Image.fromarray(np.rint(values).astype(np.uint8).transpose(1, 2, 0))
        values = decoding.center_crop(image, shortest_side=network.shortest_side, crop=crop)
    return Picture(name, torch.from_numpy(values), (width, height), told)


def read_pair(image, adversarial, network, *, whole=False):
    """The Pictures of a clean and an adversarial file, the second None where ``adversarial`` is None; see ``read``.

    Raises BadInput also if the files are of different sizes.
    """
    first = read(image, network, whole=whole)
    if adversarial is None:
        return first, None
    second = read(adversarial, network, whole=whole)
    if first.size != second.size:
        sizes = [f"{one.name} is {one.size[0]} x {one.size[1]}" for one in (first, second)]
        raise BadInput(f"{' and '.join(sizes)}; wanted a pair of one size: the clean image as the attack saw it")
    return first, second


def _channels_first(image):
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
