"""Executed notebooks as HTML pages that need nothing from elsewhere: no network, no scripts.

``make`` writes outputs/runs/<run>/report: index.html, and a page for each executed notebook with its code folded; each
is one file with its pictures in it. No page shows where files lie on this machine; see machine_paths.
"""

import difflib
import json
import math
import re
from pathlib import Path

import jinja2
import nbformat
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import ExtractOutputPreprocessor

from jpegstudy import headline, machine_paths
from jpegstudy.atomic import replacing_folder
from jpegstudy.errors import BadInput
from jpegstudy.record import compared_in
from jpegstudy.run import Run, all_runs

FILES = {
    "table1.csv": "the rates and means of every modification, as fractions, with 95\u00a0% intervals",
    "claims.csv": "the claims that were judged",
    "readings.csv": "Table 1 under other readings of the paper, and the differences",
    "noise.csv": "what noise does under each reading and control",
    "networks.csv": "Table 1 of each network that was compared, with 95\u00a0% intervals",
    "recovery.csv": "what JPEG gives back in each network of what the attack took",
    "kinds.csv": "what JPEG does in networks that were trained on two kinds of images, and how far these are apart",
    "sensitivities.csv": "how far JPEG's residual moves the margin of each of these networks",
    "transfer.csv": "networks on perturbations made against another, before and after JPEG",
    "defenses.csv": "accuracy behind each defense, with one pass and with two, by epsilon",
    "sweep.csv": "what each table of the sweep costs and saves, on both halves of its images",
    "knowing.csv": "what attackers who know the defense leave",
    "attackers.csv": "what each defense costs and keeps, by attack and by what its maker knew",
    "worst.csv": "what is right under every attack of one epsilon",
    "dormant.csv": "images that mislead only once they were saved as JPEG, by quality",
    "rounding.csv": "what rounding undoes of attacks, apart from what defenses do",
    "masking.csv": "the checks for hidden gradients, for each defense",
    "rates.csv": "learned codecs beside JPEG, WebP and JPEG 2000 at the same bits per pixel",
    "codecs.csv": "what codecs suffer from attacks on what comes out of them",
    "hardening.csv": "what fine-tuning on adversarial examples changed, beside its control",
    "geometry.csv": "what survives of the perturbation, and how far images are apart, by epsilon and quality",
    "from_jpeg.csv": "the same of perturbations of images that begin as JPG(x)",
    "ladder.csv": "what each step of JPEG alone, and JPEG without it, gives back of what the attack took",
    "why.csv": "the change in the loss in its parts, and what they leave over",
    "left.csv": "what JPEG leaves of the attack by taking from it, by moving the image, and by both",
    "gradient.csv": "how the gradient at JPG(x) differs from that at x",
    "controls.csv": "the change in the loss by JPEG, noise of its power and random signs",
    "labels_kept.csv": "on how many images the label of x is kept after the attack, JPEG, noise and random signs",
    "spectra.csv": "images, perturbations, the margin's sensitivity and JPEG's steps by color plane and band",
    "predicted.csv": "recovery by epsilon and quality, measured and as the first order that survives predicts it",
    "critical.csv": "the epsilon of each quality at which half is given back",
    "recovery_model.csv": "what tells the images that recover from the others",
    "times.csv": "what each defense takes, milliseconds per image, round by round",
    "rejected.csv": "image files that were left out, and why",
    "run.json": "parameters, versions, hashes and machine of every step",
}
NUMBER = re.compile(r"[-+−]?[\d.,]+([eE][-+]?\d+)?\s*%?(\s*\[.*\])?$")  # an interval may stand behind it
INTERVAL = re.compile(r"\s*(\S.*?)\s+(\[.*)$", re.DOTALL)
INTERVALS = 3  # that fit into the page side by side
MISSING = ("", "–", "NaN", "None", "<NA>", "nan")
LONG = 32  # characters; a longer text may be broken into lines
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "template"), trim_blocks=True, keep_trailing_newline=True
)


def make(name):
    """Write the HTML of run ``name`` and return the path of its first page.

    Raises BadInput if there is no such run, or none of its notebooks was executed.
    """
    run = existing(name)
    with replacing_folder(run.path / "report") as folder:
        write_pages(run, folder, up=None, beside="../", pictures=None)
    return run.path / "report" / "index.html"


def existing(name):
    """The run of that name. Raises BadInput that suggests others if there is none."""
    run, names = Run(name), [run.name for run in all_runs()]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadInput(f"there is no run {name!r}; {hint}there are {', '.join(names) or 'none yet'}")
    return run


