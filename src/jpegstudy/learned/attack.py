"""Attacks on what comes out of a codec, or on what it costs, within a mean squared error.

    attack(codec, images, *, mse_budget, linf=16, steps=..., objective="mse", target=None, seed=0, indices=None,
           every=1) -> Distorted

    codec       what has soft(x), floats (N, 3, H, W) from 0 to 1 to the same, through which gradients flow, and
                reconstruct(images), uint8 to uint8, the real thing; for the rate soft_bits and estimated_bits too. It
                says the ``dtype`` and ``device`` that it computes in, or floats of 32 bits and the images' device are
                taken. It is frozen meanwhile, and left as it was.
    images      uint8 (N, 3, H, W), grey levels.
    mse_budget  of each image, on pixels from 0 to 1; linf: largest change in grey levels, or None: see ``budget``.
    objective   what is made larger: "mse" between the reconstruction and the clean image's, "ms-ssim" (1 less it, of
                the same two, sides from 161), or "rate", the bits by the latents' likelihoods.
    target      uint8 like the images: its reconstruction is what the images' shall become; the objective says by what
                distance, and is then minus that. None: away from their own.
    seed, indices   of the random start: each image draws from the seed and its number, by default its place.
    every       each so many steps, and after the last, the iterate is rounded into the budget and put through the real
                codec. The best of these is kept.

Gradients are those of the soft path, and the reference is what the real codec gives. With the soft path's own
reconstruction as reference, or none but the clean image as a start, a gradient may be exactly 0 and the attack would
give back its images. So the start is noise of a quarter of the budget. Losses are each image's own, never a batch's.
Sources: Chen and Ma 2023, arXiv 2112.08691, and their code; the start, the rounding and what is kept are ours.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.attacks.contract import Kept, check_count, check_seed
from jpegstudy.errors import BadInput
from jpegstudy.learned.budget import Budget, check_kept, frozen, mean_squares
from jpegstudy.learned.distances import ms_ssim
from jpegstudy.learned.pixels import check_images, ordered

OBJECTIVES = ("mse", "ms-ssim", "rate")
START, NOISE = 7, 8  # kinds of drawings beside those of attacks.contract
FULL_POWER = 0.97  # of the budget: noise with less is no baseline for it


@dataclass(frozen=True)
class Distorted:
    """What an attack on a codec gives: images, and how it came to them.

    images: uint8 (N, 3, H, W), within the budget.  mse: float64 (N,), what they spent of it, measured on them.
    curve: floats (N, steps + 1), the objective with the real codec by step, larger is worse for the codec; it holds its
    last value where no iterate was looked at.  steps: int64 (N,), the column at which the image was found.
    """

    images: torch.Tensor
    curve: torch.Tensor
    steps: torch.Tensor
    mse: torch.Tensor

    @property
    def reached(self):
        """The objective of the images as they are, floats (N,)."""
        return self.curve.gather(1, self.steps[:, None])[:, 0]


def ftda(
    codec, images, *, mse_budget, linf=16, steps=1001, objective="mse", target=None, seed=0, indices=None, every=1
):  # fmt: skip
    """The paper's attack: Adam on the objective inside of the budget, on the way back into it outside.

    Arguments and errors: see this module. The rate falls as in the authors' code: 0.01 once, then 0.0033, 0.0011 and
    0.00036 for a third of the steps each. Both losses are sums over an image's values.
    Source: Chen and Ma 2023, FTDA.
    """

    def mover(subject):
        change = ordered(subject.start() - subject.base).requires_grad_()
        optimizer = torch.optim.Adam([change], lr=0.01, fused=True)

        def move(x, step):
            gradient = subject.gradient(x)
            if objective != "mse":  # of another size: brought to that of the way back at the budget's edge
                gradient = unit(gradient) * 2 * subject.budget.radius
            outside = change.detach().square().sum((1, 2, 3), keepdim=True) > subject.budget.radius**2
            optimizer.param_groups[0]["lr"] = learning_rate(step, steps)
            change.grad = gradient.neg_()
            if outside.any():
                change.grad = torch.where(outside, 2 * change.detach(), change.grad)
            optimizer.step()
            moved = subject.budget.boxed(subject.base + change.detach())
            with torch.no_grad():
                torch.sub(moved, subject.base, out=change)
            return moved

        return move

    return _attack(mover, codec, images, mse_budget, linf, steps, objective, target, seed, indices, every)


def l2_pgd(
    codec, images, *, mse_budget, linf=16, steps=40, objective="mse", target=None, seed=0, indices=None, every=1
):  # fmt: skip
    """Steps along the gradient, back onto the ball of the budget after each. Arguments and errors: see this module.

    A step is 2.5 radii over their number, but no less than a twentieth; half of it from the middle on, and a fifth in
    the last quarter.
    Source: Madry et al. 2018, section 5, on the soft path of Chen and Ma 2023.
    """

    def mover(subject):
        radius = subject.budget.radius
        length = max(2.5 * radius / steps, 0.05 * radius)

        def move(x, step):
            share = 1 if 2 * step < steps else 0.5 if 4 * step < 3 * steps else 0.2
            return subject.budget.projected(x + share * length * unit(subject.gradient(x)), subject.base)

        return move

    return _attack(mover, codec, images, mse_budget, linf, steps, objective, target, seed, indices, every)


def i_fgsm(
    codec, images, *, mse_budget, linf=16, steps=40, objective="mse", target=None, seed=0, indices=None, every=1
):  # fmt: skip
    """Steps along the gradient's sign, back onto the ball of the budget after each. Arguments: see this module.

    A step moves each value by 2.5 root mean squares of the budget over the number of steps. The authors' own keeps to
    an L-infinity ball instead; this one spends the same budget as the others.
    Source: Kurakin, Goodfellow & Bengio 2017, section 2.2; Chen and Ma 2023.
    """

    def mover(subject):
        length = 2.5 * math.sqrt(mse_budget) / steps

        def move(x, step):
            return subject.budget.projected(x + length * subject.gradient(x).sign(), subject.base)

        return move

    return _attack(mover, codec, images, mse_budget, linf, steps, objective, target, seed, indices, every)


def gaussian(
    codec, images, *, mse_budget, linf=16, steps=1, objective="mse", target=None, seed=0, indices=None, every=1
):  # fmt: skip
    """The baseline: Gaussian noise of the budget's power, the best of ``steps`` drawings. Arguments: see this module.

    Clipped to the box and rounded, it is made larger until it spends at least 97% of the budget.
    Raises BadInput that names an image for which the box, or its own white and black, leaves no room for that.
    """

    def mover(subject):
        return lambda x, step: subject.base + subject.noise(NOISE, step)

    return _attack(mover, codec, images, mse_budget, linf, steps, objective, target, seed, indices, every, full=True)


ATTACKS = {"FTDA": ftda, "L2-PGD": l2_pgd, "I-FGSM": i_fgsm, "Gaussian": gaussian}


def learning_rate(step, steps):
    """The rate of the authors' Adam at a step: they lower it for the first time after one step, not a third."""
    third = max(1, steps // 3)
    return 0.01 if step == 0 else 0.01 * 0.33 ** min(1 + (step - 1) // third, 3)


def unit(x):
    """x (N, C, H, W) at an L2 norm of 1 for each image; 0 where it is 0."""
    return x / x.square().sum((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-30)


class _Subject:
    """The images under attack, with the codec that answers for them."""

    def __init__(self, codec, images, mse_budget, linf, objective, target, seed, indices):
        if objective not in OBJECTIVES:
            raise BadInput(f"objective is {objective!r}; wanted {', '.join(OBJECTIVES[:-1])} or {OBJECTIVES[-1]}")
        check_images(images)
        if target is not None:
            check_images(target)
            if objective == "rate" or target.shape != images.shape:
                raise BadInput(
                    f"target is {tuple(target.shape)} for the objective {objective!r}; wanted {tuple(images.shape)}, "
                    "and a distance"
                )
        images = images.to(getattr(codec, "device", images.device))
        self.codec, self.objective, self.seed = codec, objective, seed
        self.indices = np.arange(len(images)) if indices is None else np.asarray(indices)
        self.budget = Budget(images, mse_budget, linf, self.indices)
        self.dtype = getattr(codec, "dtype", torch.float32)
        self.base = ordered(images.to(self.dtype) / 255)
        self.sign = 1 if target is None else -1
        wanted = images if target is None else target.to(images.device)
        self.reference = None if objective == "rate" else codec.reconstruct(wanted).to(images.device)
        self.aim = None if objective == "rate" else ordered(self.reference.to(self.dtype) / 255)

    def gradient(self, x):
        """The gradient of the objective on the soft path, of x's shape; for "mse" that of a sum, not of a mean.

        Its channels are last in memory, as those of all that an attack moves: the fused Adam goes through both in the
        order of memory, whatever their strides.
        """
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            if self.objective == "mse":  # its way back to the reconstruction is known, which spares five passes over it
                result = self.codec.soft(x)
                (gradient,) = torch.autograd.grad(result, x, self._slope(result.detach()))
            else:
                (gradient,) = torch.autograd.grad(self._soft(x).sum(), x)
        return ordered(gradient).nan_to_num_(posinf=0, neginf=0)

    def _slope(self, result):
        """The gradient of the sum of squares with respect to the reconstruction; see ``_soft`` for its clamp."""
        slope = (result - self.aim).mul_(2 * self.sign)
        return slope.mul_((result >= 0) & (result <= 1)) if self.sign > 0 else slope

    def _soft(self, x):
        if self.objective == "rate":
            if not hasattr(self.codec, "soft_bits"):
                kind = type(self.codec).__name__
                raise BadInput(f"{kind} has no soft_bits; its rate cannot be attacked along a gradient")
            return self.codec.soft_bits(x)
        result, reference = self.codec.soft(x), self.aim
        if self.sign > 0:  # what is beyond white or black already gets no worse; toward a target it must come back
            result = result.clamp(0, 1)
        return self.sign * (1 - ms_ssim(result.clamp(0, 1).to(x), reference))

    def hard(self, images):
        """The objective with the real codec, float (N,), of uint8 images."""
        if self.objective == "rate":
            return self.codec.estimated_bits(images).to(self.base)
        result = self.codec.reconstruct(images).to(images.device)
        if self.objective == "mse":
            return self.sign * mean_squares(self.reference, result).to(self.base)
        return self.sign * (1 - ms_ssim(result, self.reference)).to(self.base)

    def noise(self, kind, *more):
        """Gaussian noise of the budget's power, each image's own, floats (N, 3, H, W)."""
        shape = self.base.shape[1:]
        drawn = [np.random.default_rng([self.seed, int(i), kind, *more]).standard_normal(shape) for i in self.indices]
        return torch.from_numpy(np.stack(drawn)).to(self.base) * math.sqrt(self.budget.mse_budget)

    def start(self):
        """Where an attack begins: noise of a quarter of the budget's power."""
        return self.budget.boxed(self.base + 0.5 * self.noise(START))

    def full(self, x):
        """Images with the change of x, larger or smaller, that spend the budget. Raises BadInput as ``gaussian``."""
        change = (x - self.base) * 255
        low, high = torch.zeros(len(x)).to(x), torch.full((len(x),), 8.0).to(x)
        for _ in range(20):
            middle = (low + high) / 2
            rounded = self.budget.rounded(change * middle.view(-1, 1, 1, 1))
            fits = mean_squares(self.budget.images, rounded).to(x.device) <= self.budget.mse_budget
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        images = self.budget.rounded(change * low.view(-1, 1, 1, 1))
        for number, mse in zip(self.indices, mean_squares(self.budget.images, images).tolist(), strict=True):
            if mse < FULL_POWER * self.budget.mse_budget:
                raise BadInput(
                    f"image {number} cannot take noise of mse_budget {self.budget.mse_budget:g}: within "
                    f"{self.budget.linf} grey levels, black and white it comes to {mse:.3g}"
                )
        return images


def _attack(
    mover, codec, images, mse_budget, linf, steps, objective, target, seed, indices, every, full=False
):  # fmt: skip
    """Run an attack: ``mover`` of the subject gives move(x, step), the next iterate."""
    check_count("steps", steps)
    check_count("every", every)
    check_seed(seed)
    with frozen(codec), torch.no_grad():
        subject = _Subject(codec, images, mse_budget, linf, objective, target, seed, indices)
        kept, fitted = Kept(subject.base, steps), subject.full if full else subject.budget.fitted
        x, move = subject.base if full else subject.start(), mover(subject)
        for step in range(steps + 1):
            if step:
                x = move(x, step - 1)
            if step % every == 0 or step == steps:
                candidate = subject.budget.images if full and not step else fitted(x)
                value = subject.hard(candidate)
                score = torch.full_like(value, 1e30) if full and not step else -value.nan_to_num(nan=-1e30)
                kept.offer(step, candidate.to(subject.base), value, score=score)
        # Kept.images are whole grey levels in floats, for they were offered so
        result = kept.images.to(torch.uint8)
    result, curve, found = (each.to(images.device) for each in (result, kept.curve, kept.steps))
    check_kept(images, result, mse_budget, linf, subject.indices)
    return Distorted(result, curve, found, mean_squares(images, result))
