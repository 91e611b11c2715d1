from jpegstudy import overview
from tests.small_project import executed, rooted


def test_a_row_tells_a_runs_state_and_its_headline(tmp_path_factory):
    with rooted(executed(tmp_path_factory)[0]):
        (row,) = overview.runs()
    assert row["run"] == "small"
    assert row["state"] == "done to 01_preprocessing"
    assert row["clean"] == "75.0 % [30.0, 95.0] (x)"
    assert row["attacked"] == "25.0 % [5.0, 70.0] (Adv1(x))"
    assert "after JPEG" not in row


def test_no_runs_are_no_rows(outputs):
    assert overview.runs() == []


def test_a_broken_folder_hides_no_other_run(outputs):
    for name, text in {"good": '{"stages": {}}', "broken": "{", "odd name": "{}", "older": "[]"}.items():
        (outputs / "runs" / name).mkdir(parents=True)
        (outputs / "runs" / name / "run.json").write_text(text)
    rows = {row["run"]: row["state"] for row in overview.runs()}
    assert rows["good"] == "nothing begun"
    assert "run.json is no record of a run (" in rows["broken"]
    assert "or delete" in rows["older"]
    assert len(rows) == 3
