"""The round trip in torch: the pixels of Pillow and libjpeg-turbo, bit for bit, on any device that has float64.

Color and sampling are computed in float32, the transform and quantization in float64, in both of which every number
is exact (see color and dct). So nothing depends on the order of sums, on the device, or on the precision that the
process allows its products; ``python -m jpegstudy.jpeg.exactness`` counts the values that differ.
"""

import functools
import os
import shlex
import shutil
import sys

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, quantization, sampling
from jpegstudy.jpeg.arguments import check_images, check_subsampling
from jpegstudy.jpeg.tables import choose

# How much is worked on at once: on a CPU what its caches hold, elsewhere enough to keep every core busy. Memory beside
# the images and the result grows with these, not with the number of images.
PIXELS_ON_CPU, PIXELS = 2**18, 2**22
SAMPLES_ON_CPU, SAMPLES = 2**17, 2**20  # of a plane, in the transform


def roundtrip(images, *, quality=75, subsampling="4:2:0", tables=None, compiled=False):
    """What a JPEG leaves of each image; arguments and result as for ``jpeg.roundtrip``.

    compiled: let torch.compile fuse the steps, where a C++ compiler is at hand: the same pixels in half of the time,
    after some ten seconds in the first call with a size of images and of batch. Without a compiler it changes nothing,
    nor for images so large that each would take its memory alone.
    Peak memory: six bytes a pixel for images and result, and 40 for each that is worked on at once, of which there are
    at most PIXELS, or one image.
    Raises BadInput as ``jpeg.roundtrip``, and on a device without float64 (Apple's GPUs).
    """
    check_images(images)
    check_subsampling(subsampling)
    if images.device.type == "mps":
        raise BadInput('images are on an mps device, which has no float64; take codec="libjpeg"')
    steps = choose(quality, tables, images)
    pixels = PIXELS_ON_CPU if images.device.type == "cpu" else PIXELS
    of_one = images.shape[-2] * images.shape[-1]
    at_once = min(len(images), max(1, pixels // of_one))
    compiled = compiled and compiler_at_hand() and of_one <= pixels
    result = torch.empty_like(images, memory_format=torch.contiguous_format)
    # One state of torch for every caller: autocast has no business here, and each state would be compiled for.
    with torch.inference_mode(), torch.autocast(images.device.type, enabled=False):
        for start in range(0, len(images), at_once or 1):
            rows = slice(start, start + at_once)
            part, of_part = images[rows], steps[rows] if len(steps) > 1 else steps
            whole = len(part) == at_once  # the last images may be fewer, which is not worth compiling for
            stages = _compiled(images.device, subsampling, part.shape) if compiled and whole else PLAIN
            result[rows] = _through(stages, part, of_part, subsampling)
    return result


def compiler_at_hand():
    """True where torch.compile would find the C++ compiler that it calls: $CXX, or the platform's."""
    command = shlex.split(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++"))
    return bool(command) and shutil.which(command[0]) is not None


def _through(stages, images, steps, subsampling):
    """Images (n, 1 or 3, H, W) through the three stages, with tables (1 or n, 2, 8, 8)."""
    to_planes, code, to_images = stages
    planes = to_planes(images, subsampling)
    factors = [quantization.factors(steps[:, kind, None], plane.shape[-1]) for kind, plane in enumerate(planes)]
    return to_images(list(map(code, planes, factors)), subsampling, *images.shape[-2:])


def _to_planes(images, subsampling):
    """Luma, and for color images chroma, level-shifted and padded to whole blocks: float32."""
    if images.shape[1] == 1:
        grey = images.to(torch.float32, memory_format=torch.contiguous_format)
        return [sampling.pad(grey.sub_(128))]
    luma, chroma = color.to_ycbcr(images)
    return [sampling.pad(luma), sampling.downsample(chroma, subsampling)]


def _code(planes, factors):
    """In place, strip by strip: what is left of the planes (n, c, H, W) after the transform, quantization and back."""
    count, channels, height, width = planes.shape
    at_once = SAMPLES_ON_CPU if planes.device.type == "cpu" else SAMPLES
    images = max(1, at_once // (channels * height * width))
    rows = max(1, at_once // (images * channels * width * dct.BLOCK)) * dct.BLOCK
    for start in range(0, count, images):
        same = factors.shape[1] == 1
        part = factors if same else factors[:, start : start + images]
        for strip in planes[start : start + images].split(rows, dim=-2):
            strip.copy_(_code_strip(strip, part, fused=False))
    return planes


def _code_fused(planes, factors):
    return _code_strip(planes, factors, fused=True).to(torch.float32)


def _code_strip(planes, factors, fused):
    coefficients = quantization.lose(dct.forward(planes, fused=fused), factors)
    return dct.inverse(coefficients, fused=fused).clamp_(-128, 127)  # as libjpeg's SIMD code; its plain code may wrap


def _to_images(planes, subsampling, height, width):
    """uint8 images (n, 1 or 3, height, width) of what ``_code`` left of their planes."""
    luma = planes[0][..., :height, :width]
    if len(planes) == 1:
        return luma.add(128).to(torch.uint8)
    return color.to_rgb(luma, sampling.upsample(planes[1], subsampling, height, width))


PLAIN = (_to_planes, _code, _to_images)


@functools.cache
def _compiled(device, *of_images):
    """The three stages, compiled when first called, for batches of one shape: a cache for each, which has a limit.

    Three stages, because within one the compiler computes what enters a sum of eight terms anew for each sum.
    """
    dct.weights(device)
    stages = (_to_planes, _code_fused, _to_images)
    return tuple(torch.compile(stage, fullgraph=True, dynamic=False, isolate_recompiles=True) for stage in stages)
