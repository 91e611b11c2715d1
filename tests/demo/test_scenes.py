"""The demo images: the same for everybody, as rough as photographs, and not to be told apart by color."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jpegstudy.demo import image_files, scenes, spectrum
from jpegstudy.places import root


@pytest.fixture(scope="module")
def validation():
    return image_files.validation_images(root() / "data" / "demo")


def test_an_image_depends_on_seed_and_index_alone():
    first = [scenes.draw(3, index) for index in (5, 6)]
    again = [scenes.draw(3, index) for index in (6, 5)]
    assert np.array_equal(first[0], again[1])
    assert np.array_equal(first[1], again[0])
    other = scenes.draw(4, 5)
    assert other.shape != first[0].shape or (other != first[0]).any()


@pytest.mark.parametrize("index", range(len(scenes.CLASSES)))  # one image of every class
def test_an_image_is_large_enough_and_uses_the_grey_levels(index):
    image = scenes.draw(7, index)
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert min(image.shape[:2]) >= 256
    assert max(image.shape[:2]) <= 1.4 * min(image.shape[:2])
    assert image.std() > 15


def test_labels_follow_the_alphabet_and_take_turns():
    assert list(scenes.CLASSES) == sorted(scenes.CLASSES)
    assert len(scenes.CLASSES) >= 10
    assert [scenes.label_of(index) for index in range(len(scenes.CLASSES) + 1)] == [*range(len(scenes.CLASSES)), 0]


def test_amplitudes_fall_with_frequency_as_in_photographs(validation):
    images, _ = validation
    assert -1.5 < spectrum.slope(*spectrum.amplitudes(images)) < -0.7


def test_slope_is_that_of_a_known_power():
    frequency = np.arange(1.0, 128)
    assert spectrum.slope(frequency, 5 * frequency**-1.2) == pytest.approx(-1.2)


def test_color_does_not_give_the_class_away(validation):
    images, labels = validation
    bins = (images[:, ::2, ::2] >> 6).reshape(len(images), -1, 3) @ np.array([16, 4, 1])  # 4 x 4 x 4 colors
    histograms = np.stack([np.bincount(row, minlength=64) for row in bins]) / bins.shape[1]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    guesses = cross_val_predict(classifier, np.sqrt(histograms), labels, cv=6)
    assert (guesses == labels).mean() < 2 / len(scenes.CLASSES)