def title_of(notebook):
    """(first heading, quoted line under it) of a notebook, without markup."""
    text = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    quoted = " ".join(line.lstrip("> ") for line in text.split("\n") if line.startswith(">"))
    return tuple(re.sub(r"[*`]", "", part).strip() for part in (heading[1] if heading else "Untitled", quoted))


def write_pages(run, folder, *, up, beside, pictures):
    """Write every page of a run into ``folder``.

    up: link to the list of reports, or None.  beside: link to the folder of the run's other files.  pictures: name of
    the folder in ``folder`` that takes them as files, <notebook>-<number>.png; None keeps them within the pages.
    """
    notebooks = {path.stem: read(run, path) for path in executed(run)}
    if not notebooks:
        raise BadInput(f"run {run.name!r} has no executed notebooks; jpegstudy run makes them")
    study = {"title": run.name, "description": "", **study_of(run.path)}
    pages = [
        {"file": f"{stem}.html", **dict(zip(("title", "subtitle"), title_of(notebook), strict=True))}
        for stem, notebook in notebooks.items()
    ]
    exporter = HTMLExporter(
        template_name="template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        exclude_anchor_links=True,
        language_code="en",
    )
    if pictures:
        exporter.register_preprocessor(ExtractOutputPreprocessor, enabled=True)
    exporter.register_filter("alternative_text", _alternative_text)
    exporter.register_filter("aligned", _aligned)
    around = [None, *pages, None]
    for number, (stem, notebook) in enumerate(notebooks.items()):
        page = {
            **pages[number],
            "study": study["title"],
            "run": run.name,
            "previous": around[number],
            "next": around[number + 2],
            "parameters": _parameter_rows(notebook),
        }
        _link_pages(notebook, notebooks)
        _name_pictures(notebook, stem)
        html, made = exporter.from_notebook_node(notebook, resources={"page": page, "output_files_dir": pictures})
        (folder / f"{stem}.html").write_text(html, encoding="utf-8")
        for file, content in (made["outputs"] or {}).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
    html = TEMPLATES.get_template("overview.html.j2").render(
        **{key: study[key] for key in ("title", "description")},
        run=run.name,
        up=up,
        pages=pages,
        table=_result_table(run.path),
        facts=_facts(run),
        settings=_settings(run),
        files=[(beside + file, meaning) for file, meaning in FILES.items() if (run.path / file).exists()],
    )
    (folder / "index.html").write_text(html, encoding="utf-8")


def executed(run):
    """Paths of the run's executed notebooks; those that failed have a dot in their stem."""
    return [path for path in sorted((run.path / "notebooks").glob("[0-9]*.ipynb")) if "." not in path.stem]


def read(run, notebook):
    """An executed notebook without this machine's paths."""
    return nbformat.from_dict(machine_paths.hide(nbformat.read(notebook, as_version=4), run))


def study_of(folder):
    """What a run's folder says of the study it came from: study, title, description; empty if it says nothing."""
    path = folder / "study.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _name_pictures(notebook, stem):
    """Give each picture the name of its file, <stem>-<number>, where a page does not carry it."""
    shown = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    for number, output in enumerate(shown, start=1):
        output.metadata["filename"] = f"{stem}-{number}"


def _alternative_text(output, kind):
    alt = output.metadata.get(kind, {}).get("alt") or output.metadata.get("alt") or output.data.get("text/plain", "")
    return "A picture without a description" if not alt or alt.startswith("<") else alt


def _aligned(html):
    """Tables of pandas with one row of heads, and with columns of numbers and of long text marked for style.css."""
    soup = BeautifulSoup(html, "html.parser")
    for table in soup.select("table.dataframe"):
        rows = _by_columns(table.select("tbody tr"))
        for cells in zip(*rows, strict=False):
            column = [cell for cell in cells if cell is not None]
            texts = [cell.get_text().strip() for cell in column]
            found = [
                text for cell, text in zip(column, texts, strict=True) if cell.name == "td" and text not in MISSING
            ]
            kinds = ["number"] if found and all(map(NUMBER.match, found)) else []
            kinds += ["long"] if max(map(len, texts)) > LONG else []
            for cell in column:
                cell["class"] = [*cell.get("class", []), *kinds]
        _stack_intervals(table)
        heads = [row.find_all("th") for row in table.select("thead tr")]
        if len(heads) == 2 and all(
            upper.get_text() == "" or lower.get_text() == "" for upper, lower in zip(*heads, strict=False)
        ):
            for upper, lower in zip(
                *heads, strict=False
            ):  # the names of the index, which pandas puts into a row of their own
                upper.string = upper.get_text() + lower.get_text()
            heads.pop()[0].parent.decompose()
        if len(heads) == 1 and rows:
            for head, cell in zip(heads[0], rows[0], strict=False):
                head["class"] = [*head.get("class", []), *cell.get("class", [])]
    return str(soup)


