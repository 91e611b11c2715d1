"""What every attack takes and gives, and the bookkeeping that they share.

    attack(network, images, labels, *, epsilon, judge=None, seed=None, indices=None, ...) -> Attacked

    network   images -> logits (N, C) for floating images (N, 3, H, W) in grey levels, in eval mode. Gradients flow
              through it: the network alone, or behind a defense's stand-in (attacks.adaptive). One that says
              ``stochastic = True`` is called as network(images, indices=..., draw=...): equal draws of an image are
              equal, others are fresh.
    images    uint8 or float32 (N, 3, H, W), grey levels. The result is of the same type. uint8 images stay in 8 bits:
              they are rounded, and every budget holds for what was rounded. float32 is for bases that are not whole
              grey levels, such as what a quantizing defense gives before it is saved.
    labels    int64 (N,), the class to move away from.
    judge     images as they would be saved -> logits of the real defense, which need not let gradients through; it says
              which image is the worst, and which succeed. None: the network, asked with the same values as floats.
    seed, indices   of what is random: each image draws from the seed and its number, so that batches change nothing.

An attack takes callables from images to logits; it does not know the study's networks nor its transforms. It works on
all the images it is given at once: batches are its caller's.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.attacks.gradient import loss_gradient
from jpegstudy.errors import BadInput

# Kinds of drawings, so that no two of one image share their numbers; 1 to 3 are drawn from elsewhere in the study.
START, SQUARES, DRAW = 4, 5, 6


@dataclass(frozen=True)
class Attacked:
    """What an attack gives: images, and how it came to them.

    images: like the attack's own, uint8 or float32 (N, 3, H, W), grey levels.
    curve: float32 (N, steps + 1), the margin by step: the label's logit less the highest other, negative where the
    image misleads. Whose margin it is, each attack says; it holds its last value once an image is finished.
    steps: int64 (N,), the column of the curve at which the image was found.
    success: bool (N,), whether the judge is misled by the images as they are here.
    """

    images: torch.Tensor
    curve: torch.Tensor
    steps: torch.Tensor
    success: torch.Tensor


class Subject:
    """The images under attack with those who answer for them. Raises BadInput for what ``contract`` does not allow."""

    def __init__(self, network, images, labels, *, judge=None, seed=None, indices=None, random=False):
        _check(images, labels)
        needing = [who for who in (network, judge) if getattr(who, "stochastic", False)]
        if (random or needing) and (indices is None or len(indices) != len(images)):
            raise BadInput("the attack or the defense is random: it needs the index of each image")
        if random and seed is None:
            raise BadInput("the attack is random: it needs a seed")
        self.network, self.judge, self.seed = network, judge, seed
        self.base = images.detach().to(torch.float32)  # (N, 3, H, W)
        self.labels = labels.to(images.device)
        self.indices = None if indices is None else np.asarray(indices)
        self.eight_bit = images.dtype == torch.uint8

    def __len__(self):
        return len(self.base)

    def only(self, rows):
        """The subject of some of the images; ``rows`` is a mask or numbers."""
        part = object.__new__(Subject)
        part.__dict__.update(self.__dict__)
        part.base, part.labels = self.base[rows], self.labels[rows]
        part.indices = None if self.indices is None else self.indices[rows.cpu().numpy()]
        return part

    def logits(self, x, draw=0):
        """The network's logits (N, C) of x, float32 (N, 3, H, W), gradients and all."""
        logits = answer(self.network, x, self.indices, draw)
        check_labels(self.labels, logits)  # before the loss: on a GPU a label without a logit ends the process
        return logits

    def gradient(self, x, step=0, expectation=1):
        """Gradient of the cross-entropy, its mean over fresh draws for a random network: float32 (N, 3, H, W)."""
        check_count("expectation", expectation)
        total = 0
        for draw in range(step * expectation, (step + 1) * expectation):
            total = total + loss_gradient(lambda z, draw=draw: self.logits(z, draw), x, self.labels)[0]
        return total / expectation

    def finished(self, x):
        """x as it would be saved: float32 whole grey levels for 8-bit images, in range; any others in range."""
        return (x.round() if self.eight_bit else x).clamp(0, 255)

    def margins(self, finished, draw=0, expectation=1):
        """The judge's margins (N,) of finished images, their mean over fresh draws for a random judge."""
        check_count("expectation", expectation)
        judge = self.network if self.judge is None else self.judge
        images = finished.to(torch.uint8) if self.eight_bit and self.judge is not None else finished
        total = 0
        with torch.no_grad():
            for number in range(draw * expectation, (draw + 1) * expectation):
                total = total + margins(answer(judge, images, self.indices, number), self.labels)
        return (total / expectation).to(finished.device)

    def typed(self, finished):
        """Finished images in the type that the attack was given."""
        return finished.to(torch.uint8) if self.eight_bit else finished

    def rngs(self, kind, *more):
        """A generator of random numbers for each image, of one kind of drawing."""
        return [np.random.default_rng([self.seed, int(index), kind, *more]) for index in self.indices]


