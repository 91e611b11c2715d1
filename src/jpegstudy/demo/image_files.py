"""Scenes as JPEG files of mixed quality, the way image collections come, and the pixels a network gets from them.

Training and validation images go through the same steps: draw, code as JPEG, decode, shrink to a shortest side of 256.
"""

import functools
import io
import json
from concurrent import futures
from multiprocessing import get_context

import numpy as np
import torch
from PIL import Image

from jpegstudy import jpeg
from jpegstudy.demo import scenes
from jpegstudy.errors import BadInput
from jpegstudy.progress import Bar

SIDE = 256  # pixels, shortest side of what a network's crop is cut from
STORED = ("files", "lossless", "jpeg")  # how training images came to the network
OWN_QUALITY = 75  # of "jpeg": libjpeg's default, at 4:2:0
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")  # full, half and quarter resolution of the color channels


def coding(seed, index):
    """Quality (60 to 93) and chroma subsampling of image ``index``'s file."""
    rng = np.random.default_rng([seed, index, 1])
    return int(rng.integers(60, 94)), str(rng.choice(SUBSAMPLINGS, p=[0.2, 0.2, 0.6]))


def file_bytes(seed, index):
    """Image ``index`` as the bytes of its JPEG file."""
    quality, subsampling = coding(seed, index)
    stream = io.BytesIO()
    Image.fromarray(scenes.draw(seed, index)).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def validation_path(folder, index):
    """Where validation image ``index`` is kept: folder/validation/<class>/NNNN.jpg."""
    return folder / "validation" / scenes.CLASSES[scenes.label_of(index)] / f"{index:04d}.jpg"


def write_validation(folder, *, seed, count):
    """Draw ``count`` validation images into ``folder``; returns their paths in index order."""
    if not 1 <= count < scenes.FIRST_TRAINING_INDEX:
        raise BadInput(f"count is {count}; it must be 1 to {scenes.FIRST_TRAINING_INDEX - 1}, training images follow")
    paths = [validation_path(folder, index) for index in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    with Bar(count, "validation images") as bar:
        for path, data in zip(paths, in_parallel(file_bytes, seed, range(count)), strict=True):
            path.write_bytes(data)
            bar.advance()
    return paths


def square(file):
    """The middle of a JPEG file (path or stream) at shortest side 256: uint8 (256, 256, 3)."""
    with Image.open(file) as image:
        return middle(image.convert("RGB"))


def middle(image):
    """The middle of a Pillow image, RGB, at shortest side 256: uint8 (256, 256, 3)."""
    scale = SIDE / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = ((side - SIDE) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))


def validation_images(folder, stored="files"):
    """The images under folder/validation, class by class: squares uint8 (N, 256, 256, 3) and labels int64 (N,).

    stored: "files", or as for stored_square, those of ``write_squares``.  Raises BadInput if there are none.
    """
    where, kind, also = ("validation", "*.jpg", "") if stored == "files" else (f"validation_{stored}", "*.png", stored)
    paths = sorted((folder / where).glob(f"*/{kind}"))
    if not paths:
        raise BadInput(
            f"{folder} holds no {where} images; run notebooks/demo/draw_images.ipynb with this output"
            + (f" and also: [{also}]" if also else "")
        )
    classes = sorted({path.parent.name for path in paths})
    labels = np.array([classes.index(path.parent.name) for path in paths])
    return np.stack([square(path) for path in paths]), labels


