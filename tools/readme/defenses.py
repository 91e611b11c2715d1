"""Defenses and those who attack them: Feature Distillation, its rivals, and attackers who know either."""

import pandas as pd

from tools.readme.reports import REPORTS

SETTINGS = {  # of defenses, their authors' or what stands for them
    "JPG": "JPEG 75", "JPG90": "JPEG 90", "JPG50": "JPEG 50", "FD": "Feature Distillation",
    "FD8": "the same in 8 bits", "SLQ": "stochastic local quantization", "BITS": "5 bits a color",
    "MED2": "median of 2 x 2", "GAUSS1": "blur, sigma 1", "TVM": "total-variation minimization",
    "RRP": "random resize and pad", "J2K16": "JPEG 2000, 16 : 1", "WEBP": "WebP 75",
}  # fmt: skip
ATTACKED = ("adaptive_pgd", "adaptive_rivals", "adaptive_random", "adaptive_quilting")  # the first that has it counts
SMALLEST = {"DF": "DeepFool", "CW": "Carlini and Wagner, L2", "PGDL2-300": "PGD, L2 of 300", "SQ2": "Square, ε = 2"}


def reliance():
    """What the README says at once to who wants to rely on JPEG."""
    rates = pd.read_csv(REPORTS / "adaptive_pgd" / "attackers.csv").set_index("modification")
    oblivious, knowing = rates.loc["JPG(PGD2(x))"], rates.loc["JPG(PGD2{JPG}(x))"]
    return (
        "Of the images that SqueezeNet 1.1 gets right behind JPEG 75, PGD of 40 steps and ε = 2 leaves "
        f"{_kept(oblivious)} right if it knows the network only, and {_kept(knowing)} if it knows of the JPEG as well "
        f"([n = {knowing.kept_n}](outputs/report/adaptive_pgd/))."
    )


def distillation():
    """The README's account of Feature Distillation's claims, from the published report."""
    runs = {"SqueezeNet 1.1": "feature_distillation", "MobileNetV2": "feature_distillation_mobilenet_v2"}
    tables = {name: pd.read_csv(REPORTS / run / "claims.csv").set_index("claim") for name, run in runs.items()}
    lines = [f"| the paper claims | the paper | {' | '.join(runs)} |", "|---|---|" + "---|" * len(runs)]
    for claim, row in tables["SqueezeNet 1.1"].iterrows():
        told = [_claimed(table.loc[claim]) if claim in table.index else "–" for table in tables.values()]
        lines.append(f"| {claim} | {row.paper:.2f} | {' | '.join(told)} |")
    return "\n".join(lines)


def _claimed(row):
    return f"{row.measured:.2f} [{row.low:.2f}, {row.high:.2f}] (n = {row.n}): {row.verdict}"


