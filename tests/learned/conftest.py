"""A small codec of each prior, trained for a few seconds: its densities fit its latents, roughly."""

import numpy as np
import pytest
import torch
from skimage import data

from jpegstudy.learned import Shape, build

SHAPES = {
    "factorized": Shape("factorized", 8, 12, layers=2),
    "scale": Shape("scale", 8, 12, layers=2),
    "mean-scale": Shape("mean-scale", 8, 12, layers=2),
}


def photographs(height=96, width=80):
    """Two photographs' middles: uint8 (2, 3, height, width)."""
    crops = [image[100 : 100 + height, 100 : 100 + width] for image in (data.astronaut(), data.coffee())]
    return torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy())


def trained(shape, steps=80):
    """A codec after a few steps of training on crops of the photographs."""
    codec, images = build(shape).train(), photographs(192, 192).float() / 255
    groups = [
        [p for name, p in codec.named_parameters() if name.endswith("quantiles") == wanted] for wanted in (False, True)
    ]
    main, auxiliary = torch.optim.Adam(groups[0], 5e-3), torch.optim.Adam(groups[1], 0.05)
    draw = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for _ in range(steps):
            row, column = torch.randint(0, 144, (2,), generator=draw).tolist()
            crop = images[:, :, row : row + 48, column : column + 48]
            coded = codec(crop)
            loss = 0.02 * 255**2 * (coded.reconstruction - crop).square().mean() + coded.bits_per_pixel.mean()
            main.zero_grad()
            loss.backward()
            main.step()
            auxiliary.zero_grad()
            codec.quantile_loss().backward()
            auxiliary.step()
    return codec.eval()


@pytest.fixture(scope="session")
def codecs():
    """The trained codecs by prior."""
    return {prior: trained(shape) for prior, shape in SHAPES.items()}


@pytest.fixture(params=list(SHAPES))
def codec(request, codecs):
    """A trained codec of each prior in turn. Not to be changed."""
    return codecs[request.param]
