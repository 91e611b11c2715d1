"""How far images are from each other, image by image: PSNR and MS-SSIM."""

import torch
from pytorch_msssim import ms_ssim as _ms_ssim

from jpegstudy.errors import BadInput

LEAST_SIDE = 161  # pixels: five scales, each half the one before, under a window of 11


def psnr(images, others):
    """Peak signal-to-noise ratio in dB of each image against its other, float64 (N,) on the CPU; infinite where equal.

    images, others: (N, 3, H, W), both uint8 in grey levels, or both floats from 0 to 1. Raises BadInput for others.
    10 log10(peak**2 / mean squared difference), the mean over all pixels and colors.
    """
    peak = _peak(images, others)
    a, b = (each.cpu().double() / peak for each in (images, others))
    return -10 * torch.log10((a - b).square().flatten(1).mean(1))


def ms_ssim(images, others):
    """Multi-scale structural similarity of each image to its other, float32 (N,) on their device; 1 where equal.

    images, others: as for psnr, with sides of at least 161 pixels. Raises BadInput for others.
    Five scales, a Gaussian window of 11 pixels and deviation 1.5, the mean over three colors.
    Source: Wang et al. 2003, through pytorch-msssim.
    """
    peak = _peak(images, others)
    height, width = images.shape[2:]
    if min(height, width) < LEAST_SIDE:
        raise BadInput(f"images are of {height}x{width} pixels; MS-SSIM wants sides of at least {LEAST_SIDE}")
    return _ms_ssim(images.float() / peak, others.float() / peak, data_range=1.0, size_average=False)


def _peak(images, others):
    """The value of white in both: 255 or 1. Raises BadInput unless they are of one kind."""
    kinds = [(each.dtype, tuple(each.shape)) for each in (images, others)]
    if kinds[0] != kinds[1] or images.dim() != 4 or not (images.dtype == torch.uint8 or images.is_floating_point()):
        raise BadInput(
            f"images are {kinds[0][0]} {kinds[0][1]} and {kinds[1][0]} {kinds[1][1]}; wanted two tensors of one shape "
            "(N, 3, H, W), both uint8, or both floats from 0 to 1"
        )
    return 255 if images.dtype == torch.uint8 else 1
