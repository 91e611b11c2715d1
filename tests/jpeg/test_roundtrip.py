import numpy as np
import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import exact, libjpeg
from tests.conftest import noise

IMAGES = noise(2, 3, 8, 8)
TABLES = torch.full((2, 8, 8), 10)


@pytest.mark.parametrize("codec", jpeg.CODECS)
@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"quality": 30}, {"quality": torch.tensor([5, 95])}, {"tables": TABLES}, {"tables": TABLES.tolist()}],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_codec_gives_the_same_pixels(codec, subsampling, settings, channels):
    images = noise(2, channels, 19, 34)
    result = jpeg.roundtrip(images, subsampling=subsampling, codec=codec, **settings)
    assert result.dtype == torch.uint8
    assert result.is_contiguous()
    assert torch.equal(result, jpeg.roundtrip(images, subsampling=subsampling, codec="libjpeg", **settings))


def test_every_codec_is_what_it_says(monkeypatch):
    monkeypatch.setattr(exact, "roundtrip", lambda images, **settings: "torch")
    monkeypatch.setattr(libjpeg, "roundtrip", lambda images, **settings: "libjpeg")
    for codec, expected in {"auto": "libjpeg", "torch": "torch", "libjpeg": "libjpeg"}.items():
        assert jpeg.roundtrip(IMAGES, codec=codec) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("allowed", [True, False])
def test_a_gpu_gives_the_same_pixels_in_the_same_place(monkeypatch, allowed):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", allowed)
    for subsampling in jpeg.SUBSAMPLINGS:
        for quality in (1, 50, 75, 100):
            images, settings = noise(9, 3, 226, 231), {"quality": quality, "subsampling": subsampling}
            result = jpeg.roundtrip(images.cuda(), **settings)
            assert result.device.type == "cuda"
            assert torch.equal(result.cpu(), jpeg.roundtrip(images, **settings))


@pytest.mark.parametrize("codec", jpeg.CODECS)
@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (
            torch.zeros(1, 3, 8, 8),
            {},
            r"torch.float32 \(1, 3, 8, 8\); wanted a uint8 tensor \(N, 3, H, W\), or \(N, 1, H",
        ),
        (noise(3, 8, 8), {}, r"images are torch.uint8 \(3, 8, 8\); wanted a uint8 tensor"),
        (noise(1, 2, 8, 8), {}, r"images are torch.uint8 \(1, 2, 8, 8\); wanted a uint8 tensor"),
        (noise(1, 3, 0, 8), {}, r"images are torch.uint8 \(1, 3, 0, 8\); wanted .* with sides of 1 to 65500 pixels"),
        (noise(1, 1, 1, 65501), {}, "with sides of 1 to 65500 pixels"),
        (np.zeros((1, 3, 8, 8), np.uint8), {}, "images are ndarray"),
        (IMAGES, {"quality": 0}, "quality is 0; libjpeg takes a whole number from 1 to 100"),
        (IMAGES, {"quality": 101}, "quality is 101"),
        (IMAGES, {"quality": 75.0}, "quality is 75.0"),
        (IMAGES, {"quality": True}, "quality is True"),
        (IMAGES, {"quality": "75"}, "quality is '75'"),
        (IMAGES, {"quality": [75, 75]}, r"quality is \[75, 75\]"),
        (
            IMAGES,
            {"quality": torch.tensor([75, 75, 75])},
            r"quality is torch.int64 \(3,\); wanted .* tensor \(2,\), or one int",
        ),
        (IMAGES, {"quality": torch.tensor([75.0, 75.0])}, r"quality is torch.float32 \(2,\)"),
        (IMAGES, {"quality": torch.tensor(75)}, r"quality is torch.int64 \(\)"),
        (IMAGES, {"quality": torch.tensor([75, 0])}, "quality holds 0; libjpeg takes"),
        (IMAGES, {"subsampling": "4:1:1"}, "subsampling is '4:1:1'; wanted 4:4:4 or 4:2:2 or 4:2:0"),
        (IMAGES, {"subsampling": ["4:2:0"]}, "subsampling is "),
        (IMAGES, {"tables": TABLES[0]}, r"tables are torch.int64 \(8, 8\); wanted integers"),
        (IMAGES, {"tables": TABLES * 26}, "tables hold 260 to 260; wanted steps of 1 to 255"),
        (IMAGES, {"tables": TABLES, "quality": 50}, "quality is 50 and tables are given"),
        (IMAGES, {"tables": TABLES, "quality": torch.tensor([75, 75])}, "and tables are given"),
    ],
)
def test_wrong_input_is_told_what_is_wanted(images, settings, message, codec):
    with pytest.raises(BadInput, match=message):
        jpeg.roundtrip(images, codec=codec, **settings)


@pytest.mark.parametrize("codec", ["turbo", None, ["torch"]])
def test_an_unknown_codec_is_refused(codec):
    with pytest.raises(BadInput, match="wanted auto, torch or libjpeg"):
        jpeg.roundtrip(IMAGES, codec=codec)


def test_everything_that_is_offered_is_there():
    assert all(hasattr(jpeg, name) for name in jpeg.__all__)
