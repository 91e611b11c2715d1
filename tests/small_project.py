"""A project of two throwaway notebooks that need no network, for the tests of what drives notebooks."""

import json
import os
from contextlib import contextmanager

from jpegstudy import notebooks, publishing, report, studies

TITLE = "# {}\n> Does {} work?\n\nReads nothing."
FIRST = [
    ("markdown", TITLE.format("1 · Preprocessing", "it")),
    (
        "parameters",
        'run: str = "demo"  # folder under outputs/runs\n'
        "image_count: int = 4  # 0 takes every image\n"
        "seed: int = 0  # of every random choice",
    ),
    ("code", "from jpegstudy.progress import Bar\nfrom jpegstudy.run import Run"),
    (
        "code",
        'stage = Run(run).stage("01_preprocessing", image_count=image_count, seed=seed)\n'
        'network = {"name": "tiny", "crop": 24, "weights": "random", "weights_hash": "0123456789abcdef"}\n'
        'image_set = {"name": "demo", "labeled": True, "candidates": 5}\n'
        'stage.begin(shards=0, image_set=image_set, network=network, machine="two threads")\n'
        "stage.finish(images=image_count, rejected=1, rejected_files=1)",
    ),
    ("code", 'with Bar(5, "a bar that nobody shall see") as bar:\n    bar.advance(5)'),
]
LAST = [
    ("markdown", TITLE.format("5 · Analysis", "`it`")),
    ("markdown", "As [the first](01_preprocessing.ipynb) said, not [the last](09_last.ipynb)."),
    (
        "parameters",
        'run: str = "demo"  # folder under outputs/runs\n'
        "show_images: bool = True  # in what is shown here\n"
        "wanted_half_width: float = 0.03  # of the interval",
    ),
    (
        "code",
        "import warnings\n\nimport matplotlib.pyplot as plt\nimport pandas as pd\nfrom IPython.display import display\n"
        "from jpegstudy.run import Run, root",
    ),
    ("code", 'print(f"the project is in {root()}")\nwarnings.warn(f"its runs are in {root() / \'outputs/runs\'}")'),
    ("code", 'pd.DataFrame({f"column {number}": [0.125, 12345.678] for number in range(30)})'),
    (
        "code",
        'columns = ["modification", "n", "top1", "top1_low", "top1_high"]\n'
        'table = pd.DataFrame([["x", 4, 0.75, 0.3, 0.95], ["Adv1(x)", 4, 0.25, 0.05, 0.7]], columns=columns)\n'
        "table = table.assign(mean_top_label_probability=0.5, mean_low=0.4, mean_high=0.6)\n"
        'table.to_csv(Run(run).path / "table1.csv", index=False)',
    ),
    (
        "code",
        "plt.plot([0, 1, 4])\n"
        'image = {"image/png": {"alt": \'A "line" that rises & rises, <always>\'}}\n'
        'figure, data = plt.gcf(), __import__("io").BytesIO()\n'
        'figure.savefig(data, format="png", metadata={"Software": None})\n'
        'png = __import__("base64").b64encode(data.getvalue()).decode()\n'
        "plt.close(figure)\n"
        'display({"image/png": png}, metadata=image, raw=True)',
    ),
]  # fmt: skip
_EXECUTED = {}
STUDY = """\
title: A small study
description: Of nothing & "everything".
common: {seed: 3}
01_preprocessing: {image_count: 7}
"""


def write_notebook(path, cells):
    """A notebook of ``(kind, source)``, where kind is markdown, code, or parameters."""
    made = []
    for number, (kind, source) in enumerate(cells):
        cell = {"id": f"cell-{number}", "cell_type": kind, "metadata": {}, "source": source}
        if kind != "markdown":
            cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
        if kind == "parameters":
            cell["metadata"] = {"tags": ["parameters"]}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1))


def write_project(folder):
    """The project in ``folder``, with the study ``small``."""
    write_notebook(folder / "notebooks" / "01_preprocessing.ipynb", FIRST)
    write_notebook(folder / "notebooks" / "05_analysis.ipynb", LAST)
    write_study(folder, "small", STUDY)
    return folder


def write_study(folder, name, text):
    path = folder / "notebooks" / "studies" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@contextmanager
def rooted(folder):
    """``folder`` as the project, outputs and all."""
    before = {name: os.environ.get(name) for name in ("JPEGSTUDY_ROOT", "JPEGSTUDY_OUTPUTS")}
    os.environ |= {"JPEGSTUDY_ROOT": str(folder), "JPEGSTUDY_OUTPUTS": str(folder / "outputs")}
    try:
        yield folder
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def executed(tmp_path_factory):
    """(the project with its study run once, reported and published, the lines said); once per test session, and so to
    be left as it is."""
    base = tmp_path_factory.getbasetemp()
    if base not in _EXECUTED:
        folder, lines = write_project(base / "small-project"), []
        with rooted(folder):
            notebooks.run_study(studies.load("small"), say=lines.append)
            report.make("small")
            publishing.publish("small")
        _EXECUTED[base] = folder, lines
    return _EXECUTED[base]
