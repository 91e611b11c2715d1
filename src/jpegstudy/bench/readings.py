"""What other readings of the paper cost beside the passes of the network that they take: ``jpegstudy bench readings``.

    ours     step 06 whole: files read and scaled in every way, perturbed, coded, shuffled, classified, written
    bare     the forward passes and gradients in which the readings differ, alone, on images that are ready; batches and
             workers are ours

The network is torchvision's SqueezeNet 1.1 with random weights unless another is named.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import torch

from jpegstudy import attacks, steps, timing
from jpegstudy.bench import measure, sources
from jpegstudy.run import Run
from jpegstudy.steps import rereading
from jpegstudy.steps.batches import in_batches
from jpegstudy.timing import Contender

BAR = 1.15  # ours / bare
BATCH = 8
STAGE = "06_reading_the_paper"
PACKAGES = ("torch", "torchvision", "imagecodecs", "pillow", "numpy")


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        outputs = Path(folder) / "outputs"
        sources.fill_folder(Path(folder) / "images", options.images)
        sources.prepare(outputs, Path(folder) / "images", options.network, "random")
        sources.study(outputs, BATCH)
        with sources.outputs_in(outputs):
            run = Run(sources.RUN)
            network = steps.load_network(run, "cpu")
            plan = rereading.plan_of(run, network, rereading.allowed(run, network))
            passes = sum(len(recipes) - 1 for recipes in plan.values())
            told = f"{network.name}: {len(plan)} gradients and {passes} more passes of each of {options.images} images"
            print(f"{told}, {options.rounds} rounds\n", flush=True)
            contenders = [
                Contender("ours", options.images, lambda: _ours(run), lambda: _forget(run)),
                Contender("bare", options.images, lambda: _bare(network, plan, options.images)),
            ]
            times = measure.take_turns(contenders, options.rounds)
    print(report(times))
    if options.out:
        times.assign(network=options.network, gradients=len(plan), passes=passes, **machine).to_csv(
            options.out, index=False
        )
    return 0


def report(times):
    """The printed table, and the ratio beside what is wanted."""
    lines = [f"{'':8}{'wall, ms per image':32}{'CPU, ms per image'}"]
    for name, rows in times.groupby("contender", sort=False):
        lines.append(f"{name:8}{timing.spread(rows.wall):32}{timing.spread(rows.cpu)}")
    wall, cpu = (timing.ratio(times, "ours", "bare", clock) for clock in ("wall", "cpu"))
    lines += ["", f"ours / bare: wall {wall}, {measure.verdict(wall.value, BAR)}; CPU {cpu}"]
    return "\n".join(lines)


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench readings", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=measure.count, default=32, metavar="N", help="images (32)")
    parser.add_argument("--rounds", type=measure.count, default=5, metavar="N", help="rounds, both take turns (5)")
    parser.add_argument("--network", default="squeezenet1_1", metavar="NAME", help="which (squeezenet1_1)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _ours(run):
    steps.read_otherwise(run.stage(STAGE, reading={}, seed=sources.SEED, batch_size=BATCH, device="cpu"))


def _forget(run):
    """Take step 06 out of the run, so that it is done again."""
    shutil.rmtree(run.path / "predictions" / STAGE, ignore_errors=True)


def _bare(network, plan, count):
    """The passes of a plan, on the images of nothing: zeros take as long as any others."""

    def work(rows):
        size = len(range(*rows.indices(count)))
        for x, recipes in plan.items():
            images = torch.zeros(size, 3, x.crop, x.crop, dtype=torch.uint8)
            attacks.loss_gradient(network, images)
            for _ in range(len(recipes) - 1):
                network.probabilities(images)

    in_batches(work, count, size=BATCH, device=network.device)
