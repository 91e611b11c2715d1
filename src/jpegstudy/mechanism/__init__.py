"""Why a transform undoes a perturbation, or does not: what is left of it, measured and predicted.

Everything here takes one batch of images and gives numbers for each image, or adds to sums: memory does not grow with
the number of images. A module each:

    survival         what survives in each band, and the closed forms for images that were quantized before
    geometry         where JPEG steps: Figure 1 of the study in numbers
    ladder           variants of JPEG: single steps, single bands, shifted grids
    decomposition    the change of the objective in first orders, the codec's part, and remainders; controls
    spectra          perturbations, gradients and images by color plane and band, beside the steps
    prediction       gain and energy in one pass, and the critical epsilon, predicted and read off a curve
    critical         the prediction for a run's tables, by quality
    recovery_model   which images JPEG brings back, by their margin, texture and spectrum
"""

from jpegstudy.mechanism import critical, decomposition, geometry, ladder, prediction, recovery_model, spectra
from jpegstudy.mechanism.survival import Survival, predicted_energy, predicted_gain

__all__ = [
    "Survival", "critical", "decomposition", "geometry", "ladder", "predicted_energy", "predicted_gain", "prediction",
    "recovery_model", "spectra",
]  # fmt: skip
