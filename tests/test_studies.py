import pytest

from jpegstudy import studies
from jpegstudy.errors import BadInput
from tests.small_project import FIRST, rooted, write_notebook, write_project, write_study


@pytest.fixture
def project(tmp_path):
    with rooted(write_project(tmp_path)):
        yield tmp_path


def load(project, text, **options):
    write_study(project, "other", text)
    return studies.load("other", **options)


def test_a_study_gives_every_notebook_all_its_parameters(project):
    study = studies.load("small")
    assert (study.name, study.run, study.title) == ("small", "small", "A small study")
    assert study.plan == [
        ("01_preprocessing", {"run": "small", "image_count": 7, "seed": 3}),
        ("05_analysis", {"run": "small", "show_images": True, "wanted_half_width": 0.03}),
    ]


def test_a_study_can_be_given_as_a_path(project):
    assert studies.load(project / "notebooks/studies/small.yaml") == studies.load("small")


def test_a_section_wins_over_common_and_an_override_over_both(project):
    text = "title: t\ncommon: {seed: 1, image_count: 2}\n01_preprocessing: {image_count: 3}"
    assert load(project, text).plan[0][1] == {"run": "other", "image_count": 3, "seed": 1}
    assert load(project, text, overrides={"image_count": 4}).plan[0][1]["image_count"] == 4


def test_another_notebook_is_run_only_where_it_has_a_section(project):
    write_notebook(project / "notebooks/06_more.ipynb", FIRST)
    write_notebook(project / "notebooks/00_start.ipynb", FIRST[:1])
    assert [stem for stem, _ in studies.load("small").plan] == ["01_preprocessing", "05_analysis"]
    assert [stem for stem, _ in load(project, "title: t\n06_more:").plan][-1] == "06_more"


def test_a_study_of_comparisons_runs_nothing_else(project):
    cells = [("parameters", 'run: str = "networks"\nruns: list = ["a"]')]
    write_notebook(project / "notebooks/07_networks.ipynb", cells)
    study = load(project, "title: t\n07_networks: {runs: [small]}")
    assert study.plan == [("07_networks", {"run": "other", "runs": ["small"]})]
    both = load(project, "title: t\n01_preprocessing:\n07_networks: {runs: [small]}")
    assert [stem for stem, _ in both.plan] == ["01_preprocessing", "05_analysis", "07_networks"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: t\n01_preprocesing: {}", "did you mean 01_preprocessing"),
        ("title: t\n01_preprocessing: {sed: 1}", "did you mean seed"),
        ("title: t\n05_analysis: {seed: 1}", "no parameter 'seed'"),
        ("title: t\ncommon: {image_cuont: 1}", "did you mean image_count"),
        ("title: t\ncommon: {seed: 1, seed: 2}", "'seed' stands twice, again in line 2"),
        ("title: t\ntitle: u", "'title' stands twice, again in line 2"),
        ("title: t\ncommon: [seed]", "common must be a mapping"),
        ("title: t\ncommon: {1: 2}", "common must be a mapping"),
        ("- title", "a study must be a mapping"),
        ("common: {seed: 1}", "needs a title"),
        ("", "needs a title"),
        ("title: [t", "cannot read other.yaml: while parsing"),
        ("title: t\ncommon: {run: a}\n05_analysis: {run: b}", "names the runs a, b"),
        ("title: t\ncommon: {run: ../a}", "run is '../a'"),
    ],
)
def test_what_is_wrong_in_a_study_is_said_in_one_line(project, text, told):
    with pytest.raises(BadInput) as error:
        load(project, text)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "'1'"),
        ("seed", "true"),
        ("seed", "1.0"),
        ("seed", "1e3"),
        ("seed", "0755"),  # an octal number in YAML 1.1
        ("seed", "12:30"),  # 750 in YAML 1.1
        ("seed", "2020-01-01"),
        ("seed", "null"),
        ("seed", "[1]"),
        ("seed", "-1"),
        ("show_images", "1"),
        ("show_images", "yes"),
        ("wanted_half_width", ".nan"),
        ("wanted_half_width", "0.9"),
        ("run", "7"),
    ],
)
def test_values_of_another_type_or_out_of_range_are_refused(project, name, value):
    with pytest.raises(BadInput, match=f"{name} is .*wanted: "):
        load(project, f"title: t\ncommon: {{{name}: {value}}}")


@pytest.mark.parametrize(("text", "value"), [("1e-2", 0.01), ("0.25", 0.25), ("2.5E-1", 0.25)])
def test_numbers_are_read_as_they_look(project, text, value):
    plan = load(project, f"title: t\n05_analysis: {{wanted_half_width: {text}}}").plan
    assert plan[1][1]["wanted_half_width"] == value


def test_a_ratio_with_colons_stays_text():
    assert studies.value_of("4:2:0") == "4:2:0"


def test_unknown_names_come_with_the_nearest(project):
    with pytest.raises(BadInput, match="did you mean small"):
        studies.load("smal")
    with pytest.raises(BadInput, match="there is no parameter 'sede'"):
        studies.load("small", {"sede": 1})


def test_parameters_may_span_lines_and_must_be_literals(tmp_path):
    write_notebook(tmp_path / "a.ipynb", [("parameters", "a: dict = {\n    'b': [1],  # one\n}\nc: int = -1")])
    assert studies.parameters_of(tmp_path / "a.ipynb") == {"a": {"b": [1]}, "c": -1}
    write_notebook(tmp_path / "b.ipynb", [("parameters", "a: int = 1\nb: int = 2 * a")])
    with pytest.raises(BadInput, match="line 2"):
        studies.parameters_of(tmp_path / "b.ipynb")
    write_notebook(tmp_path / "c.ipynb", [("code", "a = 1")])
    with pytest.raises(BadInput, match="has 0 cells tagged parameters"):
        studies.parameters_of(tmp_path / "c.ipynb")


def test_the_studies_of_the_project_can_be_run():
    for name in studies.names():
        assert studies.load(name).plan
