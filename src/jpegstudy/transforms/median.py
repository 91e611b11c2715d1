"""The median of each pixel's neighborhood."""

from dataclasses import dataclass

import torch
from scipy import ndimage

from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.settings import refuse, whole

WANTED = "the window's side in pixels, 2 to 15; 3 where nothing stands"


@dataclass(frozen=True)
class Median:
    """MED: each value becomes the median of a square window around it, in its own channel; borders are reflected.

    window: side of the square in pixels, 2 to 15. Raises BadInput for another. An even window lies one pixel further
    to the top and left, and of the two middle values the larger counts, as scipy has it.
    3 is SHIELD's baseline, whose code lets the window run over the three channels too; here it does not. Feature
    squeezing's best joint detector on ImageNet (EvadeML's code) uses 2, written MED2.
    Source: Xu et al. 2018 (feature squeezing), local smoothing; Das et al. 2018.
    """

    window: int = 3
    name = "MED"
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if type(self.window) is not int or not 2 <= self.window <= 15:
            refuse(self.name, self.window, WANTED)

    @property
    def settings(self):
        """The window's side; nothing for 3."""
        return "" if self.window == 3 else str(self.window)

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        return cls(whole(cls.name, settings, WANTED)) if settings else cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        check_images(images)
        size = (1, 1, self.window, self.window)
        result = ndimage.median_filter(images.cpu().numpy(), size=size, mode="reflect")
        return torch.from_numpy(result).to(images.device)
