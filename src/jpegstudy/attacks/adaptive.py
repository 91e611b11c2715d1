"""What an attacker who knows the defense differentiates, and whom such an attack is judged by.

    network = adaptive.through(classifier, FD, "bpda")     # exact forward, a gradient of one's choice backward
    judge = adaptive.behind(classifier, FD, seed=1)        # the defense as it is
    attacks.find("PGD")(network, x, labels, judge=judge, epsilon=2, seed=0, indices=numbers)

A transform is ``transform(images, *, seed=None, indices=None)``, uint8 (N, 3, H, W) to the same, or to float32 where it
says so; it may be stochastic. Source: Athalye, Carlini & Wagner 2018, sections 4.1 (BPDA) and 4.2 (expectation over
transformation: ``expectation`` of the attacks, which ask for draws).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from jpegstudy.attacks.contract import DRAW, answer
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import surrogate

WAYS = ("jpeg", "bpda")


def through(network, transform, how, *, seed=None, geometric=None, rounded=True):
    """The network behind a transform, through which gradients flow: floating images, grey levels -> logits.

    network: images -> logits, itself perhaps of ``through``: then this transform comes before that one.
    how: "jpeg", the surrogate of the JPEG round trip with the transform's quality and subsampling, which knows of color
    and of chroma subsampling and passes rounding straight through; or "bpda", any transform's exact result, the
    gradient of the result taken for that of the image. On bases that lie on the defense's lattice neither sees which
    coefficients would flip: see attacks.lattice.
    seed: of a stochastic transform's draws. It is called anew for each draw with a seed of its own, and with indices.
    geometric: for "bpda" where the transform changes the size or moves pixels: a callable like the transform that does
    only that, to floating images, and lets gradients through; the backward pass is then its own.
    rounded: round images to 8 bits before the transform, halves up, as a saved file is; that rounding is passed
    straight through. False is for float readings, whose transforms take float32.
    Raises BadInput for another way, for "jpeg" without a quality or not rounded, for a stochastic transform without a
    seed, and, when it is called, for a transform that changes the shape where there is no ``geometric``.
    """
    if how not in WAYS:
        raise BadInput(f"how is {how!r}; wanted {' or '.join(WAYS)}")
    _check_seed(transform, seed)
    if how == "jpeg":
        if not (hasattr(transform, "quality") and hasattr(transform, "subsampling")):
            raise BadInput(f"{transform!r} has no quality and subsampling; wanted JPEG, or take it through 'bpda'")
        if getattr(transform, "stochastic", False) or geometric is not None or not rounded:
            raise BadInput("the way 'jpeg' is for JPEG of 8-bit images alone; take anything else through 'bpda'")
        return _ThroughJpeg(network, transform.quality, transform.subsampling)
    return _Through(network, transform, seed, geometric, rounded)


def behind(network, transform, *, seed=None):
    """The real defense, for a judge: images as they were saved -> logits, without gradients.

    images: uint8, or float32 in float readings; the transform takes them as they are.
    seed: of a stochastic transform's draws; take another than the attacker's, who does not know what will be drawn.
    Raises BadInput for a stochastic transform without a seed.
    """
    _check_seed(transform, seed)
    return _Behind(network, transform, seed)


def draw_seed(seed, draw):
    """A seed for one draw: an int that depends on the seed and on the draw's number."""
    return int(np.random.SeedSequence([seed, draw, DRAW]).generate_state(1)[0])


@dataclass(frozen=True)
class _Behind:
    network: Any
    transform: Any
    seed: Any

    @property
    def stochastic(self):
        return any(getattr(part, "stochastic", False) for part in (self.transform, self.network))

    def __call__(self, images, *, indices=None, draw=0):
        with torch.no_grad():
            result = self.transform(images, **_choice(self.transform, self.seed, indices, draw))
            return answer(self.network, result, indices, draw)


@dataclass(frozen=True)
class _Through:
    network: Any
    transform: Any
    seed: Any
    geometric: Any
    rounded: bool

    @property
    def stochastic(self):
        return any(getattr(part, "stochastic", False) for part in (self.transform, self.network))

    def __call__(self, images, *, indices=None, draw=0):
        choice = _choice(self.transform, self.seed, indices, draw)
        given = images.detach()
        if self.rounded:
            given = (given + 0.5).floor().clamp(0, 255).to(torch.uint8)
        exact = self.transform(given, **choice).to(images)
        smooth = images if self.geometric is None else self.geometric(images, **choice)
        if exact.shape != smooth.shape:
            shapes = f"{tuple(exact.shape)} of {tuple(smooth.shape)}"
            raise BadInput(f"the transform makes {shapes}; give, as geometric, what changes the shape the same way")
        # smooth - smooth is nothing to the value: the exact pixels go forward, the gradient goes through ``smooth``
        return answer(self.network, exact + (smooth - smooth.detach()), indices, draw)


@dataclass(frozen=True)
class _ThroughJpeg:
    network: Any
    quality: Any
    subsampling: str

    @property
    def stochastic(self):
        return getattr(self.network, "stochastic", False)

    def __call__(self, images, *, indices=None, draw=0):
        compressed = surrogate.roundtrip(images, quality=self.quality, subsampling=self.subsampling)
        return answer(self.network, compressed, indices, draw)


def _choice(transform, seed, indices, draw):
    """What a transform is told about chance: nothing, where it leaves nothing to it."""
    if not getattr(transform, "stochastic", False):
        return {}
    return {"seed": draw_seed(seed, draw), "indices": indices}


def _check_seed(transform, seed):
    if getattr(transform, "stochastic", False) and seed is None:
        raise BadInput(f"{transform!r} is random: it needs a seed")
