"""What defenses cost per image, and what an attack through the exact JPEG costs: ``jpegstudy bench defenses``.

    a transform         by its name in the notation, on images of 224 x 224, one at a time and in a batch
    DCT and back        the 8x8 DCT of red, green and blue and its inverse as plain batched matrix products, in float64:
                        what Feature Distillation cannot do without
    TV, scikit-image    total variation by split Bregman, compiled, an image in turn, without the mask of pixels that
                        are left out: the nearest to its authors' way that a library has
    authors' style      total variation and quilting pixel by pixel and patch by patch in Python, see authors_style:
                        whole images, one at a time and in few rounds, for each takes many seconds
    PGD, bare           PGD of 40 steps on torchvision's resnet18 with random weights
    PGD, through JPG    the same through the exact round trip, with straight-through gradients

The slow ones get fewer images in their batch. All take turns in every round, and the fast ones go again and again until
a turn has lasted 0.2 s; those in their authors' style stop after the first rounds, without a call before them. The
table says how many rounds each had.
"""

import argparse
from functools import partial
from pathlib import Path

import torch

from jpegstudy import attacks, modifications, networks, timing
from jpegstudy.attacks import adaptive
from jpegstudy.bench import authors_style, measure
from jpegstudy.jpeg import dct
from jpegstudy.steps.timing import SHORTEST
from jpegstudy.steps.timing import contenders as transforms_of
from jpegstudy.timing import Contender
from jpegstudy.transforms import patches

DEFENSES = ("FD", "FD8", "JPG", "BITS", "MED", "GAUSS1", "SLQ", "RRP", "WEBP", "J2K20", "TVM", "QUILT")
PLAIN, TV = "DCT and back", "TV, scikit-image"
TV_IMAGES = 4  # at most, of a batch
AUTHORS = ("TVM, authors' style", "QUILT, authors' style")
PAPER = {"TVM": 259, "QUILT": 216}  # times the time of FD, from the paper's 38.89 s, 32.47 s and .15 s an image
PGD = ("PGD, bare", "PGD, through JPG")
PGD_STEPS = 40
BARS = {"FD / DCT and back": 2.0, "PGD through JPG / bare": 1.3}
SIDE = 224
PACKAGES = ("torch", "torchvision", "imagecodecs", "scikit-image", "pillow", "numpy")


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    print(f"{SIDE} x {SIDE}, batches of 1 and {options.batch_size}, {options.rounds} rounds\n", flush=True)
    contenders = [each for size in (1, options.batch_size) for each in _defenses(options.defenses, size)]
    for contender in contenders:  # the first call is slow
        contender.work()
    if options.authors_rounds:
        contenders += _authors(options.authors_rounds)
    if options.pgd_images:
        contenders += _attacks(options.pgd_images)
    times = with_parts(measure.take_turns(contenders, options.rounds, shortest=SHORTEST))
    print(report(times))
    if options.out:
        times.assign(**machine).to_csv(options.out, index=False)
    return 0


def with_parts(times):
    """take_turns's table with columns defense and batch, the contender's name in parts, and rounds: how many it had."""
    parts = times["contender"].str.partition(" × ")
    batch = parts[2].where(parts[2] != "", times["images"]).astype(int)
    rounds = times.groupby("contender")["round"].transform("count")
    return times.assign(defense=parts[0], batch=batch, rounds=rounds)


def report(times):
    """The printed table, and the ratios beside what is wanted."""
    width = max(map(len, times.contender)) + 2
    lines = [f"{'':{width}}{'rounds':8}{'wall, ms per image':32}{'CPU, ms per image'}"]
    for name, rows in times.groupby("contender", sort=False):
        clocks = f"{timing.spread(rows.wall):32}{timing.spread(rows.cpu)}"
        lines.append(f"{name:{width}}{len(rows):<8}{clocks}")
    return "\n".join([*lines, "", *bars(times)])


