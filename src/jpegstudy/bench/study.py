"""Steps 02 to 04 against the bare network and against other libraries: ``jpegstudy bench study``.

    ours     the three steps on a fresh copy of step 01's run folder, all reading and writing included: eleven
             modifications, which take ten forward passes and one forward and backward pass
    bare     those passes alone, on standardized float32 tensors in memory: in single-threaded workers as ours, and
             with torch's own threads; ours is held against the faster of the two
    rivals   the same modifications of the same images as a user of foolbox, ART or torchattacks would write them

Network: torchvision's squeezenet1_1 with random weights at 224 pixels; and the demo's, without a bar. Bare passes and
rivals take fewer images in a round than ours, for they cost the same for each.
"""

import argparse
import math
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from jpegstudy import modifications, networks
from jpegstudy.bench import measure, sources
from jpegstudy.bench.measure import Contender
from jpegstudy.bench.rivals import RIVALS
from jpegstudy.run import Run, root

BAR_BARE, BAR_RIVAL, TOLERANCE = 1.15, 0.30, 1e-5
FORWARDS = 10  # beside the one pass with a gradient: 3 Adv, 4 JPG, 3 JPGnoise
WORKERS, OWN_THREADS = "bare, a worker a core", "bare, torch's threads"
PACKAGES = ("torch", "torchvision", "pillow", *(rival.package for rival in RIVALS))


def main(arguments):
    """Measure and print; see ``bench.main``. Returns 1 if a rival's probabilities are not ours."""
    options = _options(arguments)
    print(measure.machine(PACKAGES), flush=True)
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        where = sources.fill_folder(Path(folder) / "images", options.images)
        print(f"{options.images} {where}, batches of {options.batch_size}, {options.rounds} rounds\n", flush=True)
        arena = Arena(Path(folder), "squeezenet1_1", "random", options)
        rivals = [rival(arena.network) for rival in RIVALS if rival.installed()]
        checks = [compare(rival, *arena.small()) for rival in rivals]
        contenders = [*arena.contenders(), *(arena.against(rival) for rival in rivals)]
        demo = "not timed: there is no data/demo/network.safetensors"
        if (root() / "data" / "demo" / "network.safetensors").exists():
            demo = Arena(Path(folder), "demo", "DEFAULT", options)
            contenders += demo.contenders()
        times = measure.take_turns(contenders, options.rounds)
    print(report(times, rivals, checks, demo if isinstance(demo, str) else demo.prefix))
    if options.out:
        times.assign(batch_size=options.batch_size, machine=measure.machine(PACKAGES)).to_csv(options.out, index=False)
    return int(any(check["probabilities"] > TOLERANCE for check in checks))


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench study", description=__doc__.split("\n")[0])
    counts = {
        "images": (256, "images of ours in a round"),
        "bare-images": (64, "images of the bare passes in a round, at most --images"),
        "rival-images": (24, "images of each rival in a round, at most --images"),
        "batch-size": (8, "images in a batch, for all"),
        "rounds": (5, "rounds, in each of which all take a turn"),
    }
    for name, (default, words) in counts.items():
        parser.add_argument(f"--{name}", type=_count, default=default, metavar="N", help=f"{words} ({default})")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


class Arena:
    """One network with what its contenders work on: step 01's run folder, and some of its images in memory."""

    def __init__(self, folder, network, weights, options):
        self.folder, self.options = folder / network, options
        self.prefix = "" if network != "demo" else "demo network: "
        self.network = networks.load(network, weights, device="cpu")
        self.prepared = self.folder / "prepared"
        sources.prepare(self.prepared, folder / "images", network, weights)
        with sources.outputs_in(self.prepared):
            run = Run(sources.RUN)
            numbers = run.image_numbers()
            few = max(options.bare_images, options.rival_images)
            self.images = torch.from_numpy(run.look_up(numbers[:few])[0])
        self.count = len(numbers)

    def small(self):
        """``(run, outputs)``: a finished run, whose predictions the rivals must make too. It warms all up besides."""
        outputs = self.fresh()
        sources.study(outputs, self.options.batch_size)
        return outputs, self.images[: self.options.rival_images], self.options.batch_size

    def fresh(self):
        """A folder with a copy of the run as step 01 left it."""
        outputs = self.folder / "round"
        shutil.rmtree(outputs, ignore_errors=True)
        shutil.copytree(self.prepared, outputs)
        return outputs

    def contenders(self):
        """Ours and the two bare ones."""
        bare = self.images[: self.options.bare_images]
        x = bare.float() * self.network.scale + self.network.shift
        x = x.contiguous(memory_format=torch.channels_last)
        batch = self.options.batch_size
        return [
            Contender(
                f"{self.prefix}ours", self.count, lambda outputs: sources.study(outputs, batch), prepare=self.fresh
            ),
            Contender(f"{self.prefix}{WORKERS}", len(x), lambda _: bare_in_workers(self.network, x, batch)),
            Contender(f"{self.prefix}{OWN_THREADS}", len(x), lambda _: bare_in_turn(self.network, x, batch)),
        ]

    def against(self, rival):
        """The rival as a Contender."""
        images = self.images[: self.options.rival_images]
        return Contender(
            rival.name, len(images), lambda _: [rival.study(part) for part in images.split(self.options.batch_size)]
        )


