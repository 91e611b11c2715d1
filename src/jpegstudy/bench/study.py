"""Steps 02 to 04 against the bare network and against other libraries: ``jpegstudy bench study``.

    ours     the three steps on a fresh copy of step 01's run folder, all reading and writing included: eleven
             modifications, which take ten forward passes and one forward and backward pass
    bare     those passes alone, on standardized float32 tensors in memory: in single-threaded workers as ours, and
             with torch's own threads; ours is held against the faster of the two
    rivals   the same modifications of the same images as a user of foolbox, ART or torchattacks would write them

Network: torchvision's squeezenet1_1 with random weights at 224 pixels; and the demo's, without a bar. Bare passes and
rivals take fewer images in a round than ours, for they cost the same for each.

Torch's own threads wait for each other by spinning, so on a busy machine they, and with them the rivals, take many
times longer; there, set OMP_WAIT_POLICY=passive before the command.
"""

import argparse
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from jpegstudy import modifications, networks, timing
from jpegstudy.bench import measure, sources
from jpegstudy.bench.rivals import RIVALS
from jpegstudy.places import root
from jpegstudy.run import Run
from jpegstudy.timing import Contender

BAR_BARE, BARS, TOLERANCE = 1.15, {"foolbox": 0.30}, 1e-5
FORWARDS = 10  # beside the one pass with a gradient: 3 Adv, 4 JPG, 3 JPGnoise
WORKERS, OWN_THREADS = "bare: workers", "bare: torch's threads"
DEMO = "demo network, "  # before the names of its contenders
PACKAGES = ("torch", "torchvision", "imagecodecs", "pillow", *(rival.package for rival in RIVALS))


def main(arguments):
    """Measure and print; see ``bench.main``. Returns 1 if a rival's probabilities are not ours."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        where = sources.fill_folder(Path(folder) / "images", options.images)
        print(f"{options.images} {where}, batches of {options.batch_size}, {options.rounds} rounds\n", flush=True)
        arena = Arena(Path(folder), "squeezenet1_1", "random", options)
        rivals = [rival(arena.network) for rival in RIVALS if rival.installed()]
        contenders = [*arena.contenders(), *(arena.against(rival) for rival in rivals)]
        if (root() / "data" / "demo" / "network.safetensors").exists():
            contenders += Arena(Path(folder), "demo", "DEFAULT", options).contenders()
        times = measure.take_turns(contenders, options.rounds)
        checks = [compare(rival, arena) for rival in rivals]
    print(report(times, rivals, checks))
    if options.out:
        times.assign(batch_size=options.batch_size, **machine).to_csv(options.out, index=False)
    return int(not all(check.probabilities <= TOLERANCE for check in checks))


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench study", description=__doc__.split("\n")[0])
    counts = {
        "images": (256, "images of ours in a round"),
        "bare-images": (64, "images of the bare passes in a round, at most --images"),
        "rival-images": (16, "images of each rival in a round, at most --images"),
        "batch-size": (8, "images in a batch, for all"),
        "rounds": (5, "rounds, in each of which all take a turn"),
    }
    for name, (default, words) in counts.items():
        parser.add_argument(f"--{name}", type=measure.count, default=default, metavar="N", help=f"{words} ({default})")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


@dataclass(frozen=True)
class Check:
    """A rival's numbers beside ours.

    probabilities: the largest difference of a top-label probability when the rival classifies our modified images, as
    a share of that probability: stricter than the difference itself, for an untrained network gives all labels little.
    entries: values of x that no clipping hides (1 to 254).  signs: those that the rival's Adv1 moves another way.
    """

    rival: str
    images: int
    probabilities: float
    entries: int
    signs: int


class Arena:
    """One network with what its contenders work on: step 01's run folder, and some of its images in memory."""

    def __init__(self, folder, network, weights, options):
        self.folder, self.options = folder / network, options
        self.outputs = self.folder / "round"  # holds the run of the round that was timed last
        self.prefix = DEMO if network == "demo" else ""
        self.network = networks.load(network, weights, device="cpu")
        self.prepared = self.folder / "prepared"
        sources.prepare(self.prepared, folder / "images", network, weights)
        with sources.outputs_in(self.prepared):
            run = Run(sources.RUN)
            numbers = run.image_numbers()
            few = max(options.bare_images, options.rival_images)
            self.images = torch.from_numpy(run.look_up(numbers[:few])[0])
        self.count = len(numbers)

    def fresh(self):
        """Put a copy of the run as step 01 left it into ``outputs``."""
        shutil.rmtree(self.outputs, ignore_errors=True)
        shutil.copytree(self.prepared, self.outputs)

    def contenders(self):
        """Ours and the two bare ones."""
        batch = self.options.batch_size
        x = self.images[: self.options.bare_images] * self.network.scale + self.network.shift
        x = x.contiguous(memory_format=torch.channels_last)
        bare_in_turn(self.network, x[:batch], batch)  # the first time is slower
        return [
            Contender(f"{self.prefix}ours", self.count, lambda: sources.study(self.outputs, batch), prepare=self.fresh),
            Contender(f"{self.prefix}{WORKERS}", len(x), lambda: bare_in_workers(self.network, x, batch)),
            Contender(f"{self.prefix}{OWN_THREADS}", len(x), lambda: bare_in_turn(self.network, x, batch)),
        ]

    def against(self, rival):
        """The rival as a Contender."""
        images, batch = self.images[: self.options.rival_images], self.options.batch_size
        rival.study(images[:batch])
        return Contender(rival.name, len(images), lambda: [rival.study(part) for part in images.split(batch)])


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


