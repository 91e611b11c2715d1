"""JPEG 2000 and WebP against Pillow called directly."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, features
from skimage import data

from jpegstudy.errors import BadInput
from jpegstudy.transforms import Jpeg2000, Webp
from tests.conftest import noise

J2K = {"quality_mode": "rates", "irreversible": True}


def photographs(size=96):
    """Two photographs' middles: uint8 (2, 3, size, size)."""
    crops = [image[100 : 100 + size, 100 : 100 + size] for image in (data.astronaut(), data.coffee())]
    return torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize(
    ("transform", "form", "options"),
    [
        (Jpeg2000(20), "JPEG2000", {**J2K, "quality_layers": [20]}),
        (Jpeg2000(7.5), "JPEG2000", {**J2K, "quality_layers": [7.5]}),
        (Webp(), "WEBP", {"quality": 75, "method": 4}),
        (Webp(10), "WEBP", {"quality": 10, "method": 4}),
    ],
)
def test_pixels_and_bits_are_those_of_pillows_files(tmp_path, transform, form, options):
    images = photographs()
    results, bits = transform(images), transform.bits(images)
    assert bits.dtype == torch.int64
    for image, result, size in zip(images, results, bits, strict=True):
        path = tmp_path / "image"
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path, form, **options)
        assert size == 8 * path.stat().st_size
        assert np.array_equal(np.asarray(Image.open(path).convert("RGB")), result.permute(1, 2, 0).numpy())


def test_the_ratio_is_kept_up_to_the_header():
    images = photographs(224)
    for ratio in (10, 20, 50):
        share = images[0].numel() * 8 / ratio
        assert ((Jpeg2000(ratio).bits(images) <= share + 8 * 200) & (Jpeg2000(ratio).bits(images) > 0.9 * share)).all()


def test_more_bits_leave_less_error():
    images = photographs()
    for codecs in ([Jpeg2000(40), Jpeg2000(20), Jpeg2000(5)], [Webp(10), Webp(50), Webp(95)]):
        bits = [codec.bits(images).sum() for codec in codecs]
        errors = [(codec(images).float() - images).square().mean() for codec in codecs]
        assert bits == sorted(bits)
        assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("transform", [Jpeg2000(2), Webp(90)])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 40), (16, 31)])
def test_small_images_are_coded_too(transform, height, width):
    images = torch.full((1, 3, height, width), 90, dtype=torch.uint8)
    assert (transform(images).int() - 90).abs().max() <= 2
    assert transform.bits(images) > 0


@pytest.mark.parametrize(("transform", "feature"), [(Jpeg2000(20), "jpg_2000"), (Webp(), "webp")])
def test_a_pillow_without_the_codec_is_named(monkeypatch, transform, feature):
    monkeypatch.setattr(features, "check", lambda name: name != feature)
    with pytest.raises(BadInput, match="Pillow was built without"):
        transform(noise(1, 3, 16, 16))


def test_what_the_encoder_refuses_is_one_line():
    with pytest.raises(BadInput, match="WEBP takes no image of 16384x1 pixels"):
        Webp()(noise(1, 3, 1, 16384))


def test_grey_images_are_refused():
    with pytest.raises(BadInput, match="images have 1 channel; WEBP wants the three"):
        Webp().bits(noise(1, 1, 16, 16))


def test_a_file_can_be_opened_by_anyone():
    (file,) = Webp().encode(noise(1, 3, 20, 30))
    assert Image.open(io.BytesIO(file)).size == (30, 20)
