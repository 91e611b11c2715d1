"""How readings shuffle the entries of an image: the paper's permutation matrix P, and narrower ones."""

import functools

import numpy as np

from jpegstudy.transforms.jpeg_noise import permutation

BLOCK = 16  # pixels


class Orders:
    """The orders of a batch's images, each drawn once: 150,000 entries take longer to permute than to move.

    indices: the images' numbers, (N,).  seed: of all drawing.
    """

    def __init__(self, indices, seed):
        self.indices, self.seed, self.kept = indices, seed, {}

    def of(self, shape, *, permutation, shuffled):
        """One order for each image of (3, H, W); ``permutation`` and ``shuffled`` as in a Reading."""
        key = (shape, permutation, shuffled)
        if key not in self.kept:
            settings = {"shuffled": shuffled, "seed": self.seed}
            if permutation == "one":
                self.kept[key] = [_common_order(shape, **settings)] * len(self.indices)
            else:
                self.kept[key] = [order(shape, **settings, index=index) for index in self.indices]
        return self.kept[key]


@functools.lru_cache(maxsize=8)
def _common_order(shape, *, shuffled, seed):
    return order(shape, shuffled=shuffled, seed=seed)


def order(shape, *, shuffled, seed, index=None):
    """Where each entry of a shuffled image comes from: int64 (3 * H * W,), for ``flat[order]``.

    shape: (3, H, W).  shuffled: of choices.CHOICES.  index: the image's number, None for the one permutation that all
    images share. Entries of the right and lower edge that are no whole block stay where they are when blocks move.
    """
    channels, height, width = shape
    rng = np.random.default_rng([seed] if index is None else [seed, int(index)])
    places = np.arange(channels * height * width).reshape(shape)
    if shuffled == "entries":
        return rng.permutation(places.size) if index is None else permutation(seed, index, places.size)
    if shuffled == "channels":
        return np.concatenate([channel.ravel()[rng.permutation(height * width)] for channel in places])
    if shuffled == "pixels":
        return places.reshape(channels, -1)[:, rng.permutation(height * width)].ravel()
    rows, columns = height // BLOCK, width // BLOCK
    inside = places[:, : rows * BLOCK, : columns * BLOCK]
    blocks = inside.reshape(channels, rows, BLOCK, columns, BLOCK).transpose(1, 3, 0, 2, 4)
    moved = blocks.reshape(rows * columns, channels, BLOCK, BLOCK)[rng.permutation(rows * columns)]
    moved = moved.reshape(rows, columns, channels, BLOCK, BLOCK).transpose(2, 0, 3, 1, 4)
    result = places.copy()
    result[:, : rows * BLOCK, : columns * BLOCK] = moved.reshape(inside.shape)
    return result.ravel()
