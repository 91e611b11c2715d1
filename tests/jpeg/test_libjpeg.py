import io

import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image, features
from torchvision.io import decode_jpeg, encode_jpeg

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from tests.conftest import noise


@pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities of TorchVision:DeprecationWarning")
@pytest.mark.parametrize("quality", [1, 25, 75, 100])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (33, 17), (226, 18)])
def test_roundtrip_is_torchvisions_on_every_pixel(quality, height, width):
    images = noise(2, 3, height, width)
    expected = torch.stack([decode_jpeg(encode_jpeg(image, quality)) for image in images])  # 4:2:0 is all it writes
    assert torch.equal(jpeg.roundtrip(images, quality=quality), expected)


def test_pillow_and_imagecodecs_have_the_library_that_the_study_names():
    assert features.check_feature("libjpeg_turbo")
    assert "libjpeg_turbo" in imagecodecs.jpeg8_version()


@pytest.mark.parametrize("quality", [1, 25, 75, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (33, 17), (226, 18)])
def test_roundtrip_is_pillows_on_every_pixel(quality, subsampling, height, width):
    images = noise(2, 3, height, width)
    for image, result in zip(images, jpeg.roundtrip(images, quality=quality, subsampling=subsampling), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
        assert (result.permute(1, 2, 0).numpy() == np.asarray(Image.open(buffer))).all()


def test_channels_last_images_and_empty_batches_are_taken():
    images = noise(2, 3, 20, 20)
    last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(jpeg.roundtrip(last), jpeg.roundtrip(images))
    assert jpeg.roundtrip(images[:0]).shape == (0, 3, 20, 20)


def test_the_input_is_left_alone():
    images = noise(1, 3, 16, 16)
    before = images.clone()
    assert not torch.equal(jpeg.roundtrip(images, quality=10), before)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (torch.zeros(1, 3, 8, 8), {}, r"torch.float32 \(1, 3, 8, 8\); wanted a uint8 tensor \(N, 3, H, W\)"),
        (noise(3, 8, 8), {}, "wanted a uint8 tensor"),
        (noise(1, 1, 8, 8), {}, "wanted a uint8 tensor"),
        (np.zeros((1, 3, 8, 8), np.uint8), {}, "images are ndarray"),
        (noise(1, 3, 8, 8), {"quality": 0}, "quality is 0; libjpeg takes"),
        (noise(1, 3, 8, 8), {"quality": 75.0}, "quality is 75.0"),
        (noise(1, 3, 8, 8), {"subsampling": "4:1:1"}, "subsampling is '4:1:1'; wanted 4:4:4"),
    ],
)
def test_wrong_input_is_told_what_is_wanted(images, settings, message):
    with pytest.raises(BadInput, match=message):
        jpeg.roundtrip(images, **settings)
