"""Stochastic local quantization: JPEG at a quality that changes at random from tile to tile. SHIELD's defense."""

import re
from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy import jpeg
from jpegstudy.jpeg.arguments import check_images
from jpegstudy.transforms.drawing import generators
from jpegstudy.transforms.settings import refuse

TILE = 8  # pixels; tiles lie on JPEG's own blocks
WANTED = "qualities from 1 to 100 with - between them; 20-40-60-80, the authors' choice, where nothing stands"


@dataclass(frozen=True)
class Slq:
    """SLQ: the image goes through JPEG whole at each quality, and each 8x8 tile is taken from one of the results.

    qualities: libjpeg's, 1 to 100; each tile picks one of them uniformly, alike for its three channels.
    codec: of jpeg.CODECS.
    Raises BadInput for other qualities.
    This is what SHIELD does to an image when it is classified, and no more: the networks that its authors trained
    further on compressed images, one for each quality, and let vote ("vaccination") are not part of it. Results
    of it are results without vaccination.
    Source: Das et al. 2018 (SHIELD), stochastic local quantization; qualities and tile as in their code. Chroma is
    subsampled 4:2:0, the encoder's default.
    """

    qualities: tuple[int, ...] = (20, 40, 60, 80)
    codec: str = "auto"
    name = "SLQ"
    differentiable = False
    stochastic = True
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        whole = all(type(quality) is int and 1 <= quality <= 100 for quality in self.qualities)
        if not (isinstance(self.qualities, tuple) and self.qualities and whole):
            refuse(self.name, self.qualities, WANTED)

    @property
    def settings(self):
        """The qualities with - between them; nothing for the authors'."""
        return "" if self.qualities == (20, 40, 60, 80) else "-".join(map(str, self.qualities))

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        if not re.fullmatch(r"([1-9][0-9]*(-[1-9][0-9]*)*)?", settings):
            refuse(cls.name, settings, WANTED)
        return cls(tuple(map(int, settings.split("-")))) if settings else cls()

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform. Raises BadInput without a seed and one index for each image."""
        check_images(images)
        choice = self.choice(images.shape, seed=seed, indices=indices)
        return self.pick(self.stack(images), choice)

    def stack(self, images):
        """The whole images at each quality: uint8 (Q, N, 3, H, W).

        An attack that takes the expectation over the choice needs them once, and ``pick`` as often as it draws.
        """
        settings = {"subsampling": "4:2:0", "codec": self.codec}
        return torch.stack([jpeg.roundtrip(images, quality=quality, **settings) for quality in self.qualities])

    def choice(self, shape, *, seed, indices):
        """Which of the qualities each tile takes: int64 (N, ceil(H / 8), ceil(W / 8)), for images of ``shape``."""
        count, _, height, width = shape
        tiles = (-(-height // TILE), -(-width // TILE))
        drawn = [rng.integers(len(self.qualities), size=tiles) for rng in generators(self.name, count, seed, indices)]
        return torch.from_numpy(np.stack(drawn)) if drawn else torch.empty((0, *tiles), dtype=torch.int64)

    @staticmethod
    def pick(stack, choice):
        """Each tile from the entry of ``stack`` that ``choice`` names: (N, 3, H, W), of the stack's type and device.

        stack: (Q, N, 3, H, W), of any type; gradients go through.  choice: as ``choice`` gives it.
        """
        height, width = stack.shape[-2:]
        chosen = choice.to(stack.device).repeat_interleave(TILE, dim=1).repeat_interleave(TILE, dim=2)
        chosen = chosen[None, :, None, :height, :width].expand(1, *stack.shape[1:])
        return stack.gather(0, chosen)[0]
