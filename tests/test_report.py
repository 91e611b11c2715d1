import base64
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from jpegstudy import machine_paths, publishing, report
from jpegstudy.errors import BadInput
from tests.small_project import executed, rooted, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder, _ = executed(tmp_path_factory)
    with rooted(folder):
        yield folder


@pytest.fixture(params=["runs/small/report", "report/small"])
def pages(project, request):
    """Page name -> its HTML, of the run's report and of the published one."""
    return {path.stem: path.read_text() for path in (project / "outputs" / request.param).glob("*.html")}


def test_there_is_a_page_for_each_notebook_and_a_first_one(pages):
    assert sorted(pages) == ["01_preprocessing", "05_analysis", "index"]
    assert "<title>A small study – jpegstudy</title>" in pages["index"]
    assert "<title>5 · Analysis – A small study</title>" in pages["05_analysis"]


def test_the_first_page_says_what_came_out_and_how_it_was_made(pages):
    told = " ".join(BeautifulSoup(pages["index"], "html.parser").body.get_text(" ").split())
    for words in (
        'Of nothing & "everything".',
        "Top-1 accuracy, and the mean probability of the label that the clean image gets, of 4 images",
        "Adv1(x) 25.0 % [5.0, 70.0] 0.50 [0.40, 0.60]",
        "1 · Preprocessing Does it work?",
        "Network tiny",
        "Weights random 0123456789ab",
        "Image set demo",
        "Images 7",
        "Files left out 1",
        "Machine two threads",
        "01_preprocessing image_count 7",
    ):
        assert words in told


def test_every_link_within_a_report_leads_somewhere(project):
    for page in (project / "outputs").rglob("*.html"):
        for target in re.findall(r'href="([^"#]+)"', page.read_text()):
            assert target == "data:," or (page.parent / target).exists(), f"{page.name}: {target}"


def test_links_between_notebooks_become_links_between_pages(pages):
    assert '<a href="01_preprocessing.html">the first</a> said, not the last.' in pages["05_analysis"]
    assert '<a href="05_analysis.html" rel="next"' in pages["01_preprocessing"]


def test_parameters_are_told_with_their_meaning(pages):
    row = "<tr><td><code>image_count</code></td><td><code>7</code></td><td>0 takes every image</td></tr>"
    assert row in pages["01_preprocessing"]
    assert "injected" not in pages["01_preprocessing"]


def test_every_picture_has_the_alternative_text_it_was_given(pages):
    (picture,) = BeautifulSoup(pages["05_analysis"], "html.parser").select("img")
    assert picture["alt"] == 'A "line" that rises & rises, <always>'


def test_nothing_is_loaded_from_elsewhere(pages):
    for html in pages.values():
        page = BeautifulSoup(html, "html.parser")
        assert not page.select("script, iframe, object, link:not([rel=icon])")
        assert not re.search(r"@import|url\(", html)
        loaded = [tag.get("src") or tag.get("href") for tag in page.select("[src], link")]
        assert all(source.startswith(("data:", "figures/05_analysis-")) for source in loaded)


def test_a_run_s_own_pages_carry_their_pictures_and_published_ones_have_them_as_files(project):
    (own,) = _pictures(project / "outputs/runs/small/report/05_analysis.html")
    (published,) = _pictures(project / "outputs/report/small/05_analysis.html")
    assert published == "figures/05_analysis-1.png"
    stored = (project / "outputs/report/small" / published).read_bytes()
    assert own == "data:image/png;base64," + base64.b64encode(stored).decode()


def _pictures(page):
    return [picture["src"] for picture in BeautifulSoup(page.read_text(), "html.parser").select("img")]


def test_no_report_tells_where_files_lie_on_this_machine(project):
    published = project / "outputs" / "report"
    files = [path for path in (project / "outputs").rglob("*.html")]
    files += [path for path in published.rglob("*") if path.suffix in (".ipynb", ".json", ".csv")]
    assert len(files) > 8
    for path in files:
        assert not re.search(
            rf"{re.escape(str(project))}|{Path.home()}/|/(home|work|tmp|Users)/|\.pyenv", path.read_text()
        )
    assert "the project is in .\n" in (published / "small/05_analysis.html").read_text().replace("</pre>", "\n")


def test_publishing_copies_what_the_figures_rest_on(project):
    published = project / "outputs/report/small"
    names = sorted(str(path.relative_to(published)) for path in published.rglob("*") if path.is_file())
    assert names == [
        "01_preprocessing.html",
        "05_analysis.html",
        "figures/05_analysis-1.png",
        "index.html",
        "notebooks/01_preprocessing.ipynb",
        "notebooks/05_analysis.ipynb",
        "run.json",
        "study.json",
        "table1.csv",
    ]
    listing = (published.parent / "index.html").read_text()
    assert '<a href="small/index.html">A small study</a>' in listing
    assert "25.0 % <small>[5.0, 70.0] Adv1(x)</small>" in listing


