"""The self-ensemble: eight ways there and back, and the choice of the one that comes out best."""

import pytest
import torch

from jpegstudy.learned.attack import l2_pgd
from jpegstudy.learned.budget import mean_squares
from jpegstudy.learned.self_ensemble import WAYS, Ensembled, turned, turned_back
from tests.conftest import noise
from tests.learned.conftest import photographs


def test_the_eight_ways_differ_and_come_back():
    image = noise(1, 3, 6, 9)
    results = [turned(image, way) for way in WAYS]
    assert len({(*each.shape, each.numpy().tobytes()) for each in results}) == 8
    assert all(torch.equal(turned_back(each, way), image) for way, each in zip(WAYS, results, strict=True))


class UpperHalf:
    """A codec that loses the upper rows of what it gets, and names its bits by the image's height."""

    def reconstruct(self, images):
        images = images.clone()
        images[:, :, : images.shape[2] // 2] = 0
        return images

    def bits(self, images):
        return torch.full((len(images),), images.shape[2])


@pytest.mark.parametrize("way", WAYS)
def test_the_way_with_the_least_error_is_taken_for_each_image(way):
    image = torch.full((1, 3, 6, 8), 90, dtype=torch.uint8)
    shown = turned(image, way)
    shown[:, :, : shown.shape[2] // 2] = 0  # nothing to lose here, so this way is the best, or one as good
    images = turned_back(shown, way)
    codec = Ensembled(UpperHalf())
    ways, result = codec.choose(images)
    assert torch.equal(result, images)
    assert turned(images, ways[0]).shape == shown.shape
    assert codec.bits(images).tolist() == [shown.shape[2] + 3]


def test_it_is_no_worse_than_the_codec_alone_and_counts_3_bits(codecs):
    codec, images = codecs["factorized"], photographs(24, 20)
    both = Ensembled(codec)
    assert (mean_squares(images, both.reconstruct(images)) <= mean_squares(images, codec.reconstruct(images))).all()
    ways, result = both.choose(images)
    for i, way in enumerate(ways.tolist()):
        stream = codec.encode(turned(images[i : i + 1], way))[0]
        assert int(both.bits(images)[i]) == 8 * len(stream) + 3
        assert torch.equal(turned_back(codec.decode(stream), way), result[i])


def test_attacks_go_through_the_choice(codecs):
    both, images = Ensembled(codecs["factorized"]), photographs(24, 20)
    result = l2_pgd(both, images, mse_budget=1e-3, steps=3)
    again = mean_squares(both.reconstruct(images), both.reconstruct(result.images))
    assert result.reached.tolist() == pytest.approx(again.tolist(), rel=1e-6)
    assert (l2_pgd(both, images, mse_budget=1e-3, steps=3, objective="rate").reached > 0).all()
