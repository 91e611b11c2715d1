"""The attack in DCT space on defenses that quantize twice, and what such a defense certifies.

A defense that quantizes the coefficients of 8x8 blocks maps an image to a lattice. On an image that lies on the lattice
already, a perturbation is undone wherever it moves a coefficient by less than half its step Q, and no gradient through
the defense shows how near a coefficient is to flipping. This attack counts: a perturbation of L-infinity norm epsilon
moves the coefficient of band (u, v) by up to epsilon L_u L_v, L_u the sum of the absolute entries of row u of the DCT's
matrix, and does so where it is epsilon times the sign of the band's basis image. One band in each block and channel is
flipped that way: the one that promises most.

The DCT is orthonormal, of RGB planes without level shift, in blocks from the top left corner; tables are (8, 8), the
steps of bands (u, v), u vertical, in grey levels. A transform that shifts, resizes or converts colors between the two
passes leaves the lattice, and all of this with it.
"""

import math

import torch

from jpegstudy.attacks.contract import Kept, Subject, check_count, check_epsilon, linf_ball
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct

MARGIN = 1.01  # a flip is aimed at where the reach is this much more than needed: sums in float32 are not exact


def reach():
    """L_u L_v: by how much a change of one grey level can move each coefficient. float64 (8, 8)."""
    sums = dct.orthonormal(torch.float64, torch.device("cpu")).abs().sum(dim=1)
    return sums[:, None] * sums


def flippable(table, epsilon):
    """Bands that ``attack`` can flip in a base on the lattice, bool (8, 8): epsilon L_u L_v >= 1.01 Q / 2.

    table: see this module.  epsilon: L-infinity, grey levels. Raises BadInput for another table or epsilon.
    """
    check_epsilon(epsilon)
    return epsilon * reach() >= MARGIN * _steps(table) / 2


def certified_epsilon(table, *, rounded):
    """Below this L-infinity norm, in grey levels, no perturbation of a base on the lattice survives the defense.

    The minimum over bands of (Q / 2) / (L_u L_v). rounded: the base was rounded to 8 bits after the first pass, which
    takes up to half a grey level off. It does not hold in blocks that the first pass clipped: they left the lattice.
    Raises BadInput for another table.
    """
    bound = float((_steps(table) / 2 / reach()).min())
    return max(bound - 0.5, 0.0) if rounded else bound


def attack(
    network, images, labels, *, epsilon, steps_table, steps=4, momentum=0.9, judge=None, seed=None, indices=None,
    expectation=1,
):  # fmt: skip
    """Flip, in each block and channel, the coefficient whose flip promises most, and see which gradient that gives.

    network: the defense's stand-in, whose gradient is that at the quantized image: adaptive.through(..., "bpda").
    images: the defense's own result, on the lattice: float32, or uint8 where it was rounded. Rounding moves
    coefficients off the lattice; how far is measured, and allowed for in what flips.
    labels, judge, seed, indices, expectation: see ``contract`` and iterated.pgd; nothing is random but the defense.
    epsilon: L-infinity radius in grey levels; 8-bit images use its whole part.
    steps_table: steps of quantization, see this module.
    steps: gradients taken; each perturbation starts from the base again.  momentum: of the gradient's running sum.
    Blocks in which no band is in reach, and incomplete ones at the right and lower edge, stay as they are.
    Returns Attacked: of each image the iterate with the judge's lowest margin. Raises BadInput for what the contract
    refuses, and for another table or momentum.
    """
    check_count("steps", steps)
    if isinstance(momentum, bool) or not isinstance(momentum, int | float) or not 0 <= momentum < 1:
        raise BadInput(f"momentum is {momentum!r}; wanted a share, 0 or more and below 1")
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices)
    low, high = linf_ball(subject, epsilon)
    radius = math.floor(epsilon) if subject.eight_bit else epsilon
    table = _steps(steps_table).to(subject.base.device)
    kept = Kept(subject.base, steps)
    x, total = subject.base, torch.zeros_like(subject.base)
    kept.offer(0, x, subject.margins(x, 0, expectation))
    for number in range(steps):
        total = momentum * total + subject.gradient(x, number, expectation)
        x = subject.base + _perturbation(subject.base, total, table, radius)
        x = torch.minimum(torch.maximum(x, low), high)
        kept.offer(number + 1, x, subject.margins(x, number + 1, expectation))
    return kept.attacked(subject)


def _perturbation(base, gradient, table, radius):
    """radius times the signs of one basis image in each block: float32 (N, 3, H, W)."""
    height, width = (side - side % dct.BLOCK for side in base.shape[2:])
    result = torch.zeros_like(base)
    if not height or not width:
        return result
    slopes = dct.coefficients(gradient[..., :height, :width].double())  # (N, 3, H/8, W/8, 8, 8)
    lattice = dct.coefficients(base[..., :height, :width].double())
    # How far the base is from its lattice point already, in the direction the loss rises: 0 but for rounding.
    ahead = (lattice - (lattice / table).round() * table) * slopes.sign()
    flips = ((radius * reach().to(table) / MARGIN + ahead) / table + 0.5).floor().clamp(min=0)
    promised = (slopes.abs() * table * flips).flatten(-2)  # first order: slope times how far the coefficient goes
    most, band = promised.max(dim=-1)  # (N, 3, H/8, W/8)
    signs = slopes.flatten(-2).gather(-1, band[..., None])[..., 0].sign() * (most > 0)
    pattern = _signs(base.device)[band]  # (N, 3, H/8, W/8, 8, 8)
    result[..., :height, :width] = dct.planes(radius * signs[..., None, None] * pattern).to(base)
    return result


def _signs(device):
    """Signs of the 64 basis images, float64 (64, 8, 8): the band's row of signs, down and across."""
    rows = dct.orthonormal(torch.float64, torch.device("cpu")).sign()  # (8, 8); no cosine of these is 0
    return (rows[:, None, :, None] * rows[None, :, None, :]).reshape(64, 8, 8).to(device)


def _steps(table):
    steps = torch.as_tensor(table, dtype=torch.float64)
    if steps.shape != (8, 8) or not bool(((steps > 0) & steps.isfinite()).all()):
        raise BadInput(f"the table is {tuple(steps.shape)}, from {steps.min():g}; wanted 8 x 8 steps, each above 0")
    return steps
