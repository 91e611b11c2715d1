"""Are our pixels those of Pillow and its libjpeg-turbo? ``python -m jpegstudy.jpeg.exactness`` counts what differs.

Every quality, subsampling and size, with contents that reach every branch: photographs, the same under sign noise as an
attack leaves it, noise, black and white noise, slopes (whose coefficients fall on ties), flat saturated colors.
"""

import argparse
import io
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import imagecodecs
import numpy as np
import pandas as pd
import torch
from PIL import Image

from jpegstudy.jpeg import exact, libjpeg
from jpegstudy.jpeg.arguments import SUBSAMPLINGS

SIZES = (
    (1, 1), (2, 3), (5, 4), (7, 9), (8, 8), (10, 33), (18, 18), (33, 16), (64, 50), (221, 221), (224, 224), (226, 226),
    (231, 231), (299, 299),
)  # fmt: skip
SMALL = [(height, width) for height in range(1, 41) for width in range(1, 41)]  # for the edges, at one quality
LAYOUTS = (*SUBSAMPLINGS, "grey")
WAYS = {"torch": exact.roundtrip, "libjpeg": libjpeg.roundtrip}
EPSILONS = (1, 8, 16)  # grey levels, of the sign noise


@dataclass(frozen=True)
class Comparison:
    """One way against Pillow, over all contents: values compared, and how many of them differ."""

    way: str
    layout: str
    size: tuple[int, int]
    quality: int
    values: int
    differing: int


def main(arguments=None):
    """Compare the whole grid and print the counts. Returns 0, or 1 where a value differs."""
    parser = argparse.ArgumentParser(prog="python -m jpegstudy.jpeg.exactness", description=__doc__.split("\n")[0])
    where = Path("data/demo/validation")
    parser.add_argument("--images", type=Path, default=where, metavar="FOLDER", help=f"photographs ({where})")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth quality (1)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the counts there")
    options = parser.parse_args(arguments)
    paths = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    versions = f"Pillow {Image.__version__}, {imagecodecs.jpeg8_version()}, torch {torch.__version__}"
    print(f"{versions}; {len(paths) or 'no'} photographs in {options.images}", flush=True)
    found, began = [], time.perf_counter()
    for size in SIZES:
        found += compare([size], range(1, 101, options.every), paths=paths)
        seconds = time.perf_counter() - began
        print(f"{size[0]} x {size[1]} after {seconds:.0f} s", file=sys.stderr, flush=True)
    found += compare(SMALL, [90], paths=paths)
    counts = totals(found)
    print(in_words(counts, found))
    if options.out:
        counts.assign(versions=versions).to_csv(options.out, index=False)
    return int(any(comparison.differing for comparison in found))


def compare(sizes, qualities, layouts=LAYOUTS, ways=None, paths=()):
    """A Comparison for each way, layout, size and quality; ways: names -> round trips, those of WAYS by default."""
    ways = WAYS if ways is None else ways
    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for size in sizes:
            images = contents(*size, paths)
            tasks = [(images, layout, quality, ways) for layout, quality in product(layouts, qualities)]
            for part in pool.map(_compare, tasks):
                found += part
    return found


def _compare(task):
    images, layout, quality, ways = task
    if layout == "grey":
        images, settings = images[:, 1:2], {"quality": quality}
    else:
        settings = {"quality": quality, "subsampling": layout}
    expected = through_pillow(images, **settings)
    found = []
    for way, roundtrip in ways.items():
        differing = int((roundtrip(images, **settings) != expected).sum())
        found.append(Comparison(way, layout, tuple(images.shape[2:]), quality, expected.numel(), differing))
    return found


def through_pillow(images, **settings):
    """uint8 (N, 3 or 1, H, W) images saved by Pillow with ``settings`` and opened again, one after the other."""
    coded = []
    for image in images:
        buffer = io.BytesIO()
        pixels = image.permute(1, 2, 0).numpy()
        Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels).save(buffer, "JPEG", **settings)
        coded.append(torch.from_numpy(np.array(Image.open(buffer))).reshape(pixels.shape).permute(2, 0, 1))
    return torch.stack(coded)


def contents(height, width, paths=()):
    """uint8 (N, 3, height, width): images of every content. Without ``paths`` the photographs are synthetic."""
    rng = np.random.default_rng([height, width])
    if paths:
        photographs = [_photograph(path, height, width) for path in (paths[0], paths[-1])]
    else:
        photographs = [_cloud(rng, height, width) for _ in range(2)]
    signs = rng.choice([-1, 1], (len(EPSILONS), 3, height, width))
    attacked = [photographs[number % 2] + epsilon * signs[number] for number, epsilon in enumerate(EPSILONS)]
    row, column = np.arange(height)[:, None], np.arange(width)
    slopes = [(3 * column + channel * row + 40 * channel) % 256 for channel in range(3)]
    flat = np.repeat(rng.choice([0, 128, 255], (3, -(-height // 16), -(-width // 16))), 16, axis=1).repeat(16, axis=2)
    all_of_them = [
        *photographs,
        *attacked,
        rng.integers(0, 256, (3, height, width)),
        255 * rng.integers(0, 2, (3, height, width)),
        np.stack(slopes),
        flat[:, :height, :width],
    ]
    return torch.from_numpy(np.stack(all_of_them).clip(0, 255).astype(np.uint8))


def _photograph(path, height, width):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((width, height)), np.int64).transpose(2, 0, 1)


def _cloud(rng, height, width):
    """Noise whose amplitude falls with frequency, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    spectrum = np.fft.fft2(rng.standard_normal((3, height, width))) / np.maximum(frequency, 1 / max(height, width))
    field = np.fft.ifft2(spectrum).real
    return (128 + 60 * field / max(field.std(), 1e-9)).clip(0, 255)


def totals(found):
    """The counts of Comparisons by way and layout: a table with columns way, layout, values, differing."""
    rows = [(each.way, each.layout, each.values, each.differing) for each in found]
    table = pd.DataFrame(rows, columns=["way", "layout", "values", "differing"])
    return table.groupby(["way", "layout"], as_index=False).sum()


def in_words(counts, found):
    """The ``totals`` of Comparisons, a line for each way and layout, and the first places where values differ."""
    lines = [f"{'way':10}{'layout':8}{'values compared':>18}{'differ':>10}"]
    for row in counts.itertuples():
        lines.append(f"{row.way:10}{row.layout:8}{row.values:18,}{row.differing:10,}")
        wrong = [each for each in found if (each.way, each.layout) == (row.way, row.layout) and each.differing]
        lines += [f"    {each.size} at quality {each.quality}: {each.differing:,}" for each in wrong[:5]]
    return "\n".join([*lines, f"{'all':18}{counts['values'].sum():18,}{counts.differing.sum():10,}"])


if __name__ == "__main__":
    sys.exit(main())
