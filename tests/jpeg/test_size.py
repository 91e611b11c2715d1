import io

import pytest
import torch
from PIL import Image
from torchvision.io import encode_jpeg

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import size
from jpegstudy.jpeg.exactness import contents


def pillows(image, **settings):
    buffer = io.BytesIO()
    pixels = image.permute(1, 2, 0).numpy()
    Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels).save(buffer, "JPEG", **settings)
    return 8 * len(buffer.getvalue())


@pytest.mark.parametrize("quality", [1, 30, 75, 100])
@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
def test_bits_are_those_of_pillows_files(quality, subsampling):
    settings = {"quality": quality, "subsampling": subsampling}
    for height, width in [(1, 1), (33, 17), (61, 83)]:
        images = contents(height, width)
        found = size.in_bits(images, **settings)
        assert found.dtype == torch.int64
        assert found.tolist() == [pillows(image, **settings) for image in images]


@pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities of TorchVision:DeprecationWarning")
@pytest.mark.parametrize("quality", [1, 75, 100])
def test_bits_are_those_of_torchvisions_files(quality):
    images = contents(61, 83)
    assert size.in_bits(images, quality=quality).tolist() == [8 * len(encode_jpeg(each, quality)) for each in images]


@pytest.mark.parametrize("quality", [1, 75, 100])
def test_grey_images_take_the_bits_of_grey_files(quality):
    images = contents(33, 17)[:, :1]
    assert size.in_bits(images, quality=quality).tolist() == [pillows(image, quality=quality) for image in images]


@pytest.mark.parametrize("channels", [1, 3])
def test_custom_tables_are_counted_as_pillow_writes_them(channels):
    images, steps = contents(33, 17)[:, :channels], torch.randint(1, 256, (2, 8, 8))
    tables = steps.reshape(2, 64).tolist()[: 1 if channels == 1 else 2]
    assert size.in_bits(images, tables=steps).tolist() == [pillows(image, qtables=tables) for image in images]


def test_each_image_may_have_a_quality_of_its_own():
    images = contents(33, 17)[:3]
    found = size.in_bits(images, quality=torch.tensor([10, 75, 95]))
    assert found.tolist() == [pillows(image, quality=q) for image, q in zip(images, (10, 75, 95), strict=True)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("height_and_width", [(8, 8), (61, 83)])
def test_headers_are_what_precedes_and_ends_the_coded_image(channels, height_and_width):
    (file,) = jpeg.libjpeg.encode(contents(*height_and_width)[5:6, :channels], quality=40)
    scan = file.index(b"\xff\xda")  # start of scan, with its own length, after which the coefficients follow
    before = scan + 2 + int.from_bytes(file[scan + 2 : scan + 4], "big")
    assert file.endswith(b"\xff\xd9")
    assert size.HEADERS[channels] == 8 * (before + 2)


def test_an_empty_batch_has_no_sizes_and_wrong_input_is_refused():
    assert size.in_bits(contents(8, 8)[:0]).shape == (0,)
    with pytest.raises(BadInput, match="quality is 0; libjpeg takes a whole number from 1 to 100"):
        size.in_bits(contents(8, 8), quality=0)
    with pytest.raises(BadInput, match="wanted a uint8 tensor"):
        size.in_bits(torch.zeros(1, 3, 8, 8))
