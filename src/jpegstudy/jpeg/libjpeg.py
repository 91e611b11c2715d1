"""The round trip through libjpeg-turbo itself: by torchvision where its encoder has the setting, else by Pillow.

Both wrap the same library with its defaults: accurate integer DCT, "fancy" chroma upsampling, baseline, tables scaled
from the standard's by the quality. tests/jpeg/test_libjpeg.py holds that they give the same pixels.
"""

import io

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg, encode_jpeg

from jpegstudy.errors import BadInput

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


def roundtrip(images, *, quality=75, subsampling="4:2:0"):
    """Encode each image as a JPEG, decode it, and give back what is left of it.

    images: uint8 (N, 3, H, W), RGB, grey levels, on any device; the result is like them, on the same device.
    Raises BadInput for another type or shape, a quality outside 1-100, or an unknown subsampling.
    Source: ITU-T T.81; Torch7's ``image.save`` of the 2016 study used quality 75 and 4:2:0.
    """
    _check(images, quality, subsampling)
    if not len(images):
        return images.clone()
    through = _through_torchvision if subsampling == "4:2:0" else _through_pillow
    return torch.stack([through(image, quality, subsampling) for image in images.cpu()]).to(images.device)


def _through_torchvision(image, quality, subsampling):
    return decode_jpeg(encode_jpeg(image.contiguous(), quality), ImageReadMode.RGB)


def _through_pillow(image, quality, subsampling):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


def _check(images, quality, subsampling):
    if not isinstance(images, torch.Tensor) or images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, torch.Tensor) else type(images).__name__
        raise BadInput(f"images are {given}; wanted a uint8 tensor (N, 3, H, W) in grey levels")
    if type(quality) is not int or not 1 <= quality <= 100:
        raise BadInput(f"quality is {quality!r}; libjpeg takes a whole number from 1 to 100")
    if subsampling not in SUBSAMPLINGS:
        raise BadInput(f"subsampling is {subsampling!r}; wanted {' or '.join(SUBSAMPLINGS)}")
