"""The JPEG round trip against what a user would take instead: ``jpegstudy bench jpeg``.

A batch of 224-pixel images, uint8 (N, 3, 224, 224) in and out, quality 75 and 4:2:0, in rounds in which all take turns.
All but those on one thread may use every core; "exact" are those that give Pillow's pixels.

    ours, as the study calls it     batches of eight in a worker for each core, torch on one thread
    ours, one call                  jpeg.roundtrip of the whole batch
    ours in torch                   codec="torch", plain or compiled (exact.roundtrip's ``compiled``)
    imagecodecs, bare               the encoder and decoder alone, on arrays (H, W, 3): what no tensor's user gets

On a GPU: ours in torch there, beside nvJPEG (as torchvision wraps it), kornia and a copy of the batch.
"""

import argparse
import importlib.util
import io
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import torch
import torchvision
from PIL import Image

from jpegstudy import decoding, jpeg
from jpegstudy.bench import measure, memory, sources
from jpegstudy.bench.measure import Contender
from jpegstudy.jpeg import exact

QUALITY, SIDE, BATCH_OF_STUDY = 75, 224, 8
BAR_STUDY, BAR_COMPILED, BAR_MEMORY = 1.10, 1.60, 40
PACKAGES = ("torch", "torchvision", "imagecodecs", "pillow", "kornia", "diff-jpeg")
PILLOW, STUDY = "Pillow, in turn", "ours, as the study calls it"
COMPILED_ONE, COPY = "ours in torch, compiled, one thread", "GPU: a copy of the batch"


@dataclass(frozen=True)
class Codec:
    """One way: ``work`` takes the images and returns theirs. A ``rival`` that is exact sets the bar for ours."""

    name: str
    work: Callable
    one_thread: bool = False
    rival: bool = False
    module: str = "torch"  # without it, the way is not installed

    @property
    def installed(self):
        return importlib.util.find_spec(self.module) is not None


def main(arguments):
    """Measure and print; see ``bench.main``. Returns 1 if one of ours gives other pixels than Pillow."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    cores = torch.get_num_threads()
    images = _images(options.batch)
    print(f"{len(images)} images of {SIDE} pixels, {options.rounds} rounds, {cores} threads\n", flush=True)
    alone = {"initializer": torch.set_num_threads, "initargs": (1,)}
    with warnings.catch_warnings(), ThreadPoolExecutor(cores) as pool, ThreadPoolExecutor(cores, **alone) as study:
        warnings.simplefilter("ignore")  # torchvision's codecs are deprecated
        expected = in_turn(through_pillow, images)
        entries = [(codec, images) for codec in ways(pool, study)]
        if torch.cuda.is_available():
            on_gpu = images.cuda()
            entries += [(codec, on_gpu) for codec in ways_on_gpu()]
        entries = [(codec, where) for codec, where in entries if codec.installed]
        counts = {
            codec.name: differing(codec, where, expected, cores) for codec, where in entries
        }  # first calls are slow
        times = measure.take_turns([_contender(codec, where, cores) for codec, where in entries], options.rounds)
        torch.set_num_threads(cores)
    print(report(times, counts, expected.numel(), [codec.name for codec, _ in entries if codec.rival]))
    print("\n".join(_memory_lines(len(images))))
    if options.out:
        times = times.assign(batch=len(images), differing=times.contender.map(counts), **machine)
        times.to_csv(options.out, index=False)
    return int(any(count for name, count in counts.items() if "ours" in name))


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench jpeg", description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=measure.count, default=64, metavar="N", help="images (64)")
    parser.add_argument("--rounds", type=measure.count, default=7, metavar="N", help="rounds, all take turns (7)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _images(count):
    """The demo set's images, or photographs: uint8 (count, 3, SIDE, SIDE)."""
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        sources.fill_folder(Path(folder) / "images", count)
        paths = sorted((Path(folder) / "images").iterdir())
        return torch.from_numpy(np.stack([decoding.center_crop(decoding.decode(p), crop=SIDE) for p in paths]))


