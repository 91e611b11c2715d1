"""Codecs under attack, in tables: what they suffer, beside noise of the same power, from others' attacks, hardened.

``measured`` is the table of step 10: a row for each image, trial and codec that coded the trial's images.
"""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .in_words import verdict
from .resampling import RESAMPLES, mean_interval

NOISE = "Gaussian"
MEASURES = ("delta_psnr", "drop_src", "psnr_in", "psnr_clean", "psnr_adv_src", "psnr_adv_rec", "ms_ssim_clean",
            "ms_ssim_adv_src", "bits_per_pixel_clean", "more_bits")  # fmt: skip
TRIAL = ["coded_by", "attack", "objective", "budget"]
UNDECIDED = "not decided by these images"
HOLDS = {1: "holds", 0: UNDECIDED, -1: "does not hold"}
SEVERE = 10.47  # dB: 29.994 in, 19.52 out, the least of the eight codecs in the authors' figure


def vulnerabilities(measured, *, measures=MEASURES, files=None, resamples=RESAMPLES, seed=0):
    """Means over images of what each codec suffers from attacks made against itself.

    files: for each image number the file it was cut from, a Series; None: every image is a file of its own.
    Columns: codec, attack, objective, budget, measure, n, value, low, high. more_bits is the share by which the stream
    grew. An infinite or missing value (no change at all, or too small an image) is left out, and n counts the others.
    """
    own = _own(measured)
    rows = []
    for trial, part in own.groupby(TRIAL, sort=False):
        for measure in measures:
            rows.append((*trial, measure, *_mean(part[["image", measure]], files, resamples, seed)))
    return pd.DataFrame(rows, columns=["codec", *TRIAL[1:], "measure", "n", "value", "low", "high"])


def over_noise(measured, *, measure="delta_psnr", files=None, resamples=RESAMPLES, seed=0):
    """How much more each attack does to its codec than noise of the same power, image by image, then the mean, dB.

    Columns as of ``vulnerabilities`` without measure; a row "worst" for each codec and budget takes, image by image,
    the attack that did most of those with the objective that noise had.
    """
    own = _own(measured)
    noise = own[own["attack"] == NOISE].set_index(["coded_by", "budget", "image"])[measure]
    crafted = own[own["attack"] != NOISE]
    base = noise.reindex(pd.MultiIndex.from_frame(crafted[["coded_by", "budget", "image"]])).to_numpy()
    crafted = crafted.assign(more=crafted[measure].to_numpy() - base)
    alike = crafted[crafted["objective"].isin(own.loc[own["attack"] == NOISE, "objective"])]
    worst = alike.groupby(["coded_by", "objective", "budget", "image"], sort=False)["more"].max().reset_index()
    rows = []
    for trial, part in pd.concat([crafted, worst.assign(attack="worst")]).groupby(TRIAL, sort=False):
        rows.append((*trial, *_mean(part[["image", "more"]], files, resamples, seed)))
    return pd.DataFrame(rows, columns=["codec", *TRIAL[1:], "n", "value", "low", "high"])


def transfers(measured, *, measure="delta_psnr"):
    """What attacks made against one codec do to another, means over images: columns made_against, coded_by, n, value.

    Of the images that went round all codecs only. Raises BadInput if there are none.
    """
    other = measured[measured["made_against"] != measured["coded_by"]]
    if not len(other):
        raise BadInput("no attacked images went to other codecs; the parameter transferred of page 10 asks for it")
    what = other[["made_against", "attack", "objective", "budget"]].drop_duplicates()
    part = measured[~measured["targeted"]].merge(what)
    part = part[np.isfinite(part[measure])]
    return part.groupby(["made_against", "coded_by"], sort=False)[measure].agg(n="size", value="mean").reset_index()


def hardening(measured, before, after, control, *, files=None, resamples=RESAMPLES, seed=0):
    """What adversarial fine-tuning changed, beside the control that had as many clean updates.

    before, after, control: codecs by name. Of each image and budget the attack that did most to that codec is taken.
    Columns: measure, budget (NaN for clean images), compared ("after - before", "control - before", "after - control"),
    n, value, low, high: paired means. Measures: delta_psnr and drop_src under attack, psnr_clean and
    bits_per_pixel_clean without. Raises BadInput for a codec that was not measured.
    """
    own = _own(measured)
    if missing := [name for name in (before, after, control) if name not in set(own["coded_by"])]:
        raise BadInput(
            f"hardened names {missing[0]!r}, which is not among the codecs {', '.join(own.coded_by.unique())}"
        )
    crafted = own[(own["attack"] != NOISE) & own["objective"].isin(own.loc[own["attack"] == NOISE, "objective"])]
    rows = []
    for measure in ("delta_psnr", "drop_src"):
        for budget, part in crafted.groupby("budget"):
            worst = part.groupby(["coded_by", "image"])[measure].max().unstack(0)
            rows += _differences(measure, budget, worst, (before, after, control), files, resamples, seed)
    for measure in ("psnr_clean", "bits_per_pixel_clean"):
        clean = own.groupby(["coded_by", "image"])[measure].first().unstack(0)
        rows += _differences(measure, np.nan, clean, (before, after, control), files, resamples, seed)
    return pd.DataFrame(rows, columns=["measure", "budget", "compared", "n", "value", "low", "high"])


