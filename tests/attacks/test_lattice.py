import pytest
import torch

from jpegstudy.attacks import adaptive, iterated, lattice, strength
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from tests.attacks.small_networks import Quantizer, pictures, small_network, two_step_table

TABLE = two_step_table()


def bases(count, *, rounded):
    """Images that a quantizing defense gave, away from the range's ends, and their labels behind it."""
    defense = Quantizer(TABLE)
    images = defense(pictures(count)[0])
    assert images.min() > 20
    assert images.max() < 235
    if rounded:
        images = images.round().to(torch.uint8)
    labels = adaptive.behind(small_network(), defense)(images).argmax(dim=1)
    return defense, images, labels


def levels(images):
    """Which lattice point each coefficient is nearest to, in steps."""
    return (dct.coefficients(images.double()) / TABLE.double()).round()


def attacked(epsilon, *, rounded, **settings):
    defense, images, labels = bases(8, rounded=rounded)
    network = adaptive.through(small_network(), defense, "bpda", rounded=rounded)
    judge = adaptive.behind(small_network(), defense)
    return images, lattice.attack(network, images, labels, epsilon=epsilon, steps_table=TABLE, judge=judge, **settings)


def test_reach_is_the_sum_of_each_basis_images_absolute_values():
    matrix = dct.orthonormal(torch.float64, torch.device("cpu"))
    basis = torch.einsum("ui,vj->uvij", matrix, matrix)
    torch.testing.assert_close(lattice.reach(), basis.abs().sum(dim=(2, 3)))
    assert float(lattice.reach()[0, 0]) == pytest.approx(8)


def test_the_certificate_of_the_two_step_table():
    assert lattice.certified_epsilon(TABLE, rounded=False) == pytest.approx(25 / 16)
    assert lattice.certified_epsilon(TABLE, rounded=True) == pytest.approx(17 / 16)
    assert lattice.certified_epsilon(torch.ones(8, 8), rounded=True) == 0
    assert not lattice.flippable(TABLE, 25 / 16).any()
    assert lattice.flippable(TABLE, 1.02 * 25 / 16)[0, 0]
    assert lattice.flippable(TABLE, 2.4).all()


@pytest.mark.parametrize(("rounded", "below", "above"), [(False, 1.562, 1.564), (True, 1.0625, None)])
def test_no_sign_pattern_flips_a_coefficient_below_the_certificate(rounded, below, above):
    defense, images, _ = bases(4, rounded=rounded)
    before = levels(images)
    flipped = 0
    for band in range(64):  # the worst pattern of each band, both ways
        pattern = dct.planes(lattice._signs(images.device)[band].expand(4, 3, 2, 2, 8, 8))
        for sign in (-1, 1):
            assert torch.equal(levels(images.double() + sign * (below - 1e-4) * pattern), before)
            if above:
                flipped += int((levels(images.double() + sign * above * pattern) != before).sum())
    if above:
        assert flipped  # the bound is tight
    torch.testing.assert_close(defense(images + (below - 1e-3) * pattern.float()), defense(images), atol=1e-3, rtol=0)


def test_the_attack_flips_what_the_certificate_allows_and_nothing_below():
    images, found = attacked(2, rounded=False)
    strength.check_epsilon(images, found.images, 2, range(8))
    assert found.images.dtype == torch.float32
    changed = levels(found.images) != levels(images)
    assert changed[found.steps > 0].flatten(-2).any(dim=-1).float().mean() > 0.9  # of blocks and channels
    assert found.success.float().mean() > 0.5
    images, found = attacked(1.5, rounded=False)
    assert torch.equal(found.images, images)
    assert not found.success.any()


def test_it_succeeds_where_bpda_stalls():
    defense, images, labels = bases(8, rounded=False)
    network = adaptive.through(small_network(), defense, "bpda", rounded=False)
    judge = adaptive.behind(small_network(), defense)
    stalled = iterated.bim(network, images, labels, epsilon=2, judge=judge)
    _, found = attacked(2, rounded=False)
    assert found.success.sum() > stalled.success.sum()


def test_rounded_bases_are_flipped_in_eight_bits():
    images, found = attacked(2, rounded=True)
    assert found.images.dtype == torch.uint8
    strength.check_epsilon(images, found.images, 2, range(8))
    changed = levels(found.images) != levels(images)
    assert changed[found.steps > 0].flatten(-2).any(dim=-1).float().mean() > 0.9
    assert found.success.any()
    images, found = attacked(1, rounded=True)
    assert torch.equal(levels(found.images), levels(images))


def test_one_band_in_each_block_goes_the_way_the_loss_rises():
    _, images, _ = bases(2, rounded=False)
    gradient = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    moved = lattice._perturbation(images, gradient, TABLE.double(), 2.0)
    assert torch.equal(moved.abs(), torch.full_like(moved, 2.0))
    slopes, flips = dct.coefficients(gradient.double()), levels(images + moved) - levels(images)
    assert ((slopes * flips * TABLE).flatten(-2).sum(dim=-1) > 0).all()
    reachable = lattice.flippable(TABLE, 2.0)
    best = (slopes.abs() * TABLE * reachable).flatten(-2).argmax(dim=-1)
    chosen = (flips.flatten(-2).abs() * slopes.flatten(-2).abs()).gather(-1, best[..., None])
    assert (chosen > 0).all()


def test_incomplete_blocks_stay_as_they_are():
    gradient = torch.ones(1, 3, 12, 9)
    moved = lattice._perturbation(torch.full((1, 3, 12, 9), 100.0), gradient, TABLE.double(), 2.0)
    assert moved[..., :8, :8].abs().min() == 2
    assert not moved[..., 8:, :].any()
    assert not moved[..., 8:].any()


def test_batches_change_nothing():
    defense, images, labels = bases(4, rounded=False)
    network = adaptive.through(small_network(), defense, "bpda", rounded=False)
    settings = {"epsilon": 2, "steps_table": TABLE}
    together = lattice.attack(network, images, labels, **settings).images
    alone = [lattice.attack(network, images[k : k + 1], labels[k : k + 1], **settings).images for k in range(4)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps_table": torch.ones(8)}, r"the table is \(8,\)"),
        ({"steps_table": torch.zeros(8, 8)}, "wanted 8 x 8 steps, each above 0"),
        ({"momentum": 1}, "momentum is 1; wanted a share"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, message):
    settings = {"epsilon": 2, "steps_table": TABLE} | wrong
    with pytest.raises(BadInput, match=message):
        lattice.attack(small_network(), *pictures(1), **settings)
