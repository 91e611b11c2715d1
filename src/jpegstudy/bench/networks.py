"""What an image costs in each network: ``jpegstudy bench networks``.

    forward     logits of a batch, as a prediction takes them
    gradient    the same and the gradient of the loss with respect to the images, as the attack takes it; no gradient of
                any weight

Random weights, each network's own crop, images of random grey levels, on the CPU with torch's own threads; all take
turns in every round, after one that is not counted. A multiple is of what alexnet takes, if it is among them.
"""

import argparse
from functools import partial
from pathlib import Path

import torch

from jpegstudy import attacks, networks, timing
from jpegstudy.bench import measure
from jpegstudy.timing import Contender

NAMES = ("overfeat-fast", "overfeat-accurate", "alexnet", "vgg16")
REFERENCE = "alexnet"
PASSES = ("forward", "gradient")
PACKAGES = ("torch", "torchvision", "numpy")
SEED = 0


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    print(f"random weights, batches of {options.batch_size}, {options.rounds} rounds\n", flush=True)
    loaded = [networks.load(name, "random", device="cpu") for name in dict.fromkeys(options.networks)]
    contenders = [contender for network in loaded for contender in _contenders(network, options.batch_size)]
    for contender in contenders:  # the first call is slow
        contender.work()
    times = measure.take_turns(contenders, options.rounds)
    print(report(times, loaded))
    if options.out:
        crops = {_title(network.name, what): network.crop for network in loaded for what in PASSES}
        times = times.assign(crop=times.contender.map(crops), batch_size=options.batch_size, **machine)
        times.to_csv(options.out, index=False)
    return 0


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench networks", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--networks", nargs="+", default=NAMES, metavar="NAME", help=f"any that a study takes ({' '.join(NAMES)})"
    )
    parser.add_argument("--batch-size", type=measure.count, default=8, metavar="N", help="images in a batch (8)")
    parser.add_argument("--rounds", type=measure.count, default=5, metavar="N", help="rounds, all take turns (5)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _contenders(network, batch_size):
    shape = (batch_size, 3, network.crop, network.crop)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(SEED))
    works = (partial(network.probabilities, images), partial(attacks.loss_gradient, network, images))
    return [Contender(_title(network.name, what), batch_size, work) for what, work in zip(PASSES, works, strict=True)]


def _title(name, what):
    return f"{name}, {what}"


def report(times, loaded):
    """The printed tables: times of both passes of each network, and each as a multiple of the reference's."""
    width = max(len(_title(network.name, what)) for network in loaded for what in PASSES) + 2
    lines = [f"{'':{width}}{'crop':>4}{'parameters':>13}  {'wall, ms per image':26}CPU, ms per image"]
    for network in loaded:
        size = f"{network.crop:4}{sum(parameter.numel() for parameter in network.parameters()):13,}"
        for what in PASSES:
            name = _title(network.name, what)
            wall, cpu = (timing.spread(times[times.contender == name][clock]) for clock in ("wall", "cpu"))
            lines.append(f"{name:{width}}{size}  {wall:26}{cpu}")
    names = [network.name for network in loaded]
    if REFERENCE in names:
        lines += ["", f"{'times ' + REFERENCE:{width}}{'wall':24}CPU"]
        for name in names:
            for what in PASSES if name != REFERENCE else ():
                pair = _title(name, what), _title(REFERENCE, what)
                wall, cpu = (str(timing.ratio(times, *pair, clock)) for clock in ("wall", "cpu"))
                lines.append(f"{pair[0]:{width}}{wall:24}{cpu}")
    return "\n".join(lines)
