"""How strong a perturbation is, measured on the images themselves: nothing here trusts an attack."""

from dataclasses import dataclass

import torch

from jpegstudy.errors import BadInput

FLOAT_TOLERANCE = 1e-3  # grey levels: float32 holds 255 to 1.5e-5, and a base and its sum are each rounded


@dataclass(frozen=True)
class Strength:
    """Of each image, float64 (N,), on the CPU: largest change, L2 norm and mean square in grey levels; PSNR in dB.

    dissimilarity: the L2 norm of the change over that of the image before (Guo et al. 2018, section 5).
    psnr: 10 log10(255^2 / mean_square); infinite where nothing changed.
    """

    linf: torch.Tensor
    l2: torch.Tensor
    mean_square: torch.Tensor
    psnr: torch.Tensor
    dissimilarity: torch.Tensor


def measure(before, after):
    """The strength of what turned ``before`` into ``after``: images (N, 3, H, W) of one shape, any type, grey levels.

    Computed in float64 from the images as they are, after any rounding and clipping. Raises BadInput if shapes differ.
    """
    _check(before, after)
    rows = []
    for one, other in zip(before, after, strict=True):  # image by image: float64 of all would be eight times the images
        start = one.cpu().double()  # Apple's GPUs have no float64
        change = other.cpu().double() - start
        rows.append((change.abs().max(), change.square().sum(), change.square().mean(), start.square().sum()))
    linf, squares, mean_square, size = (torch.stack(column) for column in zip(*rows, strict=True))
    psnr = 10 * torch.log10(255**2 / mean_square)
    return Strength(linf, squares.sqrt(), mean_square, psnr, (squares / size).sqrt())


def check_epsilon(before, after, epsilon, numbers):
    """Raise BadInput that names the image, by its number of ``numbers`` (N,), that changed by more than epsilon.

    epsilon: L-infinity, in grey levels. It holds exactly where both are uint8, to FLOAT_TOLERANCE elsewhere.
    """
    exact = before.dtype == after.dtype == torch.uint8
    allowed = epsilon if exact else epsilon + FLOAT_TOLERANCE
    largest = measure(before, after).linf
    too_far = ~(largest <= allowed)  # so written, it catches NaN too
    if too_far.any():
        worst = int(largest.where(too_far, -1).argmax())
        raise BadInput(
            f"image {int(numbers[worst])} changed by {float(largest[worst]):g} grey levels; wanted at most {epsilon:g}"
        )


def _check(before, after):
    if before.shape != after.shape or before.dim() != 4 or not len(before):
        shapes = f"{tuple(before.shape)} and {tuple(after.shape)}"
        raise BadInput(f"images are {shapes}; wanted one or more before and after, of one shape (N, 3, H, W)")
