import io
import threading

import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image, features
from torchvision.io import decode_jpeg, encode_jpeg

from jpegstudy.jpeg import libjpeg
from jpegstudy.jpeg.exactness import contents, through_pillow
from tests.conftest import noise


@pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities of TorchVision:DeprecationWarning")
@pytest.mark.parametrize("quality", [1, 25, 75, 100])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (33, 17), (226, 18)])
def test_roundtrip_is_torchvisions_on_every_pixel(quality, height, width):
    images = noise(2, 3, height, width)
    expected = torch.stack([decode_jpeg(encode_jpeg(image, quality)) for image in images])  # 4:2:0 is all it writes
    assert torch.equal(libjpeg.roundtrip(images, quality=quality), expected)


def test_pillow_and_imagecodecs_have_the_library_that_the_study_names():
    assert features.check_feature("libjpeg_turbo")
    assert "libjpeg_turbo" in imagecodecs.jpeg8_version()


@pytest.mark.parametrize("quality", [1, 25, 75, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (33, 17), (226, 18)])
def test_roundtrip_is_pillows_on_every_pixel(quality, subsampling, height, width):
    images = noise(2, 3, height, width)
    for image, result in zip(images, libjpeg.roundtrip(images, quality=quality, subsampling=subsampling), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
        assert (result.permute(1, 2, 0).numpy() == np.asarray(Image.open(buffer))).all()


@pytest.mark.parametrize("quality", [1, 75, 100])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 16), (16, 1), (33, 17)])
def test_grey_images_are_coded_as_grey(quality, height, width):
    images = contents(height, width)[:, :1]
    assert torch.equal(libjpeg.roundtrip(images, quality=quality), through_pillow(images, quality=quality))


@pytest.mark.parametrize("channels", [1, 3])
def test_custom_tables_are_taken_as_they_are(channels):
    images, steps = contents(33, 17)[:, :channels], torch.randint(1, 256, (2, 8, 8))
    steps[:, 0, 0] = 255
    expected = through_pillow(images, qtables=steps.reshape(2, 64).tolist()[: 1 if channels == 1 else 2])
    assert torch.equal(libjpeg.roundtrip(images, tables=steps), expected)


def test_images_of_one_batch_may_have_qualities_of_their_own():
    images, qualities = contents(33, 17), torch.tensor([1, 2, 10, 30, 50, 75, 90, 99, 100], dtype=torch.uint8)
    result = libjpeg.roundtrip(images, quality=qualities)
    for image, quality, found in zip(images, qualities.tolist(), result, strict=True):
        assert torch.equal(found, libjpeg.roundtrip(image[None], quality=quality)[0])


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_the_number_of_threads_changes_no_pixel(workers):
    images = noise(20, 3, 24, 40)
    expected = torch.cat([libjpeg.roundtrip(image[None], workers=1) for image in images])
    assert torch.equal(libjpeg.roundtrip(images, workers=workers), expected)


def test_as_many_threads_as_torch_has_code_a_large_batch(monkeypatch):
    seen, code = set(), libjpeg._roundtrip
    barrier = threading.Barrier(2, timeout=20)

    def noted(image, *others):
        if image[0, 0, 0] < 2:  # the first two images wait for each other: more than one thread is needed
            barrier.wait()
        seen.add(threading.get_ident())
        return code(image, *others)

    monkeypatch.setattr(libjpeg, "_roundtrip", noted)
    images = torch.arange(8, dtype=torch.uint8).reshape(8, 1, 1, 1).expand(8, 3, 8, 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    libjpeg.roundtrip(images)
    assert threading.get_ident() not in seen
    seen.clear()
    libjpeg.roundtrip(images[2:])  # fewer than eight
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    libjpeg.roundtrip(images.flip(0)[:6].repeat(2, 1, 1, 1))
    assert seen == {threading.get_ident()}


def test_channels_last_images_and_empty_batches_are_taken():
    images = noise(2, 3, 20, 20)
    last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(libjpeg.roundtrip(last), libjpeg.roundtrip(images))
    assert libjpeg.roundtrip(images[:0]).shape == (0, 3, 20, 20)


def test_the_input_is_left_alone():
    images = noise(1, 3, 16, 16)
    before = images.clone()
    assert not torch.equal(libjpeg.roundtrip(images, quality=10), before)
    assert torch.equal(images, before)
