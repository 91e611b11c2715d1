"""JPEG under attack: the quantizer flip does more than gradients and noise, and the bound holds."""

import pytest
import torch
from PIL import Image

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, size
from jpegstudy.learned import vulnerability
from jpegstudy.learned.attack import ftda, gaussian, l2_pgd
from jpegstudy.learned.budget import mean_squares
from jpegstudy.learned.jpeg_codec import Jpeg, coefficient_bound, mse_bound, quantizer_flip
from tests.learned.conftest import photographs


def index_of(codec, images, result):
    return vulnerability.measure(codec.reconstruct, images, result.images).delta_psnr


@pytest.mark.parametrize("quality", [20, 50])
def test_the_flip_changes_the_real_jpeg_far_more_than_noise_of_the_same_power(quality):
    codec, images = Jpeg(quality), photographs(96, 80)
    result = quantizer_flip(codec, images, mse_budget=1e-4)
    assert (result.mse <= 1e-4).all()
    assert (result.mse > 0.95e-4).all()
    assert (result.images.int() - images.int()).abs().max() <= 16
    flipped = index_of(codec, images, result)
    noisy = index_of(codec, images, gaussian(codec, images, mse_budget=1e-4))
    assert (flipped >= 11).all()
    assert (flipped > noisy + 6).all()
    assert result.reached.tolist() == pytest.approx(
        mean_squares(codec.reconstruct(images), codec.reconstruct(result.images)).tolist()
    )


def test_the_flip_is_seen_by_pillow_too(tmp_path):
    images = photographs(64, 64)[:1]
    moved = quantizer_flip(Jpeg(30, "4:4:4"), images, mse_budget=1e-4).images

    def through_pillow(image):
        Image.fromarray(image[0].permute(1, 2, 0).numpy()).save(tmp_path / "x.jpg", quality=30, subsampling=0)
        with Image.open(tmp_path / "x.jpg") as file:
            return torch.frombuffer(bytearray(file.tobytes()), dtype=torch.uint8).view(64, 64, 3).permute(2, 0, 1)[None]

    out = mean_squares(through_pillow(images), through_pillow(moved))
    assert 10 * torch.log10(out / mean_squares(images, moved)) > 8


def test_the_flip_takes_any_size_and_images_one_by_one():
    codec, images = Jpeg(40), photographs(29, 35)
    whole = quantizer_flip(codec, images, mse_budget=3e-4).images
    assert torch.equal(whole[1:], quantizer_flip(codec, images[1:], mse_budget=3e-4).images)


def test_gradients_through_rounding_find_less_than_those_without_and_the_flip_the_most():
    images = photographs(64, 64)
    settings = {"mse_budget": 1e-4, "steps": 12}
    through = index_of(Jpeg(20), images, l2_pgd(Jpeg(20, gradient="straight-through"), images, **settings))
    smooth = index_of(Jpeg(20), images, ftda(Jpeg(20), images, **settings))
    flip = index_of(Jpeg(20), images, quantizer_flip(Jpeg(20), images, mse_budget=1e-4))
    assert (through < smooth).all()
    assert (smooth < flip).all()


def test_no_coefficient_goes_further_than_its_change_and_half_a_step():
    images = photographs(64, 64)
    moved = quantizer_flip(Jpeg(20), images, mse_budget=1e-3).images
    grey, attacked = ((color.to_ycbcr(each)[0] + 128).round().clamp(0, 255).to(torch.uint8) for each in (images, moved))
    inside = (attacked > 20) & (attacked < 235)  # clipping adds to what quantization does
    coded = jpeg.roundtrip(attacked, quality=20)
    whole = inside.unfold(2, 8, 8).unfold(3, 8, 8).all(-1).all(-1)
    before, given, after = (dct.coefficients(each.double() - 128) for each in (grey, attacked, coded))
    bound = coefficient_bound(given - before, 20)[whole]
    apart = (after - before).abs()[whole]
    samples = 4  # half a grey level of each of 64 samples, as far as rounding can move one coefficient
    assert (apart <= bound + samples).all()
    assert (apart / bound).max() > 0.95  # the bound is tight
    assert whole.sum() > 20


def test_an_error_leaves_its_block_by_a_pixel_of_subsampled_color_at_most():
    image = photographs(48, 48)[:1]
    moved = image.clone()
    moved[..., 16:32, 16:32] = 255 - moved[..., 16:32, 16:32]
    for grey in (False, True):
        pair = [each[:, :1] if grey else each for each in (image, moved)]
        before, after = (jpeg.roundtrip(each, quality=50) for each in pair)
        rows, columns = (before != after).any(1)[0].nonzero().T
        reach = 0 if grey else 1
        for places in (rows, columns):
            assert (places.min(), places.max()) == (16 - reach, 31 + reach)


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_a_real_jpegs_luma_stays_within_the_bound(quality):
    images = color.to_ycbcr(photographs(64, 64))[0].add(128).to(torch.uint8)  # (2, 1, 64, 64): grey
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    for deviation in (1, 8):
        moved = (images + deviation * noise).round().clamp(0, 255).to(torch.uint8)
        spent = mean_squares(images, moved)
        error = mean_squares(images, jpeg.roundtrip(moved, quality=quality))
        bounds = [mse_bound(each, quality) for each in spent.tolist()]
        assert all(one <= other for one, other in zip(error.tolist(), bounds, strict=True))


def test_vulnerability_of_jpeg_counts_real_bits():
    codec, images = Jpeg(30), photographs(64, 48)
    moved = quantizer_flip(codec, images, mse_budget=1e-3).images
    found = vulnerability.measure(codec.reconstruct, images, moved, bits=codec.bits)
    assert torch.equal(found.bits_clean, size.in_bits(images, quality=30).double())
    assert (found.bits_adv > found.bits_clean).all()
    assert torch.equal(found.bits_per_pixel_adv, found.bits_adv / (64 * 48))
    assert torch.equal(found.drop_src, found.psnr_clean - found.psnr_adv_src)
    assert (found.drop_src > 1).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0,), "quality is 0"),
        ((50, "4:1:1"), "subsampling is '4:1:1'"),
        ((50, "4:2:0", "cubic"), "gradient is 'cubic'"),
    ],
)
def test_codecs_that_are_no_jpeg_are_refused(arguments, said):
    with pytest.raises(BadInput, match=said):
        Jpeg(*arguments)


def test_the_flip_wants_a_jpeg(codecs):
    with pytest.raises(BadInput, match="codec is a FactorizedPrior; the quantizer flip is for"):
        quantizer_flip(codecs["factorized"], photographs(8, 8), mse_budget=1e-3)
