"""The study's own results: Table 1 of each network, the paper's claims, readings of its text, and transfer."""

import json

import pandas as pd

from jpegstudy.readings import DEFAULT
from jpegstudy.record import check_same_codec, codec_of, read_record
from jpegstudy.statistics.claims import VERDICTS as MEANINGS
from tools.readme.reports import REPORTS, ROOT

NAMES = {  # in the order of the README's table
    "squeezenet1_1": "SqueezeNet 1.1 (torchvision's weights)",
    "squeezenet1_1_caffe": "SqueezeNet 1.1 (Caffe lineage)",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "demo": "the demo's own network and images",
    "photos": "EfficientNet-Lite0, photographs (agreement)",
}
VERDICTS = [MEANINGS[sign] for sign in (1, 0, -1)]
ROWS = [
    "x", "JPG(x)", "Adv1(x)", "JPG(Adv1(x))", "JPGnoise(Adv1(x))",
    "Adv5(x)", "JPG(Adv5(x))", "Adv10(x)", "JPG(Adv10(x))",
]  # fmt: skip


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
