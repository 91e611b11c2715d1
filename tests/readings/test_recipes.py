"""The images of readings against the same written out, and what readings share."""

import numpy as np
import pytest
import torch

from jpegstudy import attacks, jpeg
from jpegstudy.modifications import parse
from jpegstudy.networks import Network
from jpegstudy.readings import CONTROLS, DEFAULT, READINGS, Kitchen, Orders, Reading, recipes_of
from jpegstudy.readings.recipes import eight_bit
from tests.conftest import noise, tiny_network

CROP, EPSILONS, INDICES = 24, [1, 5], [3, 8]
DEVIATION = torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1)
MEAN = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)


@pytest.fixture(scope="module")
def network():
    constants = {"mean": MEAN.flatten().tolist(), "deviation": DEVIATION.flatten().tolist()}
    return Network(tiny_network(), name="tiny", weights="random", crop=CROP, **constants)


def kitchen(network, x=None, labels=None):
    x = noise(2, 3, CROP, CROP, seed=1) if x is None else x
    return Kitchen(network, x, labels=labels, orders=Orders(INDICES, seed=0))


def made(network, reading, name, x=None, labels=None):
    """The image of a row, ``name``, under a reading."""
    return kitchen(network, x, labels).make(recipes_of(reading, crop=CROP, epsilons=EPSILONS)[parse(name)])


def floats(seed=2):
    return torch.rand(2, 3, CROP, CROP, generator=torch.Generator().manual_seed(seed)) * 255


def test_the_rows_are_the_papers_and_the_clean_ones_beside_them():
    names = [str(row) for row in recipes_of(Reading(), crop=CROP, epsilons=[1, 5, 10])]
    assert names == [
        "x", "Adv1(x)", "Adv5(x)", "Adv10(x)", "JPG(x)", "JPG(Adv1(x))", "JPG(Adv5(x))", "JPG(Adv10(x))", "JPGnoise(x)",
        "JPGnoise(Adv1(x))",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["x", "Adv5(x)", "JPG(x)", "JPG(Adv1(x))", "JPGnoise(x)", "JPGnoise(Adv1(x))"])
def test_the_studys_own_reading_gives_the_studys_own_images(network, name):
    x = noise(2, 3, CROP, CROP, seed=1)
    sign = attacks.gradient_sign(network, x)
    expected = parse(name).apply(x, sign, seed=0, indices=INDICES)
    result = made(network, Reading(), name)
    assert result.dtype == torch.uint8
    assert torch.equal(result, expected)


def test_a_standardized_epsilon_is_as_many_grey_levels_as_the_network_divides_by(network):
    x = noise(2, 3, CROP, CROP, seed=1)
    sign = attacks.gradient_sign(network, x)
    result = made(network, Reading(epsilon_unit="standardized", values="float", clip=False), "Adv5(x)")
    z = (x.double() / 255 - MEAN) / DEVIATION + 5 / 255 * sign
    assert torch.allclose(result.double(), (z * DEVIATION + MEAN) * 255, atol=1e-3)
    clipped = made(network, Reading(epsilon_unit="standardized", values="float"), "Adv5(x)")
    assert torch.equal(clipped, result.clamp(0, 255))
    assert not torch.equal(clipped, result)


def test_without_clipping_values_leave_the_range_and_only_those(network):
    x = noise(2, 3, CROP, CROP, seed=1)
    sign = attacks.gradient_sign(network, x)
    result = made(network, Reading(values="float", clip=False), "Adv5(x)")
    assert torch.equal(result, x.float() + 5 * sign)
    assert result.min() < 0
    assert result.max() > 255


def test_the_true_label_is_the_one_that_the_loss_moves_away_from(network):
    x, labels = noise(2, 3, CROP, CROP, seed=1), torch.tensor([0, 1])
    sign = attacks.gradient_sign(network, x, labels)
    assert not torch.equal(sign, attacks.gradient_sign(network, x))
    result = made(network, Reading(label="true"), "Adv1(x)", labels=labels)
    assert torch.equal(result, attacks.perturb(x, sign, epsilon=1))


def test_a_float_is_rounded_or_truncated_into_the_jpeg_file(network):
    x = floats()
    for saving, whole in {"rounded": (x + 0.5).floor(), "truncated": x.floor()}.items():
        reading = Reading(clean="float", values="float", saving=saving)
        result = made(network, reading, "JPG(x)", x)
        assert torch.equal(result, jpeg.roundtrip(whole.clamp(0, 255).to(torch.uint8)))


def test_floats_become_8_bits_by_clipping_and_rounding_halves_up():
    x = torch.tensor([-3.0, 0.4, 0.5, 254.5, 254.4, 300.0])
    assert eight_bit(x, "rounded").tolist() == [0, 0, 1, 255, 254, 255]
    assert eight_bit(x, "truncated").tolist() == [0, 0, 0, 254, 254, 255]