def test_publishing_makes_one_parquet_file_of_a_stage_s_shards(project):
    shards = project / "outputs/runs/small/predictions/02_attack"
    shards.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        pd.DataFrame({"image": [number]}).to_parquet(shards / f"{number:05d}.parquet")
    publishing.publish("small")
    made = pd.read_parquet(project / "outputs/report/small/predictions/02_attack.parquet")
    assert made.image.tolist() == [0, 1]
    for path in shards.iterdir():
        path.unlink()
    shards.rmdir()
    shards.parent.rmdir()
    publishing.publish("small")
    assert not (project / "outputs/report/small/predictions").exists()


def test_a_run_that_is_not_there_is_refused_with_the_nearest(project):
    with pytest.raises(BadInput, match="did you mean small"):
        publishing.publish("smal")


def test_a_report_needs_executed_notebooks_and_publishing_a_report(tmp_path):
    with rooted(write_project(tmp_path)):
        run = tmp_path / "outputs/runs/bare/run.json"
        run.parent.mkdir(parents=True)
        run.write_text(json.dumps({"run": "bare", "stages": {"01_preprocessing": {"parameters": {}}}}))
        with pytest.raises(BadInput, match="no executed notebooks"):
            report.make("bare")
        with pytest.raises(BadInput, match="jpegstudy report bare"):
            publishing.publish("bare")
        assert [path.name for path in run.parent.iterdir()] == ["run.json"]


def test_a_run_with_a_failed_notebook_is_not_published(project):
    failed = project / "outputs/runs/small/notebooks/05_analysis.failed.ipynb"
    failed.write_text("")
    with pytest.raises(BadInput, match="05_analysis"):
        publishing.publish("small")
    failed.unlink()


class _Run:
    record = {"stages": {"01": {"parameters": {"image_set": "/data/mine/imagenet", "seed": 1}}}}  # noqa: RUF012


def test_paths_are_cut_to_what_is_inside_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: Path("/somebody"))
    png = f"{tmp_path}/"
    given = {
        "text": [f"{tmp_path}/a.csv and {tmp_path}", "/somebody/x", "at /data/mine/imagenet/n01.", "/somebodyelse/x"],
        "image/png": png,
        "warning": "/anywhere/lib/python3.11/site-packages/torch/a.py:1: UserWarning",
    }
    assert machine_paths.hide(given, _Run()) == {
        "text": ["a.csv and .", "~/x", "at imagenet/n01.", "/somebodyelse/x"],
        "image/png": png,
        "warning": "torch/a.py:1: UserWarning",
    }


def test_columns_of_numbers_are_marked_in_tables_of_pandas():
    table = pd.DataFrame({"name": ["a", "b"], "n": [1, -2.5], "rate": ["12.0 % [10.0, 14.0]", "–"]})
    soup = BeautifulSoup(report._aligned(table.to_html()), "html.parser")
    marked = [[cell.get_text() for cell in row.select(".number")] for row in soup.select("tr")]
    assert marked == [["n", "rate"], ["1.0", "12.0 % [10.0, 14.0]"], ["-2.5", "–"]]


def test_intervals_stand_below_their_values_where_there_are_many_side_by_side():
    wide = pd.DataFrame({f"ε = {n}": ["−0.1 [−0.2, 0.0]", "none"] for n in range(4)})
    soup = BeautifulSoup(report._aligned(wide.to_html()), "html.parser")
    assert soup.select_one("table.stacked")
    assert [small.get_text() for small in soup.select("tbody small")] == ["[−0.2, 0.0]"] * 4
    assert soup.select_one("tbody td").get_text() == "−0.1 [−0.2, 0.0]"
    narrow = BeautifulSoup(report._aligned(wide.iloc[:, 1:].to_html()), "html.parser")
    assert not narrow.select("table.stacked, small")


def test_the_name_of_an_index_stands_in_the_row_of_heads():
    table = pd.DataFrame({"n": [1]}, index=pd.Index(["a"], name="image"))
    soup = BeautifulSoup(report._aligned(table.to_html()), "html.parser")
    assert [[cell.get_text() for cell in row.select("th, td")] for row in soup.select("tr")] == [
        ["image", "n"],
        ["a", "1"],
    ]


def test_numbers_of_a_group_stand_in_their_own_columns():
    groups = pd.MultiIndex.from_tuples([("a", "one"), ("a", "two"), ("b", "one")], names=["codec", "attack"])
    table = pd.DataFrame({"least": ["1.0", "2.0", "3.0"], "who": ["x", "y", "z"], "most": [4, 5, 6]}, index=groups)
    soup = BeautifulSoup(report._aligned(table.to_html()), "html.parser")
    marked = [[cell.get_text() for cell in row.select(".number")] for row in soup.select("tr")]
    assert marked == [["least", "most"], ["1.0", "4"], ["2.0", "5"], ["3.0", "6"]]
