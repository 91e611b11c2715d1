"""What all rivals of JPEG have in common, and how they are found by name."""

import numpy as np
import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.transforms import TRANSFORMS, Jpeg, JpegNoise
from jpegstudy.transforms.drawing import STREAMS, generators
from jpegstudy.transforms.finding import find
from tests.conftest import noise

NAMES = ["SLQ", "BITS", "MED", "GAUSS1", "TVM", "QUILT", "J2K20", "WEBP", "RRP"]
RANDOM = ["SLQ", "TVM", "RRP"]


def test_every_defense_is_in_the_table_below():
    assert {find(name).name for name in NAMES} == set(TRANSFORMS) - {"JPG", "JPGnoise", "FD", "FD8"}
    assert {find(name).name for name in NAMES if find(name).stochastic} == set(RANDOM) == set(STREAMS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(24, 24), (33, 17), (5, 7)])
def test_every_rival_keeps_the_contract(name, height, width):
    transform = find(name)
    images = noise(2, 3, height, width)
    before = images.clone()
    result = transform(images, seed=0, indices=[0, 1])
    assert result.dtype == torch.uint8
    assert torch.equal(images, before)
    assert not torch.equal(result, images)
    assert (result.shape == images.shape) != transform.resizes
    assert transform.differentiable is hasattr(transform, "smooth")
    if not transform.stochastic:
        assert torch.equal(result, transform(images))


@pytest.mark.parametrize("name", NAMES)
def test_an_image_comes_out_alike_in_any_batch_and_order(name):
    images = noise(9, 3, 19, 26)  # nine: enough for several threads where there are any
    indices = list(range(10, 19))
    together = find(name)(images, seed=7, indices=indices)
    turned = find(name)(images.flip(0), seed=7, indices=indices[::-1]).flip(0)
    halves = [find(name)(images[part], seed=7, indices=indices[part]) for part in (slice(0, 1), slice(1, 9))]
    assert torch.equal(together, turned)
    assert torch.equal(together, torch.cat(halves))


@pytest.mark.parametrize("name", NAMES)
def test_no_images_come_out_as_none(name):
    result = find(name)(torch.empty((0, 3, 16, 16), dtype=torch.uint8), seed=0, indices=[])
    assert len(result) == 0
    assert result.dtype == torch.uint8


@pytest.mark.parametrize("name", NAMES)
def test_other_images_are_refused(name):
    with pytest.raises(BadInput, match="images are"):
        find(name)(torch.zeros(1, 3, 16, 16), seed=0, indices=[0])


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_and_the_index_decide(name):
    image = noise(1, 3, 40, 40).repeat(2, 1, 1, 1)
    same = find(name)(image, seed=7, indices=[3, 3])
    other = find(name)(image, seed=7, indices=[3, 4])
    assert torch.equal(same[0], same[1])
    assert not torch.equal(other[0], other[1])
    assert not torch.equal(find(name)(image, seed=8, indices=[3, 4])[0], other[0])


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("given", [{}, {"seed": 0}, {"indices": [0, 1]}, {"seed": 0, "indices": [0]}])
def test_a_random_one_wants_a_seed_and_indices(name, given):
    with pytest.raises(BadInput, match=f"{name} is random: it needs a seed and the index of each image"):
        find(name)(noise(2, 3, 16, 16), **given)


def test_no_two_transforms_draw_the_same():
    draws = {name: tuple(generators(name, 1, 0, [5])[0].integers(1000, size=4)) for name in STREAMS}
    draws["JPGnoise"] = tuple(np.random.default_rng([0, 5]).integers(1000, size=4))
    assert len(set(draws.values())) == len(draws)


@pytest.mark.parametrize(
    "text",
    [
        "SLQ", "SLQ30", "SLQ10-90", "BITS", "BITS1", "BITS8", "MED", "MED2", "MED5", "GAUSS1", "GAUSS0.5", "GAUSS2.25",
        "TVM", "QUILT", "QUILT[patches.npy]", "QUILT[C:/some folder]", "QUILT[demo+more/images]", "J2K20", "J2K7.5",
        "WEBP", "WEBP0", "WEBP50", "RRP", "RRP128", "tests.conftest:noise",
    ],
)  # fmt: skip
def test_name_and_settings_lead_back_to_the_transform(text):
    transform = find(text)
    assert transform.name + transform.settings == text
    assert find(transform.name + transform.settings) == transform
    if transform.name in TRANSFORMS:
        assert TRANSFORMS[transform.name].of(transform.settings) == transform


def test_authors_settings_are_printed_as_nothing():
    for written, short in {"SLQ20-40-60-80": "SLQ", "BITS5": "BITS", "MED3": "MED", "WEBP75": "WEBP"}.items():
        assert find(written) == find(short)
        assert find(written).settings == ""
    assert find("GAUSS2.0").settings == "2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SLQ20-", "qualities from 1 to 100"), ("SLQ0", "qualities from 1 to 100"), ("SLQ101", "101"),
        ("BITS9", "9; wanted bits from 1 to 8"), ("BITS05", "'05'; wanted bits"), ("BITS2.5", "bits from 1 to 8"),
        ("MED1", "window's side in pixels"), ("MED-3", "'-3'; wanted the window's side"),
        ("GAUSS", "sigma in pixels.*no authors' choice"), ("GAUSS0", "sigma in pixels"), ("GAUSS-1", "'-1'"),
        ("TVM5", "'5'; wanted nothing"), ("QUILT[]", "folder of images"), ("QUILT5", "folder of images"),
        ("J2K", "compression ratio"), ("J2K0.5", "0.5; wanted the compression ratio"), ("WEBP101", "0 to 100"),
        ("RRP256", "grey level of the border"), ("JPG0", "quality is 0; libjpeg takes 1 to 100"),
        ("JPG50-411", "'50-411'"),
        ("JPGnoise101", "quality is 101"), ("a b:c", "your own goes by package.module:function"),
        (":f", "your own goes by package.module:function"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused_in_a_line(text, message):
    with pytest.raises(BadInput, match=message) as refused:
        find(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("MEDIAN", "MED"), ("SQL", "SLQ"), ("BIT4", "BITS"), ("GAUS0.5", "GAUSS"), ("JPEG", "JPG"), ("QUIT[a]", "QUILT")],
)
def test_an_unknown_name_brings_the_nearest(text, nearest):
    with pytest.raises(BadInput, match=f"no transform '.*'; nearest: .*{nearest}"):
        find(text)


def test_a_name_like_nothing_brings_all():
    with pytest.raises(BadInput, match="known: JPG, JPGnoise, FD, FD8, SLQ, BITS"):
        find("zzz")


def test_jpeg_and_its_noise_are_found_too():
    assert find("JPG") == Jpeg()
    assert find("JPG50-444") == Jpeg(50, "4:4:4")
    assert find("JPGnoise30") == JpegNoise(30)
