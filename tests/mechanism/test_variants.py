import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import ladder as jpeg_ladder
from jpegstudy.jpeg.exactness import contents
from jpegstudy.mechanism import ladder

IMAGES = contents(24, 35)[:3]


@pytest.fixture(scope="module")
def results():
    """What every variant leaves of the images at quality 50."""
    return {variant.name: result for variant, result in ladder.run_variants(IMAGES, ladder.variants(), quality=50)}


def test_all_is_jpeg_bit_for_bit_and_none_the_image(results):
    assert torch.equal(results["all"], jpeg.roundtrip(IMAGES, quality=50).float())
    assert torch.equal(results["grid 0 0"], results["all"])
    assert torch.equal(results["none"], IMAGES.float())


def test_names_are_unique_and_say_what_is_done(results):
    assert len(results) == len(ladder.variants()) == 2 + 2 * 5 + 2 * 64 + len(ladder.SHIFTS)
    for step in jpeg_ladder.STEPS:
        rest = [other for other in jpeg_ladder.STEPS if other != step]
        assert torch.equal(results[f"only {step}"], jpeg_ladder.partial(IMAGES, quality=50, steps=[step]))
        assert torch.equal(results[f"all but {step}"], jpeg_ladder.partial(IMAGES, quality=50, steps=rest))


def test_what_the_bands_lose_alone_adds_up_to_what_quantization_loses(results):
    """In real numbers the transform is linear, and so are luma and chroma without subsampling."""
    alone = sum(results[f"only band {k}"].double() - IMAGES for k in range(64))
    both = sum(results[f"only {kind} quantization"].double() - IMAGES for kind in ("luma", "chroma"))
    assert (alone - both).abs().max() < 64 * 2**-16  # each result is rounded to 2^-16
    assert both.abs().max() > 1


def test_leaving_out_the_mean_leaves_the_mean_of_grey_blocks():
    """The variant is of the right band: band 0 is the mean of each block, which only rounding then moves."""
    grey = contents(24, 32)[:2, :1] // 4 + 96  # far from the ends of the range, where clamping moves means
    chosen = [variant for variant in ladder.variants() if variant.name in ("all but band 0", "all but band 63")]
    kept, lost = (jpeg.dct.blocks(left).mean(dim=(-2, -1)) for _, left in ladder.run_variants(grey, chosen, quality=5))
    means = jpeg.dct.blocks(grey.float()).mean(dim=(-2, -1))
    assert (kept - means).abs().max() < 0.7 < (lost - means).abs().max()


@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
@pytest.mark.parametrize("shift", [(3, 5), (0, 4), (15, 1)])
def test_a_shifted_grid_is_jpeg_of_the_image_that_begins_there(subsampling, shift):
    """Beyond the first block of the shifted grid nothing knows of what was repeated above and left of the image."""
    images = contents(48, 48)[:2]
    dy, dx = shift
    inside = jpeg.roundtrip(images[..., dy:, dx:], subsampling=subsampling).float()
    shifted = ladder.shifted_roundtrip(images, shift, subsampling=subsampling)[..., dy:, dx:]
    assert torch.equal(shifted[..., 1:, 1:], inside[..., 1:, 1:])  # interpolated chroma looks one value further
    assert not torch.equal(shifted, jpeg.roundtrip(images, subsampling=subsampling)[..., dy:, dx:].float())


def test_without_subsampling_a_shift_of_a_block_is_none():
    assert torch.equal(
        ladder.shifted_roundtrip(IMAGES, (8, 8), subsampling="4:4:4"), jpeg.roundtrip(IMAGES, subsampling="4:4:4")
    )


@pytest.mark.parametrize("shift", [(0, 16), (-1, 0), (1.5, 0), (1,)])
def test_other_shifts_are_refused(shift):
    with pytest.raises(BadInput, match="whole numbers of pixels"):
        ladder.variants(shifts=[shift])
