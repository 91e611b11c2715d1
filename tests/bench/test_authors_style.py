"""The slow renditions do what the fast ones do; how long they take is for the bench to say."""

import numpy as np
import pytest
import torch

from jpegstudy.bench import authors_style
from jpegstudy.errors import BadInput
from jpegstudy.transforms import Quilt, patches
from jpegstudy.transforms.total_variation import minimize, objective
from tests.conftest import noise

WEIGHT = 1 / 0.03


def smooth(side):
    """A slope with a bright square on it: float64 (side, side, 3), 0-1."""
    image = np.linspace(0.2, 0.5, side)[:, None, None] * np.ones((side, side, 3))
    image[side // 4 : side // 2, side // 4 : side // 2] += 0.4
    return image + np.random.default_rng(1).normal(0, 0.02, image.shape)


def as_batch(array):
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float64))[None]


def energy(u, values, mask):
    return objective(u, as_batch(values), as_batch(mask), WEIGHT).item()


@pytest.fixture(scope="module")
def problem():
    """(values, mask, the E that the fast minimization reaches)."""
    values = smooth(12)
    mask = np.random.default_rng(2).random(values.shape) >= 0.5
    return values, mask, energy(minimize(as_batch(values).float(), as_batch(mask).float(), WEIGHT, 200), values, mask)


def test_split_bregman_comes_near_the_least_energy(problem):
    values, mask, least = problem
    found = energy(as_batch(authors_style.split_bregman(values, mask, WEIGHT)), values, mask)
    assert 0.999 * least < found < 1.25 * least  # its shrinkage is smoothed, see below
    assert energy(as_batch(values * mask), values, mask) > 5 * least  # where it starts


def test_with_true_shrinkage_split_bregman_reaches_the_least_energy(problem, monkeypatch):
    monkeypatch.setattr(authors_style, "shrunk", lambda length, stiff: max(0, 1 - 1 / max(length * stiff, 1)))
    values, mask, least = problem
    found = energy(as_batch(authors_style.split_bregman(values, mask, WEIGHT, tolerance=1e-5)), values, mask)
    assert found == pytest.approx(least, rel=2e-3)  # the fast one's own distance from the minimum is a thousandth


def test_half_of_the_values_are_dropped_by_seed():
    image = (255 * smooth(9)).round().astype(np.uint8)
    result = authors_style.minimize_variation(image, seed=0)
    assert result.dtype == np.uint8
    mask = np.random.default_rng(0).random((9, 9, 3)) >= 0.5
    assert np.array_equal(result, np.rint(255 * authors_style.split_bregman(image / 255, mask, WEIGHT)))
    assert np.array_equal(result, authors_style.minimize_variation(image, seed=0))
    assert not np.array_equal(result, authors_style.minimize_variation(image, seed=1))


@pytest.mark.parametrize(("height", "width"), [(5, 5), (14, 20), (23, 8)])
def test_quilting_patch_by_patch_gives_the_same_pixels(height, width):
    image = noise(1, 3, height, width)
    slow = authors_style.quilt(image[0].permute(1, 2, 0).numpy(), patches.load("demo").pixels)
    assert torch.equal(torch.from_numpy(slow).permute(2, 0, 1)[None], Quilt()(image))


def test_a_seam_is_the_path_of_least_error():
    assert authors_style.seam(np.array([[0, 5, 5], [5, 5, 0], [5, 5, 0]])) == [0, 1, 2]  # not straight down: 10
    assert authors_style.seam(np.array([[1, 2], [2, 1], [3, 3]])) == [0, 1, 0]  # left if equal


def test_sides_that_no_patch_ends_at_are_refused():
    with pytest.raises(BadInput, match="9 x 8 pixels; wanted sides of 5, 8"):
        authors_style.quilt(np.zeros((9, 8, 3), np.uint8), np.zeros((1, 3, 5, 5), np.uint8))
