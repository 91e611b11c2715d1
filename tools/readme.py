"""Write the results into README.md from the published reports, so that no number there is typed by hand.

Usage: python -m tools.readme. A test holds that README.md is what this writes.
"""

import re
from pathlib import Path

import pandas as pd

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
ROWS = [
    "x", "JPG(x)", "Adv1(x)", "JPG(Adv1(x))", "JPGnoise(Adv1(x))",
    "Adv5(x)", "JPG(Adv5(x))", "Adv10(x)", "JPG(Adv10(x))",
]  # fmt: skip


def results():
    """The README's table: top-1 accuracy (agreement without labels) of each published run, beside the paper's."""
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


def written(text):
    """README.md's text with the results of today's reports."""
    block = f"<!-- results -->\n{results()}\n<!-- /results -->"
    return re.sub(r"<!-- results -->.*<!-- /results -->", lambda _: block, text, flags=re.S)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(written(path.read_text()))
