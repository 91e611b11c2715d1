"""Carlini and Wagner's L2 attack: the smallest perturbation that misleads, by optimization, confidence 0.

Of a perturbed image it minimizes ||x' - x||^2 + c max(margin, 0), lengths in units of the whole range of 255 grey
levels as its authors have them, over w with x' = 255 (tanh(w) + 1) / 2, so that x' needs no clipping. c is searched:
ten times more until an image misleads, then by halving.
"""

import torch

from jpegstudy.attacks.contract import Kept, Subject, check_count, margins
from jpegstudy.errors import BadInput

INSIDE = 0.999999  # of tanh's range, whose ends are infinitely far
CHECKS = 10  # of progress, in each search
PROGRESS = 0.9999  # a loss above this share of the one at the last check has stopped falling
DECAYS, DIVISOR = (0.9, 0.999), 1e-8  # Adam's own, Kingma & Ba 2015


def attack(
    network, images, labels, *, steps=1000, searches=9, rate=0.01, first=1e-3, judge=None, seed=None, indices=None
):  # fmt: skip
    """The smallest perturbation in L2 that misleads, found by searching c ``searches`` times.

    network, images, labels, judge, seed, indices: see ``contract``; nothing is random but the defense may be.
    steps: of Adam in each search, at most: an image leaves a search when its loss stopped falling.  rate: Adam's.
    first: the c to begin with.
    Returns Attacked: of each image the nearest iterate that misleads, in the type it is returned in: of 8-bit images it
    is the rounded iterate that must mislead, and be near. With a judge, it is the judge who must be misled. Where none
    was found the image is the one given, and ``success`` false. The curve holds the network's margins before rounding,
    of all searches one after another: (N, searches * steps + 1). There is no epsilon; attacks.strength measures.
    Raises BadInput for what the contract refuses.
    Source: Carlini & Wagner 2017, section VI.A; 1000 steps, 9 searches, .01 and .001 are the authors' code's, but for
    its 10 000 steps.
    """
    check_count("steps", steps)
    check_count("searches", searches)
    for name, value in (("rate", rate), ("first", first)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise BadInput(f"{name} is {value!r}; wanted a number above 0")
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    kept = Kept(subject.base, searches * steps)
    like = subject.base.new_full((len(subject),), 1.0)
    with torch.no_grad():
        start = margins(subject.logits(subject.base), subject.labels).to(like)
    kept.offer(0, subject.base, start, score=like * torch.inf)
    c, low, high = like * first, like * 0, like * torch.inf
    for search in range(searches):
        found = _search(subject, kept, c, search * steps, steps, rate)
        high, low = torch.where(found, c, high), torch.where(found, low, c)
        c = torch.where(high.isinf(), c * 10, (low + high) / 2)
    return kept.attacked(subject, kept.best.isfinite())


def _search(subject, kept, c, first, steps, rate):
    """One search: whether each image was misled, (N,) bool."""
    found = torch.zeros(len(subject), dtype=torch.bool, device=subject.base.device)
    rows = torch.arange(len(subject), device=found.device)
    part = subject
    start = torch.atanh((subject.base / 127.5 - 1) * INSIDE)
    w, mean, square = start, torch.zeros_like(start), torch.zeros_like(start)
    checked = torch.full_like(c, torch.inf)
    for number in range(1, steps + 1):
        leaf = w.detach().requires_grad_()
        with torch.enable_grad():
            x = 127.5 * (torch.tanh(leaf) + 1)
            logits = part.logits(x, first + number)
            squares = ((x - part.base) / 255).flatten(1).square().sum(dim=1)
            loss = squares + c[rows] * _hinge(logits, part.labels).to(squares)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        x, loss = x.detach(), loss.detach()
        margin = margins(logits, part.labels).to(x.device)
        found[rows] |= _offer(kept, part, rows, x, margin, first + number)

        mean = DECAYS[0] * mean + (1 - DECAYS[0]) * gradient
        square = DECAYS[1] * square + (1 - DECAYS[1]) * gradient.square()
        deviation = (square / (1 - DECAYS[1] ** number)).sqrt() + DIVISOR
        w = w - rate * (mean / (1 - DECAYS[0] ** number)) / deviation

        if number % max(steps // CHECKS, 1) == 0:
            going = loss <= PROGRESS * checked[rows]
            checked[rows] = loss
            rows, w, mean, square = rows[going], w[going], mean[going], square[going]
            if not len(rows):
                break
            part = subject.only(rows)
    return found


def _hinge(logits, labels):
    """max(margin, 0), through which gradients flow: (N,)."""
    labels = labels.to(logits.device)[:, None]
    others = logits.scatter(1, labels, -torch.inf).amax(dim=1)
    return (logits.gather(1, labels)[:, 0] - others).clamp(min=0)


def _offer(kept, part, rows, x, margin, step):
    """Let ``kept`` have what misleads and is nearer than what it has: which images mislead, (N,) bool."""
    finished = part.finished(x)
    lengths = (finished - part.base).flatten(1).norm(dim=1)
    misled = margin < 0
    if part.eight_bit or part.judge is not None:
        # The judge is asked for the likely ones only. One that misled from farther away counts as found already.
        likely = misled & (lengths < kept.best[rows])
        misled = misled & (kept.best[rows] <= lengths)
        (asked,) = torch.nonzero(likely, as_tuple=True)
        if len(asked):
            misled[asked] = part.only(asked).margins(finished[asked], step) < 0
    kept.offer(step, finished, margin, rows, score=torch.where(misled, lengths, torch.inf))
    return misled