def ways(pool, study):
    """The Codecs on the CPU; ``pool`` codes an image at a time in each of its threads, ``study`` a batch."""
    return [
        Codec(PILLOW, partial(in_turn, through_pillow), one_thread=True),
        Codec("Pillow, threads", partial(in_pool, pool, through_pillow), rival=True),
        Codec("torchvision.io, in turn", torchvision_lists, one_thread=True),
        Codec("torchvision.io, threads", partial(in_pool, pool, through_torchvision), rival=True),
        Codec("imagecodecs, in turn", partial(in_turn, through_imagecodecs), one_thread=True),
        Codec("imagecodecs, threads", partial(in_pool, pool, through_imagecodecs), rival=True),
        Codec("kornia", through_kornia, module="kornia"),
        Codec("diff-jpeg", through_diff_jpeg, module="diff_jpeg"),
        Codec("ours, one call", jpeg.roundtrip),
        Codec(STUDY, partial(in_batches, study)),
        Codec("ours in torch, one thread", exact.roundtrip, one_thread=True),
        Codec("ours in torch, all threads", exact.roundtrip),
        *([Codec(COMPILED_ONE, compiled, one_thread=True)] if exact.compiler_at_hand() else []),
        *([Codec("ours in torch, compiled, all threads", compiled)] if exact.compiler_at_hand() else []),
        Codec("imagecodecs, bare, in turn", BareImagecodecs(), one_thread=True),
    ]


def ways_on_gpu():
    """The Codecs that keep the images on a GPU."""
    return [
        Codec(COPY, torch.clone),
        Codec("GPU: nvJPEG, by torchvision.io", torchvision_lists),
        Codec("GPU: kornia", through_kornia, module="kornia"),
        Codec("GPU: ours in torch", jpeg.roundtrip),
        *([Codec("GPU: ours in torch, compiled", compiled)] if exact.compiler_at_hand() else []),
    ]


def in_turn(through, images):
    """Images through a codec of one image, one after the other."""
    return torch.stack([through(image) for image in images])


def in_pool(pool, through, images):
    """Images through a codec of one image, in the pool's threads."""
    return torch.stack(list(pool.map(through, images)))


def in_batches(pool, images):
    """Ours, called as the study's workers do."""
    return torch.cat(list(pool.map(jpeg.roundtrip, images.split(BATCH_OF_STUDY))))


def through_pillow(image):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=QUALITY)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


def through_torchvision(image):
    return torchvision.io.decode_jpeg(torchvision.io.encode_jpeg(image, QUALITY))


def torchvision_lists(images):
    """One call each way; on a GPU these are nvJPEG's, at 4:4:4."""
    encoded = torchvision.io.encode_jpeg(list(images), QUALITY)
    if images.device.type == "cuda":
        encoded = [each.cpu() for each in encoded]  # the decoder wants its bytes there
    return torch.stack(torchvision.io.decode_jpeg(encoded, device=images.device))


def through_imagecodecs(image):
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return torch.from_numpy(imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(pixels, level=QUALITY))).permute(2, 0, 1)


class BareImagecodecs:
    """imagecodecs on arrays that are laid out for it before they are timed."""

    def __init__(self):
        self.images, self.arrays = None, []

    def __call__(self, images):
        if images is not self.images:
            self.images, self.arrays = (
                images,
                [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in images],
            )
        coded = [imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(array, level=QUALITY)) for array in self.arrays]
        return torch.from_numpy(np.stack(coded)).permute(0, 3, 1, 2)


def through_kornia(images):
    from kornia.enhance import jpeg_codec_differentiable

    with torch.no_grad():
        quality = torch.full((1,), float(QUALITY), device=images.device)
        return (jpeg_codec_differentiable(images / 255, quality) * 255).round().to(torch.uint8)


def through_diff_jpeg(images):
    from diff_jpeg import diff_jpeg_coding

    with torch.no_grad():
        quality = torch.full((len(images),), float(QUALITY), device=images.device)
        return diff_jpeg_coding(images.float(), quality).round().clamp(0, 255).to(torch.uint8)


def compiled(images):
    return exact.roundtrip(images, quality=QUALITY, compiled=True)


