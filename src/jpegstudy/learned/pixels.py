"""Images as learned codecs take and give them: grey levels and floats, padded to a stride and cropped again."""

import contextlib

import torch
import torch.nn.functional as F

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import check_images as check_sizes

MOST_PIXELS = 1 << 26  # of an image: a damaged or forged stream shall not fill the memory


def check_images(images):
    """Raises BadInput unless images are uint8 (N, 3, H, W), N at least 1, of sides that a stream can name."""
    check_sizes(images)
    count, channels, height, width = images.shape
    if not count or channels != 3:
        raise BadInput(f"images are {tuple(images.shape)}; a learned codec wants at least one, of three channels")
    if height * width > MOST_PIXELS:
        raise BadInput(f"images are of {height}x{width} pixels; a learned codec takes {MOST_PIXELS} at most")


def check_floats(x, dtype):
    """Raises BadInput unless x is a tensor (N, 3, H, W) of that dtype, the codec's."""
    if not isinstance(x, torch.Tensor) or x.dtype != dtype or x.dim() != 4 or x.shape[1] != 3 or not x.numel():
        given = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise BadInput(f"x is {given}; wanted a tensor (N, 3, H, W) of {dtype}, as the codec's weights, from 0 to 1")


def from_grey(images):
    """uint8 grey levels as floats from 0 to 1."""
    return images.float() / 255


def to_grey(x):
    """Floats as the nearest of the 256 grey levels, uint8. What is no number becomes 0."""
    return (x.detach() * 255).clamp(0, 255).round().nan_to_num().to(torch.uint8)


def pad(x, multiple):
    """x (N, C, H, W), mirrored at the right and below, or repeated where that needs more than there is."""
    right, below = (-side % multiple for side in (x.shape[3], x.shape[2]))
    mode = "reflect" if right < x.shape[3] and below < x.shape[2] else "replicate"
    x = F.pad(x, (0, right, 0, below), mode=mode) if right or below else x
    return ordered(x)


def ordered(x):
    """x (N, C, H, W) with its channels last in memory, which convolutions on a CPU like best.

    Always the same order, for it may choose another convolution, which rounds differently.
    """
    return x.contiguous(memory_format=torch.channels_last)


def cropped(x, size):
    """x without what padding added to images of that ``size``, (H, W)."""
    if x.shape[2:] == torch.Size(size):  # as it is: on the way back, a slice would copy the gradient twice
        return x
    return x[..., : size[0], : size[1]]


@contextlib.contextmanager
def evaluating(module):
    """A context in which a module is in eval mode; after it, in the mode that it was in."""
    was = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was)
