"""Our codecs beside CompressAI's own, in an environment of its own: ``jpegstudy bench compressai``.

CompressAI wants another numpy than the study, so that it runs as a process of another Python (``compressai_side``) and
answers request by request. For each published shape it makes random weights and writes them as it writes its own
files; ours loads that file, and both code the same images.

    forward     images to reconstructions and likelihoods, eight images of 256 x 256 at a time
    attack      Adam away from the reconstruction of one image; ours checks the real codec every 20 steps, theirs never

Where latents, reconstructions or bits differ by more than float error, the status is 1.
"""

import argparse
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from jpegstudy import learned, timing
from jpegstudy.bench import measure
from jpegstudy.bench.learned import BUDGET, EVERY, smooth_images
from jpegstudy.errors import BadInput
from jpegstudy.learned.attack import ftda
from jpegstudy.learned.pixels import from_grey
from jpegstudy.timing import Contender

SIDE = Path(__file__).with_name("compressai_side.py")
MODELS = {"bmshj2018_factorized": "bmshj2018-factorized", "bmshj2018_hyperprior": "bmshj2018-hyperprior",
          "mbt2018_mean": "mbt2018-mean"}  # fmt: skip
PACKAGES = ("torch", "constriction", "numpy")
WORKS = ("forward", "attack")
TOLERANCE = {"latents": 1e-4, "reconstruction": 1e-4, "bits": 1e-4, "turned": 1e-4}  # see ``differences``


