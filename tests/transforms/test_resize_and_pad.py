import numpy as np
import pytest
import torch
from torch.nn import functional

from jpegstudy.errors import BadInput
from jpegstudy.transforms import ResizeAndPad
from jpegstudy.transforms.resize_and_pad import canvas, drawn_size, nearest
from tests.conftest import noise


def test_sizes_are_the_authors_for_299_and_in_proportion_for_224():
    for side, low, high, wanted in [(299, 310, 330, 331), (224, 232, 247, 248)]:
        drawn = {drawn_size(np.random.default_rng(seed), side, side) for seed in range(400)}
        assert drawn == {(size, size) for size in range(low, high + 1)}
        assert canvas(side, side) == (wanted, wanted)


def test_oblong_images_keep_their_proportions_and_fit_the_canvas():
    for height, width in [(100, 200), (201, 100), (1, 50), (37, 36)]:
        for seed in range(50):
            size = drawn_size(np.random.default_rng(seed), height, width)
            assert all(side <= most for side, most in zip(size, canvas(height, width), strict=True))
            assert abs(size[0] / size[1] - height / width) < 0.5 * (1 + height / width) / size[1]


@pytest.mark.parametrize("size", [232, 240, 247])
def test_nearest_is_torchs(size):
    image = noise(1, 3, 224, 224)[0]
    expected = functional.interpolate(image[None].float(), size=(size, size), mode="nearest")[0]
    assert torch.equal(nearest(image, size, size).float(), expected)


def test_nearest_by_hand():
    image = torch.tensor([[[10, 20, 30]]], dtype=torch.uint8).repeat(3, 1, 1)
    assert nearest(image, 2, 4)[0].tolist() == [[10, 10, 20, 30]] * 2  # columns floor(i * 3 / 4): 0, 0, 1, 2


def test_the_image_lies_whole_in_a_border_of_zeros():
    images = noise(3, 3, 40, 40) | 1  # no zeros in it
    for index, result in enumerate(ResizeAndPad()(images, seed=3, indices=[0, 1, 2])):
        inside = (result > 0).all(0)
        rows, columns = inside.any(1).nonzero().flatten(), inside.any(0).nonzero().flatten()
        box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        assert len(rows) == len(columns)
        assert torch.equal(result[box], nearest(images[index], len(rows), len(columns)))
        assert result.sum() == result[box].sum()
        assert result.shape == (3, 44, 44)


def test_every_place_is_taken_up_to_the_last():
    image = torch.full((1, 3, 40, 40), 255, dtype=torch.uint8).repeat(100, 1, 1, 1)
    results = ResizeAndPad()(image, seed=0, indices=range(100))
    assert results[:, 0, 0, :].amax(1).eq(255).any()  # some touch the first row,
    assert results[:, 0, -1, :].amax(1).eq(255).any()  # some the last
    assert results[:, 0, :, -1].amax(1).eq(255).any()


def test_the_border_may_be_grey():
    result = ResizeAndPad(128)(torch.zeros((1, 3, 224, 224), dtype=torch.uint8), seed=0, indices=[0])
    assert sorted(result.unique().tolist()) == [0, 128]


def test_another_border_is_refused():
    with pytest.raises(BadInput, match="RRP's setting is -1; wanted the grey level"):
        ResizeAndPad(-1)
