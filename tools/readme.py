"""Write the results into README.md from the published reports, so that no number there is typed by hand.

Usage: python -m tools.readme. A test holds that README.md is what this writes.
"""

import json
import re
from pathlib import Path

import pandas as pd

from jpegstudy import timing
from jpegstudy.bench import codecs, defenses, explore, jpeg, measure, networks
from jpegstudy.bench import readings as of_readings
from jpegstudy.readings import DEFAULT
from jpegstudy.record import check_same_codec, codec_of, read_record
from jpegstudy.statistics.claims import VERDICTS as MEANINGS

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "outputs" / "report"
NAMES = {  # in the order of the README's table
    "squeezenet1_1": "SqueezeNet 1.1 (torchvision's weights)",
    "squeezenet1_1_caffe": "SqueezeNet 1.1 (Caffe lineage)",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "demo": "the demo's own network and images",
    "photos": "EfficientNet-Lite0, photographs (agreement)",
}
VERDICTS = [MEANINGS[sign] for sign in (1, 0, -1)]
SETTINGS = {  # of defenses, their authors' or what stands for them
    "JPG": "JPEG 75", "JPG90": "JPEG 90", "JPG50": "JPEG 50", "FD": "Feature Distillation",
    "FD8": "the same in 8 bits", "SLQ": "stochastic local quantization", "BITS": "5 bits a color",
    "MED2": "median of 2 x 2", "GAUSS1": "blur, sigma 1", "TVM": "total-variation minimization",
    "RRP": "random resize and pad", "J2K16": "JPEG 2000, 16 : 1", "WEBP": "WebP 75",
}  # fmt: skip
ATTACKED = ("adaptive_pgd", "adaptive_rivals", "adaptive_random", "adaptive_quilting")  # the first that has it counts
SMALLEST = {"DF": "DeepFool", "CW": "Carlini and Wagner, L2", "PGDL2-300": "PGD, L2 of 300", "SQ2": "Square, ε = 2"}
ROWS = [
    "x", "JPG(x)", "Adv1(x)", "JPG(Adv1(x))", "JPGnoise(Adv1(x))",
    "Adv5(x)", "JPG(Adv5(x))", "Adv10(x)", "JPG(Adv10(x))",
]  # fmt: skip


def results():
    """The README's table: top-1 accuracy (agreement without labels) of each published run, beside the paper's.

    Raises BadInput if JPEG was not the same for all of them.
    """
    check_same_codec({name: codec_of(read_record(REPORTS / name / "run.json")) for name in NAMES})
    published = pd.read_csv(ROOT / "data/published/dziugaite2016_table1.csv").set_index("modification").top1
    found = {name: pd.read_csv(REPORTS / name / "table1.csv").set_index("modification") for name in NAMES}
    lines = [f"| network (n images) | {' | '.join(ROWS)} |", "|---|" + "---|" * len(ROWS)]
    for name, table in found.items():
        measure = "top1" if "top1" in table else "agreement"
        cells = [
            f"{row[measure]:.2f} [{row[measure + '_low']:.2f}, {row[measure + '_high']:.2f}]"
            for _, row in table.loc[ROWS].iterrows()
        ]
        lines.append(f"| [{NAMES[name]}](outputs/report/{name}/) ({table.n.iloc[0]}) | {' | '.join(cells)} |")
    theirs = [f"{published[row]:.2f}" if row in published else "" for row in ROWS]
    lines.append(f"| *the paper: OverFeat, ImageNet validation* | {' | '.join(theirs)} |")
    return "\n".join(lines)


def claims():
    """How many of the README's runs move as the paper says, claim by claim, from what each run judged."""
    judged = pd.concat(pd.read_csv(REPORTS / name / "claims.csv") for name in NAMES)
    counts = judged.groupby(["claim", "verdict"], sort=False).size().unstack(fill_value=0)
    lines = [f"| the paper says | {' | '.join(VERDICTS)} |", "|---|" + "---|" * len(VERDICTS)]
    for claim, row in counts.iterrows():
        lines.append(f"| {claim} | {' | '.join(str(row.get(verdict, 0)) for verdict in VERDICTS)} |")
    return "\n".join(lines)


