"""Random fields that textures and scenes are made of: smooth ones, and ones with the 1/f spectrum of photographs.

Fields are float32 arrays (H, W) without a unit; every one is a function of the random generator it is given.
"""

import functools

import numpy as np
import scipy.fft
from PIL import Image


def smooth(rng, shape, knots):
    """Bumps about 1/``knots`` of the shape wide, of unit deviation at the knots: a few random numbers, interpolated."""
    return resized(rng.standard_normal((knots + 1, knots + 1), dtype=np.float32), shape)


def resized(field, shape):
    """``field`` stretched to ``shape``, cubic."""
    return np.asarray(Image.fromarray(field).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def pink(rng, shape, slope=-1.0):
    """Noise of mean 0 and deviation 1 whose amplitude falls as frequency to the power ``slope``."""
    size = tuple(scipy.fft.next_fast_len(side, real=True) for side in shape)
    noise = rng.standard_normal((size[0], size[1] // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field = scipy.fft.irfft2(noise * amplitudes(size, slope), size)[: shape[0], : shape[1]]
    field -= field.mean()
    field /= field.std()
    return field


@functools.lru_cache(maxsize=64)
def amplitudes(size, slope):
    """Frequency to the power ``slope`` on the half plane of a real transform, 0 at frequency 0; shared, read only."""
    vertical = np.fft.fftfreq(size[0])[:, None]
    frequency = np.hypot(vertical, np.fft.rfftfreq(size[1])[None])
    frequency[0, 0] = 1
    result = (frequency ** float(slope)).astype(np.float32)
    result[0, 0] = 0
    result.flags.writeable = False
    return result
