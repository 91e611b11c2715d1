"""Other readings of ten tiny images in three shards."""

import pandas as pd
import pytest

from jpegstudy import readings, steps
from jpegstudy.errors import BadInput
from jpegstudy.networks import Network
from jpegstudy.run import Run
from jpegstudy.steps import rereading
from tests.conftest import STAGE_01, STAGES, tiny_network, write_image

STAGE = "06_reading_the_paper"
GIVEN = {"reading": {}, "seed": 3, "batch_size": 3, "device": "cpu"}
STEPS = {"02_attack": steps.attack, "03_compression": steps.compress, "04_jpeg_noise": steps.add_jpeg_noise}


def studied(folder, **changes):
    run = Run("test")
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, **changes}))
    for stage, step in STEPS.items():
        step(run.stage(stage, **STAGES[stage]))
    return run


def read_otherwise(run, **changes):
    steps.read_otherwise(run.stage(STAGE, **{**GIVEN, **changes}))
    return run.predictions(STAGE)


@pytest.fixture
def this(outputs, folder):
    return studied(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with readings, which tests only look at: (run, its predictions before)."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("finished")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        for number in range(10):
            write_image(folder / "set" / "abcd"[number % 4] / f"{number}.png", seed=number)
        run = studied(folder / "set")
        before = run.predictions()
        read_otherwise(run, reading={"epsilon_unit": "standardized", "values": "float"})
        yield run, before


def test_the_studys_own_reading_predicts_what_the_run_did_to_the_last_digit(finished):
    run, before = finished
    found = run.predictions(STAGE)
    own = found[found.reading == readings.DEFAULT].set_index(["image", "modification"])
    before = before.set_index(["image", "modification"])
    shared = own.index.intersection(before.index)
    assert len(shared) == 10 * 7  # x, Adv1, Adv5, JPG of these three, JPGnoise(Adv1)
    columns = ["file", "label", "top_label", "top_label_probability", "predicted", "predicted_probability", "correct"]
    pd.testing.assert_frame_equal(own.loc[shared, columns], before.loc[shared, columns])


def test_every_reading_has_every_row_of_every_image(finished):
    run, _ = finished
    found, entry = run.predictions(STAGE), run.entry(STAGE)
    assert entry["complete"]
    assert list(found.reading.unique()) == list(entry["readings"])
    counts = found.groupby(["reading", "modification"]).image.nunique()
    assert (counts == 10).all()
    assert len(counts) == len(entry["readings"]) * 8
    assert set(readings.CONTROLS) < set(entry["readings"])
    assert entry["readings"][readings.DEFAULT] == {}
    assert "fingerprint" in entry["codec"]


def test_a_crop_larger_than_the_scaled_images_is_left_out_and_said(finished):
    entry = finished[0].entry(STAGE)
    assert entry["left_out"]["crop of 231"] == "the scaled images are smaller"
    assert "crop of 231" not in entry["readings"]
    assert "crop" not in entry["readings"]["all of the paper's, ε in pixels"]


def test_a_reading_of_ones_own_is_one_more(finished):
    run, _ = finished
    found = run.predictions(STAGE)
    parts = [found[found.reading == name].reset_index(drop=True) for name in (readings.OWN, "standardized ε")]
    pd.testing.assert_frame_equal(*(part.drop(columns="reading") for part in parts))
    assert run.entry(STAGE)["readings"][readings.OWN] == {"epsilon_unit": "standardized", "values": "float"}


def test_table_1_of_the_run_knows_nothing_of_the_readings(finished):
    run, before = finished
    pd.testing.assert_frame_equal(run.predictions(), before)


def test_without_labels_the_true_label_is_left_out(outputs, tmp_path):
    for number in range(4):
        write_image(tmp_path / "set" / f"{number}.png", seed=number)
    run = studied(tmp_path / "set")
    read_otherwise(run)
    assert run.entry(STAGE)["left_out"]["true label in the loss"] == "the images have no labels"
    assert "true label in the loss" not in run.entry(STAGE)["readings"]


def test_a_network_of_one_size_leaves_the_other_crops_out(outputs, folder, monkeypatch):
    monkeypatch.setattr("tests.conftest.tiny_network", of_one_size)
    steps.sources._load_network.cache_clear()
    run = studied(folder, shortest_side=300)
    network = steps.load_network(run, "cpu")
    assert rereading.left_out(run, network)["crop of 224"] == (
        "tests.conftest:tiny_network takes no images of 224 x 224 pixels"
    )
    chosen = rereading.allowed(run, network)
    assert not [name for name in chosen if name.startswith("crop")]
    assert chosen["all of the paper's, ε standardized"].crop == 0
    steps.sources._load_network.cache_clear()


def of_one_size(weights=None):
    import torch

    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 24 * 24, 4))


def test_the_networks_own_crop_is_no_reading_of_its_own(this):
    network = Network(tiny_network(), name="tiny", weights="random", crop=224, mean=(0.5,) * 3, deviation=(0.2,) * 3)
    assert "crop of 224" not in rereading.allowed(this, network)
    assert "crop of 224" not in rereading.left_out(this, network)


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"epsilon_unit": "standardized"}, "exclude each other"),
        ({"sharpness": 3}, "a reading has no 'sharpness'"),
        ({"crop": 40}, "reading .*: the scaled images are smaller"),
        ("standardized", "reading is 'standardized'; wanted: a mapping of choices"),
    ],
)
def test_a_reading_that_cannot_be_taken_is_refused_before_anything_is_written(this, reading, message):
    with pytest.raises(BadInput, match=message):
        read_otherwise(this, reading=reading)
    assert not this.entry(STAGE)
    assert not (this.path / "predictions" / STAGE).exists()


def test_views_cut_at_random_are_refused(outputs, folder):
    run = studied(folder, views=2)
    with pytest.raises(BadInput, match=r"has 2 views of each file.*views: 1"):
        read_otherwise(run)


def test_images_that_changed_are_refused(this, folder):
    write_image(next(folder.rglob("*.png")), size=(90, 80), seed=99)
    with pytest.raises(BadInput, match="have changed since it was made"):
        read_otherwise(this)


def test_a_shard_that_was_lost_is_made_again_alone_and_other_parameters_are_refused(this):
    before = read_otherwise(this)
    paths = [this.path / f"predictions/{STAGE}/{shard:05d}.parquet" for shard in this.shards]
    times = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    pd.testing.assert_frame_equal(read_otherwise(this, batch_size=3), before)
    assert [path.stat().st_mtime_ns == time for path, time in zip(paths, times, strict=True)] == [True, False, True]
    with pytest.raises(BadInput, match="already holds 06_reading_the_paper with seed 3, not 4"):
        read_otherwise(this, seed=4)
