import math

import pytest
import torch

from jpegstudy.attacks import strength
from jpegstudy.errors import BadInput
from tests.conftest import noise


def test_the_measures_are_their_definitions():
    before = noise(3, 3, 5, 4)
    after = before.clone()
    after[0, 0, 0, 0] = before[0, 0, 0, 0].int().add(4).clamp(0, 255).to(torch.uint8)
    change = (after[0].double() - before[0].double()).flatten()
    found = strength.measure(before, after)
    assert found.linf[0] == change.abs().max()
    assert found.l2[0] == change.abs().max()  # one value only changed
    assert float(found.mean_square[0]) == pytest.approx(float(change.square().sum()) / 60)
    assert float(found.psnr[0]) == pytest.approx(10 * math.log10(255**2 / float(found.mean_square[0])))
    assert float(found.dissimilarity[0]) == pytest.approx(float(found.l2[0] / before[0].double().norm()))
    assert found.linf[1] == 0
    assert found.psnr[1] == math.inf


def test_epsilon_is_held_exactly_in_eight_bits_and_nearly_in_floats():
    before = torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)
    after = before.clone()
    after[1, 0, 0, 0] = 103
    strength.check_epsilon(before, after, 3, [7, 9])
    with pytest.raises(BadInput, match="image 9 changed by 3 grey levels; wanted at most 2"):
        strength.check_epsilon(before, after, 2, [7, 9])
    with pytest.raises(BadInput, match="image 9"):
        strength.check_epsilon(before, after, 2.9995, [7, 9])
    strength.check_epsilon(before.float(), after.float(), 2.9995, [7, 9])
    with pytest.raises(BadInput, match="image 9"):
        strength.check_epsilon(before.float(), after.float(), 2.99, [7, 9])
    with pytest.raises(BadInput, match="image 7 changed by nan"):
        strength.check_epsilon(before.float(), torch.full((2, 3, 4, 4), torch.nan), 3, [7, 9])


def test_images_of_two_shapes_are_refused():
    with pytest.raises(BadInput, match="of one shape"):
        strength.measure(noise(2, 3, 4, 4), noise(1, 3, 4, 4))
