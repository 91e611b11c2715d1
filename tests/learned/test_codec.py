"""What a codec makes of images, in training, in eval and without quantization."""

import copy

import numpy as np
import pytest
import torch

from jpegstudy import learned
from jpegstudy.errors import BadInput
from jpegstudy.learned import Shape, build, shape_of
from jpegstudy.learned.pixels import pad, to_grey
from tests.conftest import noise
from tests.learned.conftest import SHAPES, photographs


@pytest.mark.parametrize(
    ("name", "quality", "count", "stride"),
    [  # the first is by hand: 2 x (2432 + 25632 + 38448) less 2 x 45 biases, GDN 4 x 1056 and the density 48 x 61
        ("small", None, 140_131, 8),
        ("bmshj2018_factorized", 1, 2_998_147, 16),
        ("bmshj2018_hyperprior", 5, 5_075_843, 64),
        ("mbt2018_mean", 4, 7_028_003, 64),
    ],
)
def test_codecs_by_name_have_the_published_numbers_of_parameters(name, quality, count, stride):
    codec = build(shape_of(name, quality))
    assert sum(parameter.numel() for parameter in codec.parameters()) == count
    assert codec.stride == stride


def test_the_small_codecs_number_of_parameters_by_hand():
    analysis = (3 * 25 + 1) * 32 + (32 * 25 + 1) * 32 + (32 * 25 + 1) * 48
    synthesis = (48 * 25 * 32 + 32) + (32 * 25 * 32 + 32) + (32 * 25 * 3 + 3)
    divisive = 4 * (32 + 32**2)
    density = 48 * ((3 + 9 + 9 + 9 + 3) + (3 + 3 + 3 + 3 + 1) + 4 * 3 + 3)
    assert analysis + synthesis + divisive + density == 140_131


def test_qualities_have_the_published_widths():
    widths = {name: [shape_of(name, quality).m for quality in range(1, 9)] for name in learned.named.PUBLISHED}
    assert widths == {
        "bmshj2018_factorized": [192] * 5 + [320] * 3,
        "bmshj2018_hyperprior": [192] * 5 + [320] * 3,
        "mbt2018_mean": [192] * 4 + [320] * 4,
    }
    assert shape_of("mbt2018_mean", 8).n == 192
    assert shape_of("mbt2018_mean", 1).n == 128


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("big",), "there is no codec 'big'; known: small, small_mean, bmshj2018_factorized"),
        (("mbt2018_mean",), "quality of mbt2018_mean is None; wanted a whole number from 1 to 8"),
        (("mbt2018_mean", 9), "quality of mbt2018_mean is 9"),
        (("small", 3), "codec 'small' has no qualities; 3 was given"),
    ],
)
def test_unknown_names_and_qualities_are_refused(arguments, said):
    with pytest.raises(BadInput, match=said):
        shape_of(*arguments)


@pytest.mark.parametrize("wrong", [{"prior": "joint"}, {"n": 0}, {"kernel": 4}, {"stride": 1}, {"layers": 2.0}])
def test_shapes_that_cannot_be_built_are_refused(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        Shape(**{"prior": "factorized", "n": 4, "m": 6, **wrong})


def test_kernel_stride_and_layers_are_settings():
    codec, images = build(Shape("mean-scale", 4, 6, kernel=7, stride=3, layers=2)), noise(1, 3, 20, 40)
    assert codec.stride == 36
    assert codec.g_a[0].weight.shape == (4, 3, 7, 7)
    assert torch.equal(codec.decode(codec.encode(images)[0]), codec.reconstruct(images)[0])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 17), (16, 16), (33, 50)])
def test_any_size_comes_back(codec, height, width):
    images = noise(2, 3, height, width)
    coded = codec(images.float() / 255)
    assert coded.reconstruction.shape == images.shape
    assert torch.equal(coded.images, codec.reconstruct(images))
    assert codec.soft(images.float() / 255).shape == images.shape
    assert torch.allclose(coded.bits_per_pixel * height * width, coded.bits)


def test_padding_mirrors_or_repeats_and_is_not_seen():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert pad(x, 4)[0, 0, :, 0].tolist() == [0, 4, 8, 4]  # a row below: the last but one again
    assert torch.equal(pad(x, 2)[0, 0, 3], x[0, 0, 1])
    assert pad(x, 8)[0, 0, -1].tolist() == [8, 9, 10, 11, 11, 11, 11, 11]  # too small to be mirrored
    assert torch.equal(pad(x[:, :, :2], 2), x[:, :, :2])


