"""Where random transforms draw from: a generator for each image, of the seed, the image's index and the transform."""

import numpy as np

from jpegstudy.errors import BadInput

# A number for each transform, so that no two of them draw the same for an image. JPEG noise, the first, has none.
STREAMS = {"SLQ": 1, "TVM": 2, "RRP": 3}


def generators(name, count, seed, indices):
    """One generator for each of ``count`` images, in order: neither batches nor shards change what an image gets.

    name: of STREAMS.  seed: a whole number.  indices: the images' numbers, (N,).
    Raises BadInput without a seed and one index for each image.
    """
    if seed is None or indices is None or len(indices) != count:
        raise BadInput(f"{name} is random: it needs a seed and the index of each image")
    return [np.random.default_rng([seed, int(index), STREAMS[name]]) for index in indices]