def rivals():
    """What stands before a network, at its authors' settings, against the Fast Gradient Sign: a row for each."""
    rates = pd.read_csv(REPORTS / "rivals" / "attackers.csv")
    rates = rates[rates.strike == "Adv2"].set_index(["defense", "passes"])
    times = pd.read_csv(REPORTS / "rivals" / "times.csv").groupby(["defense", "batch"]).wall.median()
    lines = ["| defense | accuracy lost | PSNR, dB | bits per pixel | kept, one pass | kept, two passes | ms |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, words in SETTINGS.items():
        once = rates.loc[name, 1]
        quality = [f"{once.psnr:.1f}" if pd.notna(once.psnr) else "", f"{once.rate:.2f}" if pd.notna(once.rate) else ""]
        twice = _kept(rates.loc[name, 2]) if (name, 2) in rates.index else ""
        lost = f"{-once.cost:.3f} [{-once.cost_high:.3f}, {-once.cost_low:.3f}]"
        cells = [f"{words} (`{name}`)", lost, *quality, _kept(once), twice, f"{times[name, 64]:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    counts = rates[rates.index.isin([(name, 1) for name in SETTINGS])].kept_n
    return "\n".join([*lines, "", f"n = {rates.n.iloc[0]} images; kept is of those right behind each defense, "
                      f"{counts.min():.0f} to {counts.max():.0f}."])  # fmt: skip


def attackers():
    """What PGD leaves of defended networks by what its maker knew, from the published reports."""
    lines = ["| defense | attack | knows the network | knows the defense | n | report |", "|---|---|---|---|---|---|"]
    shown = set()
    for run in ATTACKED:
        rates = pd.read_csv(REPORTS / run / "attackers.csv")
        rates = rates[rates.strike.isin(["PGD2", "DCT2"]) & rates.knows.isin(["the network", "the defense"])]
        for key, part in rates.groupby(["defense", "passes", "strike"], sort=False):
            if key in shown:
                continue
            shown.add(key)
            defense, passes, strike = key
            told = part.set_index("knows")
            cells = [_kept(told.loc[knows]) if knows in told.index else "" for knows in ("the network", "the defense")]
            head = defense.partition("[")[0] + (", two passes" if passes == 2 else "")
            count, link = told.kept_n.iloc[0], f"[{run}](outputs/report/{run}/)"
            lines.append(f"| {head} | {strike} | {' | '.join(cells)} | {count} | {link} |")
    return "\n".join(lines)


def smallest():
    """What is left of images under attacks that do not know the defense: no limit, a limit in L2, and no gradients."""
    rates = pd.read_csv(REPORTS / "adaptive_smallest" / "attackers.csv")
    rates = rates[rates.knows == "the network"]
    heads = dict.fromkeys(zip(rates.defense, rates.passes, strict=True))
    names = [defense + (", two passes" if passes == 2 else "") for defense, passes in heads]
    lines = [f"| attack | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for strike, words in SMALLEST.items():
        found = rates[rates.strike == strike].set_index(["defense", "passes"])
        lines.append(f"| {words} (`{strike}`) | {' | '.join(_kept(found.loc[head]) for head in heads)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Of {rates.n.iloc[0]} images, those right behind each defense, "
            f"{rates.kept_n.min()} to {rates.kept_n.max()} ([adaptive_smallest](outputs/report/adaptive_smallest/)).",
        ]
    )


def threats():
    """What else page 9 found: images that lie dormant, what rounding undoes, and whether gradients are hidden."""
    asleep = pd.read_csv(REPORTS / "adaptive_rivals" / "dormant.csv").set_index(["aimed", "met"])
    own, far = asleep.loc["JPG", "JPG"], asleep.loc["JPG", "JPG95"]
    undone = pd.read_csv(REPORTS / "adaptive_rounding" / "rounding.csv").set_index(["attack", "by"])
    told = {name: undone.loc[name, "rounding"] for name in ("DF", "CW", "PGD1")}
    checks = pd.read_csv(REPORTS / "adaptive_checks" / "masking.csv")
    held = checks.dropna(subset="held").astype({"held": bool}).groupby("defense", sort=False).held.all()
    held.index = held.index.str.replace(", two passes", " in two passes")
    passed, failed = (", ".join(held.index[held == wanted]) for wanted in (True, False))
    verdict = f"all of them hold for {passed}" if passed else "none has them all"
    if failed:
        verdict += f"; at least one fails for {failed}, so that what these keep of a gradient's attack is no evidence"
    names = ("adaptive_rivals", "adaptive_rounding", "adaptive_checks")
    links = {name: f"[{name}](outputs/report/{name}/)" for name in names}
    return (
        "- **Dormant until JPEG** (ε = 2): of images that are right before and after JPEG 75, "
        f"{_share(own, 'dormant')} can be changed so that they are right as they are and wrong once saved at quality "
        f"75; the same images met by quality 95: {_share(far, 'dormant')} ({links[names[0]]}).\n"
        "- **Rounding to 8 bits alone** undoes "
        + ", ".join(f"{_share(row, 'undone')} of what `{name}` misled in floats" for name, row in told.items())
        + ": an attack that ends just behind a boundary is no attack on a file, and what undoes it is no defense "
        f"({links[names[1]]}).\n"
        f"- **Checks for hidden gradients** (Carlini et al. 2019): {verdict} ({links[names[2]]})."
    )


def _share(row, stem):
    return f"{row[stem]:.2f} [{row[stem + '_low']:.2f}, {row[stem + '_high']:.2f}] (n = {row.n:.0f})"


def _kept(row):
    return f"{row.kept:.2f} [{row.kept_low:.2f}, {row.kept_high:.2f}]"
