"""The ways to take a batch of images through JPEG that ``jpegstudy bench jpeg`` lets take turns.

All are called with uint8 (N, 3, H, W), return the like, and code at quality 75 and 4:2:0 where they know it.

    ours, as the study calls it     batches of eight in a worker for each core, torch on one thread
    ours, one call                  jpeg.roundtrip of the whole batch
    ours in torch                   codec="torch", plain or compiled (exact.roundtrip's ``compiled``)
    imagecodecs, bare               the encoder and decoder alone, on arrays (H, W, 3): what no tensor's user gets
"""

import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import imagecodecs
import numpy as np
import torch
import torchvision
from PIL import Image

from jpegstudy import jpeg
from jpegstudy.jpeg import exact

QUALITY, BATCH_OF_STUDY = 75, 8
PILLOW, STUDY = "Pillow, in turn", "ours, as the study calls it"
PLAIN, COMPILED = "ours in torch, all threads", "ours in torch, compiled, all threads"
COMPILED_ONE, COPY = "ours in torch, compiled, one thread", "GPU: a copy of the batch"


@dataclass(frozen=True)
class Codec:
    """One way: ``work`` takes the images and returns theirs. A ``rival`` that is exact sets the bar for ours."""

    name: str
    work: Callable
    one_thread: bool = False
    rival: bool = False
    module: str = "torch"  # without it, the way is not installed

    @property
    def installed(self):
        return importlib.util.find_spec(self.module) is not None


def ways(pool):
    """The Codecs on the CPU. ``pool`` has a worker for each core, in which torch computes on one thread."""
    return [
        Codec(PILLOW, partial(in_turn, through_pillow), one_thread=True),
        Codec("Pillow, threads", partial(in_pool, pool, through_pillow), rival=True),
        Codec("torchvision.io, in turn", torchvision_lists, one_thread=True),
        Codec("torchvision.io, threads", partial(in_pool, pool, through_torchvision), rival=True),
        Codec("imagecodecs, in turn", partial(in_turn, through_imagecodecs), one_thread=True),
        Codec("imagecodecs, threads", partial(in_pool, pool, through_imagecodecs), rival=True),
        Codec("kornia", through_kornia, module="kornia"),
        Codec("diff-jpeg", through_diff_jpeg, module="diff_jpeg"),
        Codec("ours, one call", jpeg.roundtrip),
        Codec(STUDY, partial(in_batches, pool)),
        Codec("ours in torch, one thread", exact.roundtrip, one_thread=True),
        Codec(PLAIN, exact.roundtrip),
        *([Codec(COMPILED_ONE, compiled, one_thread=True)] if exact.compiler_at_hand() else []),
        *([Codec(COMPILED, compiled)] if exact.compiler_at_hand() else []),
        Codec("imagecodecs, bare, in turn", BareImagecodecs(), one_thread=True),
    ]


def ways_on_gpu():
    """The Codecs that keep the images on a GPU."""
    return [
        Codec(COPY, torch.clone),
        Codec("GPU: nvJPEG, by torchvision.io", torchvision_lists),
        Codec("GPU: kornia", through_kornia, module="kornia"),
        Codec("GPU: ours in torch", jpeg.roundtrip),
        *([Codec("GPU: ours in torch, compiled", compiled)] if exact.compiler_at_hand() else []),
    ]


def in_turn(through, images):
    """Images through a codec of one image, one after the other."""
    return torch.stack([through(image) for image in images])


def in_pool(pool, through, images):
    """Images through a codec of one image, in the pool's threads."""
    return torch.stack(list(pool.map(through, images)))


def in_batches(pool, images):
    """Ours, called as the study's workers do."""
    return torch.cat(list(pool.map(jpeg.roundtrip, images.split(BATCH_OF_STUDY))))


def through_pillow(image):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=QUALITY)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


def through_torchvision(image):
    return torchvision.io.decode_jpeg(torchvision.io.encode_jpeg(image, QUALITY))


def torchvision_lists(images):
    """One call each way; on a GPU these are nvJPEG's, at 4:4:4."""
    encoded = torchvision.io.encode_jpeg(list(images), QUALITY)
    if images.device.type == "cuda":
        encoded = [each.cpu() for each in encoded]  # the decoder wants its bytes there
    return torch.stack(torchvision.io.decode_jpeg(encoded, device=images.device))


def through_imagecodecs(image):
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return torch.from_numpy(imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(pixels, level=QUALITY))).permute(2, 0, 1)


class BareImagecodecs:
    """imagecodecs on arrays that are laid out for it before they are timed."""

    def __init__(self):
        self.images, self.arrays = None, []

    def __call__(self, images):
        if images is not self.images:
            self.images, self.arrays = (
                images,
                [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in images],
            )
        coded = [imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(array, level=QUALITY)) for array in self.arrays]
        return torch.from_numpy(np.stack(coded)).permute(0, 3, 1, 2)


def through_kornia(images):
    from kornia.enhance import jpeg_codec_differentiable

    with torch.no_grad():
        quality = torch.full((1,), float(QUALITY), device=images.device)
        return (jpeg_codec_differentiable(images / 255, quality) * 255).round().to(torch.uint8)


def through_diff_jpeg(images):
    from diff_jpeg import diff_jpeg_coding

    with torch.no_grad():
        quality = torch.full((len(images),), float(QUALITY), device=images.device)
        return diff_jpeg_coding(images.float(), quality).round().clamp(0, 255).to(torch.uint8)


def compiled(images):
    return exact.roundtrip(images, quality=QUALITY, compiled=True)
