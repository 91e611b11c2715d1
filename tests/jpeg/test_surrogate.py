import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct, surrogate
from tests.conftest import noise

NOISE = {"seed": 3, "indices": [5, 9]}


def settings_of(rounding):
    return {"rounding": rounding, **(NOISE if rounding == "noise" else {})}


def smooth_images(height=18, width=21, channels=3):
    """float64 (2, channels, height, width): like photographs, with some pixels beyond the ends of the range."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, channels, 5, 5, dtype=torch.float64, generator=generator) * 400 - 70
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear").contiguous()


@pytest.mark.parametrize("rounding", surrogate.ROUNDINGS)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("channels", [3, 1])
def test_forward_is_the_exact_round_trip(rounding, subsampling, channels):
    images = smooth_images(channels=channels).float().requires_grad_()
    result = surrogate.roundtrip(images, quality=30, subsampling=subsampling, **settings_of(rounding))
    eight_bit = (images.detach() + 0.5).floor().clamp(0, 255).to(torch.uint8)
    assert torch.equal(result, jpeg.roundtrip(eight_bit, quality=30, subsampling=subsampling).float())
    result.sum().backward()
    assert images.grad.shape == images.shape


@pytest.mark.parametrize("rounding", surrogate.ROUNDINGS)
@pytest.mark.parametrize("clipping", surrogate.CLIPPINGS)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_backward_is_the_gradient_of_the_smooth_forward(rounding, clipping, subsampling):
    images = smooth_images().requires_grad_()
    given = {"quality": 20, "subsampling": subsampling, "clipping": clipping, **settings_of(rounding)}
    weights = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (exact,) = torch.autograd.grad(surrogate.roundtrip(images, **given), images, weights)
    (smooth,) = torch.autograd.grad(surrogate.smooth(images, **given), images, weights)
    assert torch.equal(exact, smooth)


@pytest.mark.parametrize("rounding", surrogate.ROUNDINGS)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_gradients_are_finite_differences_of_the_smooth_forward(rounding, subsampling):
    """Where clipping masks; where it passes, the gradient is meant to be another than the forward's derivative."""
    images = smooth_images(9, 10).requires_grad_()
    given = {"quality": 40, "subsampling": subsampling, "clipping": "mask", **settings_of(rounding)}
    assert torch.autograd.gradcheck(lambda x: surrogate.smooth(x, **given), images, eps=1e-5, atol=1e-5, fast_mode=True)


def test_custom_tables_and_qualities_of_each_image_reach_the_gradient():
    images = smooth_images(16, 16).requires_grad_()
    tables = torch.full((2, 8, 8), 40)
    assert torch.autograd.gradcheck(
        lambda x: surrogate.smooth(x, tables=tables, rounding="cubic", clipping="mask"),
        images,
        eps=1e-5,
        atol=1e-5,
        fast_mode=True,
    )
    each = surrogate.smooth(images, quality=torch.tensor([10, 90]), rounding="cubic")
    assert torch.equal(each[:1], surrogate.smooth(images[:1], quality=10, rounding="cubic"))
    assert torch.equal(each[1:], surrogate.smooth(images[1:], quality=90, rounding="cubic"))


def test_straight_through_sees_nothing_of_the_quality_and_the_cubic_does():
    images = smooth_images(16, 16).clamp(20, 235).requires_grad_()

    def gradient(quality, rounding):
        return torch.autograd.grad(surrogate.roundtrip(images, quality=quality, rounding=rounding).sum(), images)[0]

    assert torch.allclose(gradient(5, "straight-through"), gradient(95, "straight-through"), atol=1e-12)
    assert not torch.allclose(gradient(5, "cubic"), gradient(95, "cubic"), atol=1e-2)


def test_at_444_straight_through_is_the_identity():
    images = smooth_images(16, 16).clamp(20, 235).requires_grad_()
    result = surrogate.roundtrip(images, subsampling="4:4:4")
    weights = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (found,) = torch.autograd.grad(result, images, weights)
    torch.testing.assert_close(found, weights, atol=1e-9, rtol=0)


def test_on_the_lattice_the_cubic_has_no_gradient_and_straight_through_has():
    """Gradient masking: an image whose coefficients are whole multiples of the steps, as a decoder leaves them."""
    steps = jpeg.tables.for_quality(50)[0].double()
    levels = torch.zeros(1, 1, 2, 2, 8, 8, dtype=torch.float64)
    levels[..., :3, :3] = torch.randint(-2, 3, (3, 3), generator=torch.Generator().manual_seed(1)).double()
    images = (dct.samples(levels * steps) + 128).requires_grad_()
    size = {}
    for rounding in ("cubic", "straight-through"):
        result = surrogate.roundtrip(images, quality=50, rounding=rounding)
        size[rounding] = torch.autograd.grad(result.square().sum(), images)[0].abs().max()
    assert size["cubic"] < 1e-9 < 1 < size["straight-through"]


def test_clipping_masks_the_gradient_or_lets_it_pass():
    images = torch.full((1, 3, 16, 16), 300.0, requires_grad=True)
    for clipping, expected in (("mask", 0.0), ("pass", 1.0)):
        for rounding in ("straight-through", "identity"):
            result = surrogate.roundtrip(images, rounding=rounding, clipping=clipping)
            (found,) = torch.autograd.grad(result.sum(), images)
            torch.testing.assert_close(found, torch.full_like(images, expected), atol=1e-4, rtol=0)


def test_noise_depends_on_the_seed_and_the_images_index_alone():
    images = smooth_images(16, 16)
    both = surrogate.smooth(images, rounding="noise", seed=1, indices=[4, 7])
    assert torch.equal(both[1:], surrogate.smooth(images[1:], rounding="noise", seed=1, indices=[7]))
    assert not torch.equal(both, surrogate.smooth(images, rounding="noise", seed=2, indices=[4, 7]))


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (noise(1, 3, 8, 8), {}, r"torch.uint8 \(1, 3, 8, 8\); wanted a floating tensor"),
        (torch.zeros(3, 8, 8), {}, "wanted a floating tensor"),
        (torch.zeros(1, 3, 8, 8), {"rounding": "soft"}, "rounding is 'soft'; wanted straight-through or cubic"),
        (torch.zeros(1, 3, 8, 8), {"clipping": True}, "clipping is True; wanted mask or pass"),
        (torch.zeros(1, 3, 8, 8), {"rounding": "noise"}, "needs a seed and the index of each image"),
        (torch.zeros(1, 3, 8, 8), {"quality": 0}, "quality is 0"),
        (torch.zeros(1, 2, 8, 8), {}, r"images are torch.uint8 \(1, 2, 8, 8\)"),
    ],
)
def test_wrong_input_is_told_what_is_wanted(images, settings, message):
    with pytest.raises(BadInput, match=message):
        surrogate.roundtrip(images, **settings)