def held_out(folder, count):
    """``count`` of the validation images, spread over their classes, as a torch tensor: uint8 (count, 3, 256, 256).

    Raises BadInput unless there are as many, and one at least.
    """
    images, _ = validation_images(folder)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(images):
        raise BadInput(f"held_out is {count!r}; wanted a whole number from 1 to {len(images)}, the validation images")
    chosen = images[:: len(images) // count][:count]
    return torch.from_numpy(chosen).permute(0, 3, 1, 2).contiguous()


def stored_square(seed, index, stored):
    """The middle of image ``index`` at shortest side 256, as it is stored: uint8 (256, 256, 3).

    stored: "files", a JPEG file of mixed quality before it was shrunk, as image collections come and as the demo's
    network was trained; "lossless", never coded; "jpeg", never but at quality 75 once it had its last size, so that
    the codec's own grid and tables are in every pixel of it.  Raises BadInput for another.
    """
    if stored not in STORED:
        raise BadInput(f"stored is {stored!r}; wanted {', '.join(STORED)}")
    if stored == "files":
        return square(io.BytesIO(file_bytes(seed, index)))
    pixels = middle(Image.fromarray(scenes.draw(seed, index)))
    if stored == "lossless":
        return pixels
    planes = torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())
    return jpeg.roundtrip(planes, quality=OWN_QUALITY)[0].numpy().transpose(1, 2, 0)


def write_squares(folder, *, seed, count, stored):
    """Write the scenes of the first ``count`` validation images as folder/validation_<stored>/<class>/NNNN.png.

    stored: as for stored_square; the files themselves lose nothing more.  Returns their paths in index order.
    """
    one = functools.partial(stored_square, stored=stored)
    paths = []
    with Bar(count, f"validation images, {stored}") as bar:
        for index, pixels in enumerate(in_parallel(one, seed, range(count))):
            of_file = validation_path(folder, index)
            path = folder / f"validation_{stored}" / of_file.parent.name / f"{of_file.stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            paths.append(path)
            bar.advance()
    return paths


def training_square(seed, index, stored="files"):
    """stored_square of training image ``index``, 0 the first."""
    return stored_square(seed, scenes.FIRST_TRAINING_INDEX + index, stored)


def training_images(path, *, seed, count, stored="files", block=240):
    """Draw ``count`` training images into the file ``path``, going on where an earlier call stopped.

    Returns (images, labels): images is the file mapped, uint8 (count, 256, 256, 3); what is written to it stays in
    memory. labels is int64 (count,).
    stored: see ``stored_square``.
    A note beside the file, suffix .json, says what it holds. Raises BadInput if that is another seed, count or way of
    storing, or if the first image is not what the code draws today.
    """
    note, wanted = path.with_suffix(".json"), {"seed": seed, "count": count, "stored": stored}
    one = functools.partial(training_square, stored=stored)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (count, SIDE, SIDE, 3)
    if not (note.exists() and path.exists()):
        np.memmap(path, np.uint8, "w+", shape=shape).flush()
        note.write_text(json.dumps(wanted | {"drawn": 0}))
    found = {"stored": "files", **json.loads(note.read_text())}
    drawn = found.pop("drawn")
    if found != wanted:
        raise BadInput(f"{path.name} holds images for {found}, wanted is {wanted}; delete it or choose another name")
    images = np.memmap(path, np.uint8, "r+", shape=shape)
    if drawn and not np.array_equal(images[0], one(seed, 0)):
        raise BadInput(f"{path.name} was drawn by another version of the code; delete it")
    with Bar(count, "training images") as bar:
        bar.advance(drawn)
        for index, pixels in enumerate(in_parallel(one, seed, range(drawn, count)), start=drawn):
            images[index] = pixels
            bar.advance()
            if (index + 1) % block == 0 or index + 1 == count:
                images.flush()
                note.write_text(json.dumps(wanted | {"drawn": index + 1}))
    labels = np.array([scenes.label_of(scenes.FIRST_TRAINING_INDEX + index) for index in range(count)])
    return np.memmap(path, np.uint8, "c", shape=shape), labels


def in_parallel(function, seed, indices):
    """``function(seed, index)`` of every index in order, on all cores."""
    if len(indices) < 100:  # not worth starting processes for
        yield from (function(seed, index) for index in indices)
        return
    with futures.ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, [seed] * len(indices), indices, chunksize=16)
