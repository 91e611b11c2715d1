import numpy as np
import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct
from jpegstudy.jpeg.exactness import contents
from jpegstudy.mechanism import predicted_energy, predicted_gain, prediction, spectra

STEPS = np.array([1.0, 5, 10, 25, 30, 99])


def simulated(step, deviation, image, draws=2_000_000):
    """Gain and energy of random coefficients."""
    rng = np.random.default_rng(0)
    c, e = rng.laplace(scale=image / np.sqrt(2), size=draws), rng.normal(scale=deviation, size=draws)
    left = step * (np.round((c + e) / step) - np.round(c / step))
    return (left * e).mean() / deviation**2, (left**2).mean() / deviation**2


@pytest.mark.parametrize(("step", "deviation", "image"), [
    (10, 2, 3), (10, 2, 12), (30, 4, 7), (30, 1, 60), (5, 4, 2), (1, 2, 9), (1, 4, 9), (20, 8, 0.5), (99, 3, 30),
])  # fmt: skip
def test_one_pass_is_what_two_million_laplacian_coefficients_do(step, deviation, image):
    gain, energy = prediction.one_pass(step, deviation, image)
    measured_gain, measured_energy = simulated(step, deviation, image)
    assert gain == pytest.approx(measured_gain, abs=0.025)  # their standard error reaches 0.008
    assert energy == pytest.approx(measured_energy, rel=0.02)


@pytest.mark.parametrize("deviation", [0.5, 2, 6, 12])
def test_images_on_the_lattice_give_the_closed_forms(deviation):
    gain, energy = prediction.one_pass(STEPS, deviation, 0)
    np.testing.assert_allclose(gain, predicted_gain(STEPS, deviation), atol=0.002)
    np.testing.assert_allclose(energy, predicted_energy(STEPS, deviation), atol=0.005)


def test_images_of_every_phase_let_the_perturbation_through_whole_and_add_noise():
    """The limits of RESEARCH: a gain of 1 for any step, an energy of Q sqrt(2 / pi) / d for fine perturbations."""
    gain, energy = prediction.one_pass(STEPS, 0.25, np.inf)
    np.testing.assert_allclose(gain, 1, atol=1e-3)
    np.testing.assert_allclose(energy[2:], STEPS[2:] * np.sqrt(2 / np.pi) / 0.25, rtol=1e-3)


def test_where_one_form_takes_over_from_the_other_they_agree():
    below, above = (prediction.one_pass(1.0, prediction.WIDE * by, [0.0, 0.2, 5.0]) for by in (1 - 1e-9, 1))
    np.testing.assert_allclose(below, above, atol=1e-5)


def test_a_real_jpeg_passes_what_the_images_own_phases_say():
    """White signs through JPEG 75: the bands' predicted gains by their energy, against the codec's own gain."""
    images = contents(64, 96)[:2] // 2 + 64  # away from the ends, where the codec clips
    signs = 2 * torch.randint(0, 2, images.shape, generator=torch.Generator().manual_seed(0)) - 1
    for epsilon in (1, 4, 12):
        delta = (epsilon * signs).double()
        attacked = (images + delta).to(torch.uint8)
        survivor = jpeg.roundtrip(attacked).double() - jpeg.roundtrip(images)
        measured = ((survivor * delta).sum() / delta.square().sum()).item()
        given = spectra.Spectrum(subsampling="4:2:0")
        given.add(delta)
        gain, _ = prediction.one_pass_of(images, given.deviations)
        strengths = spectra.strengths(delta, delta, subsampling="4:2:0")
        share = prediction.surviving_share(strengths, delta.square().sum(dim=(1, 2, 3)).numpy(), gain).mean()
        assert share == pytest.approx(measured, abs=0.02)


def test_known_phases_and_laplacian_ones_agree_on_laplacian_images():
    rng = np.random.default_rng(0)
    steps = spectra.steps_of(75)
    deviations = np.full((3, 8, 8), 6.0)
    drawn = torch.from_numpy(rng.laplace(scale=6 / np.sqrt(2), size=(1, 3, 60, 60, 8, 8)))
    planes = dct.samples(drawn)
    images = color.to_rgb(planes[:, :1], planes[:, 1:], rounded=False)
    known = prediction.one_pass_of(images, 2.0, subsampling="4:4:4")
    assumed = prediction.one_pass(steps, 2.0, deviations)
    np.testing.assert_allclose(known[0][0], assumed[0], atol=0.08)
    np.testing.assert_allclose(known[0].mean(), assumed[0].mean(), atol=0.005)
    np.testing.assert_allclose(known[1].mean(), assumed[1].mean(), rtol=0.01)


