from jpegstudy import overview
from tests.small_project import executed, rooted


def test_a_row_tells_a_runs_state_and_its_headline(tmp_path_factory):
    with rooted(executed(tmp_path_factory)[0]):
        (row,) = overview.runs()
    assert row["run"] == "small"
    assert row["state"] == "done to 01_preprocessing"
    assert row["x"] == "75.0 % [30.0, 95.0]"


def test_no_runs_are_no_rows(outputs):
    assert overview.runs() == []
