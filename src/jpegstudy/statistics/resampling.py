"""Bootstrap intervals over files: for means, for differences of means, and for rates where images share a file.

Several images cut from one file are not independent, so a resample draws files, each with all its images. Every number
here is a function of sums over images, so a file enters as its sums: that keeps memory flat in the number of images,
gives the jackknife in closed form, and lets one set of resamples serve a whole table.
"""

import numpy as np
from scipy.signal import convolve
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from jpegstudy.errors import BadInput

from .intervals import Interval, Z, difference_interval, mcnemar_p, rate_interval, wilson

RESAMPLES = 2000
BLOCK = 2**22  # drawn file numbers held at once: 32 MB, enough rows for a fast product of counts and sums


def mean_interval(values, *, files=None, resamples=RESAMPLES, seed=0):
    """BCa bootstrap interval of the mean of ``values``, one per image.

    files: for each image the file it was cut from, of any type; None: every image is a file of its own.
    All values equal give a point; a single file gives NaN ends.  Raises BadInput if there are no values.
    """
    (interval,) = mean_intervals(np.asarray(values, float)[None], files=files, resamples=resamples, seed=seed)
    return interval


def mean_difference_interval(first, second, *, files=None, resamples=RESAMPLES, seed=0):
    """BCa bootstrap interval of mean(first) - mean(second), both measured on the same images; see mean_interval."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape:
        raise BadInput(f"a pair has {first.size} and {second.size} values; give both on the same images")
    return mean_interval(first - second, files=files, resamples=resamples, seed=seed)


def mean_intervals(rows, *, files=None, resamples=RESAMPLES, seed=0):
    """mean_interval of each row of ``rows`` (K, n) from one common set of resamples; returns K intervals."""
    sums, sizes = sums_by_file(rows, files)
    return bca(
        np.column_stack([sums, sizes]),
        lambda totals: totals[..., :-1] / totals[..., -1:],
        resamples=resamples,
        seed=seed,
    )


def share_interval(hits, *, files=None, resamples=RESAMPLES, seed=0):
    """Interval of the share of true ``hits`` (bool, one per image): Wilson's, or over files where images share one."""
    (interval,) = share_intervals(np.asarray(hits, bool)[None], files=files, resamples=resamples, seed=seed)
    return interval


def share_intervals(rows, *, files=None, resamples=RESAMPLES, seed=0):
    """share_interval of each row of ``rows`` (K, n), bool; returns K intervals.

    Where images share files the interval is the bootstrap's over files. If all files have one share, no resample can
    differ from the next and the bootstrap would claim certainty; then it is Wilson's with the files as the trials.
    """
    rows = np.asarray(rows, bool)
    if not images_share_files(rows.shape[1], files):
        return [rate_interval(int(row.sum()), row.size) for row in rows]
    n_files = len(np.unique(files))
    intervals = mean_intervals(rows, files=files, resamples=resamples, seed=seed)
    return [found if found.low < found.high else wilson(found.value, n_files) for found in intervals]


def share_difference_interval(first, second, *, files=None, resamples=RESAMPLES, seed=0):
    """Interval of share(first) - share(second), bool on the same images; see share_difference_intervals."""
    (interval,) = share_difference_intervals(
        np.asarray(first, bool)[None], np.asarray(second, bool)[None], files=files, resamples=resamples, seed=seed
    )
    return interval


