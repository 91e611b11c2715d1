"""Total-variation minimization: random pixels are dropped, and the smoothest image that fits the rest is found."""

from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.drawing import generators
from jpegstudy.transforms.settings import refuse
from jpegstudy.transforms.threads import for_each

# Of the Chambolle-Pock iteration, chosen by trial on photographs. PRIMAL * DUAL * 8 = 1, 8 being the bound on the
# difference operator's squared norm: the largest steps that converge.
PRIMAL = 0.03
DUAL = 1 / (8 * PRIMAL)
OVERRELAXATION = 1.9  # below 2; a third of the iterations that 1 needs


@dataclass(frozen=True)
class TotalVariation:
    """TVM: drop values at random, then minimize total variation while staying near what was kept.

    For each image, with f its values scaled to 0-1 and m = 1 where a value is kept, else 0, the result is the u with
    the least

        E(u) = sum_{c,i,j} sqrt((u[c,i,j+1] - u[c,i,j])^2 + (u[c,i+1,j] - u[c,i,j])^2)
               + weight / 2 * sum_{c,i,j} m[c,i,j] (u[c,i,j] - f[c,i,j])^2,       weight = 1 / lambda = 33.3,

    where a difference across the image's border is 0. Total variation is isotropic and each channel is by itself, so is
    its mask: each value of each channel is dropped with probability 0.5, independently. u is scaled to 0-255, rounded
    and clipped.

    drop: the probability, 0 to below 1.  lamb: lambda, above 0.  iterations: of Chambolle and Pock's method.
    200 of them, from values averaged over the neighborhood, bring E within 0.1 % of its minimum, where the average
    value is off by less than a tenth of a grey level; a few dropped values among dropped ones may still be off by more.
    The number is fixed, so that no image depends on its batch.
    Raises BadInput for other settings.

    Source: Guo et al. 2018, section 4, with drop rate, lambda, squared distance and mask as in their code, which comes
    near E's minimum by 100 rounds of split Bregman; its shrinkage is scikit-image's, which smooths total variation a
    little near zero. Athalye et al. 2018 test another objective (anisotropic, one mask for all channels, weight 66.7).
    """

    drop: float = 0.5
    lamb: float = 0.03
    iterations: int = 200
    name = "TVM"
    differentiable = False
    stochastic = True
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if not 0 <= self.drop < 1:
            refuse(self.name, self.drop, "a probability of dropping from 0 to below 1")
        if not self.lamb > 0:
            refuse(self.name, self.lamb, "a lambda above 0")
        if type(self.iterations) is not int or self.iterations < 1:
            refuse(self.name, self.iterations, "1 or more iterations")

    @property
    def settings(self):
        """Nothing: the notation knows the authors' setting only."""
        return ""

    @classmethod
    def of(cls, settings):
        """The transform. Raises BadInput for any ``settings``."""
        if settings:
            refuse(cls.name, settings, "nothing: TVM stands for the authors' drop rate 0.5 and lambda 0.03")
        return cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform. Raises BadInput without a seed and one index for each image."""
        check_images(images)
        rngs = generators(self.name, len(images), seed, indices)
        result = torch.empty_like(images)
        together = 1 if images.device.type == "cpu" else 64  # the CPU's caches hold one image's arrays, not a batch's

        def restore(start):
            part = slice(start, start + together)
            masks = np.stack([rng.random(images.shape[1:], np.float32) >= self.drop for rng in rngs[part]])
            values = images[part].float() / 255
            least = minimize(values, torch.from_numpy(masks).to(values), 1 / self.lamb, self.iterations)
            result[part] = least.mul_(255).round_().clamp_(0, 255).to(torch.uint8)

        for_each(restore, range(0, len(images), together))
        return result


def objective(u, values, mask, weight):
    """E(u) of each image, see TotalVariation: float64 (N,). All of them (N, C, H, W), values 0-1, mask 0 or 1."""
    u, values, mask = u.double(), values.double(), mask.double()
    down, across = torch.zeros_like(u), torch.zeros_like(u)
    down[..., :-1, :] = u.diff(dim=-2)
    across[..., :-1] = u.diff(dim=-1)
    variation = (down**2 + across**2).sqrt().sum((1, 2, 3))
    return variation + weight / 2 * (mask * (u - values) ** 2).sum((1, 2, 3))


def minimize(values, mask, weight, iterations):
    """The u that ``iterations`` of Chambolle and Pock's primal-dual method reach: float32 (N, C, H, W), about 0-1.

    values: float32 (N, C, H, W), 0-1.  mask: the same, 1 where a value is kept, else 0.  weight: of E's data term.
    Every operation takes one value, or its neighbors, at a time: an image comes out alike in every batch.
    Source: Chambolle and Pock 2011, algorithm 1, over-relaxed as in Condat 2013.
    """
    u = filled(values, mask)
    pull = PRIMAL * weight * mask  # the data term's proximal step goes to (u + pull f) / (1 + pull)
    target, share = pull * values, 1 / (1 + pull)
    down, across = torch.zeros_like(u), torch.zeros_like(u)  # the dual variable: one vector for each value
    for _ in range(iterations):
        near = (divergence(down, across).mul_(PRIMAL).add_(u).add_(target)).mul_(share)
        ahead = (near * 2).sub_(u).mul_(DUAL)
        new_down, new_across = down.clone(), across.clone()
        new_down[..., :-1, :] += ahead[..., 1:, :] - ahead[..., :-1, :]
        new_across[..., :-1] += ahead[..., 1:] - ahead[..., :-1]
        length = (new_down * new_down).add_(new_across * new_across).sqrt_().clamp_(min=1)
        for old, new in ((u, near), (down, new_down.div_(length)), (across, new_across.div_(length))):
            old += (new - old).mul_(OVERRELAXATION)
    return near


def divergence(down, across):
    """Minus the adjoint of the differences to the next row and column: (N, C, H, W)."""
    result = down + across
    result[..., 1:, :] -= down[..., :-1, :]
    result[..., 1:] -= across[..., :-1]
    return result


def filled(values, mask):
    """Values with each dropped one replaced by the mean of those kept among its eight neighbors, 0.5 if none is."""
    total, count = neighborhood(values * mask), neighborhood(mask)
    mean = torch.where(count > 0, total / count.clamp(min=1), torch.full_like(total, 0.5))
    return torch.where(mask > 0, values, mean)


def neighborhood(x):
    """Sum over each value's 3x3 neighborhood: (N, C, H, W).

    Of shifted images, because the order in which a pooling adds may depend on the batch.
    """
    rows = x.clone()
    rows[..., 1:, :] += x[..., :-1, :]
    rows[..., :-1, :] += x[..., 1:, :]
    result = rows.clone()
    result[..., 1:] += rows[..., :-1]
    result[..., :-1] += rows[..., 1:]
    return result
