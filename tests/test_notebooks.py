import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from jpegstudy import notebooks, studies
from jpegstudy.errors import BadInput
from jpegstudy.notebooks import NotebookError
from tests.small_project import executed, rooted, write_notebook, write_project


@pytest.fixture
def project(tmp_path):
    with rooted(write_project(tmp_path)):
        yield tmp_path


def run_cells(folder, *cells):
    """Execute a notebook of these code cells; returns (output path, NotebookError or None)."""
    source, output = folder / "n{x}.ipynb", folder / "out" / "n{x}.ipynb"  # braces: papermill would fill them in
    write_notebook(source, [("parameters", "seed: int = 0"), *(("code", cell) for cell in cells)])
    try:
        notebooks.run(source, output, {"seed": 1})
    except NotebookError as error:
        return output, error
    return output, None


def test_a_study_runs_and_running_it_again_changes_nothing(tmp_path_factory):
    folder, lines = executed(tmp_path_factory)
    made = folder / "outputs/runs/small/notebooks"
    assert [line.split()[0] for line in lines] == ["01_preprocessing", "05_analysis"]
    assert sorted(path.name for path in made.iterdir()) == ["01_preprocessing.ipynb", "05_analysis.ipynb"]
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    with rooted(folder):
        notebooks.run_study(studies.load("small"), say=lines.append)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert lines[2].endswith("already done")
    assert lines[3].endswith(" s")


def test_an_executed_notebook_says_what_it_was_given_and_keeps_no_bars(tmp_path_factory):
    folder, _ = executed(tmp_path_factory)
    text = (folder / "outputs/runs/small/notebooks/01_preprocessing.ipynb").read_text()
    given = {"run": "small", "image_count": 7, "seed": 3}
    assert json.loads(text)["metadata"]["jpegstudy"]["parameters"] == given
    assert text.count("a bar that nobody shall see") == 1  # in the cell's source
    assert "papermill" not in json.loads(text)["metadata"]


def test_bad_input_in_a_cell_is_told_in_its_own_words(tmp_path):
    cell = "# a comment\nfrom jpegstudy.errors import BadInput\nraise BadInput('give\\nmore')"
    output, error = run_cells(tmp_path, "1 + 1", cell)
    assert error.bad_input
    assert "\n" not in str(error)
    assert "n{x}, cell beginning `from jpegstudy.errors import BadInput`: give more; see " in str(error)
    assert [path.name for path in output.parent.iterdir()] == ["n{x}.failed.ipynb"]


def test_a_killed_kernel_leaves_nothing_that_looks_finished(tmp_path):
    output, error = run_cells(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "2")
    assert "the kernel died" in str(error)
    assert not error.bad_input
    assert [path.name for path in output.parent.iterdir()] == ["n{x}.failed.ipynb"]


def test_leaving_a_notebook_early_is_a_failure(tmp_path):
    output, error = run_cells(tmp_path, "import sys\nsys.exit(0)", "2")
    assert "cell beginning `import sys`: left the notebook without an error" in str(error)
    assert not output.exists()


def test_ctrl_c_stops_the_run_and_its_kernel(project):
    waiting = "import os, time; print(os.getpid(), file=open('pid.part', 'w')); os.rename('pid.part', 'pid')"
    write_notebook(
        project / "notebooks/01_preprocessing.ipynb",
        [("parameters", 'run: str = "a"\nseed: int = 0'), ("code", f"{waiting}; time.sleep(60)")],
    )
    (project / "notebooks/studies/small.yaml").write_text("title: t")
    command = [sys.executable, "-m", "jpegstudy", "run", "small"]
    with subprocess.Popen(
        command,
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Tests that a shell runs in its background inherit an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            _wait(lambda: (project / "pid").exists() or process.poll() is not None)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    kernel = int((project / "pid").read_text())
    _wait(lambda: not _alive(kernel))
    assert told == "jpegstudy: stopped; run the same command again to go on\n"
    assert process.returncode == 130
    assert list((project / "outputs/runs/small/notebooks").iterdir()) == []


def _wait(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(notebooks.papermill, "execute_notebook", full)
    output, error = run_cells(tmp_path, "1")
    assert "the disk is full" in str(error)
    assert list(output.parent.iterdir()) == []


@pytest.fixture
def started(project, monkeypatch):
    """Stems of the notebooks that a run starts; none is executed, but each leaves what an executed one would."""
    stems = []

    def run(notebook, output, parameters):
        stems.append(notebook.stem)
        made = {"metadata": {"jpegstudy": notebooks._made(notebook, parameters)}}
        output.parent.mkdir(exist_ok=True)
        output.write_text(json.dumps(made))
        stage = notebooks.Run("small").stage("01_preprocessing", **{**parameters, "run": "small"})
        stage.begin(shards=0)
        stage.finish()

    monkeypatch.setattr(notebooks, "run", run)
    notebooks.run_study(studies.load("small"), say=str)
    assert stems == ["01_preprocessing", "05_analysis"]
    stems.clear()
    return stems


def test_only_what_is_no_stage_is_made_again(started):
    notebooks.run_study(studies.load("small"), say=str)
    assert started == ["05_analysis"]


def test_a_notebook_whose_text_changed_is_executed_again(started, project):
    source = project / "notebooks/01_preprocessing.ipynb"
    source.write_text(source.read_text().replace("Does it work?", "Does it really work?"))
    notebooks.run_study(studies.load("small"), say=str)
    assert started == ["01_preprocessing", "05_analysis"]


def test_other_parameters_for_a_run_are_refused_before_anything_runs(started):
    with pytest.raises(BadInput, match=r"seed 3, not 4.*small-2"):
        notebooks.run_study(studies.load("small", {"seed": 4}), say=str)
    assert started == []


def test_a_kernel_of_another_python_is_refused(tmp_path, monkeypatch):
    spec = tmp_path / "kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    argv = ["/opt/old/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "old", "language": "python"}))
    notebooks.check_kernel()
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(NotebookError, match=r"/opt/old/bin/python.*JUPYTER_PATH"):
        notebooks.check_kernel()


def test_nothing_is_left_of_widgets_and_of_emptied_displays():
    node = notebooks.nbformat.from_dict
    view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "0%"}
    outputs = [
        node({"output_type": "display_data", "data": data, "metadata": {}}) for data in ({}, view, {"text/plain": "1"})
    ]
    text = "/tmp/ipykernel_12/345.py:1: UserWarning: w"
    outputs.append(node({"output_type": "stream", "name": "stderr", "text": text}))
    cell = node({"cell_type": "code", "metadata": {"papermill": {}, "tags": []}, "outputs": outputs})
    made = notebooks.clean(node({"cells": [cell], "metadata": {"widgets": {}, "papermill": {}}}))
    assert [output.get("text") or output.data for output in made.cells[0].outputs] == [
        {"text/plain": "1"},
        "cell:1: UserWarning: w",
    ]
    assert made.metadata == {}
