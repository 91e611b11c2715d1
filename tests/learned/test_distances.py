"""PSNR by hand; MS-SSIM at its ends, and against scikit-image's scale by scale."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from jpegstudy.errors import BadInput
from jpegstudy.learned import ms_ssim, psnr
from tests.conftest import noise
from tests.learned.conftest import photographs


def test_psnr_by_hand_image_by_image():
    images = torch.full((3, 3, 4, 5), 100, dtype=torch.uint8)
    others = images.clone()
    others[1] += 10
    others[2, 0, 0, 0] += 60
    wanted = [math.inf, 10 * math.log10(255**2 / 100), 10 * math.log10(255**2 / (3600 / 60))]
    assert psnr(images, others).tolist() == pytest.approx(wanted)
    assert psnr(images.float() / 255, others.float() / 255).tolist() == pytest.approx(wanted)


def test_ms_ssim_is_one_for_equals_and_falls_with_noise():
    images = photographs(170, 161)
    draw = noise(*images.shape).int() - 128
    noisy = [(images + draw * share / 100).clamp(0, 255).to(torch.uint8) for share in (2, 10, 40)]
    similar = torch.stack([ms_ssim(images, images), *[ms_ssim(images, each) for each in noisy]])
    assert similar.shape == (4, 2)
    assert torch.allclose(similar[0], torch.ones(2))
    assert (similar[1:] < similar[:-1]).all()
    assert torch.equal(ms_ssim(images[1:], noisy[1][1:]), similar[2, 1:])


def test_ms_ssim_of_a_constant_shift_is_the_luminances_of_the_coarsest_scale():
    images = torch.full((1, 3, 176, 176), 100, dtype=torch.uint8)
    a, b = 100 / 255, 120 / 255
    luminance = (2 * a * b + 0.01**2) / (a**2 + b**2 + 0.01**2)
    assert ms_ssim(images, images + 20).item() == pytest.approx(luminance**0.1333, abs=1e-5)


def test_the_similarity_at_one_scale_is_scikit_images():
    from pytorch_msssim import ssim

    images, others = photographs(176, 176), photographs(176, 176).flip(3)
    ours = ssim(images.float(), others.float(), data_range=255, size_average=False)
    for place in range(2):
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
        a, b = (each[place].numpy().astype(np.float64) for each in (images, others))
        wanted = structural_similarity(a, b, channel_axis=0, **settings)
        assert ours[place].item() == pytest.approx(wanted, abs=2e-3)  # the border is treated otherwise


@pytest.mark.parametrize(
    ("images", "others"),
    [
        (noise(1, 3, 8, 8), noise(1, 3, 8, 9)),
        (noise(1, 3, 8, 8), torch.rand(1, 3, 8, 8)),
        (noise(3, 8, 8), noise(3, 8, 8)),
        (noise(1, 3, 8, 8).int(), noise(1, 3, 8, 8).int()),
    ],
)
def test_images_of_two_kinds_are_refused(images, others):
    for distance in (psnr, ms_ssim):
        with pytest.raises(BadInput, match="wanted two tensors of one shape"):
            distance(images, others)


def test_ms_ssim_refuses_small_images():
    with pytest.raises(BadInput, match="images are of 160x200 pixels; MS-SSIM wants sides of at least 161"):
        ms_ssim(noise(1, 3, 160, 200), noise(1, 3, 160, 200))