def bars(times):
    """A line for each bar: the ratio of wall times and of CPU times, and whether the bar is met."""
    names, lines = set(times.contender), []
    for size in sorted({int(name.rpartition(" × ")[2]) for name in names if " × " in name}):
        pair = f"FD × {size}", f"{PLAIN} × {size}"
        if set(pair) <= names:
            lines.append(_bar(times, pair, f"{size} at a time: FD / DCT and back", BARS["FD / DCT and back"]))
        lines += [
            _beside_paper(times, other, size)
            for other in ("TVM", TV, "QUILT", *AUTHORS)
            if {f"{other} × {size}", pair[0]} <= names
        ]
    if set(PGD) <= names:
        lines.append(_bar(times, PGD[::-1], "PGD through JPG / bare", BARS["PGD through JPG / bare"]))
    return lines


def _beside_paper(times, other, size):
    found = timing.ratio(times, f"{other} × {size}", f"FD × {size}")
    paper = PAPER.get(other.partition(",")[0])
    told = f"; by the paper's times {paper}" if paper else ""
    return f"{size} at a time: {other} / FD: wall {found}, n = {found.n}{told}"


def _bar(times, pair, words, bar):
    wall, cpu = (timing.ratio(times, *pair, clock) for clock in ("wall", "cpu"))
    return f"{words}: wall {wall}, {measure.verdict(wall.value, bar)}; CPU {cpu}"


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench defenses", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--defenses", nargs="+", default=DEFENSES, metavar="NAME", help=f"in the notation ({' '.join(DEFENSES)})"
    )
    parser.add_argument("--batch-size", type=measure.count, default=64, metavar="N", help="images in a batch (64)")
    parser.add_argument("--pgd-images", type=int, default=4, metavar="N", help="images of PGD (4); 0 leaves it out")
    parser.add_argument(
        "--authors-rounds", type=int, default=1, metavar="N", help="rounds with the authors' style (1); 0 leaves it out"
    )
    parser.add_argument("--rounds", type=measure.count, default=5, metavar="N", help="rounds, all take turns (5)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every round's times there")
    return parser.parse_args(arguments)


def _images(count):
    """Smooth images, as codecs want them: a few cosines of low frequency in each color."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, SIDE // 16, SIDE // 16, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
    return (255 * smooth).round().to(torch.uint8)


def _defenses(names, size):
    images, few = _images(size), min(size, TV_IMAGES)
    return [
        *transforms_of(images, names, size),
        Contender(f"{PLAIN} × {size}", size, partial(_there_and_back, images)),
        Contender(f"{TV} × {size}", few, partial(_bregman, images[:few])),
    ]


def _authors(rounds):
    """The slow renditions, each of one whole image, in the first ``rounds``."""
    image = _images(1)[0].permute(1, 2, 0).contiguous().numpy()
    database = patches.load(patches.DEMO).pixels
    works = (
        partial(authors_style.minimize_variation, image, seed=0),
        partial(authors_style.quilt, image, database),
    )
    return [Contender(f"{name} × 1", 1, work, rounds=rounds) for name, work in zip(AUTHORS, works, strict=True)]


def _there_and_back(images):
    return dct.samples(dct.coefficients(images.to(torch.float64)))


def _bregman(images):
    from skimage.restoration import denoise_tv_bregman

    for image in images.permute(0, 2, 3, 1).numpy() / 255:
        denoise_tv_bregman(image, weight=1 / 0.03, max_num_iter=100, eps=0.01, isotropic=True, channel_axis=-1)


def _attacks(count):
    network = networks.load("resnet18", "random", device="cpu")
    images = _images(count)
    labels = network.probabilities(images).argmax(dim=1)
    jpeg = modifications.transform("JPG")
    settings = {"epsilon": 2, "steps": PGD_STEPS, "seed": 0, "indices": list(range(count))}
    attackers = (network, adaptive.through(network, jpeg, "jpeg"))
    return [
        Contender(name, count, partial(attacks.iterated.pgd, each, images, labels, **settings))
        for name, each in zip(PGD, attackers, strict=True)
    ]
