"""Why JPEG undoes small perturbations: page 11's tables, network by network, and page 12's of two kinds of training."""

import pandas as pd

from jpegstudy.statistics import explanation_answer, explanations, in_words, upbringing
from jpegstudy.statistics.explanation_tables import critical_epsilon
from tools.readme.reports import REPORTS

RUNS = {"why_squeezenet1_1": "SqueezeNet 1.1", "why_mobilenet_v2": "MobileNetV2", "why_demo": "the demo's network"}
TRAINED = {"trained_on_jpeg": "images as they were drawn", "trained_on_jpeg-on-jpeg": "the same after JPEG"}
EPSILON, QUALITY = 1, 75
TABLES = ("why", "left", "labels_kept")
GEOMETRY = {  # words, and what the paper's Figure 1 draws
    "gain": ("what survives in the perturbation's own direction", 0),
    "survival_ratio": ("the length of what survives, by the perturbation's", 0),
    "step_cosine": ("cosine of JPEG's step with the way back", 1),
    "residual_ratio": ("how far JPEG moves it, by the perturbation's length", 0),
}
STEPS = ("luma quantization", "chroma quantization", "chroma sampling", "color", "rounding")
LEFT = {
    "both": "is left behind JPEG",
    "taking": "would be left if JPEG only took from the perturbation",
    "moving": "would be left if JPEG only moved x",
    "noise": "would be left if its change, shuffled, stood in its place",
    "gaussian": "would be left if Gaussian noise as strong stood in its place",
}
GRADIENT = {"cosine": "its cosine with that at x", "length": "its length by that at x"}


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


def why_left():
    """What JPEG leaves of what the attack does, by which of its two changes; and of its first order, and controls."""
    lines = _head(f"ε = {EPSILON}, quality {QUALITY}")
    changes, left = ([_of_margin(run, name) for run in RUNS] for name in ("why", "left"))
    changes = [table.drop_duplicates("part").set_index("part") for table in changes]
    effect, first = (
        [table[table.of == of].set_index("part") for table in left]
        for of in (explanations.EFFECT, explanations.FIRST_ORDER)
    )
    lines.append(_row("the attack raises the margin by", changes, "attack_change"))
    lines += [_row(f"· of that {words}", effect, part) for part, words in LEFT.items()]
    lines.append(_row("to first order, by the slope at x, it would by", changes, "attack_first_order"))
    lines += [_row(f"· of that {words}", first, part) for part, words in LEFT.items() if part in explanations.SLOPES]
    gradient = [pd.read_csv(REPORTS / run / "gradient.csv") for run in RUNS]
    gradient = [table[table.objective == "margin"].set_index("measure") for table in gradient]
    lines += [_row(f"· the gradient at JPG(x): {words}", gradient, measure) for measure, words in GRADIENT.items()]
    controls = [_of_margin(run, "controls").set_index("control") for run in RUNS]
    told = [in_words.rate_of(table.loc["random signs"], "share") for table in controls]
    lines.append(f"| of what the attack does, random signs do | {' | '.join(told)} |")
    return "\n".join(lines)


def why_small():
    """Why small ones: at each epsilon what the attack does, what it would to first order, and what is left of both."""
    heads = "the attack raises the margin by", "to first order by", "of that left", "of the first order left"
    lines = [f"| network, quality {QUALITY} | ε | {' | '.join(heads)} |", "|---|---|" + "---|" * len(heads)]
    for run, name in RUNS.items():
        parts, left = (pd.read_csv(REPORTS / run / f"{table}.csv") for table in ("why", "left"))
        does = parts[parts.objective == "margin"].drop_duplicates(["part", "epsilon"]).set_index(["part", "epsilon"])
        both = left[(left.objective == "margin") & (left.part == "both")].set_index(["of", "epsilon"])
        for epsilon in does.loc["attack_change"].index:
            raises = [in_words.rate_of(does.loc[(part, epsilon)]) for part in ("attack_change", "attack_first_order")]
            told = [in_words.rate_of(both.loc[(of, epsilon)]) for of in (explanations.EFFECT, explanations.FIRST_ORDER)]
            lines.append(f"| {name} | {epsilon:g} | {' | '.join([*raises, *told])} |")
    return "\n".join(lines)


def why_sizes():
    """Up to which epsilon half is given back, measured, and how far predictions of recovery are off."""
    lines = _head("half is given back up to ε =")
    found = [pd.read_csv(REPORTS / run / "critical.csv").set_index("quality") for run in RUNS]
    for quality in found[0].index:
        told = [critical_epsilon(halves.loc[quality]) for halves in found]
        lines.append(f"| quality {quality} | {' | '.join(told)} |")
    found = [pd.read_csv(REPORTS / run / "predicted.csv").dropna(subset="recovery") for run in RUNS]
    for at, words in {"compressed": "JPG(x)", "x": "x"}.items():
        off = [table[f"recovery_with_gradient_at_{at}"] - table.recovery for table in found]
        told = " | ".join(
            f"{each.abs().mean():.2f}, at most {each.abs().max():.2f}; too high in {(each > 0).sum()} of {len(each)}"
            for each in off
        )
        lines.append(f"| recovery predicted with the gradient at {words} is off by, on average | {told} |")
    told = " | ".join(f"{(table.recovery - table.recovery.mean()).abs().mean():.2f}" for table in found)
    lines.append(f"| the mean of all recoveries in its place is off by | {told} |")
    return "\n".join(lines)


def why_training():
    """Whether it matters that a network was trained on JPEG images: a row for each measure, on two kinds of images."""
    columns = [_trained(run, name) for run, name in TRAINED.items()]
    lines = [f"| {' | '.join([words, *(column[words] for column in columns)])} |" for words in columns[0]]
    return "\n".join([lines[0], "|---|" + "---|" * len(columns), *lines[1:]])


def _trained(run, name):
    """A column: ``{words of its row: cell}``."""
    rows, moved = pd.read_csv(REPORTS / run / "kinds.csv"), pd.read_csv(REPORTS / run / "sensitivities.csv")
    kinds = moved.drop_duplicates("what").set_index("what").kind.to_dict()
    one, other = dict.fromkeys(kinds.values())
    column = {f"{one} less {other}, and network by network": f"[{name}](outputs/report/{run}/), n = {rows.n.max()}"}
    for (measure, modification), part in rows.groupby(["measure", "modification"], sort=False):
        (row,) = part[part.of == "difference"].itertuples()
        networks = part[part.of == "network"]
        each = upbringing.by_kind(networks.what.map(kinds), networks.value)
        told = f"{in_words.difference(row.value, row.low, row.high)}, {upbringing.APART[row.apart]} ({each})"
        column[f"{measure} of {modification}"] = told
    column["told apart"] = upbringing.chance_in_words(rows, kinds)
    for control, part in moved.groupby("control", sort=False):
        each = upbringing.by_kind(part.kind, part.share, digits=3)
        told = f"{upbringing.APART[part.apart.iloc[0]]} ({each}; n = {part.n.max()})"
        column[f"{control} moves the margin, as a share of what the attack of ε = 1 does"] = told
    return column


def _of_margin(run, name, epsilon=EPSILON):
    table = pd.read_csv(REPORTS / run / f"{name}.csv")
    return table[(table.epsilon == epsilon) & (table.objective == "margin")]


def _row(words, tables, name):
    return f"| {words} | {' | '.join(in_words.rate_of(table.loc[name]) for table in tables)} |"


def _head(*first):
    names = [*first, *RUNS.values()]
    return [f"| {' | '.join(names)} |", "|---|" + "---|" * (len(names) - 1)]
