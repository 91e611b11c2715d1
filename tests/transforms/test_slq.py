import io

import numpy as np
import pytest
import torch
from PIL import Image

from jpegstudy.errors import BadInput
from jpegstudy.transforms import Slq
from tests.conftest import noise


def test_the_stack_is_pillows_jpeg_at_each_quality():
    images = noise(2, 3, 24, 40)
    stack = Slq().stack(images)
    for entry, quality in zip(stack, (20, 40, 60, 80), strict=True):
        for image, result in zip(images, entry, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
            assert np.array_equal(np.asarray(Image.open(buffer)), result.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 41)])  # 20x41: tiles that the border cuts, not square
def test_each_tile_is_one_of_the_four(height, width):
    images = noise(3, 3, height, width)
    stack = Slq().stack(images)
    result = Slq()(images, seed=1, indices=[5, 6, 7])
    choice = Slq().choice(images.shape, seed=1, indices=[5, 6, 7])
    assert choice.shape == (3, -(-height // 8), -(-width // 8))
    for n in range(3):
        for i in range(choice.shape[1]):
            for j in range(choice.shape[2]):
                tile = (n, slice(None), slice(8 * i, 8 * i + 8), slice(8 * j, 8 * j + 8))
                equal = [torch.equal(result[tile], entry[tile]) for entry in stack]
                assert equal[choice[n, i, j]]
                assert sum(equal) == 1  # of noise no two qualities leave the same


def test_the_choice_is_uniform_and_independent():
    choice = Slq().choice((1, 3, 800, 800), seed=0, indices=[0])  # 10,000 tiles
    counts = torch.bincount(choice.flatten(), minlength=4)
    assert ((counts - 2500).abs() < 175).all()  # four standard deviations of a count are 173
    assert abs((choice[:, 1:] == choice[:, :-1]).double().mean() - 0.25) < 0.018


def test_an_expectation_over_the_choice_has_a_gradient():
    stack = torch.rand(4, 2, 3, 12, 16, requires_grad=True)
    choice = Slq().choice((2, 3, 12, 16), seed=0, indices=[0, 1])
    Slq.pick(stack, choice).sum().backward()
    assert torch.equal(stack.grad.sum(0), torch.ones(2, 3, 12, 16))  # one of the four for each pixel


def test_one_quality_is_plain_jpeg():
    images = noise(2, 3, 16, 16)
    assert torch.equal(Slq((30,))(images, seed=0, indices=[0, 1]), Slq((30,)).stack(images)[0])


@pytest.mark.parametrize("qualities", [(), (0,), (101,), (20.0,), [20, 40]])
def test_other_qualities_are_refused(qualities):
    with pytest.raises(BadInput, match=r"SLQ's setting is .* wanted qualities from 1 to 100"):
        Slq(qualities)
