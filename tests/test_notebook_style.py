"""What every notebook keeps to, so that it can be run with parameters, read, and compared."""

import ast
import json
import re
from pathlib import Path

import pytest

from jpegstudy.parameters import PARAMETERS

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
PARAMETER = re.compile(r"\w+: (str|int|float|bool|list|dict) = \S.*  # \S.*")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return json.loads(path.read_text())


def source(cell):
    return "".join(cell["source"])


def code_of(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def prose_of(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def parameter_cells(notebook):
    return [cell for cell in code_of(notebook) if "parameters" in cell["metadata"].get("tags", [])]


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_nothing_that_was_run_is_kept(notebook):
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code_of(notebook))
    assert not {"papermill", "widgets", "jpegstudy"} & set(notebook["metadata"])


def test_its_kernel_is_any_python3(notebook):
    kernel = notebook["metadata"]["kernelspec"]
    assert (kernel["name"], kernel["language"]) == ("python3", "python")


def test_cells_have_ids_of_their_own(notebook):
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert not [name for name in ids if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)]


def test_it_is_short(notebook):
    parameters = parameter_cells(notebook)
    lines = [len(source(cell).splitlines()) for cell in code_of(notebook) if cell not in parameters]
    assert len(notebook["cells"]) <= 30
    assert all(len(source(cell).splitlines()) <= 14 for cell in parameters)
    assert max(lines) <= 12
    assert sum(lines) <= 150


def test_it_begins_with_its_only_title_and_a_question(notebook):
    first = source(notebook["cells"][0]).splitlines()
    titles = [line for cell in prose_of(notebook) for line in source(cell).splitlines() if line.startswith("# ")]
    assert titles == first[:1]
    assert first[1].startswith("> ")


def test_its_parameters_are_annotated_literals_with_a_comment(path, notebook):
    cells = parameter_cells(notebook)
    if not re.match(r"\d\d_", path.stem) or (path.stem == "00_start_here" and not cells):
        assert len(cells) <= 1
    else:
        assert len(cells) == 1
    for cell in cells:
        for line in source(cell).splitlines():
            assert PARAMETER.fullmatch(line), line
        for statement in ast.parse(source(cell)).body:
            assert type(ast.literal_eval(statement.value)).__name__ == statement.annotation.id


def test_the_steps_of_the_paper_have_only_parameters_that_are_checked(path, notebook):
    if path.stem[:2] not in ("01", "02", "03", "04", "05"):
        pytest.skip("not a step of the paper")
    (cell,) = parameter_cells(notebook)
    names = {statement.target.id for statement in ast.parse(source(cell)).body}
    assert "run" in names
    assert names <= set(PARAMETERS)


def test_code_that_belongs_into_the_package_is_there(notebook):
    for cell in code_of(notebook):
        code = source(cell)
        assert not re.search(r"^\s*[%!]|sys\.path|\bexit\(", code, re.MULTILINE), code
        for node in ast.walk(ast.parse(code)):
            assert not isinstance(node, ast.ClassDef), code
            assert not isinstance(node, ast.FunctionDef) or node.end_lineno - node.lineno < 5, code


def test_no_line_alone_in_its_cell_is_taken_for_a_command(notebook):
    for cell in code_of(notebook):  # IPython takes `run: str = "demo"`, alone in a cell, for %run
        assert not re.fullmatch(r"run\b(?!\s*[=.(]).*", source(cell)), source(cell)


def test_no_path_of_one_machine(path):
    assert not re.search(r"/(work|home|root|Users|tmp)/|\.pyenv|[A-Z]:\\\\", path.read_text())


def test_links_to_notebooks_lead_somewhere(path, notebook):
    for cell in prose_of(notebook):
        for target in re.findall(r"\]\(([^)#]+\.ipynb)\)", source(cell)):
            assert (path.parent / target).exists(), target
