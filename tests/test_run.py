import json

import numpy as np
import pandas as pd
import pytest

from jpegstudy import parameters, run, steps
from jpegstudy.errors import BadInput
from jpegstudy.run import Run
from tests.conftest import STAGE_01, STAGES


@pytest.fixture
def prepared(outputs, folder):
    """A run whose stage 01 is complete."""
    this = Run("test")
    steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    return this


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b", 3])
def test_a_run_name_is_a_folder_name(name):
    with pytest.raises(BadInput, match=r"run is .*wanted: a folder name"):
        Run(name)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epsilons", "[1, 5]", r"wanted: a list .*papermill's -p passes a list as text"),
        ("epsilons", [], "wanted: a list"),
        ("epsilons", [0.5], "whole numbers"),
        ("epsilons", [1, 256], "from 1 to 255"),
        ("epsilons", [5, 5], "different"),
        ("epsilons", [True], "whole numbers"),
        ("qualities", [0], "from 1 to 100"),
        ("quality", 101, "from 1 to 100"),
        ("seed", -1, "from 0 to"),
        ("device", "gpu", "auto, cpu, cuda"),
        ("precision", "float16", "float32, tf32 or bfloat16"),
        ("subsampling", "4:1:1", "4:4:4, 4:2:2 or 4:2:0"),
        ("preprocessing", {"size": 3}, "some of crop"),
        ("preprocessing", {"mean": [0.5]}, "three numbers"),
        ("preprocessing", {"deviation": [0, 1, 1]}, "mean and deviation"),
        ("show_images", "yes", "true or false"),
        ("epsilon", 1, "there is no parameter 'epsilon'"),
    ],
)
def test_a_parameter_out_of_range_is_told_what_is_wanted(name, value, message):
    with pytest.raises(BadInput, match=message):
        parameters.check({name: value})


def test_a_stage_wants_the_ones_before_it(outputs):
    with pytest.raises(BadInput, match="run 'test' has no finished 01_preprocessing; run that notebook first"):
        Run("test").stage("02_attack", **STAGES["02_attack"])


def test_other_parameters_for_a_stage_that_has_written_are_an_error(prepared, folder):
    with pytest.raises(BadInput, match=r"seed 3, not 4.*for example test-2, or delete"):
        prepared.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, "seed": 4})


def test_parameters_that_change_no_result_may_change(prepared):
    steps.attack(prepared.stage("02_attack", **STAGES["02_attack"]))
    prepared.stage("02_attack", **{**STAGES["02_attack"], "batch_size": 2, "show_images": False})


def test_a_free_name_counts_on(outputs):
    for name in ("demo", "demo-2"):
        (outputs / "runs" / name).mkdir(parents=True)
    assert run.free_name("demo") == "demo-3"
    assert run.free_name("demo-2") == "demo-3"
    assert run.free_name("other") == "other-2"


def test_images_are_found_by_their_number_across_shards_and_gaps(prepared):
    numbers = prepared.image_numbers()
    assert len(numbers) == 10  # eleven files, one broken
    assert 3 not in numbers  # a/broken.jpg is fourth in order
    images, signs = prepared.look_up([numbers[-1], numbers[0]])
    assert signs is None
    np.testing.assert_array_equal(images[1], prepared.images(0)[0])
    np.testing.assert_array_equal(images[0], prepared.images(2)[-1])
    with pytest.raises(BadInput, match="has no image 3"):
        prepared.look_up([3])
    with pytest.raises(BadInput, match="has no image 99"):
        prepared.look_up([99])


def test_the_record_says_what_a_result_came_from(prepared):
    record = json.loads((prepared.path / "run.json").read_text())
    entry = record["stages"]["01_preprocessing"]
    assert entry["complete"]
    assert entry["images"] == 10
    assert entry["rejected"] == 1
    assert len(entry["network"]["weights_hash"]) == len(entry["image_set"]["hash"]) == 64
    assert set(entry["versions"]) == set(run.PACKAGES)
    assert entry["machine"]


def test_a_table_in_whose_place_a_finished_page_wrote_another_stays(prepared):
    mine, theirs = pd.DataFrame({"mine": [1]}), pd.DataFrame({"theirs": [2]})
    written = prepared.path / "claims.csv"
    prepared.write_table("claims", mine, unless=("01_preprocessing",))
    assert written.read_text() == "mine\n1\n"  # a finished page that wrote none takes no place
    prepared.write_table("claims", theirs)
    prepared.write_table("claims", mine, unless=("02_attack", "03_compression"))
    assert written.read_text() == "mine\n1\n"  # neither of them has run
    prepared.write_table("claims", theirs)
    prepared.write_table("claims", mine, unless=("02_attack", "01_preprocessing"))
    assert written.read_text() == "theirs\n2\n"


def test_predictions_of_an_empty_run_say_what_to_run(prepared):
    with pytest.raises(BadInput, match="has no predictions yet; run 02_attack"):
        prepared.predictions()


def test_work_that_goes_on_elsewhere_is_recorded_as_such(prepared, monkeypatch):
    stage = prepared.stage("02_attack", **STAGES["02_attack"])
    stage.begin(machine="the first")
    stage.begin(machine="the first")
    assert "continued" not in prepared.entry("02_attack")
    stage.begin(machine="the second")
    monkeypatch.setattr(run.platform, "python_version", lambda: "4.0")
    stage.begin(machine="the second")
    continued = prepared.entry("02_attack")["continued"]
    assert [sorted(part) for part in continued] == [["machine", "started"], ["python", "started"]]
    assert continued[1]["python"] == "4.0"
    assert prepared.machines().endswith("the first; the second")
