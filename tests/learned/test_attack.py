"""Attacks on codecs: what they spend, what they reach, and what they leave alone."""

import copy

import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.learned import attack
from jpegstudy.learned.attack import ATTACKS, ftda, gaussian, i_fgsm, l2_pgd
from jpegstudy.learned.budget import Budget, check_kept, mean_squares, squares_of
from jpegstudy.learned.pixels import from_grey, pad, to_grey
from tests.conftest import noise
from tests.learned.conftest import photographs

GRADUAL = {"FTDA": ftda, "L2-PGD": l2_pgd, "I-FGSM": i_fgsm}


class Linear:
    """A codec x -> 1/2 + A (x - 1/2) on all values of an image at once, not quantized but to 8 bits."""

    dtype = torch.float64

    def __init__(self, matrix):
        self.matrix = matrix

    def soft(self, x):
        return ((x.flatten(1) - 0.5) @ self.matrix.to(x).T + 0.5).view(x.shape)

    def reconstruct(self, images):
        return to_grey(self.soft(images.double() / 255))


class Identity(Linear):
    """A codec that gives back what it gets."""

    def __init__(self):
        super().__init__(None)

    def soft(self, x):
        return x * 1


class WithBits(Identity):
    """One that says its bits, but not where they lead."""

    def estimated_bits(self, images):
        return images.float().flatten(1).sum(1)


def small():
    return photographs(24, 20)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("mse_budget", [1e-4, 1e-3])
def test_every_attack_keeps_each_images_budget_after_rounding(codecs, name, mse_budget):
    images = small()
    result = ATTACKS[name](codecs["factorized"], images, mse_budget=mse_budget, steps=6)
    spent = ((result.images.double() - images.double()) / 255).square().flatten(1).mean(1)
    assert result.images.dtype == torch.uint8
    assert torch.equal(spent, result.mse) or torch.allclose(spent, result.mse, rtol=1e-12)
    assert (spent <= mse_budget * (1 + 1e-9)).all()
    assert name == "FTDA" or (spent >= 0.9 * mse_budget).all()  # they use it too; Adam's few steps go less far
    assert (result.images.int() - images.int()).abs().max() <= 16
    assert result.curve.shape == (2, 7)


def test_gaussian_noise_has_the_attacks_power(codecs):
    result = gaussian(codecs["factorized"], small(), mse_budget=1e-4, linf=None)
    assert result.mse.tolist() == pytest.approx([1e-4, 1e-4], rel=0.03)


@pytest.mark.parametrize("name", GRADUAL)
def test_attacks_do_more_than_noise_of_the_same_power(codecs, name):
    codec, images = codecs["factorized"], small()
    reached = GRADUAL[name](codec, images, mse_budget=1e-3, steps=20).reached
    assert (reached > 1.3 * gaussian(codec, images, mse_budget=1e-3, linf=None).reached).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_reached_is_what_the_real_codec_does(codecs, name):
    codec, images = codecs["mean-scale"], small()
    result = ATTACKS[name](codec, images, mse_budget=1e-3, steps=4)
    again = mean_squares(codec.reconstruct(images), codec.reconstruct(result.images))
    assert result.reached.tolist() == pytest.approx(again.tolist(), rel=1e-6)
    assert torch.equal(result.reached, result.curve[:, 1:].amax(1).maximum(result.reached))


@pytest.mark.parametrize("name", ["L2-PGD", "FTDA"])
def test_a_linear_codec_is_moved_along_its_top_singular_vector(name):
    size = 3 * 6 * 5
    draw = torch.Generator().manual_seed(3)
    values = torch.linspace(0.05, 0.7, size, dtype=torch.float64)
    values[4] = 1
    u, _, v = torch.linalg.svd(torch.randn(size, size, generator=draw, dtype=torch.float64))
    matrix = u @ torch.diag(values) @ v
    images = torch.full((1, 3, 6, 5), 128, dtype=torch.uint8)
    budget = 1e-3
    result = GRADUAL[name](Linear(matrix), images, mse_budget=budget, linf=None, steps=200)
    change = (result.images.double() - images).flatten(1) / 255
    out = (change @ matrix.T).square().mean()
    assert out >= 0.95 * budget  # the top singular value is 1
    assert out <= budget