class Kept:
    """Of each image the best that the attack has seen so far, and its curve."""

    def __init__(self, images, steps):
        self.images = images.clone()
        self.curve = images.new_full((len(images), steps + 1), math.nan)
        self.best = images.new_full((len(images),), math.inf)
        self.steps = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        self.last = 0

    def offer(self, step, images, margins, rows=None, *, score=None):
        """Take images in place of those kept where their score (margin, if none is given) is lower.

        rows: which images these are, as numbers; None is all. The others' curves hold their last value.
        """
        rows = torch.arange(len(self.images), device=self.images.device) if rows is None else rows
        self.curve[:, self.last + 1 : step + 1] = self.curve[:, self.last : self.last + 1]
        self.curve[rows, step] = margins
        self.last = step
        score = margins if score is None else score
        better = score < self.best[rows]
        chosen = rows[better]
        self.images[chosen], self.best[chosen], self.steps[chosen] = images[better], score[better], step

    def take(self, rows, other):
        """Take what ``other`` kept of these rows, where it is better."""
        better = other.best < self.best[rows]
        for name in ("images", "curve", "best", "steps"):
            getattr(self, name)[rows[better]] = getattr(other, name)[better]

    def attacked(self, subject, success=None):
        """The outcome. A margin below zero says that the image misleads, unless ``success`` says otherwise."""
        self.curve[:, self.last + 1 :] = self.curve[:, self.last : self.last + 1]
        success = self.best < 0 if success is None else success
        return Attacked(subject.typed(self.images), self.curve, self.steps, success)


def answer(network, images, indices, draw):
    """The network's logits of images; a random one hears which images they are and which draw is wanted."""
    if getattr(network, "stochastic", False):
        return network(images, indices=indices, draw=draw)
    return network(images)


def margins(logits, labels):
    """The label's logit less the highest other: float32 (N,), without gradient. Below zero the label is not the top.

    Raises BadInput for labels that the logits (N, C) don't have.
    """
    labels = labels.to(logits.device)
    check_labels(labels, logits)
    logits = logits.detach().float()
    others = logits.scatter(1, labels[:, None], -math.inf).amax(dim=1)
    return logits.gather(1, labels[:, None])[:, 0] - others


def check_labels(labels, logits):
    """Raise BadInput unless each label has a logit."""
    if not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise BadInput(
            f"labels go from {labels.min()} to {labels.max()}; wanted 0 to {logits.shape[1] - 1}, the logits'"
        )


def check_epsilon(epsilon, *, whole=False):
    """Raise BadInput unless epsilon is a number from 0 to what fits; ``whole``: nor between 0 and 1."""
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 <= epsilon < math.inf:
        raise BadInput(f"epsilon is {epsilon!r}; wanted a number of grey levels, 0 or more")
    if whole and 0 < epsilon < 1:
        raise BadInput(
            f"epsilon is {epsilon}; 8-bit images move by whole grey levels, give 1 or more, or float32 images"
        )


def check_count(name, value):
    """Raise BadInput unless value is a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{name} is {value!r}; wanted a whole number from 1")


def check_seed(seed):
    """Raise BadInput unless seed is a whole number from 0."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise BadInput(f"seed is {seed!r}; wanted a whole number from 0")


def linf_ball(subject, epsilon):
    """Lowest and highest values that an image may take within epsilon: float32 (N, 3, H, W) each.

    Of 8-bit images the ball's whole grey levels count only: an epsilon of 1.5 is one of 1.
    """
    check_epsilon(epsilon, whole=subject.eight_bit)
    radius = math.floor(epsilon) if subject.eight_bit else epsilon
    return (subject.base - radius).clamp(min=0), (subject.base + radius).clamp(max=255)


def flat_norm(x):
    """The L2 norm of each image, (N, 1, 1, 1)."""
    return x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def _check(images, labels):
    if not isinstance(images, torch.Tensor) or images.dtype not in (torch.uint8, torch.float32):
        given = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
        raise BadInput(f"images are {given}; wanted a tensor of uint8 or float32, in grey levels")
    if images.dim() != 4 or images.shape[1] != 3 or not images.numel():
        raise BadInput(f"images are {tuple(images.shape)}; wanted one or more, (N, 3, H, W)")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):  # so written, it refuses NaN too
        raise BadInput(f"images go from {low:g} to {high:g}; wanted grey levels from 0 to 255")
    if not isinstance(labels, torch.Tensor) or labels.dtype != torch.int64 or labels.shape != (len(images),):
        given = f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, torch.Tensor) else type(labels).__name__
        raise BadInput(f"labels are {given}; wanted int64 ({len(images)},), one for each image")
