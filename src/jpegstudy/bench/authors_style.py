"""Total-variation minimization and image quilting the slow way: pixel by pixel and patch by patch, in Python.

Feature Distillation's paper holds itself against both and takes 259 times less than the first (38.89 s against 0.15 s
an image). What its authors ran is not said. Of public code, Athalye et al. 2018 loop in Python over every pixel (their
file calls it very slow) and over every patch, and Guo et al. 2018, who proposed both, compile the same loops. These
functions take Guo's settings and Athalye's style. They are this project's own; transforms holds the fast ones, and
tests/bench/test_authors_style.py that both agree. For timing only.

Images are uint8 arrays (H, W, 3), grey levels.
"""

import math

import numpy as np

from jpegstudy.errors import BadInput

SIDE, OVERLAP = 5, 2  # of a patch, and of one on the next, pixels
STRIDE = SIDE - OVERLAP


def minimize_variation(image, *, seed, drop=0.5, lamb=0.03):
    """Drop values at random and minimize total variation: uint8 (H, W, 3).

    drop: the probability, for each value of each channel by itself.  lamb: the weight of total variation.
    Source: Guo et al. 2018, section 4; their code's drop rate, lambda and mask.
    """
    mask = np.random.default_rng(seed).random(image.shape) >= drop
    least = split_bregman(image / 255, mask, 1 / lamb)
    return np.clip(np.rint(255 * least), 0, 255).astype(np.uint8)


def split_bregman(values, mask, weight, *, rounds=100, sweeps=10, tolerance=0.01):
    """The image that split Bregman reaches towards the least E of transforms.TotalVariation: float64 (H, W, C).

    values: float64 (H, W, C), 0-1.  mask: bool of the same shape, True where a value is kept.  weight: of E's data
    term.  Each round makes ``sweeps`` of Gauss and Seidel over all values and then shrinks the differences; at most
    ``rounds``, until the root of the mean squared change of a round is at most ``tolerance``.
    Source: Goldstein and Osher 2009; rounds, sweeps, tolerance, the start at 0 where a value is dropped and
    scikit-image's smoothed shrinkage as in Guo et al.'s code. It divides by four neighbors at the border too, where a
    dropped value has fewer; this divides by their number. That shrinkage, not the tolerance, is why the least E is
    not reached: on small images tried, what comes out lies 3 to 20 % above it.
    """
    height, width, channels = values.shape
    u = values * mask
    down_d, across_d, down_b, across_b, pull = (np.zeros_like(u) for _ in range(5))
    stiff = 2 * weight  # the penalty on differences that are not those of u
    for _ in range(rounds):
        before = u.copy()
        for _ in range(sweeps):
            for k in range(channels):
                for r in range(height):
                    for c in range(width):
                        total, neighbors = pull[r, c, k], 0
                        if r > 0:
                            total += u[r - 1, c, k]
                            neighbors += 1
                        if r < height - 1:
                            total += u[r + 1, c, k]
                            neighbors += 1
                        if c > 0:
                            total += u[r, c - 1, k]
                            neighbors += 1
                        if c < width - 1:
                            total += u[r, c + 1, k]
                            neighbors += 1
                        if mask[r, c, k]:
                            u[r, c, k] = (stiff * total + weight * values[r, c, k]) / (stiff * neighbors + weight)
                        else:
                            u[r, c, k] = total / neighbors
        change = 0.0
        for k in range(channels):
            for r in range(height):
                for c in range(width):
                    down = u[r + 1, c, k] - u[r, c, k] if r < height - 1 else 0.0
                    across = u[r, c + 1, k] - u[r, c, k] if c < width - 1 else 0.0
                    wanted_down, wanted_across = down + down_b[r, c, k], across + across_b[r, c, k]
                    share = shrunk(math.sqrt(wanted_down**2 + wanted_across**2), stiff)
                    down_d[r, c, k], across_d[r, c, k] = share * wanted_down, share * wanted_across
                    down_b[r, c, k] += down - down_d[r, c, k]
                    across_b[r, c, k] += across - across_d[r, c, k]
                    pull[r, c, k] = down_b[r, c, k] - down_d[r, c, k] + across_b[r, c, k] - across_d[r, c, k]
                    if r > 0:
                        pull[r, c, k] += down_d[r - 1, c, k] - down_b[r - 1, c, k]
                    if c > 0:
                        pull[r, c, k] += across_d[r, c - 1, k] - across_b[r, c - 1, k]
                    change += (u[r, c, k] - before[r, c, k]) ** 2
        if math.sqrt(change / u.size) <= tolerance:
            break
    return u


def shrunk(length, stiff):
    """The share that shrinkage leaves of a difference of that length: scikit-image's smoothed one, never 0."""
    return length * stiff / (length * stiff + 1)


def quilt(image, patches):
    """Sew an image from the nearest patches of a database, each cut along the seam of least error: uint8 (H, W, 3).

    patches: uint8 (P, 3, 5, 5). For each place of a patch the database is searched, by comparing all, then both seams
    are found.
    Raises BadInput if patches 3 pixels apart do not end with the image, as in Athalye et al.'s code.
    Source: Guo et al. 2018, section 4, and the default of their code, the one nearest patch; Athalye et al. 2018 for
    the search; Efros and Freeman 2001 for the seams.
    """
    height, width, _ = image.shape
    if min(height, width) < SIDE or (height - SIDE) % STRIDE or (width - SIDE) % STRIDE:
        raise BadInput(f"the image is {height} x {width} pixels; wanted sides of {SIDE}, {SIDE + STRIDE}, ... pixels")
    tiles = patches.transpose(0, 2, 3, 1)  # (P, 5, 5, 3)
    flat = tiles.reshape(len(tiles), -1).astype(np.float32)
    squares = (flat**2).sum(1)
    result = np.zeros_like(image)
    for top in range(0, height - SIDE + 1, STRIDE):
        for left in range(0, width - SIDE + 1, STRIDE):
            at = slice(top, top + SIDE), slice(left, left + SIDE)
            tile = tiles[nearest(image[at], flat, squares)]
            lay(result[at], tile, from_row=top > 0, from_column=left > 0)
    return result


def nearest(tile, flat, squares):
    """The index of the patch nearest to ``tile``, the first of several; flat: float32 (P, 75), squares: of each."""
    return int((squares - 2 * (flat @ tile.ravel().astype(np.float32))).argmin())


def lay(window, tile, *, from_row, from_column):
    """Lay ``tile`` into ``window`` (uint8 (5, 5, 3), in place), behind the seams of the overlaps that there are."""
    error = ((window.astype(int) - tile) ** 2).sum(axis=2)  # (5, 5)
    left = seam(error[:, :OVERLAP]) if from_column else [0] * SIDE
    above = seam(error[:OVERLAP].T) if from_row else [0] * SIDE
    for row in range(SIDE):
        for column in range(SIDE):
            if column >= left[row] and row >= above[column]:
                window[row, column] = tile[row, column]


def seam(error):
    """Where the path of least error crosses each row, moving by one column at most: a list of columns, left if equal.

    error: whole numbers (R, C). By dynamic programming from the last row up.
    """
    rows, columns = error.shape
    costs = [[int(value) for value in row] for row in error]
    for row in range(rows - 2, -1, -1):
        for column in range(columns):
            costs[row][column] += min(costs[row + 1][max(0, column - 1) : column + 2])
    path = [min(range(columns), key=costs[0].__getitem__)]
    for row in range(1, rows):
        near = range(max(0, path[-1] - 1), min(columns, path[-1] + 2))
        path.append(min(near, key=costs[row].__getitem__))
    return path
