import pytest
import torch

from jpegstudy.jpeg import color
from tests.conftest import noise


def every_pair(first):
    """int32 (3, 256, 256): all values of the second and third channel, at one of the first."""
    second, third = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    return torch.stack([torch.full_like(second, first), second, third]).to(torch.int32)


def test_every_color_becomes_libjpegs_luma_and_chroma():
    for level in range(256):
        r, g, b = planes = every_pair(level)
        luma, chroma = color.to_ycbcr(planes[None].to(torch.uint8))
        assert torch.equal(luma[0, 0], ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) - 128.0)
        assert torch.equal(chroma[0, 0], ((-11059 * r - 21709 * g + 32768 * b + 32767) >> 16).float())
        assert torch.equal(chroma[0, 1], ((32768 * r - 27439 * g - 5329 * b + 32767) >> 16).float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_luma_and_chroma_becomes_libjpegs_color(dtype):
    for level in range(0, 256, 15):  # luma is only added
        y, cb, cr = planes = every_pair(level) - 128
        y = y + 128
        expected = torch.stack(
            [
                y + ((91881 * cr + 32768) >> 16),
                y + ((-22554 * cb - 46802 * cr + 32768) >> 16),
                y + ((116130 * cb + 32768) >> 16),
            ]
        )
        found = color.to_rgb(planes[None, :1].to(dtype), planes[None, 1:].to(dtype))[0]
        assert torch.equal(found, expected.clamp(0, 255).to(torch.uint8))


def test_grey_has_no_chroma():
    grey = noise(1, 1, 4, 4).expand(1, 3, 4, 4)
    luma, chroma = color.to_ycbcr(grey)
    assert torch.equal(luma[:, 0], grey[:, 0] - 128.0)
    assert (chroma == 0).all()


def test_the_unrounded_conversions_are_inverses():
    images = torch.rand(2, 3, 5, 7, dtype=torch.float64) * 400 - 70
    luma, chroma = color.to_ycbcr(images, rounded=False)
    torch.testing.assert_close(color.to_rgb(luma, chroma, rounded=False), images)


def test_the_unrounded_conversion_is_within_half_a_level_of_the_rounded():
    images = noise(1, 3, 50, 50)
    for real, whole in zip(color.to_ycbcr(images, rounded=False), color.to_ycbcr(images), strict=True):
        assert 0.4 < (real - whole).abs().max() <= 0.5


def test_gradients_flow_through_the_unrounded_conversions():
    images = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    there_and_back = color.to_rgb(*color.to_ycbcr(images, rounded=False), rounded=False)
    (gradient,) = torch.autograd.grad(there_and_back.sum(), images)
    torch.testing.assert_close(gradient, torch.ones_like(images))
