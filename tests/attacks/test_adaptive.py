import pytest
import torch

from jpegstudy import attacks, jpeg
from jpegstudy.attacks import adaptive, iterated
from jpegstudy.errors import BadInput
from jpegstudy.transforms import Jpeg, JpegNoise
from tests.attacks.small_networks import Speckle, pictures, small_network


def half(images, *, seed=None, indices=None):
    """A resizing transform: pixels averaged by fours, 8 bits."""
    return torch.nn.functional.avg_pool2d(images.float(), 2).round().to(torch.uint8)


def smooth_half(images):
    return torch.nn.functional.avg_pool2d(images, 2)


@pytest.mark.parametrize("how", ["jpeg", "bpda"])
def test_the_stand_in_goes_forward_as_the_defense_does(how):
    images, _ = pictures(4)
    x = images.float() + 0.4 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    network = adaptive.through(small_network(), Jpeg(50), how)
    saved = (x + 0.5).floor().clamp(0, 255).to(torch.uint8)
    expected = small_network()(jpeg.roundtrip(saved, quality=50).float())
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-6)
    assert torch.equal(adaptive.behind(small_network(), Jpeg(50))(saved), expected)


def test_bpda_takes_the_gradient_at_the_result():
    images, labels = pictures(4)
    gradient, _ = attacks.loss_gradient(adaptive.through(small_network(), Jpeg(30), "bpda"), images, labels)
    expected, _ = attacks.loss_gradient(small_network(), jpeg.roundtrip(images, quality=30), labels)
    torch.testing.assert_close(gradient, expected)


def test_the_surrogate_of_jpeg_knows_of_chroma_subsampling():
    images, labels = pictures(4)
    gradient, _ = attacks.loss_gradient(adaptive.through(small_network(), Jpeg(75), "jpeg"), images, labels)
    red, blue = (jpeg.color.to_ycbcr(gradient + 128, rounded=False)[1][:, channel] for channel in (0, 1))
    plain, _ = attacks.loss_gradient(small_network(), images, labels)
    whole = jpeg.color.to_ycbcr(plain + 128, rounded=False)[1]
    assert torch.stack([red, blue]).diff(dim=-1).norm() < 0.7 * whole.diff(dim=-1).norm()


def test_a_geometric_part_carries_the_gradient_back():
    images, labels = pictures(4, side=16)
    network = small_network(side=8)
    found, _ = attacks.loss_gradient(adaptive.through(network, half, "bpda", geometric=smooth_half), images, labels)
    at_result, _ = attacks.loss_gradient(network, half(images), labels)
    torch.testing.assert_close(found, at_result.repeat_interleave(2, -1).repeat_interleave(2, -2) / 4)
    with pytest.raises(BadInput, match="give, as geometric, what changes the shape"):
        adaptive.through(network, half, "bpda")(images.float())


def test_draws_depend_on_seed_image_and_number_only():
    images, _ = pictures(3)
    network = adaptive.through(small_network(), Speckle(), "bpda", seed=1)
    assert network.stochastic
    x = images.float()
    first = network(x, indices=[4, 5, 6], draw=0)
    assert torch.equal(first, network(x, indices=[4, 5, 6], draw=0))
    torch.testing.assert_close(first[1:], network(x[1:], indices=[5, 6], draw=0))
    assert not torch.equal(first, network(x, indices=[4, 5, 6], draw=1))
    other = adaptive.through(small_network(), Speckle(), "bpda", seed=2)
    assert not torch.equal(first, other(x, indices=[4, 5, 6], draw=0))


def test_a_random_defense_is_attacked_and_judged_whole():
    images, labels = pictures(4)
    network = adaptive.through(small_network(), JpegNoise(20), "bpda", seed=1)
    judge = adaptive.behind(small_network(), JpegNoise(20), seed=2)
    settings = {"epsilon": 8, "steps": 4, "seed": 0, "judge": judge, "expectation": 2}
    found = iterated.pgd(network, images, labels, indices=range(4), **settings)
    again = iterated.pgd(network, images, labels, indices=range(4), **settings)
    assert torch.equal(found.images, again.images)
    assert (found.curve[:, -1] < found.curve[:, 0]).float().mean() >= 0.5
    with pytest.raises(BadInput, match="it needs the index of each image"):
        iterated.bim(network, images, labels, epsilon=2)


def test_two_transforms_go_one_before_the_other():
    images, _ = pictures(2)
    inner = adaptive.through(small_network(), Speckle(), "bpda", seed=1)
    outer = adaptive.through(inner, Jpeg(30), "jpeg")
    assert outer.stochastic
    x = images.float()
    compressed = jpeg.roundtrip(images, quality=30).float()
    torch.testing.assert_close(
        outer(x, indices=[0, 1], draw=3), inner(compressed, indices=[0, 1], draw=3), atol=1e-6, rtol=0
    )


def test_the_adaptive_attack_does_more_harm_than_the_plain_one():
    images, labels = pictures(12)
    judge = adaptive.behind(small_network(), Jpeg(30))
    plain, knowing = (
        iterated.bim(network, images, labels, epsilon=6, judge=judge)
        for network in (small_network(), adaptive.through(small_network(), Jpeg(30), "bpda"))
    )
    assert knowing.curve.amin(dim=1).mean() < plain.curve.amin(dim=1).mean()


BAD = [
    ({"how": "ste"}, "how is 'ste'; wanted jpeg or bpda"),
    ({"transform": half, "how": "jpeg"}, "has no quality and subsampling"),
    ({"how": "jpeg", "geometric": smooth_half}, "take anything else through 'bpda'"),
    ({"transform": Speckle()}, "is random: it needs a seed"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD, ids=[message for _, message in BAD])
def test_ways_that_do_not_fit_are_refused(wrong, message):
    settings = {"transform": Jpeg(), "how": "bpda"} | wrong
    with pytest.raises(BadInput, match=message):
        adaptive.through(small_network(), **settings)