def compare(rival, arena):
    """How far the rival's numbers are from ours on the same images: a Check."""
    batch, images = arena.options.batch_size, arena.images[: arena.options.rival_images]
    largest, entries, signs = 0.0, 0, 0
    with sources.outputs_in(arena.outputs):
        run = Run(sources.RUN)
        numbers = run.image_numbers()[: len(images)]
        table = run.predictions().set_index(["modification", "image"])
        for start in range(0, len(images), batch):
            indices, x = numbers[start : start + batch], images[start : start + batch]
            for name in table.index.unique("modification"):
                ours = table.loc[[(name, index) for index in indices]]
                labels = torch.tensor(ours.top_label.tolist())
                p = rival.probabilities(rival.floats(modifications.apply(run, name, indices)))
                theirs = p.gather(1, labels[:, None])[:, 0] / torch.tensor(ours.top_label_probability.tolist())
                largest = max(largest, (theirs - 1).abs().max().item())
            (adversarial,) = rival.attack(rival.floats(x), labels, [1])
            moved = rival.levels(adversarial).to(torch.int16) - x.to(torch.int16)
            inner = (x > 0) & (x < 255)
            entries += int(inner.sum())
            signs += int((moved != torch.from_numpy(run.look_up(indices)[1]))[inner].sum())
    return Check(rival.name, len(images), largest, entries, signs)


def report(times, rivals, checks):
    """The printed tables: times, ratios with their bars, and what agrees."""
    lines = [f"{'':36}{'images':>6}  {'wall, ms per image':24}  CPU, ms per image"]
    for name, rows in times.groupby("contender", sort=False):
        clocks = f"{timing.spread(rows.wall):24}  {timing.spread(rows.cpu)}"
        lines.append(f"{name:36}{rows.images.iloc[0]:6}  {clocks}")
    lines += [f"{rival.name:36}not installed" for rival in RIVALS if not rival.installed()]
    lines += ["", f"{'':36}{'wall':22}{'CPU':22}"]
    lines.append(_ratio_line(times, "ours", faster(times), BAR_BARE))
    lines += [_ratio_line(times, "ours", rival.name, BARS.get(rival.name)) for rival in rivals]
    if f"{DEMO}ours" in set(times.contender):
        lines.append(_ratio_line(times, f"{DEMO}ours", faster(times, DEMO)))
    else:
        lines.append(f"{DEMO + 'ours / bare':36}not timed: there is no data/demo/network.safetensors")
    lines.append("")
    for check in checks:
        lines.append(
            f"{check.rival}, given {check.images} images as we modified them in eleven ways: top-label probabilities\n"
            f"    differ by at most {check.probabilities:.1e} of their value, "
            f"{measure.verdict(check.probabilities, TOLERANCE)};\n"
            f"    its gradient's sign differs from ours in {check.signs:,} of {check.entries:,} entries "
            f"({check.signs / max(check.entries, 1):.1e} of them)"
        )
    return "\n".join(lines)


def faster(times, prefix=""):
    """The name of the bare contender with the smaller median wall time."""
    medians = times.groupby("contender").wall.median()
    return min((f"{prefix}{WORKERS}", f"{prefix}{OWN_THREADS}"), key=medians.get)


def _ratio_line(times, above, below, bar=None):
    wall, cpu = (timing.ratio(times, above, below, clock) for clock in ("wall", "cpu"))
    judged = measure.verdict(wall.value, bar) if bar else "no bar"
    return f"{above + ' / ' + below.removeprefix(DEMO):36}{wall!s:22}{cpu!s:22}{judged}"