def differing(codec, images, expected, cores):
    """How many values of the codec's result are not Pillow's."""
    torch.set_num_threads(1 if codec.one_thread else cores)
    return int((codec.work(images).cpu() != expected).sum())


def _contender(codec, images, cores):
    def work():
        codec.work(images)
        if images.device.type == "cuda":
            torch.cuda.synchronize()

    return Contender(codec.name, len(images), work, lambda: torch.set_num_threads(1 if codec.one_thread else cores))


def report(times, counts, values, rivals):
    """The printed table and bars. ``rivals`` are the names of those that set the bar, where they are exact."""
    clocks = f"{'wall, ms per image':24}{'CPU, ms per image':24}"
    lines = [f"{'':38}{clocks}{'/ Pillow: wall':>15}{'CPU':>7}{'values that differ':>25}"]
    for name, rows in times.groupby("contender", sort=False):
        spread = "".join(f"{_spread(rows[clock]):24}" for clock in ("wall", "cpu"))
        wall, cpu = (measure.ratio(times, name, PILLOW, clock).value for clock in ("wall", "cpu"))
        lines.append(f"{name:38}{spread}{wall:15.2f}{cpu:7.2f}{counts[name]:>13,} of {values:,}")
    lines += [f"{codec.name:38}not installed" for codec in ways(None, None) if not codec.installed]
    if not exact.compiler_at_hand():
        lines.append(f"{'ours in torch, compiled':38}not measured: there is no C++ compiler")
    lines += ["", *_bars(times, counts, rivals)]
    return "\n".join(lines)


def _bars(times, counts, rivals):
    exact_rivals = [name for name in rivals if counts[name] == 0]
    medians = times.groupby("contender").wall.median()
    best = min(exact_rivals, key=medians.get)
    found = measure.ratio(times, STUDY, best)
    lines = [f"{STUDY} / {best}: wall {found}, {measure.verdict(found.value, BAR_STUDY)}"]
    names = list(times.contender.unique())
    if COMPILED_ONE in names:
        found = measure.ratio(times, COMPILED_ONE, PILLOW, "cpu")
        lines.append(f"{COMPILED_ONE} / {PILLOW}: CPU {found}, {measure.verdict(found.value, BAR_COMPILED)}")
    ours = [name for name in names if name.startswith("GPU: ours")]
    others = [name for name in names if name.startswith("GPU: ") and name not in ours]
    lines += [f"{mine} / {other}: wall {measure.ratio(times, mine, other)}" for mine in ours for other in others]
    return lines if ours else [*lines, "on a GPU: not measured: no GPU"]


def _spread(values):
    return f"{values.median():.2f} ({values.min():.2f} to {values.max():.2f})"


def _memory_lines(count):
    """Peak memory of the torch path, plain and for one large image, each in a process of its own."""
    lines = [""]
    for shape in ((count, 3, SIDE, SIDE), (1, 3, 1536, 2048)):
        words = [sys.executable, "-m", "jpegstudy.bench.jpeg", *map(str, shape)]
        answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        if not answer.strip():
            return ["peak memory of ours in torch: not measured: this system doesn't tell"]
        peak = float(answer)
        judged = measure.verdict(peak, BAR_MEMORY)
        lines.append(
            f"peak memory of ours in torch, {shape[0]} of {shape[2]} x {shape[3]}: {peak:.1f} bytes a pixel, {judged}"
        )
    return lines


def _peak(*shape):
    """In the fresh process: print the peak in bytes a pixel of the batch, images and result included."""
    shape = tuple(map(int, shape))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    exact.roundtrip(images[:, :, :16, :16])  # what is needed once: libraries, tables
    pixels = shape[0] * shape[2] * shape[3]
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        exact.roundtrip(images)
        print(torch.cuda.max_memory_allocated() / pixels)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
    except OSError:
        return
    before = memory.peak()
    exact.roundtrip(images)
    print((memory.peak() - before) * 2**20 / pixels + shape[1])


if __name__ == "__main__":
    _peak(*sys.argv[1:])