@pytest.mark.parametrize("name", GRADUAL)
def test_attacks_move_where_the_gradient_at_the_image_is_exactly_zero(name):
    images = noise(2, 3, 8, 6)
    codec = Identity()
    x = (images.double() / 255).requires_grad_()
    (codec.soft(x) - codec.reconstruct(images).double() / 255).square().sum().backward()
    assert not x.grad.any()
    result = GRADUAL[name](codec, images, mse_budget=1e-3, steps=10)
    assert (result.mse > 0.8e-3).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_images_do_not_depend_on_their_batch_and_equal_seeds_give_equal_images(codecs, name):
    codec, images = copy.deepcopy(codecs["scale"]).double(), small()
    whole = ATTACKS[name](codec, images, mse_budget=1e-3, steps=5, seed=4)
    parts = [
        ATTACKS[name](codec, images[i : i + 1], mse_budget=1e-3, steps=5, seed=4, indices=[i]).images for i in (0, 1)
    ]
    assert torch.equal(whole.images, torch.cat(parts))
    again = ATTACKS[name](codec, images, mse_budget=1e-3, steps=5, seed=4)
    assert torch.equal(whole.images, again.images)
    assert not torch.equal(whole.images, ATTACKS[name](codec, images, mse_budget=1e-3, steps=5, seed=5).images)


def test_the_codec_and_torchs_random_numbers_are_left_alone(codecs):
    codec = copy.deepcopy(codecs["mean-scale"]).train()
    codec.g_s.eval()
    next(codec.parameters()).requires_grad_(False)
    before = {name: value.clone() for name, value in codec.state_dict().items()}
    modes, wishes = [m.training for m in codec.modules()], [p.requires_grad for p in codec.parameters()]
    numbers = torch.get_rng_state()
    ftda(codec, small(), mse_budget=1e-3, steps=3)
    assert all(torch.equal(before[name], value) for name, value in codec.state_dict().items())
    assert modes == [m.training for m in codec.modules()]
    assert wishes == [p.requires_grad for p in codec.parameters()]
    assert all(p.grad is None for p in codec.parameters())
    assert torch.equal(numbers, torch.get_rng_state())


def test_toward_a_target_the_reconstruction_comes_nearer(codecs):
    codec, images = codecs["factorized"], small()
    target = images.flip(0)
    result = l2_pgd(codec, images, mse_budget=1e-2, linf=None, steps=15, target=target)
    wanted = codec.reconstruct(target)
    clean = mean_squares(wanted, codec.reconstruct(images))
    reached = mean_squares(wanted, codec.reconstruct(result.images))
    assert (reached < 0.95 * clean).all()
    assert result.reached.tolist() == pytest.approx((-reached).tolist(), rel=1e-6)


def test_the_rate_can_be_attacked(codec):
    images = small()
    result = l2_pgd(codec, images, mse_budget=1e-3, steps=15, objective="rate")
    noisy = gaussian(codec, images, mse_budget=1e-3, linf=None, objective="rate")
    assert (result.reached > noisy.reached).all()
    assert (codec.bits(result.images) > codec.bits(images)).all()
    assert result.reached.tolist() == pytest.approx(codec.estimated_bits(result.images).tolist())


def test_ms_ssim_can_be_attacked(codecs):
    images = photographs(161, 161)[:1]
    result = l2_pgd(codecs["factorized"], images, mse_budget=1e-3, steps=2, objective="ms-ssim")
    noisy = gaussian(codecs["factorized"], images, mse_budget=1e-3, objective="ms-ssim", linf=None)
    assert result.reached > noisy.reached


