"""The five notebooks at smoke scale, as the driver runs them and as plain papermill does."""

import nbformat
import pandas as pd
import papermill
import pytest

from jpegstudy import notebooks, readings, report, studies
from jpegstudy.places import root
from jpegstudy.run import STAGES, Run
from jpegstudy.statistics import codec_claims

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The smoke study, run once; what the driver said of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPEGSTUDY_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        said = []
        study = studies.load("smoke")
        notebooks.run_study(study, say=said.append)
        yield Run(study.run), study, said


def test_every_stage_is_complete_and_every_notebook_kept(executed):
    run, study, said = executed
    assert all(run.is_complete(stage) for stage in STAGES)
    kept = sorted(path.name for path in (run.path / "notebooks").iterdir())
    assert kept == [f"{stem}.ipynb" for stem, _ in study.plan]
    assert len(said) == len(study.plan)


def test_table_1_has_every_row_with_its_interval(executed):
    run, _, _ = executed
    table = pd.read_csv(run.path / "table1.csv").set_index("modification")
    adversarial = ["Adv1(x)", "Adv5(x)"]
    jpegs = [f"{jpg}({f})" for jpg in ("JPG", "JPG25") for f in ("x", *adversarial)]
    assert set(table.index) == {"x", *adversarial, *jpegs, *(f"JPGnoise({f})" for f in adversarial)}
    assert (table.n == 12).all()
    assert (table.top1_low <= table.top1).all()
    assert (table.top1 <= table.top1_high).all()
    means = run.predictions().groupby("modification").correct.mean()
    assert table.top1.to_dict() == pytest.approx(means.astype(float).to_dict(), abs=1e-5)  # six digits are written


def test_the_claims_are_those_of_the_last_paper_that_the_study_tests(executed):
    claims = pd.read_csv(executed[0].path / "claims.csv")
    assert list(claims.columns) == ["claim", "paper", "measured", "low", "high", "n", "verdict"]
    assert claims.paper.iloc[0] == codec_claims.SEVERE  # page 10's, in place of page 8's
    assert claims.claim.str.contains("fine-tuning makes it more robust").sum() == 4
    assert (claims.low <= claims.measured).all()


def test_no_cell_left_a_warning_or_a_bar(executed):
    run, _, _ = executed
    for path in (run.path / "notebooks").iterdir():
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                assert output.get("name") != "stderr", (path.name, output)
                assert "it/s]" not in str(output.get("text", "")), path.name


def test_every_figure_says_what_it_shows(executed):
    run, _, _ = executed
    figures = 0
    for path in (run.path / "notebooks").iterdir():
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    figures += 1
                    assert len(output.metadata["image/png"]["alt"]) > 20
    assert figures >= 8


def test_a_second_run_makes_only_the_analysis_again(executed):
    run, study, _ = executed
    before = {path: path.stat().st_mtime_ns for path in (run.path / "predictions").rglob("*.parquet")}
    claims = (run.path / "claims.csv").read_bytes()
    said = []
    notebooks.run_study(study, say=said.append)
    assert sum("already done" in line for line in said) == 9  # 01 to 04, 06, 08 to 11
    assert before == {path: path.stat().st_mtime_ns for path in (run.path / "predictions").rglob("*.parquet")}
    assert (run.path / "claims.csv").read_bytes() == claims  # page 10's, not page 5's, which was made again


def test_plain_papermill_gives_the_same_predictions(executed, tmp_path):
    run, study, _ = executed
    for stem, values in study.plan[:4]:
        given = {**values, "run": "plain"}
        notebook = str(root() / "notebooks" / f"{stem}.ipynb")
        papermill.execute_notebook(notebook, str(tmp_path / f"{stem}.ipynb"), given, progress_bar=False)
    pd.testing.assert_frame_equal(Run("plain").predictions(), run.predictions())


def test_the_report_is_made(executed):
    page = report.make(executed[0].name)
    assert page.exists()
    assert "5 · Analysis" in page.read_text()


def test_several_views_of_photographs_without_labels_go_through_all_notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_OUTPUTS", str(tmp_path))
    few = {"run": "few", "image_count": 3, "views": 2, "network": "demo"}
    study = studies.load("photos", few)
    notebooks.run_study(study, say=lambda _: None)
    predictions = Run("few").predictions()
    assert predictions.file.nunique() == 3
    assert (predictions.groupby("modification").image.nunique() == 6).all()
    table = pd.read_csv(Run("few").path / "table1.csv").set_index("modification")
    assert table.agreement["x"] == 1
    assert (table.n == 6).all()
    claims = pd.read_csv(Run("few").path / "claims.csv")
    assert set(claims.verdict) <= {"the same direction", "the opposite direction", "not decided by these images"}
    assert len(claims) >= 4
    views = Run("few").image_table()
    x, _ = Run("few").look_up(views.image)
    assert views.view.tolist() == [0, 1] * 3
    assert all((one != other).any() for one, other in zip(x[::2], x[1::2], strict=True))


def test_the_readings_are_compared_and_their_tables_written(executed):
    run, _, _ = executed
    changes = pd.read_csv(run.path / "readings.csv")
    assert run.is_complete("06_reading_the_paper")
    assert set(changes.reading) == set(run.entry("06_reading_the_paper")["readings"]) - set(readings.CONTROLS)
    assert (changes.n == 12).all()
    own = changes[changes.reading == readings.DEFAULT].set_index("modification")
    table = pd.read_csv(run.path / "table1.csv").set_index("modification")
    shared = own.index.intersection(table.index)
    assert len(shared) == 7
    assert own.top1[shared].to_dict() == table.top1[shared].to_dict()
    noise = pd.read_csv(run.path / "noise.csv")
    assert set(readings.CONTROLS) < set(noise.reading)
