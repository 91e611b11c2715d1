"""Scenes with one large textured object among clutter, lit from one side; the texture is the label.

An image is a function of (seed, index) alone: order, batch and other images do not matter. Color, size, direction,
bending, light and clutter are drawn without regard to the label. The first indices are the validation set's; training
starts at FIRST_TRAINING_INDEX, so the two are disjoint under every seed.
"""

import math

import numpy as np
from scipy import ndimage

from jpegstudy.demo import noise, textures

CLASSES = tuple(texture.__name__ for texture in textures.ALL)  # sorted, as torchvision's ImageFolder sorts folders
FIRST_TRAINING_INDEX = 100_000
GRAY = np.float32([0.299, 0.587, 0.114])


def label_of(index):
    """The class of image ``index``, 0 to len(CLASSES) - 1: they take turns."""
    return index % len(CLASSES)


def draw(seed, index):
    """Draw image ``index``: uint8 (H, W, 3), RGB, shortest side 256 to 288 pixels, longest at most 1.4 times that."""
    rng = np.random.default_rng([seed, index])
    short = int(rng.integers(256, 289))
    long = int(short * rng.choice([1, 1, 1.15, 1.25, 1.33, 1.4]))
    height, width = (short, long) if rng.random() < 0.5 else (long, short)
    image = background(rng, (height, width))
    grain = noise.pink(rng, (height, width))
    light = rng.uniform(0, 2 * np.pi)
    own = textures.ALL[label_of(index)]
    for _ in range(rng.integers(3, 7)):
        center = rng.uniform(0, 1, 2) * (height, width)
        texture = rng.choice(textures.ALL) if rng.random() < 0.6 else None
        paint(image, grain, rng, texture, center, radius=short * rng.uniform(0.08, 0.19), light=light)
    middle = (0.5 * height, 0.5 * width) + rng.uniform(-0.1, 0.1, 2) * short
    radius = short * rng.uniform(0.23, 0.43)
    paint(image, grain, rng, own, middle, radius=radius, light=light)
    for _ in range(rng.integers(1, 6)):
        angle = rng.uniform(0, 2 * np.pi)
        center = middle + radius * rng.uniform(0.45, 1.2) * np.array([math.sin(angle), math.cos(angle)])
        paint(image, grain, rng, None, center, radius=short * rng.uniform(0.05, 0.12), light=light)
    return developed(image, rng)


def background(rng, shape):
    """Ground of 1/f noise in two random colors: float32 (3, H, W), 0 to 1 or a little beyond."""
    first, second = palette(rng, gap=rng.uniform(0.1, 0.4))
    mix = 0.5 + 0.28 * noise.pink(rng, shape, rng.choice([-1.05, -0.95, -0.85]))
    image = first + mix * (second - first)
    image += noise.pink(rng, shape, -1.2) * rng.normal(0, 0.04, (3, 1, 1)).astype(np.float32)
    image *= 1 + rng.uniform(0, 0.25) * noise.smooth(rng, shape, 2)
    return image


def palette(rng, *, gap):
    """Two random RGB colors, float32 (3, 1, 1) from 0 to 1, whose gray values differ by about ``gap``."""
    center = rng.uniform(0.25 + gap / 2, 0.75 - gap / 2)
    sign = rng.choice([-1, 1])
    colors = []
    for gray in (center - sign * gap / 2, center + sign * gap / 2):
        tint = rng.normal(0, 0.11, 3)
        colors.append(np.clip(gray + tint - tint @ GRAY, 0.02, 0.98).astype(np.float32)[:, None, None])
    return colors


def paint(image, grain, rng, texture, center, *, radius, light):
    """Paint one object and its shadow into ``image`` (float32 (3, H, W)), in place.

    grain: float32 (H, W), noise that roughens the surface.
    texture: one of textures.ALL, or None for a plain object.  center: (row, column), and radius, in pixels.
    light: the direction the light comes from, radians.
    """
    reach = 1.5 * radius
    top, left = (max(0, int(c - reach)) for c in center)
    bottom, right = (min(side, int(c + reach)) for c, side in zip(center, grain.shape, strict=True))
    if bottom - top < 4 or right - left < 4:
        return
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(center[0])
    x = np.arange(left, right, dtype=np.float32)[None] - np.float32(center[1])
    window = image[:, top:bottom, left:right]
    shape = window.shape[1:]
    turn, squeeze = rng.uniform(0, np.pi), rng.uniform(0.7, 1)
    lit = np.float32([math.sin(light), math.cos(light)])
    outline = rng.uniform(0.1, 0.22) * noise.smooth(rng, shape, 4)
    level = 1 + outline - ellipse(x, y, radius, turn, squeeze)
    cast = rng.uniform(0.06, 0.2) * radius
    shadow = 1 + outline - ellipse(x + cast * lit[1], y + cast * lit[0], radius, turn, squeeze)
    window *= 1 - rng.uniform(0.2, 0.6) * np.clip(1.5 * shadow + 0.3, 0, 1)

    first, second = palette(rng, gap=rng.uniform(0.09, 0.4))
    seen = np.zeros(shape, np.float32) if texture is None else bent(rng, texture, x, y, radius)
    color = first + seen * (second - first)
    brightness = 1 + rng.uniform(0.1, 0.35) * (x * lit[1] + y * lit[0]) / radius + 0.15 * (np.clip(level, 0, 1) - 0.5)
    brightness += rng.uniform(0.06, 0.17) * grain[top:bottom, left:right]
    if texture is not None:
        brightness += rng.uniform(-0.6, 0.6) * relief(seen, lit)
    cover = np.clip(0.5 + level * np.float32(radius / 2.5), 0, 1)
    window += cover * (color * np.clip(brightness, 0.2, 2) - window)


def ellipse(x, y, radius, turn, squeeze):
    """1 on an ellipse of that radius (pixels), growing outward with the square of the distance."""
    a = (math.cos(turn) * x + math.sin(turn) * y) / np.float32(radius)
    b = (math.cos(turn) * y - math.sin(turn) * x) / np.float32(radius * squeeze)
    return a * a + b * b


def bent(rng, texture, x, y, radius):
    """``texture`` at a random scale and direction, seen at a slant and bent: float32 (H, W)."""
    period = rng.uniform(12, 44)
    angle = rng.uniform(0, 2 * np.pi)
    slant = rng.uniform(0.75, 1)
    u = (math.cos(angle) * x + math.sin(angle) * y) / np.float32(period)
    v = (math.cos(angle) * y - math.sin(angle) * x) / np.float32(period * slant)
    bend = rng.uniform(0.05, 0.3) * 2 * radius / period / 6
    u = u + bend * noise.smooth(rng, u.shape, 3)
    v = v + bend * noise.smooth(rng, u.shape, 3)
    return texture(u, v, rng.uniform(0.8, 1.6) / period, rng).astype(np.float32)


def relief(height, lit):
    """How much a surface of this ``height`` (H, W) faces the light ``lit`` (down, right): its slope along it."""
    down, right = np.gradient(height)
    return lit[0] * down + lit[1] * right


def developed(image, rng):
    """What a camera makes of the light: exposure, a little blur, sensor noise, 8 bits."""
    image = image * rng.uniform(0.8, 1.2)
    blur = rng.uniform(0.25, 0.55)
    image = ndimage.gaussian_filter(image, (0, blur, blur), truncate=3)
    image += rng.uniform(0.002, 0.012) * rng.standard_normal(image.shape, dtype=np.float32)
    image = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(image.transpose(1, 2, 0))
