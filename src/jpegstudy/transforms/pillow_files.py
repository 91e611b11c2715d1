"""Images as the files of Pillow's encoders, in memory, and back."""

import io
from functools import partial

import numpy as np
import torch
from PIL import Image, features

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.threads import for_each

FEWEST = 8  # images that are worth a second thread
FEATURES = {"JPEG2000": "jpg_2000", "WEBP": "webp"}  # what Pillow calls them when asked whether it has them


def encode(images, form, **options):
    """The file of each image: a list of N bytes, whole files with their headers.

    images: uint8 (N, 3, H, W), RGB, grey levels.  form: of FEATURES.  options: of Pillow's ``Image.save`` for it.
    Raises BadInput for other images, if Pillow was built without the format, and if its encoder refuses an image.
    """
    check_images(images)
    if images.shape[1] != 3:
        raise BadInput(f"images have {images.shape[1]} channel; {form} wants the three of RGB here")
    if not features.check(FEATURES[form]):
        raise BadInput(f"Pillow was built without {form}; install a Pillow that has it, as the wheels on PyPI do")
    pixels = np.ascontiguousarray(images.cpu().numpy().transpose(0, 2, 3, 1))  # (N, H, W, 3)
    return for_each(partial(_encode, form=form, options=options), pixels, FEWEST)


def decode(files, like):
    """The images in ``files``: uint8, of the shape and on the device of ``like``."""
    result = np.empty(like.shape, np.uint8)
    for into, pixels in zip(result, for_each(_decode, files, FEWEST), strict=True):
        into[:] = pixels.transpose(2, 0, 1)
    return torch.from_numpy(result).to(like.device)


def bits(files, device):
    """Bits of each file: int64 (N,)."""
    return torch.tensor([8 * len(file) for file in files], dtype=torch.int64, device=device)


def _encode(pixels, form, options):
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, form, **options)
    except (OSError, ValueError) as error:  # WebP ends at sides of 16383 pixels, for one
        raise BadInput(f"{form} takes no image of {pixels.shape[1]}x{pixels.shape[0]} pixels here: {error}") from error
    return buffer.getvalue()


def _decode(file):
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB"))