def test_arrays_broadcast_and_what_is_not_perturbed_is_unknown():
    gain, energy = prediction.one_pass(np.full((3, 8, 8), 10.0), np.array([0.0, 1, 2])[:, None, None], 5)
    assert gain.shape == energy.shape == (3, 8, 8)
    assert np.isnan(gain[0]).all()
    assert np.isnan(energy[0]).all()
    assert np.isfinite(gain[1:]).all()


def test_the_surviving_share_weighs_gains_with_strengths():
    strengths = np.ones((2, 3, 8, 8))
    gains = np.full((3, 8, 8), 0.25)
    gains[2] = np.nan
    np.testing.assert_allclose(prediction.surviving_share(strengths, [192.0, 384.0], gains), [128 / 768, 64 / 768])
    assert np.isnan(prediction.surviving_share(strengths[:1], [0.0], gains)).all()


def test_a_codec_that_divides_epsilon_moves_the_curve_by_that_factor():
    """With accuracy 0.8 / (1 + epsilon^2) and a share G, half comes back at epsilon^2 = 1 / G^2 - 2."""
    epsilons = np.linspace(0, 16, 3201)
    accuracies = 0.8 / (1 + epsilons**2)
    attack = {"attack_epsilons": epsilons, "attack_accuracies": accuracies, "compressed_accuracy": 0.8}
    recovery = prediction.predicted_recovery([4.0, 8.0], [0.25, 0.25], **attack)
    np.testing.assert_allclose(recovery, [(1 / 2 - 1 / 17) / (16 / 17), (1 / 5 - 1 / 65) / (64 / 65)])
    for share in (0.25, 0.5):
        critical = prediction.predicted_critical_epsilon([0.5, 16.0], [share, share], **attack)
        assert critical == pytest.approx(np.sqrt(1 / share**2 - 2), rel=1e-3)
    np.testing.assert_allclose(prediction.predicted_recovery([4.0], [1.0], **attack), 0, atol=1e-12)


def test_recovery_is_unknown_where_the_attack_takes_nothing():
    attack = {"attack_epsilons": [0, 1, 2], "attack_accuracies": [0.5, 0.5, 0.1], "compressed_accuracy": 0.5}
    recovery = prediction.predicted_recovery([1.0, 2.0], [0.5, 0.5], **attack)
    assert np.isnan(recovery[0])
    assert recovery[1] == pytest.approx(1)


def test_an_attack_that_weakens_again_counts_with_the_worst_so_far():
    attack = {"attack_epsilons": [0, 1, 2], "attack_accuracies": [0.8, 0.2, 0.4], "compressed_accuracy": 0.8}
    np.testing.assert_allclose(prediction.predicted_recovery([2.0], [0.5], **attack), 0, atol=1e-12)


@pytest.mark.parametrize(("recovery", "expected"), [
    ([0.9, 0.75, 0.25, 0.1], np.sqrt(2 * 4)),  # half of the way between 2 and 4, on logarithms
    ([0.9, 0.5, 0.1, 0.0], 2),
    ([0.9, np.nan, 0.1, 0.0], 2),
    ([0.2, 0.9, 0.1, 0.9], 0),  # below one half from the first on
    ([0.4, 0.3, 0.2, 0.1], 0),
    ([0.9, 0.8, 0.7, 0.6], np.inf),
    ([np.nan] * 4, np.nan),
])  # fmt: skip
def test_the_critical_epsilon_is_where_the_measured_curve_falls_through_a_half(recovery, expected):
    assert prediction.critical_epsilon([1, 2, 4, 8], recovery) == pytest.approx(expected, nan_ok=True)


def test_wrong_input_is_refused():
    with pytest.raises(BadInput, match="rising order"):
        prediction.critical_epsilon([2, 1], [0.5, 0.5])
    with pytest.raises(BadInput, match="steps above 0"):
        prediction.one_pass(0, 1, 1)
    with pytest.raises(BadInput, match="rising from 0"):
        prediction.predicted_recovery(
            [1.0], [0.5], attack_epsilons=[1, 2], attack_accuracies=[0.5, 0.1], compressed_accuracy=0.5
        )
