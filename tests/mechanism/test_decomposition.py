import numpy as np
import pytest
import torch
from torch.nn import functional

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.mechanism import decomposition
from tests.attacks.small_networks import pictures
from tests.conftest import noise

IMAGES, _ = pictures(5)
LABELS = torch.tensor([0, 3, 1, 2, 2])
ATTACKED = (IMAGES + 6 * (noise(*IMAGES.shape, seed=9) % 2)).clamp(0, 255).to(torch.uint8)
FOUR = tuple(images.double() for images in (IMAGES, ATTACKED, jpeg.roundtrip(IMAGES), jpeg.roundtrip(ATTACKED)))


def bent():
    """A float64 network with curvature."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(768, 20), torch.nn.Tanh(), torch.nn.Linear(20, 4)
        ).double()
    return lambda images: layers((images - 128) / 64)


def straight():
    """A float64 network without: logits linear in the images."""
    weights = torch.randn(768, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64) / 100
    return lambda images: images.flatten(1) @ weights


@pytest.mark.parametrize("objective", decomposition.OBJECTIVES)
def test_the_parts_add_up_to_the_measured_changes(objective):
    found = decomposition.decompose(bent(), LABELS, *FOUR, objective=objective)
    names = ("x", "attacked", "compressed", "compressed_attacked")
    measured = (decomposition.values(bent(), images, LABELS, objective=objective).numpy() for images in FOUR)
    at = dict(zip(names, measured, strict=True))
    close = {"rtol": 0, "atol": 1e-12}
    for name, numbers in at.items():
        np.testing.assert_allclose(found[name], numbers, **close)
    attack = found["attack_first_order"] + found["attack_remainder"]
    np.testing.assert_allclose(attack, at["attacked"] - at["x"], **close)
    whole = found["codec_change"] + found["survivor_first_order"] + found["survivor_remainder"]
    np.testing.assert_allclose(whole, at["compressed_attacked"] - at["x"], **close)
    undone = at["compressed_attacked"] - at["attacked"]
    parts = found[["moved_change", "taken_change", "overlap_change"]]
    np.testing.assert_allclose(parts.sum(axis=1), undone, **close)
    for name, images in {"moved": FOUR[2] + FOUR[1] - FOUR[0], "taken": FOUR[0] + FOUR[3] - FOUR[2]}.items():
        there = decomposition.values(bent(), images, LABELS, objective=objective).numpy()
        np.testing.assert_allclose(found[name], there, **close)
        np.testing.assert_allclose(found[f"{name}_change"], there - at["attacked"], **close)
    assert parts.abs().min().min() > 1e-6
    assert found["attack_remainder"].abs().max() > 1e-4


def test_first_orders_are_the_slopes_that_finite_differences_find():
    found = decomposition.decompose(bent(), LABELS, *FOUR)
    x, attacked, compressed, back = FOUR
    for name, at, along in [
        ("attack_first_order", x, attacked - x),
        ("survivor_first_order", compressed, back - compressed),
        ("taken_first_order", x, back - compressed),
        ("moved_first_order", compressed, attacked - x),
    ]:
        ahead, behind = (
            functional.cross_entropy(bent()(at + by * along), LABELS, reduction="none") for by in (1e-4, -1e-4)
        )
        np.testing.assert_allclose(found[name], ((ahead - behind) / 2e-4).detach(), rtol=1e-5, atol=1e-7)


def test_a_margin_of_linear_logits_is_all_first_order():
    """With two classes the margin is linear in the image: no remainder, and no gradient turns."""
    network, labels = straight(), torch.tensor([0, 1, 1, 0, 1])
    found = decomposition.decompose(lambda images: network(images)[:, :2], labels, *FOUR, objective="margin")
    np.testing.assert_allclose(found[["attack_remainder", "survivor_remainder"]], 0, atol=1e-10)
    np.testing.assert_allclose(found["moved_first_order"], found["attack_first_order"], atol=1e-10)
    np.testing.assert_allclose(found["taken_first_order"], found["survivor_first_order"], atol=1e-10)
    np.testing.assert_allclose(found["gradient_cosine"], 1, atol=1e-10)
    np.testing.assert_allclose(found["gradient_l2_compressed"], found["gradient_l2_x"], atol=1e-10)
    np.testing.assert_allclose(found["overlap_change"], 0, atol=1e-10)
    assert found["attack_change"].abs().min() > 1e-3


def test_the_margin_is_above_0_where_the_network_is_misled():
    network = bent()
    misled = network(FOUR[0]).argmax(dim=1) != LABELS
    found = decomposition.values(network, FOUR[0], LABELS, objective="margin")
    assert torch.equal(found > 0, misled)
    assert misled.any()
    assert not misled.all()


def test_batches_change_nothing_and_8_bit_images_are_asked_in_float32():
    network = bent()
    eight_bit = [images.to(torch.uint8) for images in FOUR]

    def single(images):
        assert images.dtype == torch.float32
        return network(images.double()).float()

    whole = decomposition.decompose(single, LABELS, *eight_bit)
    part = decomposition.decompose(single, LABELS[3:], *(images[3:] for images in eight_bit))
    np.testing.assert_allclose(whole.iloc[3:], part, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(whole, decomposition.decompose(network, LABELS, *FOUR), rtol=1e-3, atol=1e-4)


def test_controls_have_the_power_that_they_are_given_and_do_not_depend_on_the_batch():
    images = noise(3, 3, 64, 64) // 2 + 64
    residual = torch.stack([images[0] * 0.0 + 3, images[0] * 0.0 - 7, images[0] * 0.0])
    noisy = decomposition.gaussian_control(images, residual, seed=1, indices=[4, 5, 6])
    change = noisy.double() - images
    power = change.square().mean(dim=(1, 2, 3)).sqrt()
    np.testing.assert_allclose(power, [np.sqrt(9 + 1 / 12), np.sqrt(49 + 1 / 12), 0], rtol=0.02)  # 1/12: rounding
    assert change.mean(dim=(1, 2, 3)).abs().max() < 0.2
    alone = decomposition.gaussian_control(images[1:2], residual[1:2], seed=1, indices=[5])
    assert torch.equal(alone, noisy[1:2])
    signed = decomposition.random_signs(images, epsilon=5, seed=1, indices=[4, 5, 6]).double() - images
    assert signed.abs().eq(5).all()
    assert signed.mean().abs() < 0.1
    smaller = decomposition.random_signs(images, epsilon=2, seed=1, indices=[4, 5, 6]).double() - images
    assert torch.equal(smaller.sign(), signed.sign())


def test_controls_are_measured_by_name():
    controls = {"gaussian": FOUR[1], "signs": FOUR[2]}
    found = decomposition.measure_controls(bent(), LABELS, controls)
    assert list(found) == ["gaussian", "signs"]
    np.testing.assert_allclose(found["signs"], decomposition.values(bent(), FOUR[2], LABELS))


def test_wrong_input_is_refused():
    with pytest.raises(BadInput, match="cross-entropy or margin"):
        decomposition.decompose(bent(), LABELS, *FOUR, objective="loss")
    with pytest.raises(BadInput, match="5 labels"):
        decomposition.decompose(bent(), LABELS, FOUR[0][:4], *FOUR[1:])
    with pytest.raises(BadInput, match="the network has 4 classes"):
        decomposition.decompose(bent(), LABELS + 2, *FOUR)
    with pytest.raises(BadInput, match="needs one for each"):
        decomposition.random_signs(IMAGES, epsilon=1, seed=0, indices=[1])
    with pytest.raises(BadInput, match="residual is 8 bits without a sign"):
        decomposition.gaussian_control(IMAGES, ATTACKED - IMAGES, seed=0, indices=range(5))