@pytest.mark.parametrize("factor", [0.25, 1.0, 8.0])
def test_noise_is_the_shuffled_residual_times_its_factor(network, factor):
    reading = Reading(factor=factor, values="float", clip=False, shuffled="pixels")
    x = noise(2, 3, CROP, CROP, seed=1)
    added = made(network, reading, "JPGnoise(x)") - x
    residual = jpeg.roundtrip(x).float() - x
    for image, wanted in zip(added / factor, residual, strict=True):
        found, pixels = (each.flatten(1).T.numpy().round(3) for each in (image, wanted))
        assert sorted(map(tuple, found)) == sorted(map(tuple, pixels))
        assert not np.array_equal(found, pixels)


def test_gaussian_noise_has_the_residuals_power_and_is_drawn_by_image(network):
    x = noise(2, 3, CROP, CROP, seed=1)
    added = made(network, Reading(noise="gaussian", values="float", clip=False), "JPGnoise(x)") - x
    power = (jpeg.roundtrip(x).float() - x).square().mean(dim=(1, 2, 3)).sqrt()
    assert torch.allclose(added.square().mean(dim=(1, 2, 3)).sqrt(), power, rtol=0.05)
    swapped = Kitchen(network, x, labels=None, orders=Orders(INDICES[::-1], seed=0))
    recipe = recipes_of(Reading(noise="gaussian", values="float", clip=False), crop=CROP, epsilons=EPSILONS)
    again = swapped.make(recipe[parse("JPGnoise(x)")]) - x
    assert torch.allclose(again[0] / power[0], added[1] / power[1], atol=1e-3)


def test_the_slip_takes_an_image_in_0_to_1_for_a_standardized_one(network):
    reading = CONTROLS["a slip of units"]
    x = noise(2, 3, CROP, CROP, seed=1)
    z = (x.double() / 255 - MEAN) / DEVIATION
    slip = jpeg.roundtrip(x).double() / 255 - z
    result = made(network, reading, "JPGnoise(x)").double()
    added = (result / 255 - MEAN) / DEVIATION - z
    for image, wanted in zip(added, slip, strict=True):
        assert torch.allclose(image.flatten().sort().values, wanted.flatten().sort().values, atol=1e-3)


def test_readings_share_what_they_have_in_common():
    def recipes(name):
        return recipes_of({**READINGS, **CONTROLS}[name], crop=CROP, epsilons=EPSILONS)

    own = recipes(DEFAULT)

    def differing(name):
        return {str(row) for row, recipe in recipes(name).items() if recipe != own[row]}

    assert differing("one permutation for all images") == {"JPGnoise(x)", "JPGnoise(Adv1(x))"}
    assert differing("noise doubled") == {"JPGnoise(x)", "JPGnoise(Adv1(x))"}
    assert differing("not clipped") == {"Adv1(x)", "Adv5(x)", "JPGnoise(x)", "JPGnoise(Adv1(x))"}
    assert differing("standardized ε") == {
        "Adv1(x)", "Adv5(x)", "JPG(Adv1(x))", "JPG(Adv5(x))", "JPGnoise(Adv1(x))",
    }  # fmt: skip
    assert differing("Torch7's scaling") == set(map(str, own))


def test_truncation_makes_no_other_recipe_of_whole_values():
    whole = recipes_of(Reading(saving="truncated"), crop=CROP, epsilons=EPSILONS)
    assert whole == recipes_of(Reading(), crop=CROP, epsilons=EPSILONS)


@pytest.mark.parametrize("name", [name for name, reading in READINGS.items() if reading.clean != "float"])
def test_equal_images_have_equal_recipes_and_different_ones_not(network, name):
    """Where x is the same: of all readings' rows, images are equal exactly where recipes are."""
    x, labels = noise(2, 3, CROP, CROP, seed=1), torch.tensor([0, 1])
    own = recipes_of(Reading(), crop=CROP, epsilons=EPSILONS)
    for row, recipe in recipes_of(READINGS[name], crop=CROP, epsilons=EPSILONS).items():
        if str(row) != "x":
            cook = kitchen(network, x, labels)
            same = torch.equal(cook.make(recipe).float(), cook.make(own[row]).float())
            of_x = READINGS[name].changes().keys() <= {"scaling", "crop", "clean"}
            assert same == (recipe == own[row] or of_x), row


def test_each_gradient_is_computed_once(network, monkeypatch):
    calls, found = [], attacks.loss_gradient

    def counted(*arguments):
        calls.append(arguments)
        return found(*arguments)

    monkeypatch.setattr(attacks, "loss_gradient", counted)
    cook = kitchen(network, labels=torch.tensor([0, 1]))
    for reading in {**READINGS, **CONTROLS}.values():
        for recipe in recipes_of(reading, crop=CROP, epsilons=EPSILONS).values():
            cook.make(recipe)
    assert len(calls) == 2  # at the predicted label and at the true one
