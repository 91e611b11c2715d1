import numpy as np
import pytest
from PIL import Image

from jpegstudy import decoding
from jpegstudy.readings import Reading, ScaledImage
from jpegstudy.readings.scaling import torch7_scaled


def picture(width=40, height=30, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def averaged(row, after):
    """One row by the definition: the mean of the piecewise constant source over each target pixel's stretch."""
    fine = np.repeat(row, after)  # each source pixel in ``after`` equal parts, each target pixel is ``before`` of them
    return fine.reshape(after, len(row)).mean(axis=1)


@pytest.mark.parametrize(("before", "after"), [(7, 3), (30, 24), (10, 10), (5, 1), (299, 256)])
def test_shrinking_averages_the_area_that_a_pixel_covers(before, after):
    row = np.random.default_rng(before).uniform(0, 255, before)
    result = torch7_scaled(row.reshape(1, 1, -1), after, 1)
    assert np.allclose(result[0, 0], averaged(row, after), atol=1e-9)
    assert np.allclose(torch7_scaled(row.reshape(1, -1, 1), 1, after)[0, :, 0], averaged(row, after), atol=1e-9)


def test_enlarging_keeps_the_corners_and_is_straight_between_them():
    row = np.array([10.0, 20.0, 60.0])
    assert np.allclose(torch7_scaled(row.reshape(1, 1, -1), 5, 1)[0, 0], [10, 15, 20, 40, 60])
    assert np.allclose(torch7_scaled(np.full((1, 1, 1), 7.0), 4, 3), 7)


def test_both_directions_are_scaled_in_their_own_proportion():
    x = np.random.default_rng(0).uniform(0, 255, (3, 9, 14))
    result = torch7_scaled(x, 7, 3)
    assert result.shape == (3, 3, 7)
    assert np.allclose(result[1, 2, 4], x[1, 6:9, 8:10].mean())


@pytest.mark.parametrize("size", [(40, 30), (30, 40), (24, 24)])
def test_the_studys_own_reading_is_its_preprocessing(size):
    image = picture(*size)
    x = ScaledImage(image, 24).clean(Reading(), 20)
    assert np.array_equal(x, decoding.center_crop(image, shortest_side=24, crop=20))


@pytest.mark.parametrize("scaling", ["pillow", "torch7"])
def test_floats_round_and_truncate_to_the_other_two(scaling):
    image = ScaledImage(picture(60, 47), 24)
    exact, rounded, truncated = (
        image.clean(Reading(scaling=scaling, clean=clean, values="float"), 20)
        for clean in ("float", "rounded", "truncated")
    )
    assert exact.dtype == np.float32
    assert rounded.dtype == truncated.dtype == np.uint8
    twice = 0.5 if scaling == "pillow" else 0.0  # Pillow rounds to 8 bits after each direction
    assert np.abs(rounded - exact.astype(float)).max() <= 0.5 + twice + 1e-3
    assert (truncated <= exact + 2e-3).all()
    assert (exact - truncated < 1).all()
    assert 0.4 < (exact - truncated).mean() < 0.6


def test_torch7_and_pillow_differ_and_agree_on_a_flat_image():
    readings = [Reading(scaling=scaling, clean="float", values="float") for scaling in ("pillow", "torch7")]
    noisy = ScaledImage(picture(61, 47), 24)
    assert np.abs(np.subtract(*(noisy.clean(reading, 20) for reading in readings))).max() > 5
    flat = ScaledImage(Image.new("RGB", (61, 47), (3, 100, 255)), 24)
    assert np.allclose(*(flat.clean(reading, 20) for reading in readings), atol=1e-3)
    whole = flat.clean(Reading(scaling="torch7", clean="truncated"), 20)
    assert (whole == np.array([3, 100, 255], np.uint8)[:, None, None]).all()  # not a level less by float arithmetic


def test_an_image_of_the_right_size_is_left_alone():
    image = picture(24, 24)
    for scaling in ("pillow", "torch7"):
        x = ScaledImage(image, 24).clean(Reading(scaling=scaling, clean="float", values="float"), 24)
        assert np.allclose(x, np.asarray(image).transpose(2, 0, 1), atol=1e-4)
