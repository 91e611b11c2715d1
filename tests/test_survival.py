import numpy as np
import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.mechanism import Survival, predicted_energy, predicted_gain


@pytest.mark.parametrize("ratio", [0.3, 0.78, 1.25, 1.9, 3.1, 5])
def test_the_closed_forms_are_what_a_million_gaussians_do(ratio):
    draws = np.random.default_rng(0).normal(size=1_000_000)
    step = 2 * ratio
    left = step * np.round(draws / step)
    assert predicted_gain(step, 1.0) == pytest.approx((left * draws).mean(), abs=0.006)
    assert predicted_energy(step, 1.0) == pytest.approx((left**2).mean(), abs=0.02)


def test_a_fine_step_lets_all_through_and_no_perturbation_leaves_none():
    assert predicted_gain(0.01, 1.0) == pytest.approx(1, abs=1e-3)
    assert predicted_energy(0.01, 1.0) == pytest.approx(1, abs=1e-3)
    assert predicted_gain([[1.0, 2.0]], [[0.0, 0.0]]).tolist() == [[0, 0]]
    assert predicted_energy(30.0, 0.0) == 0


def test_blocks_of_signs_lose_what_the_formulas_say():
    """200,000 blocks of random signs at epsilon 6, on the lattice of a step of 25."""
    rng = np.random.default_rng(1)
    measured, steps = Survival(), torch.full((8, 8), 25.0, dtype=torch.float64)
    for _ in range(20):
        signs = torch.from_numpy(rng.integers(0, 2, (50, 2, 80, 80)) * 12.0 - 6.0)
        left = dct.samples((dct.coefficients(signs) / steps).round() * steps)
        measured.add(signs, left)
    assert measured.blocks == 200_000
    np.testing.assert_allclose(measured.deviations, 6, rtol=0.01)
    gain, energy = measured.predicted(steps.numpy())
    assert measured.total_gain == pytest.approx(gain, abs=0.01)
    assert measured.total_energy == pytest.approx(energy, abs=0.015)
    assert gain == pytest.approx(0.38, abs=0.005)
    assert energy == pytest.approx(0.646, abs=0.005)


def test_what_stays_whole_has_gain_and_energy_1_and_what_is_lost_0():
    perturbation = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    whole, gone = Survival(), Survival()
    whole.add(perturbation, perturbation)
    gone.add(perturbation, torch.zeros_like(perturbation))
    np.testing.assert_allclose(whole.gain, 1)
    np.testing.assert_allclose(whole.energy, 1)
    assert gone.total_gain == gone.total_energy == 0
    assert whole.images == 2


def test_wrong_sizes_are_refused():
    with pytest.raises(BadInput, match="left of it"):
        Survival().add(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 16))
    with pytest.raises(BadInput, match="steps above 0"):
        predicted_gain(0.0, 1.0)