class Other:
    """The process of another Python. Raises BadInput if that cannot import CompressAI, or a request fails there."""

    def __init__(self, python):
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115  it is there as long as the process
        try:
            self.process = subprocess.Popen(
                [python, "-I", SIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True
            )
        except OSError as error:
            self.complaints.close()
            raise BadInput(
                f"there is no Python {str(python)!r}; wanted one with CompressAI: make compressai sets it up"
            ) from error
        if not self.process.stdout.readline():
            self.complaints.seek(0)
            last = (self.complaints.read().strip().splitlines() or ["it ended at once"])[-1]
            self.close()
            raise BadInput(f"{str(python)!r} does not run CompressAI ({last}); make compressai sets up one that does")

    def ask(self, what, **more):
        """The answer to a request."""
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        told = json.loads(line) if line else {"error": "its process has ended"}
        if "error" in told:
            raise BadInput(f"CompressAI's {what} failed: {told['error']}")
        return told["answer"]

    def close(self):
        """End the process."""
        self.process.communicate()
        self.complaints.close()


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    if options.side % 64:
        raise BadInput(f"--side is {options.side}; CompressAI's models do not pad, and want a multiple of 64")
    machine = measure.machine(PACKAGES)
    images = smooth_images(options.batch_size, options.side)
    tables, apart = [], []
    with tempfile.TemporaryDirectory() as folder:
        other = Other(options.python)
        versions = other.ask("versions")
        machine["versions"] += "; there " + ", ".join(f"{name} {number}" for name, number in versions.items())
        print("\n".join(machine.values()), flush=True)
        print(
            f"{options.side} x {options.side}, batches of {options.batch_size}, {options.rounds} rounds\n", flush=True
        )
        try:
            for name in options.models:
                codec = opened(other, name, options.quality, Path(folder))
                difference = differences(other, codec, images, Path(folder))
                apart.append(difference)
                print(f"{name}: {in_words(difference)}", flush=True)
                times = measure.take_turns(_contenders(other, codec, images, options), options.rounds)
                tables.append(times.drop(columns="cpu").assign(model=name, **difference))  # theirs is not this process
                print("\n".join(f"{name}: {line}" for line in ratios(times)), flush=True)
        finally:
            other.close()
    if options.out:
        pd.concat(tables).assign(quality=options.quality, side=options.side, steps=options.steps, **machine).to_csv(
            options.out, index=False
        )
    return int(any(each[name] > most for each in apart for name, most in TOLERANCE.items()))


def opened(other, name, quality, folder):
    """Our codec with the random weights of CompressAI's model of that name, through a file that it writes."""
    path = folder / f"{name}.pth.tar"
    other.ask("open", model=MODELS[name], quality=quality, weights=str(path))
    return learned.load(path, learned.shape_of(name, quality)).requires_grad_(False)


@torch.no_grad()
def differences(other, codec, images, folder):
    """How far both lie apart on images uint8 (N, 3, H, W), at most. Each half of the codec is held to the other's own:

    latents         before they are rounded, by their standard deviation
    reconstruction  of the other's rounded latents, on pixels from 0 to 1
    bits            by the likelihoods, as a share of theirs
    turned          of all latents the share that is rounded otherwise: those that lie at a tie, but for float error
    bytes           of our whole streams over theirs, a mean
    spread          standard deviation of their latents: near 0 nothing would be compared
    """
    np.save(folder / "images.npy", images.numpy())
    other.ask("measure", images=str(folder / "images.npy"), results=str(folder / "theirs.npz"))
    with np.load(folder / "theirs.npz") as found:
        theirs = {name: torch.from_numpy(found[name]) for name in found.files}
    x = from_grey(images)
    latents = torch.cat([codec.analysis(each) for each in x.split(1)])  # one by one, as both code them
    quantized = torch.cat([codec.rounded(each) for each in latents.split(1)])
    shown = [codec.synthesis(each, images.shape[2:]) for each in theirs["quantized"].split(1)]
    lengths = torch.tensor([len(data) for data in codec.encode(images)])
    spread = theirs["latents"].std()
    return {
        "latents": float((latents - theirs["latents"]).abs().max() / spread),
        "reconstruction": float((torch.cat(shown) - theirs["reconstruction"]).abs().max()),
        "bits": float((codec(x).bits.double() / theirs["bits"] - 1).abs().max()),
        "turned": float(((quantized - theirs["quantized"]).abs() > 0.5).double().mean()),
        "bytes": float((lengths / theirs["bytes"]).mean()),
        "spread": float(spread),
    }


def in_words(difference):
    """A line about ``differences``."""
    met = all(difference[name] <= most for name, most in TOLERANCE.items())
    return (
        f"latents differ by {difference['latents']:.2g} of their deviation at most, reconstructions of the same "
        f"latents by {difference['reconstruction']:.2g} and bits by {difference['bits']:.2g} of theirs: "
        f"{'the same' if met else 'NOT THE SAME'}; {difference['turned']:.2g} of the latents lie at ties and are "
        f"rounded otherwise; our streams have {difference['bytes']:.3f} times the bytes"
    )


def ratios(times):
    """A line for forward and attack: the ratio of wall times, ours over theirs."""
    return [f"{what}, ours / theirs: wall {timing.ratio(times, what, f'{what}, CompressAI')}" for what in WORKS]


def _contenders(other, codec, images, options):
    x = from_grey(images)
    attack = partial(ftda, codec, images[:1], mse_budget=BUDGET, steps=options.steps, every=EVERY)
    found = [
        Contender("forward", len(images), partial(_forward, codec, x)),
        Contender("forward, CompressAI", len(images), partial(other.ask, "forward")),
        Contender("attack", 1, attack),
        Contender("attack, CompressAI", 1, partial(other.ask, "attack", steps=options.steps)),
    ]
    for contender in found:  # the first call is slow
        contender.work()
    return found


@torch.no_grad()
def _forward(codec, x):
    return codec(x)


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench compressai", description=__doc__.split("\n")[0])
    parser.add_argument("--python", required=True, metavar="PATH", help="of an environment that has CompressAI")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which shapes (all)")
    parser.add_argument("--quality", type=measure.count, default=1, metavar="N", help="1 to 8: their widths (1)")
    parser.add_argument("--batch-size", type=measure.count, default=8, metavar="N", help="images in a batch (8)")
    parser.add_argument("--side", type=measure.count, default=256, metavar="N", help="pixels, a multiple of 64 (256)")
    parser.add_argument("--steps", type=measure.count, default=20, metavar="N", help="of the attack (20)")
    parser.add_argument("--rounds", type=measure.count, default=5, metavar="N", help="rounds, all take turns (5)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)
