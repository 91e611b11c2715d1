"""Attacks that take many small steps up the gradient: BIM, and PGD in L-infinity and in L2.

All keep, of each image, the worst iterate that they saw: the one with the judge's lowest margin. That is a misleading
one where there was any, for only those have margins below zero. Their curves hold the judge's margins, of the restart
that the image comes from.
"""

import numpy as np
import torch

from jpegstudy.attacks.contract import START, Kept, Subject, check_count, check_epsilon, flat_norm, linf_ball
from jpegstudy.errors import BadInput


def bim(network, images, labels, *, epsilon, steps=10, alpha=None, judge=None, seed=None, indices=None, expectation=1):
    """The basic iterative method: PGD from the image itself, once. Arguments and result as for ``pgd``.

    Source: Kurakin, Goodfellow & Bengio 2017, section 2.2.
    """
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    ball = linf_ball(subject, epsilon)
    alpha = step_length(alpha, epsilon, steps)
    kept = climb(subject, subject.base, *_linf(subject, ball, alpha, expectation), steps, expectation)
    return kept.attacked(subject)


def pgd(
    network, images, labels, *, epsilon, steps=40, alpha=None, restarts=1, judge=None, seed=None, indices=None,
    expectation=1,
):  # fmt: skip
    """Projected gradient descent in L-infinity: signed steps from a random start in the ball, back into it after each.

    network, images, labels, judge, seed, indices: see ``contract``; the start needs seed and indices.
    epsilon: radius in grey levels; 8-bit images use its whole part, and refuse one between 0 and 1.
    steps: gradient steps of each restart.  alpha: step in grey levels; None is max(epsilon / 10, 2.5 epsilon / steps).
    restarts: fresh starts, for those images only that do not mislead yet.
    expectation: draws of a random network that each step's gradient, and a random judge's margin, is the mean of.
    Returns Attacked. The margin of a random judge is that of the draws it was kept for: judge the images anew.
    Raises BadInput for what the contract refuses.
    Source: Madry et al. 2018, section 2.1; Athalye, Carlini & Wagner 2018, section 4.2, for the expectation.
    """
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices, random=True)
    linf_ball(subject, epsilon)  # refuses an epsilon before any work is done
    alpha = step_length(alpha, epsilon, steps)

    def run(part, restart):
        low, high = linf_ball(part, epsilon)
        uniform = np.stack([rng.random(part.base.shape[1:], np.float32) for rng in part.rngs(START, restart)])
        start = low + torch.from_numpy(uniform).to(part.base) * (high - low)
        ways = _linf(part, (low, high), alpha, expectation)
        return climb(part, start, *ways, steps, expectation, first=restart * (steps + 1))

    return _restarted(subject, run, restarts, steps)


def pgd_l2(
    network, images, labels, *, epsilon, steps=40, alpha=None, restarts=1, judge=None, seed=None, indices=None,
    expectation=1,
):  # fmt: skip
    """Projected gradient descent in L2. Arguments and result as for ``pgd``, but for the norm.

    epsilon, alpha: L2 lengths over a whole image, in grey levels. Rounding to 8 bits may lengthen a perturbation; where
    it would leave the ball, the perturbation is shortened until its rounding does not.
    Source: Madry et al. 2018, section 5.
    """
    check_epsilon(epsilon)
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices, random=True)
    alpha = step_length(alpha, epsilon, steps)

    def run(part, restart):
        drawn = []
        for rng in part.rngs(START, restart):
            direction = rng.standard_normal(part.base[0].numel(), np.float32)
            drawn.append(direction / np.linalg.norm(direction) * rng.random() ** (1 / direction.size))  # uniform in it
        start = torch.from_numpy(np.stack(drawn)).to(part.base).view(part.base.shape) * epsilon

        def inside(x):
            delta = x - part.base
            return (part.base + delta * (epsilon / flat_norm(delta).clamp(min=1e-12)).clamp(max=1)).clamp(0, 255)

        def step(x, number):
            gradient = part.gradient(x, number, expectation)
            return inside(x + alpha * gradient / flat_norm(gradient).clamp(min=1e-30))

        def finish(x):
            return round_within(part.base, x, epsilon) if part.eight_bit else x

        return climb(part, inside(part.base + start), step, finish, steps, expectation, first=restart * (steps + 1))

    return _restarted(subject, run, restarts, steps)


def climb(subject, start, step, finish, steps, expectation=1, *, first=0, score=None):
    """Walk from ``start``, judging each finished iterate: a Kept.

    step(x, number) -> the next iterate.  finish(x) -> x as it would be saved.  first: the number of the first step,
    for the draws.  score(finished, number) -> (N,), lower is worse for the defense; None takes the judge's margin.
    """
    kept, x = Kept(subject.base, steps), start
    for number in range(steps + 1):
        finished = finish(x)
        if score is None:
            kept.offer(number, finished, subject.margins(finished, first + number, expectation))
        else:
            kept.offer(number, finished, score(finished, number))
        if number < steps:
            x = step(x, first + number)
    return kept


def round_within(base, x, epsilon):
    """x rounded to whole grey levels within L2 epsilon of ``base``, whole grey levels too: float32 (N, 3, H, W).

    Where rounding would leave the ball, x moves toward the base, no further than needed. Lengths are exact.
    """
    delta = x - base

    def outside(scale):
        return (delta * scale.view(-1, 1, 1, 1)).round().double().flatten(1).square().sum(dim=1) > epsilon**2

    scale = torch.ones(len(x), device=x.device)
    if outside(scale).any():
        low, high = torch.zeros_like(scale), torch.where(outside(scale), 1.0, 0.0)
        low[high == 0] = 1.0  # these are inside as they are
        high[high == 0] = 1.0
        for _ in range(12):  # halvings: a 4096th of the way
            middle = (low + high) / 2
            too_far = outside(middle)
            low, high = torch.where(too_far, low, middle), torch.where(too_far, middle, high)
        scale = low
    return base + (delta * scale.view(-1, 1, 1, 1)).round()


def _linf(subject, ball, alpha, expectation):
    def step(x, number):
        return within(x + alpha * subject.gradient(x, number, expectation).sign(), ball)

    return step, subject.finished


def within(x, ball):
    """x with each value moved into its interval, ``ball`` = (lowest, highest)."""
    return torch.minimum(torch.maximum(x, ball[0]), ball[1])


def _restarted(subject, run, restarts, steps):
    check_count("restarts", restarts)
    kept = run(subject, 0)
    for restart in range(1, restarts):
        (rows,) = torch.nonzero(kept.best >= 0, as_tuple=True)
        if not len(rows):
            break
        kept.take(rows, run(subject.only(rows), restart))
    return kept.attacked(subject)


def step_length(alpha, epsilon, steps):
    """alpha, or what stands for None, see ``pgd``. Raises BadInput unless steps and alpha are above 0."""
    check_count("steps", steps)
    if alpha is None:
        return max(epsilon / 10, 2.5 * epsilon / steps)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not alpha > 0:
        raise BadInput(f"alpha is {alpha!r}; wanted a number of grey levels above 0")
    return alpha
