"""How much of each spatial frequency images hold: photographs' amplitudes fall about as 1/frequency."""

import numpy as np


def amplitudes(images):
    """Mean amplitude at every whole frequency, averaged over directions and images.

    images: sequence of uint8 (S, S, 3), all of one even side S.
    Returns (frequency, amplitude), float64 (S / 2 - 1,): cycles per image 1 to S / 2 - 1, and grey levels times pixels.
    """
    side = len(images[0])
    window = np.outer(np.hanning(side), np.hanning(side))  # else the jump between opposite edges adds a false 1/f
    cycles = np.fft.fftfreq(side, 1 / side)
    ring = np.rint(np.hypot(cycles[:, None], cycles[None])).astype(int)  # (S, S)
    total = np.zeros(ring.max() + 1)
    for image in images:
        gray = image @ np.array([0.299, 0.587, 0.114])
        total += np.bincount(ring.ravel(), np.abs(np.fft.fft2((gray - gray.mean()) * window)).ravel())
    mean = total / np.bincount(ring.ravel()) / len(images)
    return np.arange(1.0, side // 2), mean[1 : side // 2]


def slope(frequency, amplitude, lowest=2, highest=100):
    """The power of frequency that amplitude follows, fitted on logarithms from ``lowest`` to ``highest``."""
    kept = (frequency >= lowest) & (frequency <= highest)
    return float(np.polyfit(np.log(frequency[kept]), np.log(amplitude[kept]), 1)[0])
