"""Random resizing and padding: the image a little larger, somewhere on a canvas that is a little larger still."""

from dataclasses import dataclass

import torch

from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.drawing import generators
from jpegstudy.transforms.settings import refuse, whole

SIDE, SMALLEST, CANVAS = 299, 310, 331  # pixels of the authors' images: as given, and the range they are resized to
WANTED = "the grey level of the border, 0 to 255; 0 where nothing stands"


@dataclass(frozen=True)
class ResizeAndPad:
    """RRP: resized to a random size by the nearest pixel, then put at a random place on a larger canvas.

    fill: grey level of the border, 0 to 255. Raises BadInput for another. The paper pads with zeros; its authors'
    code does so after scaling pixels to -1 to 1, where zero is the middle grey: RRP128 comes nearest to that.
    Images of 299 pixels get 310 to 330, uniformly, on a canvas of 331, and each place that has room is as likely. Other
    sizes keep these ratios, rounded: images of 224 get 232 to 247 on 248. Of an oblong image the shorter side is drawn
    so, and the longer follows in proportion. The result is larger than the image: the only one here that ``resizes``.
    The authors' 30 repetitions and their random flips are not part of it: one call is one drawing.
    Source: Xie et al. 2018, randomization layers; sizes as in the code of their entry to the NIPS 2017 competition.
    """

    fill: int = 0
    name = "RRP"
    differentiable = True
    stochastic = True
    resizes = True
    output = torch.uint8

    def __post_init__(self):
        if type(self.fill) is not int or not 0 <= self.fill <= 255:
            refuse(self.name, self.fill, WANTED)

    @property
    def settings(self):
        """The border's grey level; nothing for 0."""
        return "" if self.fill == 0 else str(self.fill)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(whole(cls.name, settings, WANTED)) if settings else cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; uint8 (N, 3, *canvas(H, W)).

        Raises BadInput without a seed and one index for each image.
        """
        check_images(images)
        return self.smooth(images, seed=seed, indices=indices)

    def smooth(self, images, *, seed=None, indices=None):
        """The same of images of any type: it only moves pixels, so gradients go where the pixels came from."""
        height, width = canvas(*images.shape[-2:])
        placed = []
        for image, rng in zip(images, generators(self.name, len(images), seed, indices), strict=True):
            resized = nearest(image, *drawn_size(rng, *image.shape[-2:]))
            below, right = height - resized.shape[1], width - resized.shape[2]
            top = int(rng.integers(below, endpoint=True))
            left = int(rng.integers(right, endpoint=True))
            border = (left, right - left, top, below - top)
            placed.append(torch.nn.functional.pad(resized, border, value=self.fill))
        return torch.stack(placed) if placed else images.new_empty((0, images.shape[1], height, width))


def scaled(side, to):
    """``side`` * ``to`` / 299, rounded to the nearest pixel."""
    return (2 * side * to + SIDE) // (2 * SIDE)


def canvas(height, width):
    """The result's height and width for images of these, in pixels."""
    return scaled(height, CANVAS), scaled(width, CANVAS)


def drawn_size(rng, height, width):
    """A height and width to resize to, in pixels; neither is above the canvas's."""
    shorter = min(height, width)
    low, high = scaled(shorter, SMALLEST), scaled(shorter, CANVAS)
    size = int(rng.integers(low, max(high, low + 1)))  # of a tiny image the range holds one size only
    return tuple(min((2 * side * size + shorter) // (2 * shorter), scaled(side, CANVAS)) for side in (height, width))


def nearest(image, height, width):
    """An image (3, H, W) at another size: pixel i of n comes from floor(i H / n), in whole numbers, so exact."""
    rows = torch.arange(height, device=image.device) * image.shape[1] // height
    columns = torch.arange(width, device=image.device) * image.shape[2] // width
    return image[:, rows[:, None], columns]
