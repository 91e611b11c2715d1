"""Accuracy and recovery as functions of JPEG quality and of epsilon, as tidy rows with 95 % intervals."""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .outcomes import PARTS, inner, read_outcomes
from .resampling import RESAMPLES, bca, share_difference_intervals, share_intervals, sums_by_file


def curves(predictions, *, resamples=RESAMPLES, seed=0):
    """Rows for drawing rates and recovery over quality and over epsilon.

    Columns: measure (top1 or agreement, and recovery), modification, attack, epsilon (0 for the clean image),
    transform, quality (null where they don't apply), n, value, low, high, reason (why a recovery is undefined).
    """
    data = read_outcomes(predictions)
    rates = data.modifications.assign(measure=data.measure, n=data.files.size, reason=None)
    rates[["value", "low", "high"]] = share_intervals(data.hits, files=data.files, resamples=resamples, seed=seed)
    parts = [rates]
    if _transformed_attacks(data):
        back = recovery(predictions, resamples=resamples, seed=seed).rename(columns={"recovery": "value"})
        parts.append(back.merge(data.modifications, on="modification").assign(measure="recovery"))
    rows = pd.concat([part.astype({"reason": object, "quality": "Int64"}) for part in parts], ignore_index=True)
    rows["epsilon"] = rows["epsilon"].astype(float).fillna(0.0)
    return rows[["measure", *PARTS, "n", "value", "low", "high", "reason"]]


def recovery(predictions, *, resamples=RESAMPLES, seed=0):
    """Share of what an attack takes that a transform gives back: (T(Adv) - Adv) / (x - Adv), rates on the same images.

    Columns: modification, n, recovery, low, high, reason. The interval is the BCa bootstrap's of the ratio over files.
    Where the interval of x - Adv holds 0 or less there is no loss to recover: recovery and its ends are NaN and
    ``reason`` says why; elsewhere ``reason`` is None.
    Raises BadInput if no transformed attack was measured beside x and the attack itself.
    """
    data = read_outcomes(predictions)
    rows = _transformed_attacks(data)
    if not rows:
        raise BadInput(f"predictions hold {', '.join(data.names)}; recovery needs x, an attack and a transform of it")
    clean = data.names.index("x")
    restored = [data.names.index(name) for name in rows]
    attacked = [data.names.index(inner(name)) for name in rows]

    def ratios(totals):
        return (totals[..., restored] - totals[..., attacked]) / (totals[..., [clean]] - totals[..., attacked])

    options = {"resamples": resamples, "seed": seed}
    losses = share_difference_intervals(
        data.hits[[clean] * len(rows)], data.hits[attacked], files=data.files, **options
    )
    reasons = [_why_undefined(inner(name), loss, data.measure) for name, loss in zip(rows, losses, strict=True)]
    sums, _ = sums_by_file(data.hits, data.files)
    found = bca(sums, ratios, **options)
    for k, interval in enumerate(found):
        if reasons[k] is None and not np.all(np.isfinite(interval)):
            reasons[k] = "too few images to tell an interval"
    undefined = [reason is not None for reason in reasons]
    table = pd.DataFrame({"modification": rows, "n": data.files.size})
    table[["recovery", "low", "high"]] = np.where(np.array(undefined)[:, None], np.nan, np.array(found))
    return table.assign(reason=pd.Series(reasons, dtype=object))


def _transformed_attacks(data):
    """Names of transformed attacks whose attack, and x, were measured too."""
    names = set(data.names)
    return [
        row.modification
        for row in data.modifications.itertuples()
        if pd.notna(row.transform) and pd.notna(row.attack) and {inner(row.modification), "x"} <= names
    ]


def _why_undefined(attack, loss, measure):
    if loss.low > 0:
        return None
    if np.isnan(loss.low):
        return "one file gives no interval"
    return f"{attack} takes {loss.value:.3f} [{loss.low:.3f}, {loss.high:.3f}] of {measure}, which may be nothing"
