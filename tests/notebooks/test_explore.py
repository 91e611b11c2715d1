"""The notebook with sliders, executed without anybody at them: what it shows then are figures."""

import nbformat
import papermill
import pytest

from jpegstudy.places import root

pytestmark = pytest.mark.slow


def test_executed_by_papermill_it_shows_one_worked_setting_as_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_OUTPUTS", str(tmp_path / "outputs"))
    output = tmp_path / "explore.ipynb"
    given = {"network": "demo", "epsilon": 2.5, "quality": 60}
    papermill.execute_notebook(root() / "notebooks" / "explore.ipynb", output, given, progress_bar=False, cwd=root())
    notebook = nbformat.read(output, as_version=4)
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    figures = [each for each in outputs if "image/png" in each.get("data", {})]
    assert figures
    assert all(len(each.metadata["image/png"]["alt"]) > 20 for each in figures)
    assert not any(each.output_type == "error" for each in outputs)
