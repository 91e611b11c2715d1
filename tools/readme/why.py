"""Why JPEG undoes small perturbations: page 11's tables, network by network, and page 12's of two kinds of training."""

import pandas as pd

from jpegstudy.statistics import explanation_answer, in_words, upbringing
from jpegstudy.statistics.explanation_tables import critical_epsilon
from jpegstudy.statistics.explanations import MOVED
from tools.readme.reports import REPORTS

RUNS = {"why_squeezenet1_1": "SqueezeNet 1.1", "why_mobilenet_v2": "MobileNetV2", "why_demo": "the demo's network"}
EPSILON, LARGE, QUALITY = 1, 10, 75
TABLES = ("why", "first_order", "controls", "labels_kept")
GEOMETRY = {  # words, and what the paper's Figure 1 draws
    "gain": ("what survives in the perturbation's own direction", 0),
    "survival_ratio": ("the length of what survives, by the perturbation's", 0),
    "step_cosine": ("cosine of JPEG's step with the way back", 1),
    "residual_ratio": ("how far JPEG moves it, by the perturbation's length", 0),
}
STEPS = ("luma quantization", "chroma quantization", "chroma sampling", "color", "rounding")
ATTACK = {
    "attack_change": "the attack raises the margin by",
    "attack_first_order": "were the network as steep all along as at x, by",
}
SHARES = {
    "taking": "would be left if JPEG only took from the perturbation",
    "moving": "would be left if JPEG only moved x",
    "both": "is left, as JPEG does both",
}
BEHIND = {
    "whole_change": "behind JPEG the margin of Adv is above x's by",
    "survivor_first_order": "· what is left",
    "codec_change": "· JPEG's change of x",
    "survivor_remainder": "· beyond the first order",
}
CONTROLS = {MOVED: "JPEG", "JPEG noise on Adv": "JPEG", "Gaussian noise on Adv": "JPEG", "random signs": "the attack"}


def why_in_short():
    """The answer in a few sentences, on the first network."""
    run, name = next(iter(RUNS.items()))
    tables = [pd.read_csv(REPORTS / run / f"{table}.csv") for table in TABLES]
    told = explanation_answer.in_short(*tables, EPSILON)
    return f"{told} ({name}, n = {tables[0].n.max()}, quality {QUALITY}: [its report](outputs/report/{run}/).)"


def why_geometry():
    """Whether the paper's picture of a projection holds: a row for each measure, a column for each network."""
    lines = _head(f"ε = {EPSILON}, quality {QUALITY}", "the picture")
    for name, start in {"geometry": "x", "from_jpeg": "JPG(x), attacked there"}.items():
        found = [pd.read_csv(REPORTS / run / f"{name}.csv") for run in RUNS]
        at = [means[(means.epsilon == EPSILON) & (means.quality == QUALITY)].set_index("measure") for means in found]
        for measure, (words, drawn) in GEOMETRY.items():
            told = [in_words.rate_of(means.loc[measure]) for means in at]
            lines.append(f"| {start}: {words} | {drawn} | {' | '.join(told)} |")
    counts = [f"{means.n.max()} ([{run}](outputs/report/{run}/))" for run, means in zip(RUNS, at, strict=True)]
    return "\n".join([*lines, "", f"n = {', '.join(counts)}."])


def why_ladder():
    """What each step of JPEG gives back by itself, and what is missed without it: a row for each."""
    lines = _head(f"recovery, ε = {EPSILON}, quality {QUALITY}")
    found = [pd.read_csv(REPORTS / run / "ladder.csv").set_index("variant") for run in RUNS]
    rows = [("all", "all of JPEG", "recovery")]
    rows += [(f"only {step}", f"{step} alone", "recovery") for step in STEPS]
    rows += [(f"all but {step}", f"all but {step}, less all", "less") for step in STEPS]
    for name, words, stem in rows:
        told = [in_words.rate_of(rungs.loc[name], stem) for rungs in found]
        lines.append(f"| {words} | {' | '.join(told)} |")
    return "\n".join(lines)


def why_first_order():
    """What becomes of the attack's first order, what the margin behind JPEG is made of, and JPEG's controls."""
    lines = _head(f"ε = {EPSILON}, quality {QUALITY}")
    changes = [_of_margin(run, "why").drop_duplicates("part").set_index("part") for run in RUNS]
    shares = [_of_margin(run, "first_order").set_index("part") for run in RUNS]
    controls = [_of_margin(run, "controls").set_index("control") for run in RUNS]
    lines += [_row(words, changes, name) for name, words in ATTACK.items()]
    lines += [_row(f"· of that {words}", shares, name) for name, words in SHARES.items()]
    lines += [_row(words, changes, name) for name, words in BEHIND.items()]
    for control, of in CONTROLS.items():
        told = [in_words.rate_of(part.loc[control], "share") for part in controls]
        lines.append(f"| {control}: its share of what {of} does | {' | '.join(told)} |")
    changes = [_of_margin(run, "why", LARGE).drop_duplicates("part").set_index("part") for run in RUNS]
    lines.append(_row(f"ε = {LARGE}: the attack raises the margin by", changes, "attack_change"))
    lines.append(_row("· behind JPEG by", changes, "whole_change"))
    return "\n".join(lines)


def why_sizes():
    """Up to which epsilon half is given back, measured, and how far predictions of recovery are off."""
    lines = _head("half is given back up to ε =")
    found = [pd.read_csv(REPORTS / run / "critical.csv").set_index("quality") for run in RUNS]
    for quality in found[0].index:
        told = [critical_epsilon(halves.loc[quality]) for halves in found]
        lines.append(f"| quality {quality} | {' | '.join(told)} |")
    found = [pd.read_csv(REPORTS / run / "predicted.csv") for run in RUNS]
    for at, words in {"compressed": "JPG(x)", "x": "x"}.items():
        off = [(table[f"recovery_with_gradient_at_{at}"] - table.recovery).dropna().abs() for table in found]
        told = " | ".join(f"{values.mean():.2f}, at most {values.max():.2f} (n = {len(values)})" for values in off)
        lines.append(f"| recovery predicted with the gradient at {words} is off by, on average | {told} |")
    return "\n".join(lines)


def why_training():
    """Whether it matters that a network was trained on JPEG images: a sentence for each measure."""
    folder = REPORTS / "trained_on_jpeg"
    rows, moved = pd.read_csv(folder / "kinds.csv"), pd.read_csv(folder / "sensitivities.csv")
    kinds = moved.drop_duplicates("what").set_index("what").kind.to_dict()
    told = [*upbringing.kinds_in_words(rows), upbringing.chance_in_words(rows, kinds)]
    return "\n".join(f"- {line}" for line in [*told, *upbringing.sensitivities_in_words(moved)])


def _of_margin(run, name, epsilon=EPSILON):
    table = pd.read_csv(REPORTS / run / f"{name}.csv")
    return table[(table.epsilon == epsilon) & (table.objective == "margin")]


def _row(words, tables, name):
    return f"| {words} | {' | '.join(in_words.rate_of(table.loc[name]) for table in tables)} |"


def _head(*first):
    names = [*first, *RUNS.values()]
    return [f"| {' | '.join(names)} |", "|---|" + "---|" * (len(names) - 1)]