def bench():
    """The README's account of ``jpegstudy bench study`` and ``bench memory``, from their files."""
    times = pd.read_csv(REPORTS / "bench" / "study.csv")
    memory = pd.read_csv(REPORTS / "bench" / "memory.csv").sort_values("images")
    medians = times.groupby("contender", sort=False)[["wall", "cpu"]].median()
    rounds = times.pivot(index="round", columns="contender", values="wall")
    lines = [
        "| contender | wall, ms per image | CPU, ms per image | ours / it, wall (range over rounds) |",
        "|---|---|---|---|",
    ]
    for name, row in medians.iterrows():
        ours = "demo network, ours" if name.startswith("demo") else "ours"
        quotients = rounds[ours] / rounds[name]
        told = f"{medians.wall[ours] / row.wall:.2f} ({quotients.min():.2f} to {quotients.max():.2f})"
        lines.append(f"| {name} | {row.wall:.1f} | {row.cpu:.1f} | {'' if name == ours else told} |")
    few, many = memory.peak_mib.iloc[[0, -1]]
    lines += [
        "",
        f"Medians of {times['round'].nunique()} interleaved rounds; ours: {times.images.iloc[0]} images. "
        f"{times.machine.iloc[0]}. {times.versions.iloc[0]}.",
        "",
        f"Peak memory of steps 01 to 04 ({memory.network.iloc[0]}): {many:.0f} MiB for {memory.images.iloc[-1]} "
        f"images, {few:.0f} MiB for {memory.images.iloc[0]}: a ratio of {many / few:.2f}.",
    ]
    return "\n".join(lines)


def exactness():
    """The README's account of ``python -m jpegstudy.jpeg.exactness``, from its file."""
    counts = pd.read_csv(REPORTS / "bench" / "exactness.csv")
    told = [
        f"{'in torch' if way == 'torch' else 'through libjpeg'} {rows.differing.sum():,} of "
        f"{rows['values'].sum():,} values"
        for way, rows in counts.groupby("way")
    ]
    return f"Differing from Pillow's: {'; '.join(reversed(told))} ({counts.versions.iloc[0]})."


def bench_jpeg():
    """The README's account of ``jpegstudy bench jpeg``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "jpeg.csv")
    batches = dict(list(times.groupby("batch")))
    lines = [
        f"| {' | '.join(['way', *(f'{n} images: wall, CPU, ms per image' for n in batches)])} "
        "| / Pillow in turn, CPU | values that differ | peak, bytes per pixel |",
        "|---|" + "---|" * (len(batches) + 3),
    ]
    for name in times.contender.unique():
        cells, ratios, peaks = [], [], []
        for rows in batches.values():
            medians = rows[rows.contender == name][["wall", "cpu"]].median()
            cells.append(f"{medians.wall:.2f}, {medians.cpu:.2f}")
            ratios.append(f"{timing.ratio(rows, name, codecs.PILLOW, 'cpu').value:.2f}")
            peak = rows[rows.contender == name].peak.iloc[0]
            peaks += [] if pd.isna(peak) else [f"{peak:.0f}"]
        own = times[times.contender == name].drop_duplicates("batch")
        differing = f"{own.differing.sum():,}" if own.differing.any() else "0"
        ending = f"{', '.join(ratios)} | {differing} of {own['values'].sum():,} | {', '.join(peaks)} |"
        lines.append(f"| {name} | {' | '.join(cells)} | {ending}")
    lines += ["", *(f"- {count} images: {line}" for count, rows in batches.items() for line in jpeg.bars(rows))]
    rounds = times["round"].nunique()
    lines += ["", f"Medians of {rounds} interleaved rounds. {times.machine.iloc[0]}. {times.versions.iloc[0]}."]
    return "\n".join(lines)


def bench_explore():
    """The README's account of ``jpegstudy bench explore``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "explore.csv")
    told = [
        f"{network} {timing.spread(rows.wall)} ms, wanted at most {explore.BARS[network]}"
        for network, rows in times.groupby("network", sort=False)
    ]
    return (
        f"The sliders of the notebook explore answer in ({times.groupby('network').size().iloc[0]} moves each, median "
        f"and range): {'; '.join(told)} (`jpegstudy bench explore`; {times.machine.iloc[0].split(';')[0]})."
    )


