"""Rate and distortion, and codecs beside each other at one rate."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from skimage import data, metrics

from jpegstudy.learned import rates
from jpegstudy.learned.jpeg_codec import Jpeg
from jpegstudy.transforms import Jpeg2000, Webp

IMAGES = torch.from_numpy(
    np.stack([image[:176, :192] for image in (data.astronaut(), data.coffee())]).transpose(0, 3, 1, 2).copy()
)


@pytest.mark.parametrize(
    ("codec", "form", "options"),
    [
        (Jpeg(50), "JPEG", {"quality": 50}),
        (rates.FileCodec(Webp(50)), "WEBP", {"quality": 50}),
        (rates.FileCodec(Jpeg2000(20)), "JPEG2000",
         {"quality_mode": "rates", "quality_layers": [20], "irreversible": True}),
    ],
    ids=["JPEG", "WebP", "JPEG 2000"],
)  # fmt: skip
def test_rate_and_distortion_are_those_of_pillow_s_file(codec, form, options):
    table = rates.measure(codec, IMAGES, form, 50)
    for image, row in zip(IMAGES, table.itertuples(), strict=True):
        pixels, file = image.permute(1, 2, 0).numpy(), io.BytesIO()
        Image.fromarray(pixels).save(file, form, **options)
        assert row.bits_per_pixel == 8 * file.tell() / (176 * 192)
        shown = np.asarray(Image.open(file).convert("RGB"))
        assert row.psnr == pytest.approx(metrics.peak_signal_noise_ratio(pixels, shown), abs=1e-6)
    assert (table.codec == form).all()
    assert (table.setting == 50).all()
    assert table.ms_ssim.between(0.5, 1).all()


def test_images_too_small_for_ms_ssim_have_none():
    assert rates.measure(Jpeg(50), IMAGES[..., :160, :]).ms_ssim.isna().all()


def curve(*points, codec="JPEG"):
    """A curve of one image from (bits per pixel, PSNR), settings counted."""
    columns = {"bits_per_pixel": [rate for rate, _ in points], "psnr": [psnr for _, psnr in points]}
    return pd.DataFrame({"codec": codec, "setting": range(len(points)), "image": 0, **columns})


def test_a_rate_between_settings_is_taken_on_a_logarithmic_axis_and_none_beyond_the_ends():
    jpeg = curve((2.0, 36.0), (0.5, 28.0))
    assert rates.at_rates(jpeg, np.array([1.0])).tolist() == [pytest.approx(32.0)]
    assert np.isnan(rates.at_rates(jpeg, np.array([0.4]))).all()
    assert np.isnan(rates.at_rates(jpeg, np.array([2.1]))).all()


def test_codecs_are_compared_where_the_other_s_curve_reaches():
    mine = pd.concat([curve((1.0, 33.0)), curve((3.0, 40.0)).assign(image=1)])
    curves = pd.concat([curve((0.5, 28.0), (2.0, 36.0)), curve((0.5, 28.0), (2.0, 36.0)).assign(image=1)])
    row = rates.beside(mine, curves).loc["JPEG"]
    assert (row["bits_per_pixel"], row["psnr"], row["n"], row["better"]) == (2.0, 36.5, 1, 1.0)
    assert (row["other"], row["difference"]) == (pytest.approx(32.0), pytest.approx(1.0))


def test_the_classic_codecs_trade_rate_for_quality():
    table = rates.classic(IMAGES[:1], qualities=(20, 60), ratios=(40, 10), similarity=True)
    assert table.groupby("codec").size().to_dict() == {"JPEG": 2, "JPEG 2000": 2, "WebP": 2}
    for _, rows in table.groupby("codec"):
        rows = rows.sort_values("bits_per_pixel")
        assert rows.psnr.is_monotonic_increasing
        assert rows.ms_ssim.is_monotonic_increasing


@pytest.mark.parametrize("quality", [1, 12, 75, 100])
def test_the_jpeg_of_a_rate_is_found(quality):
    rate = float(Jpeg(quality).bits(IMAGES).double().mean()) / (176 * 192)
    found = rates.jpeg_of_rate(IMAGES, rate)
    assert float(Jpeg(found.quality).bits(IMAGES).double().mean()) / (176 * 192) == rate


def test_beyond_what_jpeg_can_do_its_first_or_last_quality_is_taken():
    assert rates.jpeg_of_rate(IMAGES, 0.01).quality == 1
    assert rates.jpeg_of_rate(IMAGES, 20.0).quality == 100
