import subprocess
import sys

import pytest

from jpegstudy import cli, report, studies
from jpegstudy.errors import BadInput
from jpegstudy.run import Run
from tests.small_project import executed, rooted, write_project, write_study

HEAVY = ("torch", "pandas", "numpy", "papermill", "nbconvert", "matplotlib")


@pytest.fixture
def project(tmp_path):
    with rooted(write_project(tmp_path)):
        yield tmp_path


@pytest.fixture
def asked(monkeypatch):
    """A function that runs the command line and returns (status, standard output, standard error)."""

    def ask(capsys, *arguments):
        status = cli.main(list(arguments))
        return status, *capsys.readouterr()

    return ask


def test_help_comes_without_loading_anything_heavy():
    code = (
        "import sys; from jpegstudy import cli\n"
        "try: cli.main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "publish" in told
    assert told.endswith("[]\n")


def test_without_a_command_it_says_what_there_is(asked, capsys):
    assert "jpegstudy run --list" in asked(capsys)[1]


def test_studies_are_listed_by_title(project, asked, capsys):
    assert asked(capsys, "run", "--list") == (0, "small                A small study\n", "")


def test_a_plan_is_shown_with_overrides_and_runs_nothing(project, asked, capsys):
    status, told, _ = asked(capsys, "run", "small", "--plan", "-p", "seed", "4", "-p", "wanted_half_width", "1e-2")
    assert status == 0
    assert "01_preprocessing\n  run: 'small'\n  image_count: 7\n  seed: 4\n" in told
    assert "wanted_half_width: 0.01" in told
    assert not (project / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "smal"], "did you mean small"),
        (["run"], "which study? there are small"),
        (["run", "small", "smal"], "did you mean small"),
        (["run", "small", "small"], "studies small and small make the same run, 'small'"),
        (["run", "small", "small", "-p", "run", "x"], "-p run names one run, but there are 2 studies"),
        (["run", "small", "-p", "sede", "1"], "did you mean seed"),
        (["run", "small", "-p", "seed", "[1"], "cannot read the value"),
        (["report", "smal"], "there is no run 'smal'; there are none yet"),
        (["publish", "../x"], "run is '../x'"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(project, asked, capsys, arguments, told):
    status, _, error = asked(capsys, *arguments)
    assert status == 2
    assert error.startswith("jpegstudy: ")
    assert told in error
    assert error.count("\n") == 1


def test_an_unknown_option_is_refused():
    with pytest.raises(SystemExit, match="2"):
        cli.main(["runs", "--all"])


def test_the_bench_reads_its_own_arguments(asked, capsys, monkeypatch):
    from jpegstudy import bench

    monkeypatch.setattr(bench, "main", lambda arguments: print(arguments) or 1)
    assert asked(capsys, "bench", "study", "--quick") == (1, "['study', '--quick']\n", "")


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (KeyboardInterrupt(), 130, "stopped; run the same command again to go on"),
        (cli._Terminated(), 143, "stopped; run the same command again to go on"),
        (BadInput("no\nsuch thing"), 2, "no such thing"),
        (RuntimeError("odd"), 1, "RuntimeError: odd (the traceback is in outputs/runs/error.log)"),
    ],
)
def test_failures_are_one_line_without_a_traceback(project, asked, capsys, monkeypatch, error, status, told):
    def fail(*_):
        raise error

    monkeypatch.setattr(studies, "load", fail)
    assert asked(capsys, "run", "small") == (status, "", f"jpegstudy: {told}\n")
    if status == 1:
        assert "in fail" in (project / "outputs/runs/error.log").read_text()
        with pytest.raises(RuntimeError):
            cli.main(["--debug", "run", "small"])


@pytest.mark.parametrize(("bad_input", "status"), [(True, 2), (False, 1)])
def test_a_notebook_that_stops_is_bad_input_only_where_it_says_so(
    project, asked, capsys, monkeypatch, bad_input, status
):
    from jpegstudy import notebooks

    def fail(*_, **__):
        raise notebooks.NotebookError("02_attack: no", bad_input=bad_input)

    monkeypatch.setattr(notebooks, "run_study", fail)
    assert asked(capsys, "run", "small")[::2] == (status, "jpegstudy: 02_attack: no\n")


