"""JPEG as the study sees it: what an image has lost when it comes back from a real encoder.

Images are uint8 tensors (N, 3, H, W), RGB, or (N, 1, H, W), grey, in grey levels. Quality is libjpeg's, 1 to 100. All
ways lead to the same pixels, those of libjpeg-turbo and with it Pillow, bit for bit. The steps, a module each:

    tables         quality to quantization tables
    color          RGB to luma and chroma, and back
    sampling       edges repeated to whole blocks; chroma halved, and interpolated back
    dct            8x8 blocks to coefficients, and back; also the real, orthonormal transform
    quantization   coefficients to levels, and back: where most is lost

    exact          all of them in torch, on any device         libjpeg        the library itself, on the CPU
    ladder         all of them, with steps left out            surrogate      exact pixels that let gradients through
    size           bits that the files take                    fingerprint    which codec this is, by what it does
    exactness      counts the values in which ways differ
"""

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, exact, ladder, libjpeg, quantization, sampling, tables
from jpegstudy.jpeg.arguments import SUBSAMPLINGS, check_images

__all__ = [
    "CODECS", "SUBSAMPLINGS", "codec_on", "color", "dct", "exact", "ladder", "libjpeg", "quantization", "roundtrip",
    "sampling", "tables",
]  # fmt: skip

CODECS = ("auto", "torch", "libjpeg")


def roundtrip(images, *, quality=75, subsampling="4:2:0", tables=None, codec="auto"):
    """Encode each image as a JPEG, decode it, and give back what is left of it.

    images: uint8 (N, 3, H, W), RGB, or (N, 1, H, W), grey; grey levels. The result is like them, on the same device.
    quality: libjpeg's, an int from 1 to 100, or an integer tensor (N,) of one for each image.
    subsampling: of chroma, "4:4:4", "4:2:2" or "4:2:0"; grey images have none.
    tables: quantization tables in place of a quality: luma's and chroma's 64 steps, 1 to 255, in natural order, as
    integers (2, 8, 8) or (2, 64). Grey images are quantized with luma's.
    codec: "libjpeg" is the library on the CPU, "torch" the same arithmetic on the images' device, "auto" the faster of
    them there, see ``codec_on``. All give the same pixels.
    Raises BadInput for another type, shape, quality, subsampling, tables or codec, and for tables with a quality.
    Source: ITU-T T.81; Torch7's ``image.save`` of the 2016 study used quality 75 and 4:2:0.
    """
    check_images(images)
    way = exact if codec_on(images.device, codec) == "torch" else libjpeg
    return way.roundtrip(images, quality=quality, subsampling=subsampling, tables=tables)


def codec_on(device, codec="auto"):
    """The codec, "torch" or "libjpeg", that one of CODECS means for images on a device.

    "auto" is torch on NVIDIA's and AMD's GPUs, which saves the way to the CPU and back, and the library elsewhere.
    Raises BadInput for another codec.
    """
    if codec not in CODECS:
        raise BadInput(f"codec is {codec!r}; wanted {', '.join(CODECS[:-1])} or {CODECS[-1]}")
    if codec != "auto":
        return codec
    return "torch" if torch.device(device).type == "cuda" else "libjpeg"