def bare_in_workers(network, x, batch):
    """The bare passes in single-threaded workers, a batch and pass each, which leaves none of them idle at the end."""
    items = [(part, number) for part in x.split(batch) for number in range(1 + FORWARDS)]
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(lambda item: bare_pass(network.module, *item), items))
    torch.set_num_threads(threads)


def bare_in_turn(network, x, batch):
    """The bare passes one after the other, torch sharing each among its threads."""
    for part in x.split(batch):
        for number in range(1 + FORWARDS):
            bare_pass(network.module, part, number)


def bare_pass(module, x, number):
    """Pass 0 is forward and backward, the others forward; x standardized, channels last."""
    if number:
        with torch.inference_mode():
            return module(x)
    x = x.detach().requires_grad_()
    logits = module(x)
    loss = functional.cross_entropy(logits, logits.detach().argmax(dim=1), reduction="sum")
    return torch.autograd.grad(loss, x)[0]


def compare(rival, outputs, images, batch):
    """How far the rival's numbers are from ours on the same images.

    outputs: folder of a finished run.  images: its first x, uint8 (n, 3, H, W).  batch: images in a batch.
    Returns a dict: ``rival``; ``probabilities``, the largest difference of a top-label probability when the rival
    classifies our modified images; ``images``; ``entries`` of x that neither image's clipping hides (1 to 254), and of
    these ``signs``, those that its Adv1(x) moves another way than ours.
    """
    largest, entries, signs = 0.0, 0, 0
    with sources.outputs_in(outputs):
        run = Run(sources.RUN)
        numbers = run.image_numbers()[: len(images)]
        table = run.predictions().set_index(["modification", "image"])
        for start in range(0, len(images), batch):
            indices, x = numbers[start : start + batch], images[start : start + batch]
            for name in table.index.unique("modification"):
                ours = table.loc[[(name, index) for index in indices]]
                p = rival.probabilities(rival.floats(modifications.apply(run, name, indices))).numpy()
                theirs = p[range(len(indices)), ours.top_label]
                largest = max(largest, float(np.abs(theirs - ours.top_label_probability.to_numpy()).max()))
            labels = torch.from_numpy(ours.top_label.to_numpy())
            (theirs,) = rival.attack(rival.floats(x), labels, [1])
            inner = (x > 0) & (x < 255)
            moved = rival.levels(theirs).to(torch.int16) - x.to(torch.int16)
            sign = torch.from_numpy(run.look_up(indices)[1])
            entries += int(inner.sum())
            signs += int((moved != sign)[inner].sum())
    return {
        "rival": rival.name,
        "probabilities": largest,
        "images": len(images),
        "entries": entries,
        "signs": signs,
    }


def report(times, rivals, checks, demo):
    """The printed tables: times, ratios with their bars, and what agrees. ``demo``: its prefix, or why it is not in."""
    lines = [f"{'':36}{'images':>7}  {'wall, ms per image':>26}  {'CPU, ms per image':>26}"]
    for name, rows in times.groupby("contender", sort=False):
        clocks = "".join(f"  {measure.spread(rows[clock]):>26}" for clock in ("wall", "cpu"))
        lines.append(f"{name:36}{rows.images.iloc[0]:7}{clocks}")
    absent = [rival.name for rival in RIVALS if not rival.installed()]
    lines += [f"{name:36}not installed" for name in absent]
    lines.append("")
    lines.append(_ratio(times, "ours", faster(times), "ours / bare", BAR_BARE))
    lines += [_ratio(times, "ours", rival.name, f"ours / {rival.name}", BAR_RIVAL) for rival in rivals]
    if demo.startswith("not"):
        lines.append(f"{'demo network: ours / bare':36}{demo}")
    else:
        lines.append(_ratio(times, f"{demo}ours", faster(times, demo), f"{demo}ours / bare"))
    lines.append("")
    for check in checks:
        lines.append(
            f"{check['rival']} on our modified images, {check['images']} of each: probabilities of the top label "
            f"differ by at most {check['probabilities']:.1e}, {measure.verdict(check['probabilities'], TOLERANCE)}"
        )
        share = 100 * check["signs"] / check["entries"] if check["entries"] else math.nan
        lines.append(
            f"    its gradient's sign differs from ours in {check['signs']:,} of {check['entries']:,} entries "
            f"({share:.4f} %)"
        )
    return "\n".join(lines)


def faster(times, prefix=""):
    """The name of the bare contender with the smaller median wall time."""
    medians = times.groupby("contender").wall.median()
    return min((f"{prefix}{WORKERS}", f"{prefix}{OWN_THREADS}"), key=medians.get)


def _ratio(times, above, below, words, bar=None):
    wall, cpu = (measure.ratio(times, above, below, clock) for clock in ("wall", "cpu"))
    judged = measure.verdict(wall.value, bar) if bar else "no bar"
    against = f", {below.split(': ')[-1]}" if "bare" in words else ""
    return f"{words:36}{wall!s:22} {judged}; CPU {cpu}{against}"
