"""Bit depth, median and Gaussian against numpy, by hand, and against scikit-image and the definition."""

import numpy as np
import pytest
import torch
from skimage.filters import gaussian
from skimage.filters.rank import median as rank_median

from jpegstudy.errors import BadInput
from jpegstudy.transforms import BitDepth, Gaussian, Median
from tests.conftest import noise

NAN = float("nan")
ALL = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(1, 3, 1, 1)


@pytest.mark.parametrize("depth", range(1, 9))
def test_bit_depth_is_the_authors_rounding(depth):
    highest = 2**depth - 1
    squeezed = np.rint(ALL.numpy() / 255 * highest) / highest  # 0-1, as their code has it
    result = BitDepth(depth)(ALL)
    assert np.array_equal(result.numpy(), np.rint(squeezed * 255))
    assert len(result.unique()) == 2**depth


def test_bit_depth_by_hand():
    assert BitDepth(1)(ALL).flatten()[[0, 127, 128, 255]].tolist() == [0, 0, 255, 255]
    assert BitDepth(2)(ALL).flatten()[[42, 43, 127, 128, 213]].tolist() == [0, 85, 85, 170, 255]
    assert BitDepth()(ALL).flatten()[[4, 5, 100]].tolist() == [0, 8, 99]  # 100 * 31 / 255 = 12.2; 12 * 255 / 31 = 98.7
    assert torch.equal(BitDepth(8)(ALL), ALL)


def test_five_bits_twice_undo_whatever_moves_by_at_most_three_grey_levels():
    """The levels lie 8 or 9 apart, so what was rounded once comes back: a certificate for two passes."""
    once = BitDepth()(ALL)
    for change in range(-3, 4):
        moved = (once.int() + change).clamp(0, 255).to(torch.uint8)
        assert (BitDepth()(moved) == once).all()
    far = (once.int() + 5).clamp(0, 255).to(torch.uint8)
    assert (BitDepth()(far) != once).any()


@pytest.mark.parametrize("window", [2, 3, 4, 5])
def test_median_is_the_sorted_windows_middle(window):
    images = noise(2, 3, 12, 9)
    before = window // 2
    padded = np.pad(images.numpy(), [(0, 0), (0, 0), *[(before, window - 1 - before)] * 2], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (window, window), axis=(2, 3))
    expected = np.sort(windows.reshape(*images.shape, -1))[..., window * window // 2]
    assert np.array_equal(Median(window)(images).numpy(), expected)


def test_median_is_scikit_images_inside_the_border():
    images = noise(1, 3, 20, 20)
    expected = np.stack([rank_median(channel, np.ones((3, 3), np.uint8)) for channel in images[0].numpy()])
    assert np.array_equal(Median()(images)[0, :, 1:-1, 1:-1].numpy(), expected[:, 1:-1, 1:-1])


def test_median_does_not_mix_channels():
    images = torch.tensor([0, 100, 200], dtype=torch.uint8).view(1, 3, 1, 1).repeat(1, 1, 6, 6)
    assert torch.equal(Median()(images), images)


@pytest.mark.parametrize("sigma", [0.5, 1, 2.25])
def test_gaussian_is_scikit_images(sigma):
    images = noise(2, 3, 21, 14)
    for image, result in zip(images.numpy(), Gaussian(sigma)(images).numpy(), strict=True):
        blurred = gaussian(image.astype(float), sigma, mode="reflect", truncate=4, channel_axis=0, preserve_range=True)
        assert np.array_equal(result, np.rint(blurred))


def test_gaussian_spreads_a_point_as_a_gaussian_does():
    image = torch.zeros((1, 3, 31, 31), dtype=torch.uint8)
    image[0, 1, 15, 15] = 255
    at = torch.arange(31) - 15.0
    curve = torch.exp(-(at**2) / 2)
    expected = 255 * torch.outer(curve, curve) / curve.sum() ** 2
    result = Gaussian(1)(image)[0]
    assert (result[1] - expected).abs().max() <= 0.52  # rounding, and the window that ends at four sigma
    assert result[[0, 2]].max() == 0


@pytest.mark.parametrize(
    ("transform", "setting"),
    [(BitDepth, 0), (BitDepth, True), (Median, 16), (Median, 3.0), (Gaussian, 0.05), (Gaussian, "1"), (Gaussian, NAN)],
)
def test_settings_out_of_range_are_refused(transform, setting):
    with pytest.raises(BadInput, match=r"'s setting is .*; wanted"):
        transform(setting)