def bench_readings():
    """The README's account of ``jpegstudy bench readings``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "readings.csv")
    ratio = timing.ratio(times, "ours", "bare")
    first = times.iloc[0]
    return (
        f"All readings and controls together take {ratio} times the bare passes in which they differ, "
        f"{measure.verdict(ratio.value, of_readings.BAR)} ({first.network}, {first.gradients} gradients and "
        f"{first.passes} more passes of each of {first.images} images, {times['round'].nunique()} rounds, wall; "
        f"`jpegstudy bench readings`; {first.machine.split(';')[0]})."
    )


def bench_defenses():
    """The README's account of ``jpegstudy bench defenses``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "defenses.csv")
    first = times.iloc[0]
    lines = [f"- {line}" for line in defenses.bars(times)]
    ending = f"Medians of {times['round'].max()} interleaved rounds (`jpegstudy bench defenses`; {first.machine}; "
    return "\n".join([*lines, "", f"{ending}{first.versions})."])


def bench_networks():
    """The README's account of ``jpegstudy bench networks``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "networks.csv")
    lines = ["| network, crop | forward: wall, CPU | gradient: wall, CPU |", "|---|---|---|"]
    names = list(dict.fromkeys(name.partition(",")[0] for name in times.contender))
    for name in names:
        parts = [times[times.contender == f"{name}, {what}"] for what in networks.PASSES]
        cells = [f"{part.wall.median():.0f}, {part.cpu.median():.0f}" for part in parts]
        lines.append(f"| {name}, {parts[0].crop.iloc[0]} | {' | '.join(cells)} |")
    first = times.iloc[0]
    lines += ["", f"Milliseconds per image, medians of {times['round'].nunique()} interleaved rounds, batches of "]
    lines[-1] += f"{first.batch_size}, random weights (`jpegstudy bench networks`; {first.machine}; {first.versions})."
    return "\n".join(lines)


def readings():
    """The README's table of readings: differences from the study's own in the rows that the argument rests on."""
    rows = ["Adv1(x)", "JPG(Adv1(x))", "JPGnoise(Adv1(x))"]
    runs = {name: REPORTS / name / "readings.csv" for name in NAMES if (REPORTS / name / "readings.csv").exists()}
    tables = {name: pd.read_csv(path).set_index(["reading", "modification"]) for name, path in runs.items()}
    heads = [f"{name}: {row}" for name in tables for row in rows]
    lines = [f"| reading | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for reading in dict.fromkeys(reading for table in tables.values() for reading, _ in table.index):
        cells = [_changed(table, reading, row) for table in tables.values() for row in rows]
        lines.append(f"| {reading} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _changed(table, reading, modification):
    if (reading, modification) not in table.index:
        return "–"
    row = table.loc[reading, modification]
    if reading == DEFAULT:
        return f"{row.top1:.3f}"
    if row.same:
        return "same"
    return f"{row.difference:+.3f} [{row.difference_low:+.3f}, {row.difference_high:+.3f}]"


def transfer():
    """The README's matrix of transfer: a target's accuracy under each source's perturbations, before and after JPEG."""
    rates = pd.read_csv(REPORTS / "networks" / "transfer.csv")
    targets = list(dict.fromkeys(rates.source))
    lines = [f"| made against ↓, classified by → | {' | '.join(targets)} |", "|---|" + "---|" * len(targets)]
    cells = {}
    for row in rates.sort_values("epsilon").itertuples():
        told = f"ε = {row.epsilon}: {row.before:.2f} → {row.after:.2f}"
        cells.setdefault((row.source, row.target), []).append(told)
    for source in targets:
        told = ("<br>".join(cells.get((source, target), ["–"])) for target in targets)
        lines.append(f"| {source} | {' | '.join(told)} |")
    n = " and ".join(f"{count:,}" for count in sorted(set(rates.n)))
    others = rates[rates.source != rates.target]
    told = [
        f"at ε = {epsilon} JPEG raises the rate in {(rows.given_back_low > 0).sum()} and lowers it in "
        f"{(rows.given_back_high < 0).sum()}"
        for epsilon, rows in others.groupby("epsilon")
    ]
    widest = (rates.after_high - rates.after_low).max() / 2
    lines += ["", f"n = {n} images in each cell; no interval is wider than ±{widest:.3f} around its middle. Of the "]
    lines[-1] += f"{len(others) // others.epsilon.nunique()} pairs off the diagonal, beyond the interval of the paired "
    lines[-1] += f"difference: {', '.join(told)}."
    return "\n".join(lines)


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


