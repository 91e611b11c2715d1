"""DeepFool: to the nearest decision boundary, in L2, as if the network were linear around each iterate."""

import torch

from jpegstudy.attacks.contract import Kept, Subject, check_count, margins
from jpegstudy.errors import BadInput

BEYOND = 1e-4  # grey levels added to each step: a boundary is crossed, not touched
LENGTHENED = (1.5, 2, 3, 5, 10, 20)  # times, of changes that rounding to 8 bits takes back


def attack(
    network, images, labels, *, steps=50, candidates=10, overshoot=0.02, judge=None, seed=None, indices=None
):  # fmt: skip
    """Step to the nearest of the linearized boundaries to ``candidates`` classes until the network's answer changes.

    network, images, labels, judge, seed, indices: see ``contract``; nothing is random but the defense may be.
    steps: at most so many.  candidates: the classes with the highest logits of the image, the label among them.
    overshoot: by which share the sum of the steps is lengthened.
    Returns Attacked: the image at which the network's answer changed, or the last one. If images are uint8 it is
    rounded, which takes back what ends just behind the boundary; such a change is lengthened until the rounded image
    misleads the judge, by the first of LENGTHENED that does it. The curve holds the network's margins before rounding,
    ``success`` is the judge's word after it. There is no epsilon; attacks.strength measures.
    An image leaves the batch when its answer changed. Raises BadInput for what the contract refuses.
    Source: Moosavi-Dezfooli, Fawzi & Frossard 2016, algorithm 2; 50 steps, 10 classes and .02 are the authors' code's,
    the lengthening is ours.
    """
    check_count("steps", steps)
    if isinstance(candidates, bool) or not isinstance(candidates, int) or candidates < 2:
        raise BadInput(
            f"candidates are {candidates!r}; wanted a whole number of classes from 2, the label's among them"
        )
    if not isinstance(overshoot, int | float) or not overshoot >= 0:
        raise BadInput(f"overshoot is {overshoot!r}; wanted a share, 0 or more")
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    kept = Kept(subject.base, steps)
    rows = torch.arange(len(subject), device=subject.base.device)
    x, total, classes = subject.base, torch.zeros_like(subject.base), None
    for number in range(steps + 1):
        part = subject.only(rows)
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            logits = part.logits(leaf, number)
        margin = margins(logits, part.labels).to(x.device)
        # Each iterate takes the place of the one before: the last one counts, not the lowest.
        kept.offer(number, x, margin, rows, score=torch.full_like(margin, -float(number + 1)))
        going = margin >= 0
        if number == steps or not going.any():
            break
        if classes is None:
            classes = logits.detach().topk(min(candidates, logits.shape[1]), dim=1).indices  # (N, candidates)
        total = total + _step(leaf, logits, part.labels.to(logits.device), classes)
        rows, classes = rows[going], classes[going.to(classes.device)]
        total = total[going]
        x = (subject.base[rows] + (1 + overshoot) * total).clamp(0, 255)
    change, kept.images = kept.images - subject.base, subject.finished(kept.images)
    success = subject.margins(kept.images, steps + 1) < 0
    for times in LENGTHENED if subject.eight_bit else ():
        rows = torch.nonzero(~success)[:, 0]
        if not len(rows):
            break
        part = subject.only(rows)
        longer = part.finished(part.base + times * change[rows])
        found = part.margins(longer, steps + 1) < 0
        kept.images[rows[found]], success[rows[found]] = longer[found], True
    return kept.attacked(subject, success)


def _step(leaf, logits, labels, classes):
    """The shortest way to a linearized boundary with one of the classes, (N, 3, H, W).

    Class by class, so that no more than three gradients are held at a time.
    """
    own = logits.gather(1, labels[:, None])[:, 0]
    shortest = torch.full((len(leaf),), torch.inf, device=leaf.device)
    step = torch.zeros_like(leaf)
    for column in range(classes.shape[1]):
        other = logits.gather(1, classes[:, column : column + 1])[:, 0]
        last = column == classes.shape[1] - 1
        (way,) = torch.autograd.grad((other - own).sum(), leaf, retain_graph=not last)
        length = way.flatten(1).norm(dim=1).clamp(min=1e-12)
        distance = (other - own).detach().abs().float().to(leaf.device) / length
        distance[(classes[:, column] == labels).to(leaf.device)] = torch.inf  # the label itself is no way out
        closer = distance < shortest
        shortest = torch.where(closer, distance, shortest)
        along = ((distance + BEYOND) / length).view(-1, 1, 1, 1) * way
        step = torch.where(closer.view(-1, 1, 1, 1), along, step)
    return step
