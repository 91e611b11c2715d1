import numpy as np
import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, sampling
from jpegstudy.jpeg.exactness import contents
from jpegstudy.mechanism import predicted_energy, predicted_gain, spectra


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of_planes(planes):
    """RGB values (N, 3, H, W) whose luma, Cb and Cr are ``planes``."""
    return color.to_rgb(planes[:, :1] - 128, planes[:, 1:], rounded=False)


@pytest.mark.parametrize(("epsilon", "step", "gain", "energy"), [
    (4, 25, 0.038, 0.070), (6, 25, 0.380, 0.646), (8, 30, 0.516, 0.855), (12, 25, 0.979, 1.31),
])  # fmt: skip
def test_200_000_gaussian_blocks_lose_what_the_closed_forms_say(epsilon, step, gain, energy):
    measured = spectra.PlaneSurvival()
    for seed in range(20):
        planes = epsilon * gaussian(5, 3, 208, 208, seed=seed)  # 3380 blocks of each plane
        left = dct.samples((dct.coefficients(planes) / step).round() * step)
        measured.add(of_planes(planes), of_planes(left))
    assert measured.blocks.sum() > 200_000
    assert measured.images == 100
    np.testing.assert_allclose(measured.deviations, epsilon, rtol=0.03)
    assert measured.plane_gain.mean() == pytest.approx(gain, abs=0.01)
    assert measured.plane_energy.mean() == pytest.approx(energy, abs=0.01)
    assert predicted_gain(step, epsilon) == pytest.approx(gain, abs=0.001)
    assert predicted_energy(step, epsilon) == pytest.approx(energy, abs=0.005)
    by_band = measured.predicted_on_lattice(np.full((3, 8, 8), float(step)))
    np.testing.assert_allclose(by_band[0], measured.gain, atol=0.05)
    np.testing.assert_allclose(by_band[1].mean(), measured.energy.mean(), atol=0.01)


def test_a_cosine_of_a_plane_lies_in_its_band_alone():
    for plane in range(3):
        coefficients = torch.zeros(1, 3, 2, 3, 8, 8, dtype=torch.float64)
        coefficients[:, plane, :, :, 5, 2] = 7
        power = spectra.band_power(of_planes(dct.samples(coefficients)))
        expected = np.zeros((1, 3, 8, 8))
        expected[0, plane, 5, 2] = 49
        np.testing.assert_allclose(power, expected, atol=1e-12)


def test_sums_of_batches_are_the_means_of_images():
    values = gaussian(5, 3, 37, 50)
    for subsampling in jpeg.SUBSAMPLINGS:
        found = spectra.Spectrum(subsampling=subsampling)
        found.add(values[:2])
        found.add(values[2:])
        power = spectra.band_power(values, subsampling=subsampling)
        np.testing.assert_allclose(found.deviations**2, power.mean(axis=0))
        np.testing.assert_allclose(found.shares.sum(axis=(1, 2)), 1)
        assert found.images == 5
    assert found.blocks.tolist() == [5 * 4 * 6, 5 * 2 * 3, 5 * 2 * 3]


def test_independent_signs_have_in_each_plane_the_deviation_that_its_weights_give():
    """The root of the sum of squared weights: .669, .623 and .657 of epsilon. Halved white chroma has half of it."""
    signs = gaussian(20, 3, 128, 128).sign()
    full, halved = spectra.Spectrum(), spectra.Spectrum(subsampling="4:2:0")
    for found in (full, halved):
        found.add(signs)
    np.testing.assert_allclose(np.sqrt((full.deviations**2).mean(axis=(1, 2))), [0.669, 0.623, 0.657], atol=0.003)
    np.testing.assert_allclose(np.sqrt((halved.deviations**2).mean(axis=(1, 2))), [0.669, 0.312, 0.329], atol=0.003)


