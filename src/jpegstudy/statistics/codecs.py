"""Codecs under attack, in tables: what they suffer, beside noise of the same power, from others' attacks, hardened.

``measured`` is the table of step 10: a row for each image, trial and codec that coded the trial's images.
"""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .resampling import RESAMPLES, bca, mean_interval, sums_by_file

NOISE = "Gaussian"
MEASURES = ("delta_psnr", "delta_ms_ssim", "drop_src", "psnr_in", "psnr_clean", "psnr_adv_src", "psnr_adv_rec",
            "ms_ssim_clean", "ms_ssim_adv_src", "bits_per_pixel_clean", "more_bits")  # fmt: skip
TRIAL = ["coded_by", "attack", "objective", "budget"]
ALIKE = 0.9999  # MS-SSIM from which on the paper takes x* and x to be too much alike for an index


def vulnerabilities(measured, *, measures=MEASURES, files=None, resamples=RESAMPLES, seed=0):
    """Means over images of what each codec suffers from attacks made against itself.

    files: for each image number the file it was cut from, a Series; None: every image is a file of its own.
    Columns: codec, attack, objective, budget, measure, n, value, low, high. more_bits is the share by which the stream
    grew; delta_ms_ssim is the paper's index in MS-SSIM, dB: 10 log10((1 - ms_ssim_adv_rec) / (1 - ms_ssim_in)).
    An infinite or missing value (no change at all, or too small an image) is left out, and n counts the others.
    """
    own = _own(measured)
    rows = []
    for trial, part in own.groupby(TRIAL, sort=False):
        for measure in measures:
            rows.append((*trial, measure, *_mean(part[["image", measure]], files, resamples, seed)))
    return pd.DataFrame(rows, columns=["codec", *TRIAL[1:], "measure", "n", "value", "low", "high"])


def over_noise(measured, *, measure="delta_psnr", files=None, resamples=RESAMPLES, seed=0):
    """How much more each attack does to its codec than noise of the same power, image by image, then the mean, dB.

    measure: delta_psnr or delta_ms_ssim.

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
    bits_per_pixel_clean without, and given_back: of what the attack takes from the PSNR of C(x*) to x beyond noise of
    the same power, the share that the fine-tuned codec has more than the one before it.
    Raises BadInput for a codec that was not measured.
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
    noise = own[(own["attack"] == NOISE) & (own["coded_by"] == before)]
    for budget, part in crafted.groupby("budget"):
        left = part.groupby(["coded_by", "image"])["psnr_adv_src"].min().unstack(0)
        under_noise = noise[noise["budget"] == budget].set_index("image")["psnr_adv_src"]
        rows += _given_back(budget, left, under_noise, (before, after, control), files, resamples, seed)
    for measure in ("psnr_clean", "bits_per_pixel_clean"):
        clean = own.groupby(["coded_by", "image"])[measure].first().unstack(0)
        rows += _differences(measure, np.nan, clean, (before, after, control), files, resamples, seed)
    return pd.DataFrame(rows, columns=["measure", "budget", "compared", "n", "value", "low", "high"])


def _own(measured):
    """What was made against the codec itself, toward no target, with the growth of its stream."""
    own = measured[(measured["made_against"] == measured["coded_by"]) & ~measured["targeted"]]
    left = (1 - own["ms_ssim_in"]).where(own["ms_ssim_in"] < ALIKE)
    with np.errstate(divide="ignore"):  # a reconstruction that did not change: minus infinity, which is left out
        index = 10 * np.log10((1 - own["ms_ssim_adv_rec"]) / left)
    return own.assign(more_bits=own["bits_adv"] / own["bits_clean"] - 1, delta_ms_ssim=index)


def _differences(measure, budget, table, names, files, resamples, seed):
    before, after, control = names
    rows = []
    for one, other, words in (
        (after, before, "after - before"), (control, before, "control - before"), (after, control, "after - control"),
    ):  # fmt: skip
        part = (table[one] - table[other]).rename("value").reset_index()
        rows.append((measure, budget, words, *_mean(part, files, resamples, seed)))
    return rows


def _given_back(budget, left, under_noise, names, files, resamples, seed):
    """Ratios of sums over images: what two codecs have more than a third, by what the attack took from the third."""
    before, after, control = (left[name].to_numpy() for name in names)
    taken = under_noise.loc[left.index].to_numpy() - before
    own = None if files is None else files.loc[left.index].to_numpy()
    sums, _ = sums_by_file([after - before, control - before, after - control, taken], own)
    found = bca(sums, lambda totals: totals[..., :3] / totals[..., 3:], resamples=resamples, seed=seed)
    compared = ("after - before", "control - before", "after - control")
    return [("given_back", budget, words, len(taken), *each) for words, each in zip(compared, found, strict=True)]


def _mean(part, files, resamples, seed):
    """n, mean, low, high of a table of image and values."""
    numbers, values = part.iloc[:, 0], part.iloc[:, 1].to_numpy(dtype=float)
    known = np.isfinite(values)
    if not known.any():
        return 0, np.nan, np.nan, np.nan
    own = None if files is None else files.loc[numbers[known]].to_numpy()
    return int(known.sum()), *mean_interval(values[known], files=own, resamples=resamples, seed=seed)