def test_the_bits_are_the_likelihoods(codec):
    x = photographs().float() / 255
    with torch.no_grad():
        coded = codec(x)
    for place in range(2):
        wanted = sum(-np.log2(each[place].double().numpy()).sum() for each in coded.likelihoods.values())
        assert coded.bits[place].item() == pytest.approx(wanted, rel=1e-4)
    assert coded.bits_per_pixel.tolist() == pytest.approx((coded.bits / (96 * 80)).tolist())
    assert set(coded.likelihoods) == ({"y"} if codec.shape.prior == "factorized" else {"y", "z"})


def test_a_batch_changes_no_bit(codec):
    x = torch.cat([photographs(), noise(3, 3, 96, 80)]).float() / 255
    together = codec(x)
    for place, each in enumerate(x):
        alone = codec(each[None])
        assert torch.equal(alone.reconstruction[0], together.reconstruction[place])
        assert torch.equal(alone.bits[0], together.bits[place])


def test_the_order_in_memory_changes_no_bit(codec):
    images = photographs()
    other = images.to(memory_format=torch.channels_last)
    assert torch.equal(codec.reconstruct(other), codec.reconstruct(images))
    assert codec.encode(other) == codec.encode(images)


def test_training_adds_noise_and_lets_gradients_through(codec):
    codec, x = copy.deepcopy(codec).train(), photographs().float() / 255
    first, second = codec(x), codec(x)
    assert not torch.equal(first.reconstruction, second.reconstruction)
    (first.reconstruction.square().mean() + first.bits.sum()).backward()
    without = [name for name, value in codec.named_parameters() if value.grad is None]
    assert without == ["entropy_bottleneck.quantiles"]
    assert torch.equal(codec.reconstruct(photographs()), codec.eval().reconstruct(photographs()))


def test_reconstructing_leaves_the_mode_as_it_was(codec):
    codec = copy.deepcopy(codec).train()
    codec.reconstruct(photographs())
    codec.decode(codec.encode(photographs())[0])
    assert codec.training


def test_the_soft_path_is_the_networks_without_rounding(codec):
    x = photographs(32, 48).float().div(255).requires_grad_()
    soft = codec.soft(x)
    torch.testing.assert_close(soft, codec.g_s(codec.g_a(x)))  # the order in memory may differ
    gradient = torch.autograd.grad(soft.square().sum(), x)[0]
    assert (gradient != 0).float().mean() > 0.99
    hard = codec(x).reconstruction
    assert 0 < (hard - soft).square().mean() < 0.05


def test_a_trained_codec_shows_the_image(codec):
    images = photographs()[:1]
    flat = images.float().mean((2, 3), keepdim=True).expand_as(images).round().to(torch.uint8)
    assert learned.psnr(codec.reconstruct(images), images) > learned.psnr(flat, images) + 3  # in 80 updates


def test_grey_levels_are_the_nearest():
    x = torch.tensor([-0.1, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 7.0, float("nan"), float("inf")])
    assert to_grey(x).tolist() == [0, 0, 0, 1, 255, 255, 0, 255]


@pytest.mark.parametrize(
    "x",
    [noise(1, 3, 8, 8), torch.rand(1, 1, 8, 8), torch.rand(3, 8, 8), torch.rand(0, 3, 8, 8),
     torch.rand(1, 3, 8, 8).double(), torch.rand(1, 3, 8, 8).half()],
)  # fmt: skip
def test_the_networks_take_floats_of_three_channels_and_their_own_precision(codecs, x):
    for call in (codecs["factorized"], codecs["factorized"].soft, codecs["factorized"].soft_bits):
        with pytest.raises(BadInput, match=r"wanted a tensor \(N, 3, H, W\) of torch.float32"):
            call(x)


def test_a_codec_of_another_precision_codes_too():
    codec, images = build(SHAPES["factorized"]).double(), noise(1, 3, 24, 20)
    assert torch.equal(codec.decode(codec.encode(images)[0]), codec.reconstruct(images)[0])
    assert codec.bits(images).tolist() == [8 * len(codec.encode(images)[0])]


@pytest.mark.parametrize("images", [torch.rand(1, 3, 8, 8), noise(1, 1, 8, 8), noise(0, 3, 8, 8), noise(3, 8, 8)])
def test_images_are_grey_levels_of_three_channels(codecs, images):
    for call in (codecs["factorized"].reconstruct, codecs["factorized"].encode):
        with pytest.raises(BadInput, match="images are"):
            call(images)


def test_the_seed_makes_the_weights_and_leaves_the_callers_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    shape = SHAPES["scale"]
    assert build(shape, seed=3).digest() == build(shape, seed=3).digest() != build(shape, seed=4).digest()
    assert torch.equal(torch.get_rng_state(), state)
