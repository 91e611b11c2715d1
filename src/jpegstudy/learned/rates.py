"""Rate and distortion of codecs on images: whole streams, every header counted, and what the receiver sees.

A curve is a table with a row for each setting and image: codec, setting, image, bits_per_pixel, psnr (dB), ms_ssim (NaN
for sides below 161 pixels).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from jpegstudy.learned.distances import LEAST_SIDE, ms_ssim, psnr
from jpegstudy.learned.jpeg_codec import Jpeg
from jpegstudy.learned.pixels import check_images
from jpegstudy.progress import Bar
from jpegstudy.transforms import Jpeg2000, Webp

QUALITIES = (5, 10, 15, 20, 30, 40, 50, 60, 75, 85, 92)  # of JPEG and WebP
RATIOS = (160, 120, 80, 60, 40, 30, 20, 15, 10, 7)  # of JPEG 2000


@dataclass(frozen=True)
class FileCodec:
    """A transform that writes files, Webp or Jpeg2000, as metrics take a codec; it has no soft path."""

    transform: object

    def reconstruct(self, images):
        """Images as they come out, uint8 (N, 3, H, W)."""
        return self.transform(images)

    def bits(self, images):
        """The bits of each image's whole file: int64 (N,)."""
        return self.transform.bits(images)


def measure(codec, images, name="", setting=None, *, similarity=True):
    """A codec's rate and distortion, image by image: a table with a row for each, as this module says.

    codec: with reconstruct and bits, as a Codec.  images: uint8 (N, 3, H, W).
    name, setting: of the codec, for their columns.  similarity: whether to measure MS-SSIM, which takes longest.
    Raises BadInput for other images.
    """
    check_images(images)
    result = codec.reconstruct(images)
    height, width = images.shape[2:]
    near = torch.full((len(images),), torch.nan, dtype=torch.float64)
    if similarity and min(height, width) >= LEAST_SIDE:
        near = ms_ssim(images, result).cpu().double()
    return pd.DataFrame(
        {
            "codec": name,
            "setting": setting,
            "image": np.arange(len(images)),
            "bits_per_pixel": codec.bits(images).cpu().double().numpy() / (height * width),
            "psnr": psnr(images, result).numpy(),
            "ms_ssim": near.numpy(),
        }
    )


def classic(images, *, qualities=QUALITIES, ratios=RATIOS, similarity=False):
    """The curves of JPEG (4:2:0), WebP and JPEG 2000 on uint8 (N, 3, H, W). similarity: as for ``measure``."""
    settings = [("JPEG", quality, Jpeg(quality)) for quality in qualities]
    settings += [("WebP", quality, FileCodec(Webp(quality))) for quality in qualities]
    settings += [("JPEG 2000", ratio, FileCodec(Jpeg2000(ratio))) for ratio in ratios]
    tables = []
    with Bar(len(settings), "JPEG, WebP and JPEG 2000", "setting") as bar:
        for name, setting, codec in settings:
            tables.append(measure(codec, images, name, setting, similarity=similarity))
            bar.advance()
    return pd.concat(tables, ignore_index=True)


def beside(mine, curves, measure="psnr"):
    """What other codecs give at a codec's rate: a row for each of them, by its name.

    mine: a table of ``measure``, one row an image.  curves: of ``classic``, on the same images.
    Columns: bits_per_pixel and psnr (or ms_ssim), means of mine; other, the mean of what the other's curve has at each
    image's own rate; difference, mine less it; better, the share of images; n, the images whose rate the other's curve
    reaches: no curve is drawn out beyond its ends.
    """
    rows = {}
    for name, curve in curves.groupby("codec", sort=False):
        other = at_rates(curve, mine["bits_per_pixel"].to_numpy(), measure)
        known = ~np.isnan(other)
        own = mine[measure].to_numpy()[known]
        rows[name] = {
            "bits_per_pixel": mine["bits_per_pixel"].mean(),
            measure: mine[measure].mean(),
            "other": other[known].mean() if known.any() else np.nan,
            "difference": (own - other[known]).mean() if known.any() else np.nan,
            "better": (own > other[known]).mean() if known.any() else np.nan,
            "n": int(known.sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("codec")


def at_rates(curve, bits_per_pixel, measure="psnr"):
    """One codec's curve at a rate for each image, between its settings, straight over the logarithm of the rate.

    curve: of one codec.  bits_per_pixel: (N,), by the images' order.  Returns floats (N,), NaN beyond the curve's ends.
    """
    found = np.full(len(bits_per_pixel), np.nan)
    for image, rows in curve.groupby("image"):
        rows = rows.sort_values("bits_per_pixel")
        rate = np.log(rows["bits_per_pixel"])
        found[image] = np.interp(np.log(bits_per_pixel[image]), rate, rows[measure], left=np.nan, right=np.nan)
    return found


def jpeg_of_rate(images, bits_per_pixel, *, subsampling="4:2:0"):
    """The Jpeg whose mean rate on uint8 images (N, 3, H, W) is nearest to ``bits_per_pixel``, of qualities 1 to 100.

    Where JPEG cannot take so few bits, or so many, that is the first or the last of them, and not near.
    """
    check_images(images)
    pixels = images.shape[2] * images.shape[3]

    def rate(quality):
        return float(Jpeg(quality, subsampling).bits(images).double().mean()) / pixels

    low, high = 1, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if rate(middle) <= bits_per_pixel else (low, middle)
    quality = min(low, high, key=lambda each: abs(rate(each) - bits_per_pixel))
    return Jpeg(quality, subsampling)
