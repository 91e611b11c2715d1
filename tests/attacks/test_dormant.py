import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.attacks import dormant, strength
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import pictures, small_network


def test_dormant_images_are_right_as_they_are_and_wrong_as_a_jpeg():
    images, labels = pictures(12)
    found = dormant.attack(small_network(), images, labels, epsilon=8, quality=40, steps=30)
    assert found.images.dtype == torch.uint8
    strength.check_epsilon(images, found.images, 8, range(12))
    before = small_network()(found.images).argmax(dim=1)
    after = small_network()(jpeg.roundtrip(found.images, quality=40)).argmax(dim=1)
    assert torch.equal(found.success, (before == labels) & (after != labels))
    untouched = small_network()(jpeg.roundtrip(images, quality=40)).argmax(dim=1) != labels
    assert found.success.sum() > untouched.sum()
    assert found.success.float().mean() > 0.7


def test_it_is_images_in_eight_bits_that_lie_dormant():
    images, labels = pictures(1)
    with pytest.raises(BadInput, match="wanted uint8, as what is saved"):
        dormant.attack(small_network(), images.float(), labels, epsilon=8)


def test_an_unknown_quality_is_refused():
    with pytest.raises(BadInput, match="quality is 0"):
        dormant.attack(small_network(), *pictures(1), epsilon=2, quality=0)
