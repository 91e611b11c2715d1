"""What the attacks' tests attack: a small network, a lattice, and images that suit them."""

import functools

import torch

from jpegstudy.jpeg import dct
from tests.conftest import noise


@functools.cache
def small_network(classes=10, side=16):
    """Images in grey levels -> logits, smooth, so that attacks of two libraries see the same gradients."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 5, stride=2, padding=2),
            torch.nn.Softplus(),
            torch.nn.Conv2d(8, 16, 3, stride=2, padding=1),
            torch.nn.Softplus(),
            torch.nn.Flatten(),
            torch.nn.Linear(16 * (side // 4) ** 2, classes),
        )
    layers[-1].weight.data *= 8
    layers.requires_grad_(False).eval()
    layers[-1].bias -= layers(torch.zeros(1, 3, side, side))[0]  # plain grey favors no class, so that all occur
    return lambda images: layers((images.float() - 128) / 64)


def pictures(count, side=16, seed=0):
    """uint8 images away from the range's ends, and the labels that the small network gives them."""
    images = noise(count, 3, side, side, seed=seed) // 3 + 85
    return images, small_network(side=side)(images).argmax(dim=1)


class Quantizer:
    """A quantizing defense: the DCT of RGB planes, rounded to multiples of a table; float32 out."""

    name = "Q"
    stochastic = False

    def __init__(self, table):
        self.table = table.double()

    def __call__(self, images, *, seed=None, indices=None):
        coefficients = dct.coefficients(images.double())
        return dct.samples((coefficients / self.table).round() * self.table).clamp(0, 255).float()


def two_step_table():
    """25 in the 4 x 4 lowest bands, 30 elsewhere."""
    table = torch.full((8, 8), 30.0)
    table[:4, :4] = 25
    return table


class Speckle:
    """A random defense: whole grey levels added, drawn from the seed and each image's index."""

    name = "speckle"
    stochastic = True

    def __call__(self, images, *, seed=None, indices=None):
        drawn = []
        for index in indices:
            generator = torch.Generator().manual_seed(seed * 1000 + int(index))
            drawn.append(torch.randint(-3, 4, images.shape[1:], generator=generator))
        return (images.int() + torch.stack(drawn)).clamp(0, 255).to(torch.uint8)
