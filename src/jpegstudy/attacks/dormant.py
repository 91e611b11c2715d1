"""Dormant until JPEG: images that the network sees rightly as they are, and wrongly once they were saved as JPEG."""

import torch
from torch.nn import functional

from jpegstudy import jpeg
from jpegstudy.attacks.contract import Subject, linf_ball, margins
from jpegstudy.attacks.iterated import climb, step_length, within
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import surrogate


def attack(
    network, images, labels, *, epsilon, quality=75, subsampling="4:2:0", steps=40, alpha=None, judge=None, seed=None,
    indices=None,
):  # fmt: skip
    """PGD on both answers at once: up the loss behind JPEG's surrogate, down the loss of the image itself.

    network, images, labels: see ``contract``; images are uint8 only, for nothing else is saved.
    epsilon, steps, alpha: as for iterated.pgd. The walk starts at the image; seed and indices are for a random network.
    quality, subsampling: of the JPEG, as for jpeg.roundtrip.  judge: who answers for images that went through it, given
    them before; None is the network behind the exact round trip.
    Returns Attacked. Its curve holds the larger of two margins: the network's of the compressed image, and of the image
    itself with its sign turned; it is negative where the image is dormant, right before JPEG and wrong after it, which
    is what ``success`` says. Both are of images in 8 bits and of the exact round trip.
    Raises BadInput for what the contract and jpeg.roundtrip refuse, and for images that are not uint8.
    """
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    if not subject.eight_bit:
        raise BadInput(f"images are {images.dtype}; wanted uint8, as what is saved")
    ball = linf_ball(subject, epsilon)
    alpha = step_length(alpha, epsilon, steps)
    settings = {"quality": quality, "subsampling": subsampling}

    def step(x, number):
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            plain = subject.logits(leaf, number)
            compressed = subject.logits(surrogate.roundtrip(leaf, **settings), number)
            labels = subject.labels.to(plain.device)
            rises = functional.cross_entropy(compressed, labels, reduction="sum")
            falls = functional.cross_entropy(plain, labels, reduction="sum")
            (gradient,) = torch.autograd.grad(rises - falls, leaf)
        return within(leaf.detach() + alpha * gradient.sign(), ball)

    def score(finished, number):
        with torch.no_grad():
            plain = margins(subject.logits(finished, number), subject.labels).to(finished.device)
            if judge is None:
                opened = jpeg.roundtrip(subject.typed(finished), **settings).to(finished)
                compressed = margins(subject.logits(opened, number), subject.labels).to(finished.device)
            else:
                compressed = subject.margins(finished, number)
        return torch.maximum(-plain, compressed)

    return climb(subject, subject.base, step, subject.finished, steps, score=score).attacked(subject)
