"""The Fast Gradient Sign method: the attack of the 2016 study. It knows the network and nothing of JPEG."""

import torch

from jpegstudy.attacks.contract import Kept, Subject, linf_ball
from jpegstudy.attacks.gradient import gradient_sign
from jpegstudy.errors import BadInput


def perturb(images, sign, *, epsilon):
    """clip(x + epsilon * sign, 0, 255): Adv_epsilon(x) from x and the sign of the gradient.

    images: uint8 or floating (N, 3, H, W), grey levels.  sign: int8, same shape.  epsilon: grey levels, whole ones for
    uint8 images. Returns images of the same type with max |result - images| <= epsilon; 8-bit ones need no rounding.
    Raises BadInput for images of another type, and unless epsilon is such a number from 0 to 255.
    Source: Dziugaite et al. 2016, equation 1; the clip is the project's default reading.
    """
    eight_bit = images.dtype == torch.uint8
    if not eight_bit and not images.is_floating_point():
        raise BadInput(f"images are {images.dtype}; wanted uint8 or floating, in grey levels")
    if (eight_bit and epsilon != int(epsilon)) or not 0 <= epsilon <= 255:
        kind = "whole number" if eight_bit else "number"
        raise BadInput(f"epsilon is {epsilon}; wanted a {kind} of grey levels from 0 to 255")
    if eight_bit:
        return (images.to(torch.int16) + int(epsilon) * sign.to(torch.int16)).clamp_(0, 255).to(torch.uint8)
    return (images + epsilon * sign).clamp_(0, 255)


def fgsm(network, images, labels=None, *, epsilon):
    """Move each value by ``epsilon`` grey levels in the direction that raises the loss, and clip to the 8-bit range.

    Arguments as for ``loss_gradient`` (images uint8) and ``perturb``. Returns uint8 (N, 3, H, W).
    Source: Goodfellow et al. 2015, section 4; Dziugaite et al. 2016, equation 1.
    """
    return perturb(images, gradient_sign(network, images, labels), epsilon=epsilon)


def attack(network, images, labels, *, epsilon, judge=None, seed=None, indices=None, expectation=1):
    """``fgsm`` under the contract of all attacks: also for float32 images, and through a random defense.

    epsilon: L-infinity radius in grey levels.  expectation: draws of a random network that the gradient is the mean of.
    Returns Attacked; its curve holds the judge's margin before and after, and the image is the one after.
    """
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    low, high = linf_ball(subject, epsilon)
    sign = subject.gradient(subject.base, expectation=expectation).sign()
    # All of the way to the ball's edge: the ball knows of 8 bits and of the range.
    moved = torch.where(sign > 0, high, torch.where(sign < 0, low, subject.base))
    kept = Kept(subject.base, 1)
    kept.offer(
        0, subject.base, subject.margins(subject.base, 0, expectation), score=torch.full_like(kept.best, torch.inf)
    )
    after = subject.margins(moved, 1, expectation)
    kept.offer(1, moved, after, score=torch.full_like(kept.best, -torch.inf))
    return kept.attacked(subject, after < 0)
