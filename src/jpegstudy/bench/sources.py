"""What the benches run on: image files without labels, and run folders made of them outside outputs/."""

import contextlib
import os
from functools import partial

import numpy as np
from PIL import Image

from jpegstudy import decoding, image_sets, steps
from jpegstudy.places import root
from jpegstudy.run import Run

RUN = "bench"  # the name of every run that a bench makes
EPSILONS = [1, 5, 10]  # grey levels
QUALITY = 75
SEED = 0


def fill_folder(folder, count):
    """Make ``folder`` hold ``count`` image files: the demo set's, again from the first where it has fewer.

    Where there is no demo set, squares of the photographs that installed packages ship, 256 pixels. No labels, since
    the networks that are timed have other classes. Returns where they come from, in words.
    """
    folder.mkdir(parents=True)
    demo = root() / "data" / "demo" / "validation"
    files = sorted(path for path in demo.rglob("*") if path.suffix in image_sets.SUFFIXES)
    if files:
        for number in range(count):
            path = files[number * len(files) // count if count <= len(files) else number % len(files)]
            (folder / f"{number:05d}{path.suffix}").symlink_to(path)
        return "images of the demo set"
    items = image_sets.load("photos", class_count=1000).items
    photos = [decoding.center_crop(decoding.decode(item.path), shortest_side=512, crop=512) for item in items]
    rng = np.random.default_rng(SEED)
    for number in range(count):
        top, left = rng.integers(0, 512 - 256 + 1, 2)
        square = photos[number % len(photos)][:, top : top + 256, left : left + 256]
        Image.fromarray(square.transpose(1, 2, 0)).save(folder / f"{number:05d}.png", compress_level=1)
    return "squares of photographs"


@contextlib.contextmanager
def outputs_in(folder):
    """Runs are looked for and made in ``folder`` in place of outputs/ while the block lasts."""
    before = os.environ.get("JPEGSTUDY_OUTPUTS")
    os.environ["JPEGSTUDY_OUTPUTS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["JPEGSTUDY_OUTPUTS"]
        else:
            os.environ["JPEGSTUDY_OUTPUTS"] = before


def prepare(outputs, images, network, weights):
    """Do step 01 for a folder of images, in the folder ``outputs``."""
    with outputs_in(outputs):
        stage = Run(RUN).stage(
            "01_preprocessing",
            image_set=str(images),
            image_count=0,
            views=1,
            shortest_side=0,
            shard_size=256,
            network=network,
            weights=weights,
            preprocessing={},
            precision="float32",
            seed=SEED,
        )
        steps.prepare(stage)


def study(outputs, batch_size):
    """Do steps 02 to 04 of the run in the folder ``outputs``: eleven modifications with EPSILONS and QUALITY."""
    for _, step in later_steps(outputs, batch_size):
        step()


def later_steps(outputs, batch_size):
    """``(number, step)`` of steps 02 to 04, to be called in order without arguments."""
    common = {"batch_size": batch_size, "device": "cpu"}
    jpeg = {"subsampling": "4:2:0", "codec": "auto", **common}

    def do(work, stage, **parameters):
        with outputs_in(outputs):
            work(Run(RUN).stage(stage, **parameters))

    return [
        ("02", partial(do, steps.attack, "02_attack", epsilons=EPSILONS, **common)),
        ("03", partial(do, steps.compress, "03_compression", qualities=[QUALITY], **jpeg)),
        ("04", partial(do, steps.add_jpeg_noise, "04_jpeg_noise", quality=QUALITY, seed=SEED, **jpeg)),
    ]