def share_difference_intervals(first, second, *, files=None, resamples=RESAMPLES, seed=0):
    """Intervals of the differences of shares first[k] - second[k], each (K, n) bool: Newcombe's, or over files.

    Where images share files and no resample differs, Newcombe's interval with the files as the trials stands in.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    counts = [pair_counts(a, b) for a, b in zip(first, second, strict=True)]
    if not images_share_files(first.shape[1], files):
        return [difference_interval(*four) for four in counts]
    steps = first.astype(float) - second
    intervals = mean_intervals(steps, files=files, resamples=resamples, seed=seed)
    files_per_image = len(np.unique(files)) / first.shape[1]
    return [
        found if found.low < found.high else difference_interval(*(count * files_per_image for count in four))
        for found, four in zip(intervals, counts, strict=True)
    ]


def pair_counts(first, second):
    """Images right under both, only the first, only the second, neither; both bool (n,)."""
    return (
        int((first & second).sum()),
        int((first & ~second).sum()),
        int((second & ~first).sum()),
        int((~first & ~second).sum()),
    )


def share_difference_p(first, second, *, files=None):
    """Exact two-sided p that two shares, bool (n,) on the same images, are equal.

    One image per file: McNemar's test. Images that share files: the sign-flip test over files, of which McNemar's is
    the case of single images; a file's difference (right under first minus right under second, a whole number) is as
    likely either way. Its null distribution is a convolution of stretched binomials, one for each size of difference.
    """
    _, first_only, second_only, _ = pair_counts(first, second)
    if not images_share_files(first.size, files):
        return mcnemar_p(first_only, second_only)
    sums, _ = sums_by_file((first.astype(float) - second)[None], files)
    steps = np.rint(sums[:, 0]).astype(int)
    sizes, how_many = np.unique(np.abs(steps[steps != 0]), return_counts=True)
    chances = np.ones(1)
    for size, count in zip(sizes, how_many, strict=True):  # files up among count: the sum moves by 2 * size each
        stretched = np.zeros(2 * size * count + 1)
        stretched[:: 2 * size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = convolve(chances, stretched)
    reach = len(chances) // 2
    as_far = np.abs(np.arange(-reach, reach + 1)) >= abs(steps.sum())
    return float(np.clip(chances[as_far].sum(), 0, 1))


def images_share_files(n, files):
    """Whether some of the ``n`` images come from one file; raises BadInput if ``files`` is not one entry an image."""
    if files is None:
        return False
    if len(files) != n:
        raise BadInput(f"{n} images have {len(files)} files; give one file for each image")
    return len(np.unique(files)) < n


def sums_by_file(rows, files):
    """Sum each row of ``rows`` (K, n) over the images of a file; returns sums (G, K) and images per file (G,)."""
    rows = np.asarray(rows, float)
    if rows.shape[1] == 0:
        raise BadInput("there are no images to take a mean over; give at least one")
    if not images_share_files(rows.shape[1], files):
        return rows.T, np.ones(rows.shape[1])
    _, numbers, sizes = np.unique(files, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(numbers, weights=row, minlength=len(sizes)) for row in rows], axis=1)
    return sums, sizes.astype(float)


def bca(sums, statistic, *, resamples=RESAMPLES, seed=0):
    """Bias-corrected and accelerated bootstrap intervals of numbers that are functions of sums over files.

    sums: float (G, K), a row of sums per file.  statistic: totals (..., K) -> numbers (..., M).
    Returns M intervals: a point where every resample gives the same number, NaN ends where there is one file or where
    a resample gives no finite number (a ratio without its denominator: too few files to say how far it may reach).
    Source: Efron 1987, as in scipy.stats.bootstrap(method="BCa"), whose draws it repeats for equal seeds; that one's
    jackknife takes time in n squared, this one's in n.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a ratio may lose its denominator
        values = np.atleast_1d(statistic(sums.sum(axis=0)))
        if len(sums) == 1:
            return [Interval(float(value), np.nan, np.nan) for value in values]
        drawn = statistic(_resampled_totals(sums, resamples, seed))  # (B, M)
        left_out = statistic(sums.sum(axis=0) - sums)  # (G, M), each without one file
    return [_bca_one(float(values[m]), drawn[:, m], left_out[:, m]) for m in range(len(values))]


def percentiles(sums, statistic, *, resamples=RESAMPLES, seed=0):
    """Percentile bootstrap intervals, arguments and result as of ``bca``, of numbers that may be 0 or infinite where
    what they measure lies beyond either end: BCa's corrections want finite ones. NaN ends where there is one file."""
    values = np.atleast_1d(statistic(sums.sum(axis=0)))
    if len(sums) == 1:
        return [Interval(float(value), np.nan, np.nan) for value in values]
    drawn = np.sort(statistic(_resampled_totals(sums, resamples, seed)), axis=0)
    low, high = (drawn[round(level * (len(drawn) - 1))] for level in (ndtr(-Z), ndtr(Z)))
    return [Interval(*map(float, each)) for each in zip(values, low, high, strict=True)]


def _resampled_totals(sums, resamples, seed):
    """Totals (B, K) over ``resamples`` draws of G files with replacement, as counts times sums."""
    rng = np.random.default_rng(seed)
    n_files = len(sums)
    block = max(1, BLOCK // n_files)
    totals = []
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, n_files, (rows, n_files)) + n_files * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n_files).reshape(rows, n_files)
        totals.append(counts.astype(float) @ sums)  # of one type: a mixed product is slower
    return np.concatenate(totals)


def _bca_one(value, drawn, left_out):
    if not (np.isfinite(value) and np.all(np.isfinite(drawn)) and np.all(np.isfinite(left_out))):
        return Interval(value, np.nan, np.nan)
    if np.ptp(drawn) <= 1e-12 * max(1.0, abs(value)):  # sums of equal numbers differ by rounding alone
        return Interval(value, value, value)
    below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))  # beyond that the resamples cannot tell
    influence = left_out.mean() - left_out
    spread = (influence**2).sum()
    acceleration = (influence**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    levels = [ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))) for z in (-Z, Z)]
    low, high = np.quantile(drawn, levels)
    return Interval(value, float(low), float(high))