def reliance():
    """What the README says at once to who wants to rely on JPEG."""
    rates = pd.read_csv(REPORTS / "adaptive_pgd" / "attackers.csv").set_index("modification")
    oblivious, knowing = rates.loc["JPG(PGD2(x))"], rates.loc["JPG(PGD2{JPG}(x))"]
    return (
        "Of the images that SqueezeNet 1.1 gets right behind JPEG 75, PGD of 40 steps and ε = 2 leaves "
        f"{_kept(oblivious)} right if it knows the network only, and {_kept(knowing)} if it knows of the JPEG as well "
        f"([n = {knowing.kept_n}](outputs/report/adaptive_pgd/))."
    )


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


def headline():
    """The README's picture with its alternative text, and what it shows in a sentence."""
    notebook = json.loads((REPORTS / "photos" / "notebooks" / "05_analysis.ipynb").read_text())
    outputs = [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    number, alt = next(
        (number, output["metadata"]["image/png"]["alt"])
        for number, output in enumerate(outputs, start=1)
        if output["metadata"]["image/png"]["alt"].startswith("x: ")
    )
    squeezenet = pd.read_csv(REPORTS / "squeezenet1_1" / "table1.csv").set_index("modification")

    def told(name):
        row = squeezenet.loc[name]
        return f"{row.top1:.1%} [{100 * row.top1_low:.1f}, {100 * row.top1_high:.1f}]"

    return (
        f"![{alt}](outputs/report/photos/figures/05_analysis-{number}.png)\n\n"
        "*A photograph, the same after every value moved by at most one grey level of 255, and that image saved as a "
        "JPEG of quality 75; beneath each, what EfficientNet-Lite0 sees in it.*\n\n"
        f"On {squeezenet.n.iloc[0]} ImageNet-compatible images SqueezeNet 1.1 is right on {told('x')}; after that "
        f"smallest of perturbations on {told('Adv1(x)')}; and after a JPEG on {told('JPG(Adv1(x))')} (95 % intervals)."
    )


def written(text):
    """README.md's text with the results of today's reports."""
    contents = (
        headline, reliance, results, claims, readings, transfer, distillation, rivals, attackers, smallest, threats,
        exactness, bench_jpeg, bench, bench_explore, bench_readings, bench_defenses, bench_networks,
    )  # fmt: skip
    for content in contents:
        name = content.__name__
        block = f"<!-- {name} -->\n{content()}\n<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, block=block: block, text, flags=re.S)
    return text


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(written(path.read_text()))
