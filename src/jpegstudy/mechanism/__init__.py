"""Why a transform undoes a perturbation, or does not: what is left of it, measured and predicted."""

from jpegstudy.mechanism.survival import Survival, predicted_energy, predicted_gain

__all__ = ["Survival", "predicted_energy", "predicted_gain"]
