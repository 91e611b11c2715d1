"""Runs published for others to read: what a reader needs to check a report, copied to outputs/report/<run>.

Executed notebooks, HTML, pictures, tables, run.json and the predictions go along, so that every committed figure can be
traced. Pictures are files beside the pages, to be shown elsewhere too.
outputs/report/index.html lists the published runs.
"""

import json

import nbformat

from jpegstudy import headline, machine_paths
from jpegstudy.atomic import replacing, replacing_folder
from jpegstudy.errors import BadInput
from jpegstudy.places import outputs
from jpegstudy.record import compared_in, read_record
from jpegstudy.report import (
    FILES,
    TEMPLATES,
    executed,
    existing,
    read,
    study_of,
    write_pages,
)


def publish(name):
    """Copy run ``name`` to outputs/report and list it there. Returns the path of its first page.

    Raises BadInput if there is no such run, its report was not made, or one of its notebooks failed since.
    """
    run = existing(name)
    if not (run.path / "report" / "index.html").exists():
        raise BadInput(f"run {name!r} has no report yet; make it with: jpegstudy report {name}")
    if failed := sorted(path.stem for path in (run.path / "notebooks").glob("*.failed.ipynb")):
        raise BadInput(f"run {name!r} is not whole ({failed[0]}); run its study again first")
    target = outputs() / "report" / run.name
    with replacing_folder(target) as folder:
        write_pages(run, folder, up="../index.html", beside="", pictures="figures")
        for notebook in executed(run):
            (folder / "notebooks").mkdir(exist_ok=True)
            nbformat.write(read(run, notebook), folder / "notebooks" / notebook.name)
        for file in (*FILES, "study.json"):
            if (run.path / file).exists():
                _copy_text(run, run.path / file, folder / file)
        for stage in sorted(path.name for path in (run.path / "predictions").glob("*")):
            (folder / "predictions").mkdir(exist_ok=True)
            run.predictions(stage).to_parquet(
                folder / "predictions" / f"{stage}.parquet", index=False, compression="zstd"
            )
    _list_published()
    return target / "index.html"


def _list_published():
    rows, comparisons = [], []
    for record in sorted((outputs() / "report").glob("*/run.json")):
        said, title = read_record(record), study_of(record.parent).get("title", record.parent.name)
        if compared := compared_in(said):
            comparisons.append({"run": record.parent.name, "title": title, "compared": ", ".join(compared)})
            continue
        first = said["stages"].get("01_preprocessing", {})
        rate, rates = headline.rates(record.parent)
        rows.append(
            {
                "run": record.parent.name,
                "title": title,
                "network": first.get("network", {}).get("name", "–"),
                "images": f"{first.get('images', 0):,} of {first.get('image_set', {}).get('name', '–')}",
                "measure": headline.SHORT.get(rate, "–"),
                "rates": rates + [("", "–", "")] * (len(headline.HEADS) - len(rates)),
            }
        )
    html = TEMPLATES.get_template("published.html.j2").render(rows=rows, comparisons=comparisons, heads=headline.HEADS)
    with replacing(outputs() / "report" / "index.html") as path:
        path.write_text(html, encoding="utf-8")


def _copy_text(run, source, target):
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".json":
        text = json.dumps(machine_paths.hide(json.loads(text), run), indent=1, ensure_ascii=False) + "\n"
    target.write_text(text, encoding="utf-8")
