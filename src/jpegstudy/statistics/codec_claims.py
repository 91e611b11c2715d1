"""What the abstract of Chen and Ma 2023 says of learned codecs, beside what was measured here.

The paper's own numbers are those of the authors' figure and project page, for single pictures and other codecs; where
they give none, the column paper is empty.
"""

import numpy as np
import pandas as pd

from .codecs import NOISE
from .in_words import verdict

UNDECIDED = "not decided by these images"
HOLDS = {1: "holds", 0: UNDECIDED, -1: "does not hold"}
REACHED = {1: "reached", 0: UNDECIDED, -1: "not reached"}
THRESHOLD = 1e-3  # the mean squared error of the authors' figure
SEVERE = 10.47  # dB: 29.994 in, 19.52 out, the least of the eight codecs in the authors' figure
GIVEN_BACK = 0.78  # (23.71 - 11.61) / (27.09 - 11.61) dB: the authors' project page, fine-tuned, attacked, under noise
COLUMNS = ["claim", "paper", "measured", "low", "high", "n", "verdict"]


def judge_codecs(noise, hard=None, kinds=None, *, means, similarity=None):
    """The claims, one a row: claim, paper, measured, low, high, n, verdict.

    noise: of ``codecs.over_noise``.  hard: of ``codecs.hardening``, or None.  means: of ``codecs.vulnerabilities``.
    kinds: ``{"loss": {codec: which}, ...}``, of ``steps.kinds_of``: what learned codecs differ in, no hardened ones.
    similarity: of ``over_noise`` with the measure delta_ms_ssim, or None.
    Where a claim is general, the least over its group counts: the codec (threshold, distance) on which the attack does
    the least more than noise of the same power.
    """
    ours = {name for group in (kinds or {}).values() for name in group}
    learned = noise[noise["codec"].isin(ours)]
    rows = _severe(means[means["codec"].isin(ours)])
    worst = learned[learned["attack"] == "worst"]
    for name, group in (kinds or {}).items():
        if len(set(group.values())) > 1:
            told = ", ".join(map(str, dict.fromkeys(group.values())))
            rows.append(_general(f"it is general over the {name} ({told})", worst[worst["codec"].isin(group)]))
    if worst["budget"].nunique() > 1:
        told = ", ".join(f"{budget:g}" for budget in sorted(worst["budget"].unique()))
        rows.append(_general(f"it is general over the noise threshold ({told})", worst))
    if similarity is not None:
        part = similarity[similarity["codec"].isin(ours) & (similarity["objective"] == "ms-ssim")]
        part = part[part["value"].notna()]
        if len(part):
            rows.append(
                _general("it is general over the distance measure (MS-SSIM instead)", part, "its index in MS-SSIM")
            )
    return pd.DataFrame(rows + ([] if hard is None else _hardened(hard)), columns=COLUMNS)


def _severe(means):
    """Of the codec that amplifies most at the threshold of the authors' figure; no row where it was not tried."""
    part = means[(means["measure"] == "delta_psnr") & (means["budget"] == THRESHOLD) & (means["attack"] != NOISE)]
    if not len(part):
        return []
    row = part.loc[part["value"].idxmax()]
    claim = (
        f"the reconstruction is distorted severely: ΔPSNR at {THRESHOLD:g}, dB, C(x*) against C(x), the mean of "
        f"{row.codec} under {row.attack}; the paper: the least of eight codecs, a picture each"
    )
    return [(claim, SEVERE, row.value, row.low, row.high, int(row.n), _verdict(row, SEVERE))]


def _general(claim, part, index="ΔPSNR"):
    row = part.loc[part["value"].idxmin()]
    words = f"{claim}: {index} beyond noise's, dB, the least ({row.codec} at {row.budget:g})"
    return (words, np.nan, row.value, row.low, row.high, int(row.n), HOLDS[verdict(row.low, row.high)])


def _hardened(hard):
    """Against the control: what fine-tuning takes off under attack, gives back, and costs on clean images."""
    rows = []
    under = hard[hard["budget"].notna() & (hard["compared"] == "after - control")]
    words = {"delta_psnr": "ΔPSNR", "drop_src": "the drop to the source"}
    for row in under[under["measure"].isin(words)].itertuples():
        claim = f"fine-tuning makes it more robust: {words[row.measure]} at {row.budget:g} less than the control's, dB"
        told = HOLDS[verdict(-row.high, -row.low)]
        rows.append((claim, np.nan, -row.value, -row.high, -row.low, int(row.n), told))
    for row in under[under["measure"] == "given_back"].itertuples():
        claim = f"it gives back of what the attack took beyond noise, at {row.budget:g}, more than the control: a share"
        paper = GIVEN_BACK if row.budget == THRESHOLD else np.nan
        told = HOLDS[verdict(row.low, row.high)] if np.isnan(paper) else _verdict(row, paper)
        rows.append((claim, paper, row.value, row.low, row.high, int(row.n), told))
    clean = hard[hard["budget"].isna() & (hard["compared"] == "after - control")].set_index("measure")
    for measure, told in {"psnr_clean": "PSNR of clean images, dB", "bits_per_pixel_clean": "bits per pixel"}.items():
        row = clean.loc[measure]
        said = "changes" if verdict(row.low, row.high) else UNDECIDED
        rows.append((f"what that costs: {told}, more than the control's", np.nan, row.value, row.low, row.high,
                     int(row.n), said))  # fmt: skip
    return rows


def _verdict(row, paper):
    return REACHED[verdict(row.low - paper, row.high - paper)]
