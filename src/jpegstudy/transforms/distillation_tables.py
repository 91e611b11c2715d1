"""Quantization tables made for networks, by name: Feature Distillation's, published in versions that are not the same.

    code           what the authors released: step 25 in the 16 lowest bands (the top left 4 x 4), 30 in the other 48
    v1             the first version of the paper: step 1 in the 15 lowest bands (the first five diagonals), 40 in 49
    flat30         one step for all 64 bands, here 30: the paper's first step, before bands are told apart
    15:1:40        the paper's second step with numbers of one's own: step 1 in the 15 most sensitive bands, 40 in the
                   others; sensitive by the zig-zag order, or by a ranking measured on images, see ``rank_bands``

Steps are in grey levels, of the orthonormal DCT of red, green and blue, without JPEG's level shift. Bands are (v, u):
vertical, then horizontal frequency. The second version's values of S1, S2 and the flat step were not found.
Source: Liu et al. 2018 (arXiv 1803.05787v1), sections 3.1 and 3.2; Liu et al. 2019, Figure 3; the authors' code.
"""

import re

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.jpeg.dct import zigzag

BANDS = 64
STEPS = (1, 255)
NAMED = {"code": (16, 25, 30), "v1": (15, 1, 40)}  # bands at the first step, that step, the others'
FEWEST_BLOCKS = 2 * BANDS  # a standard deviation of each of 64 bands needs some


def steps_of(name, ranking=None):
    """The table of that name: float64 (8, 8), steps in grey levels.

    ranking: the bands by how sensitive a network is thought to be to them, most first, as ``rank_bands`` gives them;
    without one, the zig-zag order. The tables with a name of their own have their places too, and take no ranking.
    Raises BadInput for a name that is none, for steps outside 1 to 255, and for more bands than 64.
    """
    if name == "code":  # the corner is square, and no beginning of the zig-zag order
        _, low, high = NAMED[name]
        table = torch.full((8, 8), float(high), dtype=torch.float64)
        table[:4, :4] = low
        return table
    if name in NAMED:
        return two_steps(*NAMED[name])
    if flat := re.fullmatch(r"flat(\d+)", name):
        return two_steps(0, 1, int(flat[1]))
    if bands := re.fullmatch(r"(\d+):(\d+):(\d+)", name):
        return two_steps(*map(int, bands.groups()), ranking=ranking)
    raise BadInput(
        f"there is no table {name!r}; wanted {', '.join(NAMED)}, flat30, or 15:1:40 with numbers of your own"
    )


def two_steps(count, sensitive, others, *, ranking=None):
    """A table with the step ``sensitive`` in the first ``count`` bands of the ranking, and ``others`` in the rest.

    In the paper's words these are the accuracy-sensitive bands with step S1 and the malicious-defense bands with S2.
    Arguments and errors as for ``steps_of``.
    """
    if not 0 <= count <= BANDS:
        raise BadInput(f"{count} sensitive bands; wanted 0 to {BANDS}")
    for step in (sensitive, others):
        if not STEPS[0] <= step <= STEPS[1]:
            raise BadInput(f"a step of {step}; wanted {STEPS[0]} to {STEPS[1]} grey levels")
    table = torch.full((BANDS,), float(others), dtype=torch.float64)
    order = zigzag() if ranking is None else _checked(ranking)
    table[order[:count]] = sensitive
    return table.reshape(8, 8)


def deviations(images):
    """The standard deviation of each band over all blocks and the three colors: float64 (8, 8), grey levels.

    images: an iterable of uint8 or floating (N, 3, H, W), batches of any sizes; whole blocks only, what is left over at
    the right and below does not count. Memory does not grow with the number of batches.
    Raises BadInput for fewer than 128 blocks.
    Source: Liu et al. 2018, section 3.2, who take it of the one image that is coded; a table of an attacker's image is
    the attacker's to choose, so this takes clean ones.
    """
    count, total, squares = 0, torch.zeros(8, 8, dtype=torch.float64), torch.zeros(8, 8, dtype=torch.float64)
    for batch in images:
        height, width = (size - size % 8 for size in batch.shape[-2:])
        blocks = dct.coefficients(batch[..., :height, :width].to(torch.float64)).reshape(-1, 8, 8)
        count, total, squares = count + len(blocks), total + blocks.sum(0), squares + (blocks**2).sum(0)
    if count < FEWEST_BLOCKS:
        raise BadInput(
            f"{count} blocks of 8 x 8 to calibrate with; 64 standard deviations want at least {FEWEST_BLOCKS}: give "
            "more images, or larger ones"
        )
    return ((squares - total**2 / count) / (count - 1)).clamp(min=0).sqrt()


def rank_bands(deviations):
    """The bands by standard deviation, largest first: int64 (64,), equal ones in zig-zag order."""
    order = zigzag()
    return order[torch.argsort(deviations.flatten()[order], descending=True, stable=True)]


def safe_step(epsilon):
    """The smallest whole step that erases whatever a perturbation of ``epsilon`` grey levels can do, if coefficients
    lay on its lattice: more than 16 epsilon, for no coefficient of the DCT moves by more than 8 epsilon.

    Source: Liu et al. 2018, section 3.1.
    """
    return int(16 * epsilon) + 1


def _checked(ranking):
    order = torch.as_tensor(ranking, dtype=torch.int64)
    if sorted(order.tolist()) != list(range(BANDS)):
        raise BadInput(f"a ranking of {len(order)} bands; wanted each of 0 to {BANDS - 1} once")
    return order
