"""The JPEG round trip against what a user would take instead: ``jpegstudy bench jpeg``.

Batches of 224-pixel images, uint8 (N, 3, 224, 224) in and out, through every one of ``codecs.ways``, in rounds in which
all take turns. All but those on one thread may use every core; "exact" are those that give Pillow's pixels.

On a GPU: ours in torch there, beside nvJPEG (as torchvision wraps it), kornia and a copy of the batch.
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from jpegstudy import decoding, timing
from jpegstudy.bench import codecs, measure, memory, sources
from jpegstudy.bench.codecs import COMPILED, COMPILED_ONE, PILLOW, PLAIN, STUDY
from jpegstudy.jpeg import exact
from jpegstudy.timing import Contender

SIDE = 224
BAR_STUDY, BAR_COMPILED, BAR_MEMORY = 1.10, 1.60, 40
PACKAGES = ("torch", "torchvision", "imagecodecs", "pillow", "kornia", "diff-jpeg")


def main(arguments):
    """Measure and print; see ``bench.main``. Returns 1 if one of ours gives other pixels than Pillow."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    tables = [_batch(_images(count), options.rounds) for count in options.batch]
    if options.out:
        pd.concat(tables).assign(**machine).to_csv(options.out, index=False)
    ours = pd.concat(tables).query("contender.str.contains('ours')")
    return int((ours.differing > 0).any())


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench jpeg", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--batch", type=measure.count, nargs="+", default=[64, 256], metavar="N", help="images in a batch (64 256)"
    )
    parser.add_argument("--rounds", type=measure.count, default=7, metavar="N", help="rounds, all take turns (7)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _images(count):
    """The demo set's images, or photographs: uint8 (count, 3, SIDE, SIDE)."""
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        sources.fill_folder(Path(folder) / "images", count)
        paths = sorted((Path(folder) / "images").iterdir())
        return torch.from_numpy(np.stack([decoding.center_crop(decoding.decode(p), crop=SIDE) for p in paths]))


def _batch(images, rounds):
    """Measure and print one batch. Returns the table of ``measure.take_turns`` with columns batch, rival, differing,
    values and peak, the last in bytes per pixel (N * H * W), where it is measured."""
    cores = torch.get_num_threads()
    print(f"\n{len(images)} images of {SIDE} pixels, {rounds} rounds, {cores} threads\n", flush=True)
    with warnings.catch_warnings(), ThreadPoolExecutor(cores, initializer=_compute_alone) as pool:
        warnings.simplefilter("ignore")  # torchvision's codecs are deprecated
        expected = codecs.in_turn(codecs.through_pillow, images)
        entries = [(codec, images) for codec in codecs.ways(pool)]
        if torch.cuda.is_available():
            on_gpu = images.cuda()
            entries += [(codec, on_gpu) for codec in codecs.ways_on_gpu()]
        entries = [(codec, where) for codec, where in entries if codec.installed]
        counts = {  # which also makes the first calls, that are slow
            codec.name: _differing(codec, where, expected, cores) for codec, where in entries
        }
        times = measure.take_turns([_contender(codec, where, cores) for codec, where in entries], rounds)
        torch.set_num_threads(cores)
    rivals = [codec.name for codec, _ in entries if codec.rival]
    facts = {"batch": len(images), "rival": times.contender.isin(rivals)}
    times = times.assign(**facts, differing=times.contender.map(counts), values=expected.numel())
    print(report(times))
    peaks = _peaks(images.shape)
    print("\n".join(["", *_in_words(images.shape, peaks)]), flush=True)
    return times.assign(peak=times.contender.map(peaks))


def _compute_alone():
    """Let torch compute on one thread in this worker.

    With helpers of their own there would be more threads than cores, and from then on OpenMP lets all of them sleep
    where they would wait for each other: torch's threads would take three times as long.
    """
    torch.set_num_threads(1)
    torch.get_num_threads()  # else the first computation here would take the number that other threads set meanwhile


def _differing(codec, images, expected, cores):
    """How many values of the codec's result are not Pillow's."""
    torch.set_num_threads(1 if codec.one_thread else cores)
    return int((codec.work(images).cpu() != expected).sum())


def _contender(codec, images, cores):
    def work():
        codec.work(images)
        if images.device.type == "cuda":
            torch.cuda.synchronize()

    return Contender(codec.name, len(images), work, lambda: torch.set_num_threads(1 if codec.one_thread else cores))


def report(times):
    """The printed table and bars of a batch: a table as ``_batch`` returns."""
    clocks = f"{'wall, ms per image':24}{'CPU, ms per image':24}"
    lines = [f"{'':38}{clocks}{'/ Pillow: wall':>15}{'CPU':>7}{'values that differ':>25}"]
    for name, rows in times.groupby("contender", sort=False):
        spread = "".join(f"{_spread(rows[clock]):24}" for clock in ("wall", "cpu"))
        wall, cpu = (timing.ratio(times, name, PILLOW, clock).value for clock in ("wall", "cpu"))
        differing, values = rows[["differing", "values"]].iloc[0]
        lines.append(f"{name:38}{spread}{wall:15.2f}{cpu:7.2f}{differing:>13,} of {values:,}")
    lines += [f"{codec.name:38}not installed" for codec in codecs.ways(None) if not codec.installed]
    if not exact.compiler_at_hand():
        lines.append(f"{'ours in torch, compiled':38}not measured: there is no C++ compiler")
    return "\n".join([*lines, "", *bars(times)])


def bars(times):
    """What is wanted of ours, a line each. times: of one batch, with columns differing and rival."""
    medians = times[times.rival & (times.differing == 0)].groupby("contender").wall.median()
    best = medians.idxmin()
    found = timing.ratio(times, STUDY, best)
    lines = [f"{STUDY} / {best}: wall {found}, {measure.verdict(found.value, BAR_STUDY)}"]
    names = list(times.contender.unique())
    if COMPILED_ONE in names:
        found = timing.ratio(times, COMPILED_ONE, PILLOW, "cpu")
        lines.append(f"{COMPILED_ONE} / {PILLOW}: CPU {found}, {measure.verdict(found.value, BAR_COMPILED)}")
    ours = [name for name in names if name.startswith("GPU: ours")]
    others = [name for name in names if name.startswith("GPU: ") and name not in ours]
    lines += [f"{mine} / {other}: wall {timing.ratio(times, mine, other)}" for mine in ours for other in others]
    return lines if ours else [*lines, "on a GPU: not measured: no GPU"]


def _spread(values):
    return f"{values.median():.2f} ({values.min():.2f} to {values.max():.2f})"


def _peaks(shape):
    """Bytes per pixel (N * H * W) at the peak of ours in torch, each in a process of its own: a dict by name.

    Empty where the system doesn't tell.
    """
    peaks = {}
    for name in [PLAIN, *([COMPILED] if exact.compiler_at_hand() else [])]:
        words = [sys.executable, "-m", "jpegstudy.bench.jpeg", name, *map(str, shape)]
        answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        if answer.strip():
            peaks[name] = float(answer)
    return peaks


def _in_words(shape, peaks):
    told = f"peak memory, {shape[0]} of {shape[2]} x {shape[3]}"
    lines = [
        f"{told}, {name}: {peak:.1f} bytes a pixel, {measure.verdict(peak, BAR_MEMORY)}" for name, peak in peaks.items()
    ]
    return lines or [f"{told}: not measured: this system doesn't tell"]


def _print_peak(name, *shape):
    """In the fresh process: print the peak in bytes a pixel of the batch, images and result included."""
    shape, compiled = tuple(map(int, shape)), name == COMPILED
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    # What is needed once is no part of it: libraries, tables, the compiler
    exact.roundtrip(images if compiled else images[:, :, :16, :16], compiled=compiled)
    pixels = shape[0] * shape[2] * shape[3]
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        exact.roundtrip(images, compiled=compiled)
        print(torch.cuda.max_memory_allocated() / pixels)
        return
    try:
        give_back = ctypes.CDLL(None).malloc_trim  # glibc's: what was freed would not be counted when it is used again
        give_back(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
    except (OSError, AttributeError):
        return
    before = memory.peak()
    exact.roundtrip(images, compiled=compiled)
    print((memory.peak() - before) * 2**20 / pixels + shape[1])


if __name__ == "__main__":
    _print_peak(*sys.argv[1:])
