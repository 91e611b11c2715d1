"""Databases of small patches from images, and the nearest patch to each of others. What quilting sews with.

The demo's is a file of the project, drawn from the images that its network was trained on: none of those that are
tested. See ``write_demo``.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from jpegstudy.errors import BadInput, one_line
from jpegstudy.places import root

SIDE = 5  # pixels, the authors' choice
COUNT = 50_000  # patches drawn from a folder of images; the authors have 1,000,000 from ImageNet's training images
SEED = 0  # of that drawing
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
DEMO = "demo"  # the name of the demo's database
DEMO_FILE = "data/demo/training_patches.npy"  # from the project's folder
DEMO_IMAGES, DEMO_COUNT = 2000, 20_000  # the first training images, and the patches of them: a file of 1.5 MB
QUERIES, CANDIDATES = 1024, 1024  # compared at a time: 4 MB of scores, which caches hold


@dataclass(frozen=True)
class Patches:
    """A database. pixels: uint8 (P, 3, 5, 5).  digest: the first 12 hexadecimal digits of the SHA-256 of them."""

    pixels: np.ndarray
    digest: str


class ImageFiles:
    """The images under a folder, opened one after the other: uint8 (H, W, 3) each, ordered by path."""

    def __init__(self, folder):
        self.paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)

    def __len__(self):
        return len(self.paths)

    def __iter__(self):
        for path in self.paths:
            try:
                with Image.open(path) as image:
                    yield np.asarray(image.convert("RGB"))
            except OSError as error:
                raise BadInput(f"{path.name} cannot be read as an image ({one_line(error)}); take it away") from error


def patches_of(images, count, seed):
    """``count`` patches at random from images: uint8 (count, 3, 5, 5), grouped by image.

    images: uint8 arrays (H, W, 3) of any sizes, a list or anything else with a length to go through once.
    For each patch an image and a place in it are drawn, each uniformly, by ``seed``.
    Raises BadInput for no images, and for one of another type or shape or with a side below 5 pixels.
    """
    if not len(images):
        raise BadInput("there are no images to take patches from; wanted at least one")
    rng = np.random.default_rng(seed)
    shares = np.bincount(rng.integers(len(images), size=count), minlength=len(images))
    parts = [_drawn(np.asarray(image), share, rng) for image, share in zip(images, shares, strict=True)]
    return np.concatenate(parts).transpose(0, 3, 1, 2).copy()


def _drawn(image, count, rng):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < SIDE:
        raise BadInput(
            f"patches are wanted of an image {image.dtype} {image.shape}; it must be uint8 (H, W, 3) with sides of at "
            f"least {SIDE} pixels"
        )
    top, left = (rng.integers(side - SIDE, size=count, endpoint=True) for side in image.shape[:2])
    offset = np.arange(SIDE)
    return image[top[:, None, None] + offset[:, None], left[:, None, None] + offset]  # (count, 5, 5, 3)


def write_demo(folder, images, *, seed):
    """Draw the demo's database from its training images, and keep it as ``training_patches.npy`` in ``folder``.

    images: uint8 (N, H, W, 3), the training images; of more than the first 2000, these.  seed: of the drawing.
    Returns the file's path. It holds uint8 (20000, 3, 5, 5), see ``patches_of``.
    Raises BadInput as ``patches_of`` does.
    """
    path = Path(folder) / Path(DEMO_FILE).name
    np.save(path, patches_of(images[:DEMO_IMAGES], DEMO_COUNT, seed))
    return path


@functools.lru_cache(maxsize=2)
def load(name):
    """The database of a source, or of several with + between them, one after the other. What is found is kept: two.

    A source is ``demo``, an .npy file with patches uint8 (P, 3, 5, 5), or a folder of images, from which 50,000 patches
    are drawn by seed 0. Paths are from the project's folder, and hold no +.
    Raises BadInput if a source is not there, or of another type or shape.
    """
    parts = [_pixels(source) for source in name.split("+")]
    pixels = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return Patches(pixels, hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()[:12])


def _pixels(source):
    """The patches of one source."""
    path = root() / (DEMO_FILE if source == DEMO else Path(source).expanduser())
    if source and path.is_dir():
        pixels = patches_of(ImageFiles(path), COUNT, SEED)
    elif source and path.is_file():
        pixels = _read(path)
    else:
        lacking = f" ({DEMO_FILE} is missing)" if source == DEMO else ""
        raise BadInput(
            f"there are no patches {source!r}{lacking}; wanted {DEMO}, a folder of images, or an .npy file of patches "
            "uint8 (P, 3, 5, 5), several with + between them"
        )
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (3, SIDE, SIDE):
        given = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise BadInput(f"patches {source!r} are {given}; wanted a uint8 array (P, 3, {SIDE}, {SIDE})")
    if not len(pixels):
        raise BadInput(f"patches {source!r} are none; wanted at least one")
    return pixels


def _read(path):
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInput(f"patches {path.name!r} cannot be read ({one_line(error)}); wanted an .npy file") from error


def nearest(queries, pixels):
    """Which of the patches ``pixels`` is nearest to each query, by squared distance: int64 (M,). The first, if several.

    queries: uint8 (M, 3, 5, 5).  pixels: uint8 (P, 3, 5, 5). Tensors on one device.
    All are compared, by |p|^2 - 2 p·q. These are whole numbers, and p·q below 2^23 as is |p|^2 / 2, which float32 holds
    exactly whatever the order of the sums; so the answer is exact on every device and in every batch.
    """
    best = torch.empty(len(queries), dtype=torch.int64, device=queries.device)
    candidates = pixels.flatten(1).float()  # (P, 75)
    offsets = candidates.square().sum(1).div_(-2)
    for start in range(0, len(queries), QUERIES):
        wanted = queries[start : start + QUERIES].flatten(1).float()
        highest = torch.full((len(wanted),), -torch.inf, device=queries.device)
        found = best[start : start + QUERIES]  # a view: filled in place
        for first in range(0, len(candidates), CANDIDATES):
            some = slice(first, first + CANDIDATES)
            scores, which = torch.addmm(offsets[some], wanted, candidates[some].T).max(dim=1)
            better = scores > highest
            highest[better] = scores[better]
            found[better] = which[better] + first
    return best
