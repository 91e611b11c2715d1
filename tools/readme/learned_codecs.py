"""Learned codecs: what they give, what attacks leave of it, Chen and Ma's claims, and codecs before a network."""

import pandas as pd

from jpegstudy.statistics import mean_interval
from tools.readme.reports import REPORTS

CODECS = {
    "NIC": "factorized prior", "NIC-small_high": "the same, more bits", "NIC-small_mean": "mean-scale hyperprior",
    "NIC-small_mean_high": "the same, more bits", "NIC-small_msssim": "factorized prior, for MS-SSIM",
}  # fmt: skip
OTHERS = ("JPEG", "WebP", "JPEG 2000")
BUDGET = 1e-3
STUDIES = {"learned_codecs": "the demo's textures", "learned_photos": "photographs"}
BEFORE = {"learned_defenses": "the demo's network", "learned_defenses_squeezenet1_1": "SqueezeNet 1.1"}
STRIKES = ("Adv1", "Adv5", "PGD2")


def codec_rates():
    """What learned codecs give beside JPEG, WebP and JPEG 2000 at the same bits per pixel: a row for each."""
    found = {run: pd.read_csv(REPORTS / run / "rates.csv").set_index(["codec", "beside"]) for run in STUDIES}
    heads = [f"{words}: bits per pixel, PSNR | less {', '.join(OTHERS)}" for words in STUDIES.values()]
    lines = [f"| codec | {' | '.join(heads)} |", "|---|" + "---|---|" * len(heads)]
    for name, words in CODECS.items():
        cells = []
        for rates in found.values():
            if (name, OTHERS[0]) not in rates.index:
                cells += ["", ""]
                continue
            rows = rates.loc[name].loc[list(OTHERS)]
            first = rows.iloc[0]
            cells.append(f"{first.bits_per_pixel:.2f}, {first.psnr:.1f} dB")
            cells.append(", ".join("–" if pd.isna(value) else f"{value:+.1f}" for value in rows.difference) + " dB")
        lines.append(f"| {words} (`{name}`) | {' | '.join(cells)} |")
    counts = ", ".join(f"{len(_images(run))} images of {words}" for run, words in STUDIES.items())
    return "\n".join([*lines, "", f"Means over {counts} ({_links(STUDIES)}); whole streams, headers counted."])


def codec_attacks():
    """What attacks of one budget leave of each codec's reconstruction: a row for each, JPEG among them."""
    means = pd.read_csv(REPORTS / "learned_codecs" / "codecs.csv")
    means = means[(means.budget == BUDGET) & (means.objective == "mse")]
    lines = [
        "| codec | ΔPSNR under noise | ΔPSNR, strongest attack | which | PSNR of C(x), then of C(x*), to x |",
        "|---|---|---|---|---|",
    ]
    for name, rows in means.groupby("codec", sort=False):
        table = rows.set_index(["attack", "measure"])
        own = rows[(rows.measure == "delta_psnr") & (rows.attack != "Gaussian")]
        attack = own.loc[own.value.idxmax(), "attack"]
        before, after = (table.loc[(attack, measure)].value for measure in ("psnr_clean", "psnr_adv_src"))
        cells = [_dB(table.loc["Gaussian", "delta_psnr"]), _dB(table.loc[attack, "delta_psnr"]), attack]
        lines.append(f"| {name} | {' | '.join(cells)} | {before:.1f}, {after:.1f} dB |")
    count = means[means.measure == "delta_psnr"].n.max()
    told = f"A mean squared error of {BUDGET:g} on the image, {255 * BUDGET**0.5:.1f} grey levels; n = {count:.0f}"
    return "\n".join([*lines, "", f"{told} ({_links(['learned_codecs'])})."])


def codec_claims():
    """Chen and Ma's abstract, claim by claim, from the published reports: on textures and on photographs."""
    claims, photographs = (pd.read_csv(REPORTS / run / "claims.csv") for run in STUDIES)
    other = {_beginning(row.claim): row for row in photographs.itertuples() if not _of_hardening(row.claim)}
    lines = [f"| Chen and Ma say of codecs | the paper | {' | '.join(STUDIES.values())} |", "|---|---|---|---|"]
    for row in claims.itertuples():
        paper = "" if pd.isna(row.paper) else f"{row.paper:.2f}"
        beside = "" if _of_hardening(row.claim) else _judged(other[_beginning(row.claim)])
        lines.append(f"| {row.claim} | {paper} | {_judged(row)} | {beside} |")
    return "\n".join(lines)


def _beginning(claim):
    return claim.partition(":")[0]  # behind it stands the codec on which it was measured


def _of_hardening(claim):
    return claim.startswith(("fine-tuning", "it gives back", "what that costs"))


def _judged(row):
    return f"{row.measured:.2f} [{row.low:.2f}, {row.high:.2f}] (n = {row.n}): {row.verdict}"


def codec_steps():
    """How much more an attack on a learned codec does that has ten times the steps: a sentence."""
    worst = {}
    for run in ("learned_codecs", "learned_steps"):
        own = pd.read_parquet(REPORTS / run / "predictions" / "10_learned_codecs.parquet")
        own = own[(own.made_against == "NIC") & (own.coded_by == "NIC") & (own.objective == "mse")]
        worst[run] = own[~own.targeted.astype(bool)].groupby(["budget", "image"]).delta_psnr.max()
    more = (worst["learned_steps"] - worst["learned_codecs"]).dropna()
    told = []
    for budget, rows in more.groupby(level="budget"):
        value, low, high = mean_interval(rows.to_numpy())
        told.append(f"{value:.2f} [{low:.2f}, {high:.2f}] dB at {budget:g}")
    return (
        "These attacks take 40 steps and FTDA 100. Given ten times as many, FTDA the paper's 1,001, the strongest "
        f"one's ΔPSNR on NIC grows by {', '.join(told)} (n = {more.groupby(level='budget').size().max()}; "
        f"{_links(['learned_steps'])})."
    )


def codec_defenses():
    """Learned codecs before a network beside JPEG of their rate: accuracy, and what is kept under attackers."""
    heads = [f"{strike}: knows the network, the codec too" for strike in STRIKES]
    lines = [f"| before | codec | bits per pixel | top-1 of C(x) | {' | '.join(heads)} |"]
    lines.append("|---|---|---|---|" + "---|" * len(heads))
    for run, words in BEFORE.items():
        rates = pd.read_csv(REPORTS / run / "attackers.csv")
        rates = rates[rates.passes == 1]
        for name, rows in rates.groupby("defense", sort=False):
            told = rows.set_index(["strike", "knows"])
            rate = rows.rate.dropna()
            cells = [f"{rate.iloc[0]:.2f}" if len(rate) else "", _clean(rows.iloc[0])]
            cells += [
                ", ".join(_kept(told.loc[strike, knows]) for knows in ("the network", "the defense"))
                for strike in STRIKES
            ]
            lines.append(f"| [{words}](outputs/report/{run}/) | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _images(run):
    return pd.read_parquet(REPORTS / run / "predictions" / "10_learned_codecs.parquet").image.unique()


def _links(runs):
    return ", ".join(f"[{run}](outputs/report/{run}/)" for run in runs)


def _dB(row):
    return f"{row.value:.1f} [{row.low:.1f}, {row.high:.1f}]"


def _clean(row):
    return f"{row.clean:.2f} [{row.clean_low:.2f}, {row.clean_high:.2f}]"


def _kept(row):
    return f"{row.kept:.2f} [{row.kept_low:.2f}, {row.kept_high:.2f}]"
