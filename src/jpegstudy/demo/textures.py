"""The textures that tell the classes of the demo set apart.

A texture takes coordinates ``u`` and ``v`` (float32 (H, W), in periods of the texture), ``soft`` (how wide an edge
is, in periods: about one pixel) and a random generator, and returns float32 (H, W) from 0 to 1: how much
of the object's second color is seen. Colors, light, size and bending are the scene's business, not the texture's.
"""

import numpy as np

from jpegstudy.demo import noise


def bricks(u, v, soft, rng):
    """Rows of bricks between joints; every brick has a tone of its own."""
    height = rng.uniform(0.38, 0.55)
    row = np.floor(v / height)
    x = u + 0.5 * (row % 2)
    joint = np.minimum(nearest(x), nearest(v / height) * height) - rng.uniform(0.03, 0.06)
    return ramp(joint, soft) * (0.65 + 0.35 * tone(np.floor(x), row))


def cells(u, v, soft, rng):
    """Irregular polygons between walls, like cracked mud or a giraffe."""
    jitter = rng.random((2, 64, 64), dtype=np.float32)
    column, line = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    first = np.full_like(u, 9)
    second = first.copy()
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            i, j = line + down, column + right
            distance = np.hypot(j + jitter[0][i & 63, j & 63] - u, i + jitter[1][i & 63, j & 63] - v)
            second = np.minimum(second, np.maximum(first, distance))
            first = np.minimum(first, distance)
    return ramp(second - first - rng.uniform(0.1, 0.24), 2 * soft)


def checks(u, v, soft, rng):
    """A chess board."""
    return 0.5 + 0.5 * side(nearest(u) - 0.25, soft) * side(nearest(v) - 0.25, soft)


def dots(u, v, soft, rng):
    """Discs on a triangular lattice."""
    tall = np.float32(3**0.5)
    even = np.hypot(nearest(u), nearest(v / tall) * tall)
    odd = np.hypot(nearest(u + 0.5), nearest(v / tall + 0.5) * tall)
    return ramp(rng.uniform(0.2, 0.36) - np.minimum(even, odd), soft)


def grids(u, v, soft, rng):
    """Thin lines that cross at right angles."""
    return ramp(rng.uniform(0.05, 0.13) - np.minimum(nearest(u), nearest(v)), soft)


def marble(u, v, soft, rng):
    """Veins: stripes bent by noise of every scale until no direction is left."""
    bend = noise.pink(rng, u.shape, -1.8) * rng.uniform(0.1, 0.2) * np.ptp(u)
    return np.abs(np.sin(np.pi * (0.3 * u + bend))) ** rng.uniform(0.4, 1)


def rings(u, v, soft, rng):
    """Circles about one center."""
    u, v = u - rng.uniform(-0.7, 0.7), v - rng.uniform(-0.7, 0.7)
    return ramp(rng.uniform(0.14, 0.32) - nearest(np.hypot(u, v)), soft)


def scales(u, v, soft, rng):
    """Rows of round scales, each row lying over the one before."""
    height, radius = rng.uniform(0.4, 0.5), rng.uniform(0.58, 0.68)
    result = np.zeros_like(u)
    row = np.floor(v / height) - 1
    for _ in range(4):
        distance = np.hypot(nearest(u + 0.5 * (row % 2)), v - row * height) / radius
        cover = ramp(1 - distance, soft / radius)
        result += cover * (np.clip(3 - 3 * distance, 0, 1) - result)
        row = row + 1
    return result


def stripes(u, v, soft, rng):
    """Parallel bands."""
    return ramp(rng.uniform(0.14, 0.34) - nearest(u), soft)


def triangles(u, v, soft, rng):
    """A board of triangles, one color pointing up and the other down."""
    a, b = v, 0.866 * u - 0.5 * v
    c = -a - b
    down = (a - np.floor(a)) + (b - np.floor(b)) + (c - np.floor(c)) > 1.5
    edge = np.minimum(np.minimum(nearest(a), nearest(b)), nearest(c))
    return 0.5 + np.where(down, 0.5, -0.5) * np.minimum(edge / soft, 1)


def weave(u, v, soft, rng):
    """Strands that go over and under each other, in turns across and along."""
    x, y = u - np.floor(u), v - np.floor(v)
    along = (np.floor(u) + np.floor(v)) % 2 == 0
    across, run = np.where(along, y, x) - 0.5, np.where(along, x, y) - 0.5
    gap = rng.uniform(0.38, 0.46)
    return ramp(gap - np.abs(across), soft) * (1 - 2.2 * across**2) * (1 - 2 * run**2)


def zigzags(u, v, soft, rng):
    """Bands that turn sharply left and right."""
    turn = nearest(v * rng.uniform(0.4, 0.7)) * rng.uniform(1.6, 2.6)
    return ramp(rng.uniform(0.16, 0.32) - nearest(u + turn), soft)


ALL = (bricks, cells, checks, dots, grids, marble, rings, scales, stripes, triangles, weave, zigzags)  # in label order


def nearest(x):
    """Distance to the nearest whole number, 0 to 0.5."""
    return np.abs(x - np.rint(x))


def ramp(x, soft):
    """0 below -``soft``, 1 above ``soft``, straight between."""
    return np.clip(0.5 + x * np.float32(0.5 / soft), 0, 1)


def side(x, soft):
    """-1 or 1, the sign of ``x``, straight within ``soft`` of 0."""
    return np.clip(x / np.float32(soft), -1, 1)


def tone(column, row):
    """A number from 0 to 1 that looks random but is the same wherever column and row are the same."""
    mixed = np.sin(column * np.float32(12.99) + row * np.float32(78.23)) * np.float32(437.5)
    return mixed - np.floor(mixed)
