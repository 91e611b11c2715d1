"""Recovery as steps, spectra and the accuracy without JPEG predict it, by quality; and the epsilons where it ends."""

import pandas as pd

from jpegstudy.mechanism import prediction


def surviving_shares(geometry):
    """G, the share of the first order that should survive: columns quality, epsilon, share.

    geometry: a row for each image, epsilon and quality, with first_order and share_at_compressed. The share of all
    images together: what survives of their summed first orders, so that an image whose own is near 0 does not decide.
    """
    left = geometry.assign(left=geometry["share_at_compressed"] * geometry["first_order"])
    sums = left.groupby(["quality", "epsilon"])[["left", "first_order"]].sum()
    return (sums["left"] / sums["first_order"]).rename("share").reset_index()


def predicted_recoveries(geometry, accuracy, compressed):
    """The recovery that prediction.predicted_recovery gives: columns quality, epsilon, share, recovery.

    geometry: as for ``surviving_shares``.  accuracy: without JPEG, a Series by epsilon that begins at 0, the clean one.
    compressed: ``{quality: accuracy of JPG(x)}``.
    """
    parts = []
    for quality, part in surviving_shares(geometry).groupby("quality"):
        part = part.sort_values("epsilon")
        recovery = prediction.predicted_recovery(
            part["epsilon"], part["share"], **_known(accuracy, compressed, quality)
        )
        parts.append(part.assign(recovery=recovery))
    return pd.concat(parts, ignore_index=True)


def critical_epsilons(measured, predicted, accuracy, compressed):
    """``(measured, predicted)``: of each quality the epsilon at which recovery falls through one half; NaN where not.

    measured: columns quality, epsilon, recovery.  predicted: from ``predicted_recoveries``, whose shares are joined
    between its epsilons.  accuracy, compressed: as there.
    """
    found, told = {}, {}
    for quality, part in measured.groupby("quality"):
        part = part.sort_values("epsilon")
        found[quality] = prediction.critical_epsilon(part["epsilon"], part["recovery"])
        rows = predicted[predicted["quality"] == quality].sort_values("epsilon")
        known = _known(accuracy, compressed, quality)
        told[quality] = prediction.predicted_critical_epsilon(rows["epsilon"], rows["share"], **known)
    return found, told


def _known(accuracy, compressed, quality):
    return {
        "attack_epsilons": accuracy.index.to_numpy(),
        "attack_accuracies": accuracy.to_numpy(),
        "compressed_accuracy": compressed[quality],
    }
