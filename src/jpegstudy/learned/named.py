"""Codecs by name: the study's small one, and the published ones at the shapes of CompressAI's zoo."""

import torch

from jpegstudy.errors import BadInput
from jpegstudy.learned.codec import CODECS, Shape

SMALL = {
    "small": Shape("factorized", 32, 48, layers=3),  # 140,131 parameters
    "small_mean": Shape("mean-scale", 32, 48, layers=3),
}
PUBLISHED = {  # the prior, and the first quality that has the wide layers
    "bmshj2018_factorized": ("factorized", 6),
    "bmshj2018_hyperprior": ("scale", 6),
    "mbt2018_mean": ("mean-scale", 5),
}
QUALITIES = range(1, 9)
NARROW, WIDE = (128, 192), (192, 320)  # (n, m)


def shape_of(name, quality=None):
    """The Shape of a codec by its name, of SMALL or PUBLISHED; ``quality``, 1 to 8, where it is published.

    A quality is a place on the trade-off that the published weights were trained for; shapes know two groups of them.
    Raises BadInput for an unknown name, or for a quality that is missing, out of range, or of no meaning.
    """
    if name in SMALL:
        if quality is not None:
            raise BadInput(f"codec {name!r} has no qualities; {quality!r} was given")
        return SMALL[name]
    if name not in PUBLISHED:
        raise BadInput(f"there is no codec {name!r}; known: {', '.join([*SMALL, *PUBLISHED])}")
    if type(quality) is not int or quality not in QUALITIES:
        raise BadInput(f"quality of {name} is {quality!r}; wanted a whole number from 1 to 8")
    prior, first_wide = PUBLISHED[name]
    return Shape(prior, *(WIDE if quality >= first_wide else NARROW))


def build(shape, *, seed=0):
    """A codec of that Shape with random weights, drawn from ``seed``, on the CPU, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CODECS[shape.prior](shape).eval()


def in_words(shape):
    """A Shape as messages name it: with the names of the published codecs that have it."""
    names = [f"{name}" for name in SMALL if SMALL[name] == shape]
    for name in PUBLISHED:
        fit = [quality for quality in QUALITIES if shape_of(name, quality) == shape]
        names += [f"{name} of quality {fit[0]} to {fit[-1]}"] if fit else []
    known = f", as in {' and '.join(names)}" if names else ""
    return (
        f"{shape.prior} prior, n={shape.n}, m={shape.m}, {shape.layers} layers of {shape.kernel}x{shape.kernel}{known}"
    )