def test_a_run_ends_by_saying_where_its_report_is(project, asked, capsys, monkeypatch):
    from jpegstudy import notebooks

    monkeypatch.setattr(notebooks, "run_study", lambda study, say: say("01_preprocessing 1 s"))
    monkeypatch.setattr(report, "make", lambda name: project / "outputs/runs" / name / "report/index.html")
    _, told, _ = asked(capsys, "run", "small")
    assert told.splitlines() == [
        "A small study (run small)",
        "01_preprocessing 1 s",
        "report: outputs/runs/small/report/index.html",
    ]


@pytest.fixture
def three(project, monkeypatch):
    """Studies a, b and c beside ``small``, whose runs are only noted: a function that sets what becomes of each."""
    from jpegstudy import notebooks

    for name in "abc":
        write_study(project, name, f"title: Study {name}")
    ran, errors = [], {}

    def run_study(study, say):
        ran.append((study.name, study.plan[0][1]["seed"]))
        if study.name in errors:
            raise errors[study.name]

    monkeypatch.setattr(notebooks, "run_study", run_study)
    monkeypatch.setattr(report, "make", lambda name: project / "outputs/runs" / name / "report/index.html")
    return ran, errors


def test_several_studies_run_in_order_with_the_same_overrides(three, asked, capsys):
    status, told, error = asked(capsys, "run", "b", "a", "-p", "seed", "5")
    assert (status, error) == (0, "")
    assert three[0] == [("b", 5), ("a", 5)]
    assert [line for line in told.splitlines() if "run" in line and "report:" not in line] == [
        "Study b (run b)", "Study a (run a)",
    ]  # fmt: skip
    assert told.count("report: ") == 2


@pytest.mark.parametrize(
    ("bad_input", "other", "status"), [(True, BadInput("no"), 2), (True, OSError("odd"), 1), (False, BadInput("no"), 1)]
)
def test_a_study_that_fails_stops_no_other_and_is_named_at_the_end(
    project, three, asked, capsys, bad_input, other, status
):
    from jpegstudy import notebooks

    ran, errors = three
    errors |= {"a": notebooks.NotebookError("02_attack: no", bad_input=bad_input), "c": other}
    found, _, error = asked(capsys, "run", "a", "b", "c")
    assert found == status
    assert [name for name, _ in ran] == ["a", "b", "c"]
    lines = error.splitlines()
    assert lines[0] == "jpegstudy: a: 02_attack: no"
    assert lines[1].startswith("jpegstudy: c: ")
    assert lines[2:] == ["jpegstudy: 2 of 3 studies failed: a, c"]
    assert (project / "outputs/runs/error-c.log").exists() == isinstance(other, OSError)


def test_all_studies_are_checked_before_the_first_runs(project, three, asked, capsys):
    write_study(project, "c", "title: t\n01_preprocessing: {seed: none}")
    status, told, error = asked(capsys, "run", "a", "c")
    assert (status, told) == (2, "")
    assert "seed is 'none'" in error
    assert three[0] == []


def test_a_run_made_with_other_parameters_is_found_before_the_first_runs(project, three, asked, capsys):
    stage = Run("b").stage("01_preprocessing", image_count=1, seed=0)
    stage.begin(shards=0)
    status, _, error = asked(capsys, "run", "a", "b")
    assert status == 2
    assert "run 'b' already holds 01_preprocessing with image_count 1, not 4" in error
    assert three[0] == []


def test_ctrl_c_stops_all_studies(three, asked, capsys):
    ran, errors = three
    errors["a"] = KeyboardInterrupt()
    assert asked(capsys, "run", "a", "b")[0] == 130
    assert [name for name, _ in ran] == ["a"]


def test_the_plans_of_several_studies_are_told_apart(project, three, asked, capsys):
    _, told, _ = asked(capsys, "run", "a", "b", "--plan")
    assert told.index("Study a (run a)") < told.index("  run: 'a'") < told.index("Study b (run b)")


def test_runs_are_listed_with_how_far_they_are_and_what_came_out(tmp_path_factory, asked, capsys):
    with rooted(executed(tmp_path_factory)[0]):
        assert asked(capsys, "runs")[1].splitlines() == [
            "small: 7 images of demo, tiny, done to 01_preprocessing",
            "    top-1 accuracy: clean 75.0 % [30.0, 95.0] (x), attacked 25.0 % [5.0, 70.0] (Adv1(x))",
        ]
