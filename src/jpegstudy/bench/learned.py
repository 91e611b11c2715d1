"""What a learned codec takes beside its bare layers: ``jpegstudy bench learned``.

    codec            images to images as a stream would bring them, without the entropy coder: checks, padding, rounding
    layers           the same convolutions and normalizations as one call on the whole batch, in channels-last layout
    whole streams    encode and decode, entropy coder and all
    attack           FTDA on one image, looking at the real codec every 20 steps
    passes           as many bare passes forward and backward through the layers, in channels-last layout

Random weights, of the codecs' shapes by name, and smooth images; all take turns in every round, after one that is not
counted.
"""

import argparse
import copy
from functools import partial
from pathlib import Path

import torch

from jpegstudy import learned, timing
from jpegstudy.bench import measure
from jpegstudy.learned.attack import ftda
from jpegstudy.learned.pixels import from_grey
from jpegstudy.timing import Contender

SHAPES = ("small", "small_mean")
EVERY = 20
BARS = {("codec", "layers"): 1.1, ("attack", "passes"): 1.15}
PACKAGES = ("torch", "constriction", "numpy")
BUDGET = 1e-4


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    print(f"{options.side} x {options.side}, batches of {options.batch_size}, {options.rounds} rounds\n", flush=True)
    contenders = [contender for name in options.shapes for contender in _contenders(name, options)]
    for contender in contenders:  # the first call is slow
        contender.work()
    times = measure.take_turns(contenders, options.rounds)
    print(report(times))
    if options.out:
        times.assign(batch_size=options.batch_size, side=options.side, steps=options.steps, **machine).to_csv(
            options.out, index=False
        )
    return 0


def report(times):
    """The printed table, and the ratios beside what is wanted."""
    width = max(map(len, times.contender)) + 2
    lines = [f"{'':{width}}{'wall, ms per image':32}{'CPU, ms per image'}"]
    for name, rows in times.groupby("contender", sort=False):
        lines.append(f"{name:{width}}{timing.spread(rows.wall):32}{timing.spread(rows.cpu)}")
    return "\n".join([*lines, "", *bars(times)])


def bars(times):
    """A line for each shape and bar: the ratios of wall and CPU times, and whether the bar is met."""
    lines = []
    for shape in dict.fromkeys(name.partition(", ")[0] for name in times.contender):
        for (one, other), bar in BARS.items():
            wall, cpu = (
                timing.ratio(times, f"{shape}, {one}", f"{shape}, {other}", clock) for clock in ("wall", "cpu")
            )
            lines.append(f"{shape}: {one} / {other}: wall {wall}, {measure.verdict(wall.value, bar)}; CPU {cpu}")
    return lines


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench learned", description=__doc__.split("\n")[0])
    parser.add_argument("--shapes", nargs="+", default=SHAPES, metavar="NAME", help=f"of codecs ({' '.join(SHAPES)})")
    parser.add_argument("--batch-size", type=measure.count, default=8, metavar="N", help="images in a batch (8)")
    parser.add_argument("--side", type=measure.count, default=256, metavar="N", help="pixels (256)")
    parser.add_argument("--steps", type=measure.count, default=300, metavar="N", help="of the attack (300)")
    parser.add_argument("--rounds", type=measure.count, default=5, metavar="N", help="rounds, all take turns (5)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _contenders(name, options):
    codec = learned.build(learned.shape_of(name)).requires_grad_(False)
    bare = copy.deepcopy(codec).to(memory_format=torch.channels_last)
    images = smooth_images(options.batch_size, options.side)
    works = {
        "codec": (len(images), partial(codec.reconstruct, images)),
        "layers": (len(images), partial(_layers, bare, images)),
        "whole streams": (len(images), partial(_streams, codec, images)),
        "attack": (1, partial(ftda, codec, images[:1], mse_budget=BUDGET, steps=options.steps, every=EVERY)),
        "passes": (1, partial(_passes, bare, images[:1], options.steps)),
    }
    return [Contender(f"{name}, {what}", count, work) for what, (count, work) in works.items()]


@torch.no_grad()
def _layers(codec, images):
    x = from_grey(images).to(memory_format=torch.channels_last)
    return _through(codec, x)


def _through(codec, x):
    """The layers that decide about pixels, and nothing else."""
    y = codec.g_a(x)
    if hasattr(codec, "h_a"):
        codec.h_s(codec.h_a(y))
    return codec.g_s(y)


def _streams(codec, images):
    return [codec.decode(data) for data in codec.encode(images)]


def _passes(codec, images, steps):
    x = from_grey(images).to(memory_format=torch.channels_last)
    for _ in range(steps):
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(codec.g_s(codec.g_a(leaf)).square().sum(), leaf)


def smooth_images(count, side):
    """Smooth images, as codecs want them: uint8 (N, 3, side, side)."""
    coarse = torch.rand(count, 3, max(2, side // 16), max(2, side // 16), generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)
    return (255 * smooth).round().to(torch.uint8)
