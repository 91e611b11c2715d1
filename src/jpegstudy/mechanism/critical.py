"""Recovery as it is predicted by quality, and the epsilons where it falls through one half.

At "x" the prediction knows JPEG's steps, the phases of the image's coefficients, the spectrum of the perturbation, the
gradient at x, and two measured accuracies: under attack without JPEG, and of JPG(x). At "compressed" it knows the
gradient at JPG(x) in its place, which JPEG has turned.
"""

import numpy as np
import pandas as pd

from jpegstudy.mechanism import prediction
from jpegstudy.statistics import outcomes, resampling

AT = {"compressed": "the gradient at JPG(x)", "x": "the gradient at x"}  # where it is taken, in words


def surviving_shares(geometry, at="compressed"):
    """G, the share of the first order that should survive: columns quality, epsilon, share.

    geometry: a row for each image, epsilon and quality, with first_order and share_at_<at>.  at: of AT. The share of
    all images together: what survives of their summed first orders, so that an image whose own is near 0 does not
    decide.
    """
    left = geometry.assign(left=geometry[f"share_at_{at}"] * geometry["first_order"])
    sums = left.groupby(["quality", "epsilon"])[["left", "first_order"]].sum()
    return (sums["left"] / sums["first_order"]).rename("share").reset_index()


def predicted_recoveries(geometry, accuracy, compressed, at="compressed"):
    """The recovery that prediction.predicted_recovery gives: columns quality, epsilon, share, recovery.

    geometry, at: as for ``surviving_shares``.  accuracy: without JPEG, a Series by epsilon that begins at 0, the clean
    one.  compressed: ``{quality: accuracy of JPG(x)}``.
    """
    parts = []
    for quality, part in surviving_shares(geometry, at).groupby("quality"):
        part = part.sort_values("epsilon")
        recovery = prediction.predicted_recovery(
            part["epsilon"], part["share"], **_known(accuracy, compressed, quality)
        )
        parts.append(part.assign(recovery=recovery))
    return pd.concat(parts, ignore_index=True)


def predictions(geometry, accuracy, compressed):
    """``{words: predicted_recoveries}`` for each place of AT; arguments as there."""
    return {words: predicted_recoveries(geometry, accuracy, compressed, at) for at, words in AT.items()}


def beside_measured(curves, predicted):
    """What was measured beside ``predictions``: a row for each quality and epsilon that both have.

    curves: statistics.explanations.recovery_curves_of. Columns: its own, and for each place the share and recovery
    predicted, recovery_with_gradient_at_<compressed or x> and share_with_gradient_at_<...>.
    """
    for at, words in AT.items():
        names = {name: f"{name}_with_gradient_at_{at}" for name in ("share", "recovery")}
        curves = curves.merge(predicted[words].rename(columns=names), on=["quality", "epsilon"])
    return curves


def predicted_critical_epsilons(predicted, accuracy, compressed):
    """``{quality: epsilon}`` at which the predicted recovery falls through one half, as critical_epsilons has it.

    predicted: from ``predicted_recoveries``, whose shares are joined between its epsilons.  accuracy, compressed: as
    there.
    """
    found = {}
    for quality, rows in predicted.groupby("quality"):
        rows = rows.sort_values("epsilon")
        known = _known(accuracy, compressed, quality)
        found[quality] = prediction.predicted_critical_epsilon(rows["epsilon"], rows["share"], **known)
    return found


def critical_epsilons(predictions, *, resamples=resampling.RESAMPLES, seed=0):
    """The epsilon of each quality at which measured recovery falls through one half: quality, value, low, high, least,
    most.

    predictions: of x, Adv and JPG at several epsilons and qualities. least and most are the epsilons measured; a value
    or an end below least is 0, for recovery lies below one half already there, one above most infinite; NaN where the
    attack takes nothing at any epsilon. The interval is the percentile bootstrap's over files.
    """
    data = outcomes.read_outcomes(predictions)
    parts = data.modifications
    attacked = parts[parts["attack"].notna() & parts["transform"].isna()].sort_values("epsilon")
    epsilons = attacked["epsilon"].to_numpy(float)
    sums, _ = resampling.sums_by_file(data.hits, data.files)
    rows = []

    def falls(recovery):
        return prediction.critical_epsilon(epsilons, recovery)

    for quality, part in parts[parts["attack"].notna() & (parts["transform"] == "JPG")].groupby("quality"):
        back = part.set_index("epsilon").loc[attacked["epsilon"], "modification"]
        places = [[data.place(f) for f in each] for each in (["x"], attacked["modification"], back)]

        def crossing(totals, places=places):
            clean, hit, again = (totals[..., place] for place in places)
            with np.errstate(divide="ignore", invalid="ignore"):
                curves = np.where(clean > hit, (again - hit) / (clean - hit), np.nan)
            return np.apply_along_axis(falls, -1, curves)[..., None]

        (found,) = resampling.percentiles(sums, crossing, resamples=resamples, seed=seed)
        rows.append((int(quality), *found, epsilons[0], epsilons[-1]))
    return pd.DataFrame(rows, columns=["quality", "value", "low", "high", "least", "most"])


def _known(accuracy, compressed, quality):
    return {
        "attack_epsilons": accuracy.index.to_numpy(),
        "attack_accuracies": accuracy.to_numpy(),
        "compressed_accuracy": compressed[quality],
    }
