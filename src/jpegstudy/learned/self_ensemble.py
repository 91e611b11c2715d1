"""The geometric self-ensemble: of eight ways to turn and mirror an image, the encoder takes what comes out best.

It needs no clean image: a way is judged by its error against what the encoder was given. Which of them it was takes 3
bits. An attack that is to be believed must go through the choice too; ``soft`` lets it.
Source: Chen and Ma 2023, section on defenses; the decoder turns back before anything is compared.
"""

from dataclasses import dataclass

import torch

from jpegstudy.learned.budget import squares_of
from jpegstudy.learned.pixels import check_images, to_grey

WAYS = range(8)
BITS = 3  # that say which


def turned(x, way):
    """x (..., H, W) turned by way % 4 quarters to the left, from way 4 on mirrored across first."""
    return (x.flip(-1) if way >= 4 else x).rot90(way % 4, (-2, -1)).contiguous()


def turned_back(x, way):
    """The inverse of ``turned``."""
    x = x.rot90(-(way % 4), (-2, -1))
    return (x.flip(-1) if way >= 4 else x).contiguous()


@dataclass(frozen=True)
class Ensembled:
    """A codec behind the self-ensemble: again what attacks and metrics take for a codec, at eight times the cost.

    codec: a Codec, or anything with reconstruct, bits and soft. It is called on images of both orientations.
    """

    codec: object

    @property
    def device(self):
        """The codec's."""
        return getattr(self.codec, "device", torch.device("cpu"))

    @property
    def dtype(self):
        """The codec's."""
        return getattr(self.codec, "dtype", torch.float32)

    def choose(self, images):
        """(ways int64 (N,), reconstructions uint8 (N, 3, H, W)) of images uint8: the first of the least error."""
        check_images(images)
        least, ways, best = None, torch.zeros(len(images), dtype=torch.int64, device=images.device), None
        for way in WAYS:
            result = turned_back(self.codec.reconstruct(turned(images, way)), way).to(images.device)
            squares = squares_of(images, result)
            if best is None:
                least, best = squares, result
                continue
            better = squares < least
            least, ways = torch.where(better, squares, least), torch.where(better, way, ways)
            best = torch.where(better[:, None, None, None], result, best)
        return ways, best

    def reconstruct(self, images):
        """Images as they come out, uint8 (N, 3, H, W), turned back."""
        return self.choose(images)[1]

    def bits(self, images):
        """The bits of each image's stream in the way that was chosen, and 3 more: numbers (N,)."""
        return self._in_chosen(images, self.codec.bits) + BITS

    def estimated_bits(self, images):
        """The same by likelihoods."""
        return self._in_chosen(images, self.codec.estimated_bits) + BITS

    def _in_chosen(self, images, count):
        ways, _ = self.choose(images)
        each = [count(turned(image[None], way)) for image, way in zip(images, ways.tolist(), strict=True)]
        return torch.cat(each)

    def soft(self, x):
        """x, floats (N, 3, H, W) from 0 to 1, through the soft codec in the way that the real one takes now."""
        return torch.cat([turned_back(self.codec.soft(turned(each, way)), way) for each, way in self._chosen(x)])

    def soft_bits(self, x):
        """The bits without quantization, floats (N,), in the way that the real codec takes now, and 3 more."""
        return torch.cat([self.codec.soft_bits(turned(each, way)) for each, way in self._chosen(x)]) + BITS

    def _chosen(self, x):
        """Each of x, (1, 3, H, W), with its way."""
        with torch.no_grad():
            ways, _ = self.choose(to_grey(x))
        return zip(x.split(1), ways.tolist(), strict=True)