def test_soft_bits_are_those_of_latents_as_they_are_and_have_a_gradient(codec):
    x = from_grey(small()).requires_grad_()
    bits = codec.soft_bits(x)
    (gradient,) = torch.autograd.grad(bits.sum(), x)
    assert gradient.abs().amax() > 0
    y = codec.g_a(pad(x.detach(), codec.stride))
    if codec.shape.prior == "factorized":
        likelihoods = [codec.entropy_bottleneck.likelihood(y)]
    else:
        z = codec.hyper_latents(y)
        given = codec.parameters_of(z)
        likelihoods = [codec.entropy_bottleneck.likelihood(z), codec.gaussian_conditional.likelihood(y, *given)]
    by_hand = sum(-each.double().log2().sum((1, 2, 3)) for each in likelihoods)
    assert bits.tolist() == pytest.approx(by_hand.tolist(), rel=1e-5)


def test_the_authors_learning_rates():
    rates = [attack.learning_rate(step, 1001) for step in (0, 1, 333, 334, 700, 1000)]
    assert rates == pytest.approx([0.01, 0.0033, 0.0033, 0.001089, 0.00035937, 0.00035937])


def test_noise_that_the_box_has_no_room_for_names_its_image(codecs):
    with pytest.raises(BadInput, match=r"image 7 cannot take noise of mse_budget 0\.05: within 16 grey levels"):
        gaussian(codecs["factorized"], small(), mse_budget=0.05, indices=[7, 9])


def test_a_budget_that_is_left_names_its_image():
    images = torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)
    after = images.clone()
    after[1, 0, 0, 0] += 40
    with pytest.raises(BadInput, match=r"image 5 has a mean squared error of 0\.000512"):
        check_kept(images, after, 1e-4, 16, [4, 5])
    with pytest.raises(BadInput, match="image 5 changed by 40 grey levels; wanted at most 16"):
        check_kept(images, after, 1e-2, 16, [4, 5])
    with pytest.raises(BadInput, match="image 3 cannot change within an mse_budget of 1e-09"):
        Budget(images, 1e-9, numbers=[3, 4])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mse_budget": 0}, "mse_budget is 0; wanted a number above 0"),
        ({"linf": 0.5}, r"linf is 0\.5; wanted 1 to 255 grey levels"),
        ({"objective": "psnr"}, "objective is 'psnr'; wanted mse, ms-ssim or rate"),
        ({"objective": "rate", "target": torch.zeros(2, 3, 24, 20, dtype=torch.uint8)}, "target is"),
        ({"steps": 0}, "steps is 0; wanted a whole number from 1"),
        ({"indices": [1]}, "there are 2 images and 1 indices"),
        ({"seed": -1}, "seed is -1; wanted a whole number from 0"),
    ],
)
def test_other_settings_are_refused(codecs, wrong, said):
    with pytest.raises(BadInput, match=said):
        l2_pgd(codecs["factorized"], small(), **{"mse_budget": 1e-3, **wrong})


def test_a_codec_without_a_gradient_of_its_rate_says_so():
    with pytest.raises(BadInput, match="WithBits has no soft_bits; its rate cannot be attacked along a gradient"):
        l2_pgd(WithBits(), small(), mse_budget=1e-3, objective="rate")


def test_fitted_shortens_only_what_is_too_long():
    images = noise(3, 3, 8, 8).clamp(40, 200)
    budget = Budget(images, 1e-4)
    draw = torch.Generator().manual_seed(0)
    change = torch.randn(images.shape, generator=draw) * torch.tensor([0.5, 2.5, 30.0])[:, None, None, None]
    fitted = budget.fitted((images + change) / 255)
    assert torch.equal(fitted[0], (images[0] + change[0]).round().to(torch.uint8))
    assert (squares_of(images, fitted) <= budget.most).all()
    assert (squares_of(images, fitted)[2] > 0.95 * budget.most).all()
    tight = Budget(images, 1e-6, linf=None)
    assert (squares_of(images, tight.fitted((images + change) / 255)) <= tight.most).all()


def test_every_says_how_often_the_real_codec_is_asked(codecs):
    result = l2_pgd(codecs["factorized"], small(), mse_budget=1e-3, steps=5, every=3)
    assert torch.equal(result.curve[:, 1], result.curve[:, 0])
    assert set(result.steps.tolist()) <= {0, 3, 5}