def _stack_intervals(table):
    """Put intervals below their values in a table with more of them side by side than the page is wide."""
    lines = [[(cell, INTERVAL.match(cell.get_text())) for cell in row.select("td")] for row in table.select("tbody tr")]
    if max((sum(found is not None for _, found in line) for line in lines), default=0) <= INTERVALS:
        return
    table["class"] = [*table.get("class", []), "stacked"]
    for cell, found in (pair for line in lines for pair in line):
        if found:
            cell.string = f"{found[1]} "  # the space is for those who copy the table as text
            small = BeautifulSoup("", "html.parser").new_tag("small")
            small.string = found[2]
            cell.append(small)


def _by_columns(rows):
    """The cells of each row at their columns; None where one from above reaches down, as the head of a group does."""
    found, below = [], {}  # below: of each column, how many rows its cell still reaches
    for row in rows:
        cells, line = row.find_all(["th", "td"]), []
        while cells or below.get(len(line)):
            column = len(line)
            if below.get(column):
                below[column] -= 1
                line.append(None)
            else:
                line.append(cells.pop(0))
                below[column] = int(line[-1].get("rowspan", 1)) - 1
        found.append(line)
    return found


def _parameter_rows(notebook):
    """Name, value in this run and meaning of each parameter; the meaning is the comment in the parameters cell."""
    source = "\n".join(cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    meanings = dict(re.findall(r"^(\w+)\s*[:=].*?#\s*(.+)$", source, re.MULTILINE))
    given = notebook.metadata.get("jpegstudy", {}).get("parameters", {})  # sorted by name since it was written
    order = {name: place for place, name in enumerate(re.findall(r"^(\w+)\s*[:=]", source, re.MULTILINE))}
    return [
        {"name": name, "value": _told(value), "meaning": meanings.get(name, "")}
        for name, value in sorted(given.items(), key=lambda item: order.get(item[0], len(order)))
    ]


def _told(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _link_pages(notebook, notebooks):
    """Links from one notebook to another lead to its page, or become plain text where the run has none."""

    def page(match):
        text, stem = match.groups()
        return f"[{text}]({stem}.html)" if stem in notebooks else text

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\[([^\]]+)\]\((?:\./)?(\w+)\.ipynb\)", page, cell.source)


def _result_table(folder):
    rate, rows = headline.read(folder)
    if not rate:
        return None
    means = ("mean_top_label_probability", "mean_low", "mean_high")
    table = []
    for modification, row in rows.items():
        mean, low, high = (row[column] for column in means)
        interval = "" if math.isnan(low) else f"[{low:.2f}, {high:.2f}]"
        table.append((modification, headline.percent(row, rate), (f"{mean:.2f}", interval)))
    return {
        "caption": f"{headline.RATES[rate].capitalize()}, and the mean probability of the label that the clean image "
        f"gets, of {rows['x']['n']} images under each modification, with 95\u00a0% intervals.",
        "head": ["modification", headline.SHORT[rate], "mean top-label probability"],
        "rows": table,
    }


def _facts(run):
    record = machine_paths.hide(run.record, run)
    stages = record["stages"]
    first, last = stages.get("01_preprocessing", {}), list(stages.values())[-1]
    network, images = first.get("network", {}), first.get("image_set", {})
    facts = {
        "Runs compared": ", ".join(compared_in(record)),
        "Network": network.get("name"),
        "Weights": " ".join(str(network[key])[:12] for key in ("weights", "weights_hash") if network.get(key)),
        "Input": f"{network['crop']} × {network['crop']} pixels" if "crop" in network else None,
        "Image set": images.get("name"),
        "Images": f"{first['images']:,}" if "images" in first else None,
        "Files left out": f"{first['rejected_files']:,}" if first.get("rejected") else None,
        "Labels": {True: "yes", False: "none: agreement stands in for accuracy"}.get(images.get("labeled")),
        "Machine": run.machines(),
        "Software": ", ".join(f"{name} {version}" for name, version in last.get("versions", {}).items()),
        "Commit": last.get("commit"),
        "Finished": last.get("finished", "").replace("T", " ").replace("+00:00", " UTC"),
    }
    return [(name, value) for name, value in facts.items() if value]


def _settings(run):
    stages = machine_paths.hide(run.record, run)["stages"]
    return [
        (stage, name, _told(value)) for stage, entry in stages.items() for name, value in entry["parameters"].items()
    ]