def judge_codecs(noise, hard=None, kinds=None, *, means):
    """The abstract's claims of Chen and Ma 2023 beside what was measured here.

    noise: of ``over_noise``.  hard: of ``hardening``, or None.  means: of ``vulnerabilities``.
    kinds: ``{"architecture": {codec: what it has}, ...}``, which learned codecs differ in what.
    Columns: claim, paper, measured, low, high, n, verdict. Where a claim is general, the least over its group counts:
    the codec (threshold, distance) on which the attack does the least more than noise of the same power.
    """
    learned = noise[noise["codec"].isin({name for group in (kinds or {}).values() for name in group})]
    rows = [_severe(means, learned)]
    for name, group in (kinds or {}).items():
        if len(set(group.values())) > 1:
            part = learned[(learned["attack"] == "worst") & learned["codec"].isin(group)]
            rows.append(
                _general(f"it is general over the {name} ({', '.join(map(str, dict.fromkeys(group.values())))})", part)
            )
    part = learned[learned["attack"] == "worst"]
    if part["budget"].nunique() > 1:
        told = ", ".join(f"{budget:g}" for budget in sorted(part["budget"].unique()))
        rows.append(_general(f"it is general over the noise threshold ({told})", part))
    part = learned[~learned["objective"].isin(part["objective"]) & (learned["objective"] != "rate")]
    if len(part):
        rows.append(_general("it is general over the distance measure that the attack makes larger", part))
    if hard is not None:
        rows += _hardened(hard)
    return pd.DataFrame(rows, columns=["claim", "paper", "measured", "low", "high", "n", "verdict"])


def _severe(means, learned):
    """Of the codec that amplifies most at the largest budget."""
    budget = learned["budget"].max()
    part = means[(means["measure"] == "delta_psnr") & (means["budget"] == budget) & (means["attack"] != NOISE)]
    part = part[part["codec"].isin(learned["codec"])]
    row = part.loc[part["value"].idxmax()]
    claim = f"the reconstruction is distorted severely: ΔPSNR at {budget:g}, dB ({row.codec} under {row.attack})"
    told = {1: "reached", 0: UNDECIDED, -1: "not reached"}[verdict(row.low - SEVERE, row.high - SEVERE)]
    return (claim, SEVERE, row.value, row.low, row.high, int(row.n), told)


def _general(claim, part):
    row = part.loc[part["value"].idxmin()]
    words = f"{claim}: ΔPSNR beyond noise's, dB, the least ({row.codec} at {row.budget:g})"
    return (words, 0.0, row.value, row.low, row.high, int(row.n), HOLDS[verdict(row.low, row.high)])


def _hardened(hard):
    rows = []
    under = hard[hard["budget"].notna() & (hard["measure"] == "delta_psnr") & (hard["compared"] == "after - control")]
    for row in under.itertuples():
        told = HOLDS[verdict(-row.high, -row.low)]
        claim = f"fine-tuning makes it more robust: ΔPSNR at {row.budget:g} taken off, dB, beyond clean updates"
        rows.append((claim, 0.0, -row.value, -row.high, -row.low, int(row.n), told))
    clean = hard[hard["budget"].isna() & (hard["compared"] == "after - control")].set_index("measure")
    for measure, words in {"psnr_clean": "PSNR of clean images, dB", "bits_per_pixel_clean": "bits per pixel"}.items():
        row = clean.loc[measure]
        told = "changes" if verdict(row.low, row.high) else UNDECIDED
        rows.append(
            (f"what that costs: {words}, beyond clean updates", np.nan, row.value, row.low, row.high, int(row.n), told)
        )
    return rows


def _own(measured):
    """What was made against the codec itself, toward no target, with the growth of its stream."""
    own = measured[(measured["made_against"] == measured["coded_by"]) & ~measured["targeted"]]
    return own.assign(more_bits=own["bits_adv"] / own["bits_clean"] - 1)


def _differences(measure, budget, table, names, files, resamples, seed):
    before, after, control = names
    rows = []
    for one, other, words in (
        (after, before, "after - before"), (control, before, "control - before"), (after, control, "after - control"),
    ):  # fmt: skip
        part = (table[one] - table[other]).rename("value").reset_index()
        rows.append((measure, budget, words, *_mean(part, files, resamples, seed)))
    return rows


def _mean(part, files, resamples, seed):
    """n, mean, low, high of a table of image and values."""
    numbers, values = part.iloc[:, 0], part.iloc[:, 1].to_numpy(dtype=float)
    known = np.isfinite(values)
    if not known.any():
        return 0, np.nan, np.nan, np.nan
    own = None if files is None else files.loc[numbers[known]].to_numpy()
    return int(known.sum()), *mean_interval(values[known], files=own, resamples=resamples, seed=seed)
