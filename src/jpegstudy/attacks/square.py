"""Square Attack: random search with squares at the ball's edge. It asks for answers only and follows no gradient.

It is the check that a defense's robustness is not a hidden gradient: where it does better than PGD, PGD was misled.
"""

import math

import torch

from jpegstudy.attacks.contract import SQUARES, Kept, Subject, check_count, linf_ball
from jpegstudy.errors import BadInput

# The square's share of the pixels is halved after each of these shares of the queries.
HALVED_AFTER = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def attack(
    network, images, labels, *, epsilon, queries=5000, share=0.05, judge=None, seed=None, indices=None
):  # fmt: skip
    """Start from stripes at the edge of the L-infinity ball, then put squares there and keep those that help.

    network, images, labels, seed, indices: see ``contract``. No gradient is asked for: the network may be the defense
    itself. judge: asked in the network's place, if there is one.
    epsilon: radius in grey levels; 8-bit images use its whole part.
    queries: answers asked for, at most, for each image.
    share: of the pixels that the first squares cover.
    Returns Attacked; its curve (N, queries + 1) holds the judge's margins: of the image itself, which is not counted as
    a query, of the stripes, and then of the best so far. An image leaves the batch when it misleads; ``steps`` is then
    the number of queries it took. Raises BadInput for what the contract refuses.
    Source: Andriushchenko et al. 2020, algorithms 1 and 2; share .05 is theirs for ImageNet.
    """
    check_count("queries", queries)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise BadInput(f"share is {share!r}; wanted a share of the pixels, above 0 and up to 1")
    subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices, random=True)
    ball = linf_ball(subject, epsilon)
    rngs = subject.rngs(SQUARES)
    kept = Kept(subject.base, queries)
    kept.offer(0, subject.base, subject.margins(subject.base, 0))
    best, lowest = subject.base.clone(), torch.full_like(kept.best, torch.inf)  # from the stripes on, be they worse
    for query in range(1, queries + 1):
        (rows,) = torch.nonzero(kept.best >= 0, as_tuple=True)
        if not len(rows):
            break
        side = _side(query / queries, share, *best.shape[2:])
        tried = best[rows]
        for place, row in enumerate(rows.tolist()):
            edges = tuple(bound[row] for bound in ball)
            if query == 1:
                _put_stripes(tried[place], edges, rngs[row])
            else:
                _put_square(tried[place], edges, rngs[row], side)
        found = subject.only(rows).margins(tried, query)
        better = found < lowest[rows]
        best[rows[better]], lowest[rows[better]] = tried[better], found[better]
        kept.offer(query, best[rows], lowest[rows], rows)
    return kept.attacked(subject)


def _put_stripes(image, edges, rng):
    """Set each column of each channel to the ball's upper or lower edge, at random."""
    channels, _, width = image.shape
    _set(image, edges, rng.random((channels, 1, width)) < 0.5)


def _put_square(image, edges, rng, side):
    """Set a square at a random place to the ball's upper or lower edge, at random in each channel."""
    channels, height, width = image.shape
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    window = (slice(None), slice(top, top + side), slice(left, left + side))
    _set(image[window], [edge[window] for edge in edges], rng.random((channels, 1, 1)) < 0.5)


def _set(image, edges, up):
    low, high = edges
    image.copy_(torch.where(torch.from_numpy(up).to(image.device), high, low))


def _side(progress, share, height, width):
    """The side of a square, in pixels, when this share of the queries is used."""
    halvings = sum(progress > after for after in HALVED_AFTER)
    side = round(math.sqrt(share / 2**halvings * height * width))
    return min(max(side, 1), height, width)
