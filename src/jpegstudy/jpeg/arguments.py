"""What the round trips take, and the words in which they refuse the rest. Every public door checks with these."""

import torch

from jpegstudy.errors import BadInput

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
LARGEST_SIDE = 65500  # pixels: libjpeg's own limit, a little below the format's 65535
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def check_images(images):
    """Raises BadInput unless images are uint8 (N, 3, H, W) or (N, 1, H, W) of a size that libjpeg takes."""
    if not isinstance(images, torch.Tensor) or images.dtype != torch.uint8 or images.dim() != 4:
        refuse_images(images)
    channels, *sides = images.shape[1:]
    if channels not in (1, 3) or not all(1 <= side <= LARGEST_SIDE for side in sides):
        refuse_images(images)


def refuse_images(images):
    """Raises BadInput that says what ``images`` are and what is wanted."""
    given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, torch.Tensor) else type(images).__name__
    raise BadInput(
        f"images are {given}; wanted a uint8 tensor (N, 3, H, W), or (N, 1, H, W) for grey, in grey levels, "
        f"with sides of 1 to {LARGEST_SIDE} pixels"
    )


def check_quality(quality, count=None):
    """Raises BadInput unless quality is an int from 1 to 100, or an integer tensor (count,) of them."""
    if isinstance(quality, torch.Tensor):
        if quality.dtype not in INTEGERS or quality.dim() != 1 or count not in (None, len(quality)):
            wanted = f"({'N' if count is None else count},)"
            given = f"{quality.dtype} {tuple(quality.shape)}"
            raise BadInput(
                f"quality is {given}; wanted a whole number for each image, an integer tensor {wanted}, or one int"
            )
        outside = quality[(quality < 1) | (quality > 100)]
        if len(outside):
            raise BadInput(f"quality holds {outside[0].item()}; libjpeg takes whole numbers from 1 to 100")
    elif type(quality) is not int or not 1 <= quality <= 100:
        raise BadInput(f"quality is {quality!r}; libjpeg takes a whole number from 1 to 100")


def check_subsampling(subsampling):
    """Raises BadInput unless subsampling is one of SUBSAMPLINGS."""
    if subsampling not in SUBSAMPLINGS:
        raise BadInput(f"subsampling is {subsampling!r}; wanted {' or '.join(SUBSAMPLINGS)}")
