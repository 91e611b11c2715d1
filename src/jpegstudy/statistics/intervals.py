"""Closed-form 95 % intervals of rates, the exact test that goes with them, and how many images a wanted width takes.

Everything here takes counts of independent trials. Images that share a file are no such trials: for those see
resampling. Rates are fractions 0 to 1.
"""

import math
from typing import NamedTuple

from scipy.stats import binomtest, norm

from jpegstudy.errors import BadInput

CONFIDENCE = 0.95
Z = norm.ppf(0.5 + CONFIDENCE / 2)


class Interval(NamedTuple):
    """A number and the ends of its 95 % interval; the ends are NaN where the data cannot tell them."""

    value: float
    low: float
    high: float


def rate_interval(successes, n):
    """Wilson's interval of the rate ``successes / n``.

    Raises BadInput unless 0 <= successes <= n and n >= 1.
    Source: Wilson 1927; near 0 and 1 it stays inside [0, 1] and keeps its width, which the normal interval does not.
    """
    if not 0 <= successes <= n or n < 1:
        raise BadInput(f"{successes} of {n} is no rate; give 0 <= successes <= n and n >= 1")
    bounds = binomtest(int(successes), int(n)).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(successes / n, float(bounds.low), float(bounds.high))


def difference_interval(both, first_only, second_only, neither):
    """Newcombe's interval (method 10) of the difference first - second of two rates on the same images.

    Counts of images: right under both, under the first only, under the second only, under neither.
    Raises BadInput if a count is negative or all are 0.
    Source: Newcombe 1998, Statistics in Medicine 17:2635, method 10 (continuity-corrected correlation of the pair).
    """
    n = both + first_only + second_only + neither
    if min(both, first_only, second_only, neither) < 0 or n < 1:
        raise BadInput(f"counts {both}, {first_only}, {second_only}, {neither} are no pairs; none negative, at least 1")
    p1, low1, high1 = wilson((both + first_only) / n, n)
    p2, low2, high2 = wilson((both + second_only) / n, n)
    phi = _pair_correlation(both, first_only, second_only, neither)
    difference = (first_only - second_only) / n
    down, up = p1 - low1, high1 - p1  # how far the first rate reaches to each side
    down2, up2 = p2 - low2, high2 - p2
    return Interval(
        difference,
        difference - math.sqrt(max(0.0, down**2 - 2 * phi * down * up2 + up2**2)),  # max: rounding at |phi| = 1
        difference + math.sqrt(max(0.0, up**2 - 2 * phi * up * down2 + down2**2)),
    )


def wilson(rate, n):
    """Wilson's interval for a rate whose count need not be whole, as where a file stands for several images."""
    center = (rate + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = _wilson_half_width(rate, n)
    return Interval(rate, center - half, center + half)


def _wilson_half_width(rate, n):
    return Z * math.sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)


def _pair_correlation(a, b, c, d):
    """Newcombe's phi; 0 where a margin is empty and the correlation has no meaning."""
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    excess = a * d - b * c
    if excess > 0:
        excess = max(excess - (a + b + c + d) / 2, 0.0)
    return excess / math.sqrt(margins)


def mcnemar_p(first_only, second_only):
    """Exact two-sided McNemar test that two rates on the same images are equal; 1 where no image tells them apart."""
    told_apart = first_only + second_only
    return float(binomtest(min(first_only, second_only), told_apart).pvalue) if told_apart else 1.0


def holm(p_values):
    """Adjust p-values (a sequence) of one family so that any of them below 0.05 keeps the family's error at 0.05.

    Source: Holm 1979: the k-th smallest of m is multiplied by m - k + 1, and none may fall below an earlier one.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def images_for_rate(rate, *, half_width):
    """Fewest images that give an expected ``rate`` a Wilson interval no wider than twice ``half_width``.

    Raises BadInput if the rate is not in [0, 1] or the half-width not in (0, 0.5).
    """
    if not 0 <= rate <= 1:
        raise BadInput(f"rate is {rate}; give a fraction from 0 to 1")
    _check_half_width(half_width)
    few, enough = 0, 1
    while _wilson_half_width(rate, enough) > half_width:  # it falls with n, so doubling brackets the answer
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _wilson_half_width(rate, middle) <= half_width else (middle, enough)
    return enough


def images_for_difference(gained, lost, *, half_width):
    """Images that tell a paired difference of two rates to within ``half_width``.

    gained, lost: expected shares of the images that are right only under the first, only under the second.
    Returns n = z^2 (gained + lost - (gained - lost)^2) / half_width^2, rounded up.
    Raises BadInput if the shares are negative or add up to more than 1, or the half-width is not in (0, 0.5).
    """
    if min(gained, lost) < 0 or gained + lost > 1:
        raise BadInput(f"shares are {gained} and {lost}; give two fractions that add up to at most 1")
    _check_half_width(half_width)
    return max(1, math.ceil(Z**2 * (gained + lost - (gained - lost) ** 2) / half_width**2))


def _check_half_width(half_width):
    if not 0 < half_width < 0.5:
        raise BadInput(f"half_width is {half_width}; give a fraction between 0 and 0.5, such as 0.03")