def test_strengths_add_up_to_the_product_of_gradient_and_perturbation():
    gradient, perturbation = gaussian(3, 3, 24, 32), gaussian(3, 3, 24, 32, seed=1)
    found = spectra.strengths(gradient, perturbation)
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), (gradient * perturbation).sum(dim=(1, 2, 3)), atol=1e-9)


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_strengths_of_halved_chroma_add_up_to_what_sampling_leaves(subsampling):
    gradient, perturbation = gaussian(2, 3, 32, 48), gaussian(2, 3, 32, 48, seed=1)
    luma, chroma = color.to_ycbcr(perturbation, rounded=False)
    chroma = sampling.downsample(chroma, subsampling, rounded=False)
    left = color.to_rgb(luma, sampling.upsample(chroma, subsampling, 32, 48, rounded=False), rounded=False)
    found = spectra.strengths(gradient, perturbation, subsampling=subsampling)
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), (gradient * left).sum(dim=(1, 2, 3)), atol=1e-9)


def test_the_table_of_bands_is_in_zigzag_order_beside_the_steps():
    power = np.arange(192.0).reshape(3, 8, 8)
    table = spectra.band_table(50, power=power)
    assert table["band"].tolist() == 3 * list(range(64))
    assert table.iloc[2][["plane", "v", "u", "step", "power"]].tolist() == ["luma", 1, 0, 12, 8]
    assert table.iloc[64 + 1][["plane", "v", "u", "step", "power"]].tolist() == ["Cb", 0, 1, 18, 65]
    np.testing.assert_array_equal(spectra.steps_of(50)[2], jpeg.tables.CHROMA)


def test_shares_add_up_and_say_where_the_energy_is():
    shares = spectra.share_table(spectra.band_power(gaussian(2, 3, 64, 64)))
    np.testing.assert_allclose(shares[["mean_share", "low_share", "middle_share", "high_share"]].sum(axis=1), 1)
    np.testing.assert_allclose(shares["high_share"], 28 / 64, atol=0.03)
    grey = spectra.share_table(spectra.band_power(gaussian(2, 1, 16, 16).expand(-1, 3, -1, -1)))
    np.testing.assert_allclose(grey["chroma_share"], 0, atol=1e-6)
    assert spectra.share_table(np.zeros((1, 3, 8, 8))).isna().all(axis=None)


def test_texture_grows_with_contrast_and_a_flat_image_has_next_to_none():
    image = contents(32, 32)[:1].double()
    flat = torch.full_like(image, 90)
    found = spectra.texture_table(torch.cat([flat, (image + 128) / 2, image]))
    assert found["log_texture"].is_monotonic_increasing
    assert found["log_texture"][0] == pytest.approx(-2)
    assert found["log_texture"][2] - found["log_texture"][1] == pytest.approx(np.log10(4), abs=0.01)
    assert found["fine_share"][1] == pytest.approx(found["fine_share"][2])


def test_wrong_values_are_refused():
    with pytest.raises(BadInput, match="wanted 16 x 16 or larger"):
        spectra.band_power(torch.zeros(1, 3, 8, 16), subsampling="4:2:0")
    with pytest.raises(BadInput, match=r"wanted \(N, 3, H, W\)"):
        spectra.Spectrum().add(torch.zeros(1, 1, 8, 8))
    with pytest.raises(BadInput, match="left of it"):
        spectra.PlaneSurvival().add(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 16))


def test_sensitivity_is_the_change_along_each_coefficient():
    gradient = gaussian(1, 3, 8, 8)
    power = spectra.sensitivity_power(gradient)[0]
    still = of_planes(torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    for plane, v, u in ((0, 0, 0), (0, 2, 5), (1, 1, 0), (2, 7, 7)):
        wave = torch.zeros(1, 1, 1, 1, 8, 8, dtype=torch.float64)
        wave[..., v, u] = 1
        planes = torch.zeros(1, 3, 8, 8, dtype=torch.float64)
        planes[:, plane] = dct.samples(wave)[:, 0]
        change = (gradient * (of_planes(planes) - still)).sum()
        assert power[plane, v, u] == pytest.approx(float(change) ** 2)


def test_blocks_of_the_planes():
    assert spectra.blocks_of("4:2:0").tolist() == [4, 1, 1]
    assert spectra.blocks_of("4:4:4").tolist() == [1, 1, 1]
