"""Image quilting: an image sewn anew from patches of other images, none of which an attacker has touched."""

import re
from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms import patches
from jpegstudy.transforms.patches import SIDE
from jpegstudy.transforms.settings import refuse
from jpegstudy.transforms.threads import for_each

OVERLAP = 2  # pixels: half a patch, the authors' choice
STRIDE = SIDE - OVERLAP
WANTED = (
    "a folder of images, or an .npy file of patches, in brackets, such as QUILT[patches.npy], several with + between "
    "them, such as QUILT[demo+my/images], or nothing"
)


@dataclass(frozen=True)
class Quilt:
    """QUILT: each 5x5 patch of the image, 3 pixels apart, is replaced by the nearest patch of a database.

    Where a new patch overlaps what is sewn already, by two pixels, the seam runs where the two differ least: minimum-
    error boundary cuts of the overlaps above and to the left. If the last row or column of patches does not fit
    ((side - 5) % 3 != 0), it is moved inwards, and its seam lies in the overlap's last two pixels.

    patches: the database: ``demo``, an .npy file, a folder of images, or several of these with + between them, see
    patches.load. It should hold nothing of the images that are quilted. The demo's holds 20,000 patches of its training
    images, a folder gives 50,000; the authors have 1,000,000 of ImageNet's training images. A smaller database gives
    coarser images; say its size beside results.
    The nearest patch is found exactly, by comparing all; the authors search approximately. It is the one nearest patch
    (their code's default, k = 1), so nothing is random; their experiments choose among the 10 nearest.
    Source: Guo et al. 2018, section 4, and their code's settings; the seams as in Efros and Freeman 2001.
    """

    patches: str = "demo"
    name = "QUILT"
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    @property
    def settings(self):
        """The database in brackets; nothing for the demo's."""
        return "" if self.patches == "demo" else f"[{self.patches}]"

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        found = re.fullmatch(r"\[([^\[\]()]+)\]", settings)
        if settings and not found:
            refuse(cls.name, settings, WANTED)
        return cls(found[1]) if found else cls()

    @property
    def digest(self):
        """Twelve hexadecimal digits that name the database's pixels. Raises BadInput if there is none."""
        return patches.load(self.patches).digest

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here.

        Raises BadInput if the database is not found, and for images with a side below 5 pixels.
        """
        check_images(images)
        if images.shape[1] != 3 or min(images.shape[-2:]) < SIDE:
            raise BadInput(
                f"images are {tuple(images.shape)}; {self.name} wants RGB with sides of at least {SIDE} pixels"
            )
        database = torch.from_numpy(patches.load(self.patches).pixels).to(images.device)
        result = torch.empty_like(images)
        tops, lefts = (places(side) for side in images.shape[-2:])

        def quilt(number):
            queries = cut_out(images[number], tops, lefts)
            chosen = database[patches.nearest(queries, database)].cpu().numpy()
            sewn = sew(chosen.reshape(len(tops), len(lefts), 3, SIDE, SIDE), tops, lefts)
            result[number] = torch.from_numpy(sewn)

        for_each(quilt, range(len(images)))
        return result


def places(side):
    """Where patches begin along a side, in pixels: every third, and the last so that it ends with the image."""
    starts = [*range(0, side - SIDE + 1, STRIDE)]
    return np.array(starts if starts[-1] == side - SIDE else [*starts, side - SIDE])


def cut_out(image, tops, lefts):
    """The patches of an image (3, H, W) at these places: (rows * columns, 3, 5, 5), row by row."""
    offset = np.arange(SIDE)
    rows = torch.from_numpy(tops[:, None] + offset).to(image.device)  # (rows, 5)
    columns = torch.from_numpy(lefts[:, None] + offset).to(image.device)
    grid = image[:, rows[:, None, :, None], columns[None, :, None, :]]  # (3, rows, columns, 5, 5)
    return grid.permute(1, 2, 0, 3, 4).flatten(0, 1)


def sew(chosen, tops, lefts):
    """The image that patches make: uint8 (3, H, W).

    chosen: uint8 (rows, columns, 3, 5, 5), to lie at ``tops`` and ``lefts``. They are laid row by row, each cut where
    it overlaps earlier ones. Patches with the same 3 * row + column overlap nothing of one another, and all that they
    overlap of earlier ones has a smaller sum; so each such diagonal is laid at once.
    """
    result = np.zeros((3, tops[-1] + SIDE, lefts[-1] + SIDE), np.uint8)
    above, before = (np.maximum(0, SIDE - np.diff(at, prepend=-SIDE)) for at in (tops, lefts))  # pixels of overlap
    row, column = (index.ravel() for index in np.indices(chosen.shape[:2]))
    diagonals = 3 * row + column
    order = np.argsort(diagonals, kind="stable")
    offset = np.arange(SIDE)
    for some in np.split(order, np.flatnonzero(np.diff(diagonals[order])) + 1):
        i, j = row[some], column[some]
        rows = (tops[i][:, None] + offset)[:, :, None]  # (K, 5, 1)
        columns = (lefts[j][:, None] + offset)[:, None, :]
        old = result[:, rows, columns].astype(np.int32)  # (3, K, 5, 5)
        new = chosen[i, j].transpose(1, 0, 2, 3)
        error = ((old - new) ** 2).sum(0)  # (K, 5, 5)
        kept = beyond_seam(error, before[j]) & beyond_seam(error.transpose(0, 2, 1), above[i]).transpose(0, 2, 1)
        result[:, rows, columns] = np.where(kept, new, old)
    return result


def beyond_seam(error, overlap):
    """Which values of patches lie on or right of a seam down their left overlap: bool (K, 5, 5).

    error: (K, 5, 5), squared difference to what lies there.  overlap: (K,), in columns; 0 where nothing lies there.
    The seam crosses each row in one of the overlap's last two columns and may step by one from row to row. From one of
    two columns every step is such, so the path of least error takes the lesser of each row, the left one if equal.
    """
    first = (overlap - OVERLAP)[:, None, None]
    either = np.maximum(first, 0) + np.arange(OVERLAP)  # (K, 1, 2); without an overlap, of no consequence
    pair = np.take_along_axis(error, np.broadcast_to(either, (*error.shape[:2], OVERLAP)), axis=2)
    at = first + (pair[..., 1:] < pair[..., :1])  # (K, 5, 1)
    return (np.arange(SIDE) >= at) | (overlap == 0)[:, None, None]
