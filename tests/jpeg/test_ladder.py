import itertools

import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, ladder, quantization, sampling
from jpegstudy.jpeg.exactness import contents
from tests.conftest import noise

IMAGES = contents(33, 50)


def loss(images=IMAGES, **settings):
    """Mean square difference that the steps make."""
    return (ladder.partial(images, **settings) - images).square().mean().item()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
@pytest.mark.parametrize("settings", [{"quality": 1}, {}, {"quality": 100}, {"tables": torch.full((2, 8, 8), 37)}])
@pytest.mark.parametrize("size", [(1, 1), (3, 4), (33, 50)])
def test_all_steps_are_jpeg_and_none_is_the_image(channels, subsampling, settings, size):
    images = contents(*size)[:, :channels]
    settings = {"subsampling": subsampling, **settings}
    assert torch.equal(ladder.partial(images, **settings), jpeg.roundtrip(images, **settings).float())
    assert torch.equal(ladder.partial(images, steps=[], **settings), images.float())


def test_images_may_have_qualities_of_their_own():
    qualities = torch.arange(10, 100, 10)
    assert torch.equal(ladder.partial(IMAGES, quality=qualities), jpeg.roundtrip(IMAGES, quality=qualities).float())


@pytest.mark.parametrize("step", ladder.STEPS)
def test_every_step_alone_loses_something_and_its_absence_changes_something(step):
    assert loss(steps=[step]) > 0.01
    others = [other for other in ladder.STEPS if other != step]
    assert not torch.equal(ladder.partial(IMAGES, steps=others), ladder.partial(IMAGES))


def test_several_steps_lose_about_the_sum_of_what_each_loses_at_most():
    """No combination loses much more than its parts, as it would if a step were done twice or against another form."""
    photographs = IMAGES[:2]
    alone = {step: loss(photographs, steps=[step]) for step in ladder.STEPS}
    for steps in [*itertools.combinations(ladder.STEPS, 2), *itertools.combinations(ladder.STEPS, 4)]:
        assert loss(photographs, steps=steps) < 1.5 * sum(alone[step] for step in steps) + 1


def test_color_alone_is_the_round_trip_through_8_bit_luma_and_chroma():
    assert torch.equal(ladder.partial(IMAGES, steps=["color"]), color.to_rgb(*color.to_ycbcr(IMAGES)).float())


def test_rounding_alone_moves_no_sample_by_much():
    assert (ladder.partial(IMAGES, steps=["rounding"]) - IMAGES).abs().max() < 4


def test_luma_quantization_leaves_chroma_as_it_was_and_chroma_quantization_luma():
    x = IMAGES.double()
    luma, chroma = color.to_ycbcr(x, rounded=False)
    quantized = color.to_ycbcr(ladder.partial(IMAGES, steps=["luma quantization"]).double(), rounded=False)
    assert (quantized[1] - chroma).abs().max() < 1e-3 < (quantized[0] - luma).abs().max()
    quantized = color.to_ycbcr(ladder.partial(IMAGES, steps=["chroma quantization"]).double(), rounded=False)
    assert (quantized[0] - luma).abs().max() < 1e-3 < (quantized[1] - chroma).abs().max()


def test_chroma_steps_do_nothing_to_grey_images():
    grey = noise(1, 1, 16, 16)
    assert torch.equal(ladder.partial(grey, steps=["color", "chroma sampling", "chroma quantization"]), grey.float())
    assert not torch.equal(ladder.partial(grey, steps=["luma quantization"]), grey.float())


@pytest.mark.parametrize("steps", [["colour"], "color", [1]])
def test_unknown_steps_are_refused(steps):
    with pytest.raises(BadInput, match="wanted a list of color, chroma sampling"):
        ladder.partial(IMAGES, steps=steps)


def test_wrong_images_are_refused():
    with pytest.raises(BadInput, match=r"images are torch\.float32"):
        ladder.partial(IMAGES.float())


def test_what_is_prepared_once_serves_every_choice_of_steps():
    prepared = ladder.Prepared(IMAGES, quality=60)
    for steps in [[], ["color"], ladder.STEPS, ["luma quantization"], ["rounding"], ladder.STEPS[1:], ladder.STEPS, []]:
        assert torch.equal(prepared.left_by(steps), ladder.partial(IMAGES, quality=60, steps=steps))


@pytest.mark.parametrize("channels", [1, 3])
def test_all_bands_are_jpeg_and_no_band_is_no_quantization(channels):
    images = IMAGES[:, :channels]
    prepared = ladder.Prepared(images)
    all_bands, no_bands = torch.ones(8, 8, dtype=torch.bool), torch.zeros(8, 8, dtype=torch.bool)
    assert torch.equal(prepared.left_by(bands=all_bands), jpeg.roundtrip(images).float())
    rest = [step for step in ladder.STEPS if "quantization" not in step]
    assert torch.equal(prepared.left_by(bands=no_bands), prepared.left_by(rest))


def test_a_band_alone_changes_no_coefficient_of_another():
    bands = torch.zeros(8, 8, dtype=torch.bool)
    bands[2, 1] = True
    images = contents(32, 48)
    change = ladder.Prepared(images).left_by(["luma quantization"], bands=bands) - images
    luma = color.to_ycbcr(change.double() + 128, rounded=False)[0]
    energy = dct.coefficients(luma).square().sum(dim=(0, 1, 2, 3))
    assert energy[2, 1] > 0.999999 * energy.sum() > 1


@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
def test_the_levels_are_those_that_decode_to_the_round_trip(subsampling):
    luma, chroma = ladder.Prepared(IMAGES, quality=40, subsampling=subsampling).levels()
    of_luma, of_chroma = jpeg.tables.for_quality(40)[:, None]
    luma = dct.inverse(quantization.dequantize(luma, of_luma)).clamp(-128, 127)[..., :33, :50]
    chroma = dct.inverse(quantization.dequantize(chroma, of_chroma)).clamp(-128, 127)
    chroma = sampling.upsample(chroma, subsampling, 33, 50)
    assert torch.equal(color.to_rgb(luma, chroma), jpeg.roundtrip(IMAGES, quality=40, subsampling=subsampling))
