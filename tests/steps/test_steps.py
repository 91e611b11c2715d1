"""The batch work on ten tiny images in three shards."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import attacks, modifications, steps
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import exact, fingerprint, libjpeg
from jpegstudy.networks.arithmetic import set_arithmetic
from jpegstudy.run import Run
from tests.conftest import STAGE_01, STAGES, write_image

STEPS = {"02_attack": steps.attack, "03_compression": steps.compress, "04_jpeg_noise": steps.add_jpeg_noise}


def run_all(name, folder, **changes):
    this = Run(name)
    steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    for stage, step in STEPS.items():
        own = {parameter: value for parameter, value in changes.items() if parameter in STAGES[stage]}
        step(this.stage(stage, **{**STAGES[stage], **own}))
    return this


@pytest.fixture
def this(outputs, folder):
    return run_all("test", folder)


def without_rounding(predictions):
    """Columns that may not differ at all between two runs of the same study."""
    return predictions.drop(columns=["top_label_probability", "predicted_probability"])


def test_every_image_has_a_row_for_every_modification(this):
    predictions = this.predictions()
    adversarial = ["Adv1(x)", "Adv5(x)"]
    expected = ["x", *adversarial]
    expected += [f"{jpeg}({f})" for jpeg in ("JPG", "JPG30") for f in ("x", *adversarial)]
    expected += [f"JPGnoise({f})" for f in adversarial]
    assert list(dict.fromkeys(predictions.modification)) == expected
    assert (predictions.groupby("modification").image.nunique() == 10).all()
    assert len(predictions) == 10 * len(expected)


def test_predictions_are_the_networks_on_images_made_independently(this):
    predictions = this.predictions()
    network = steps.load_network(this, "cpu")
    numbers = this.image_numbers()
    x = torch.from_numpy(this.look_up(numbers)[0])
    top_label = network.probabilities(x).argmax(dim=1)
    sign = attacks.gradient_sign(network, x, top_label)
    for text in predictions.modification.unique():
        images = modifications.parse(text).apply(x, sign, seed=3, indices=numbers)
        p = network.probabilities(images)
        rows = predictions[predictions.modification == text].sort_values("image")
        assert rows.top_label.tolist() == top_label.tolist()
        np.testing.assert_allclose(rows.top_label_probability, p[range(10), top_label], atol=1e-6)
        np.testing.assert_array_equal(rows.predicted, p.argmax(dim=1))
        np.testing.assert_allclose(rows.predicted_probability, p.amax(dim=1), atol=1e-6)
        assert (rows.correct == (rows.predicted == rows.label)).all()


def test_a_modification_is_made_again_on_demand(this):
    numbers = this.image_numbers()[3:6]
    x, sign = map(torch.from_numpy, this.look_up(numbers))
    adversarial = modifications.apply(this, "Adv5(x)", numbers)
    assert (adversarial.int() - x.int()).abs().max() == 5
    assert torch.equal(adversarial, attacks.perturb(x, sign, epsilon=5))


def test_batches_change_no_answer(this, folder):
    other = run_all("other", folder, batch_size=1)
    pd.testing.assert_frame_equal(without_rounding(this.predictions()), without_rounding(other.predictions()))


def test_an_equal_study_gives_equal_bytes(this, folder):
    other = run_all("again", folder)
    for stage in STEPS:
        for shard in this.shards:
            files = [r.path / f"predictions/{stage}/{shard:05d}.parquet" for r in (this, other)]
            assert files[0].read_bytes() == files[1].read_bytes()


def test_what_is_done_is_not_done_again(this):
    files = sorted(this.path.rglob("*.parquet")) + sorted(this.path.rglob("*.npy"))
    before = {file: file.stat().st_mtime_ns for file in files}
    lost = this.path / "predictions/03_compression/00001.parquet"
    whole = lost.read_bytes()
    lost.unlink()
    for stage, step in STEPS.items():
        step(this.stage(stage, **STAGES[stage]))
    assert lost.read_bytes() == whole
    changed = [file for file, time_ns in before.items() if file.stat().st_mtime_ns != time_ns]
    assert changed == [lost]


def test_a_network_that_is_loaded_again_has_its_precision_again(this):
    steps.load_network(this, "cpu")
    set_arithmetic("tf32")
    steps.load_network(this, "cpu")
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_classes_go_by_the_names_of_the_runs_own_folders(this, outputs, tmp_path):
    assert steps.load_network(this, "cpu").class_names == ["a", "b", "c", "d"]
    for number in range(3):
        write_image(tmp_path / "flat" / f"{number}.png", seed=number)
    other = Run("other")
    steps.prepare(other.stage("01_preprocessing", image_set=str(tmp_path / "flat"), **STAGE_01))
    assert steps.load_network(other, "cpu").class_names == ["class 0", "class 1", "class 2", "class 3"]


def test_a_file_that_is_left_out_counts_once_however_many_its_views(outputs, folder):
    this = Run("test")
    steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, "views": 3}))
    entry = this.entry("01_preprocessing")
    assert (entry["images"], entry["rejected"], entry["rejected_files"]) == (30, 3, 1)


def test_the_rejected_file_is_listed_with_its_reason(this):
    rejected = pd.read_csv(this.path / "rejected.csv")
    assert rejected.file.tolist() == ["a/broken.jpg"]
    assert rejected.reason.notna().all()


def test_a_set_without_a_usable_image_is_an_error(outputs, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "1.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match=r"none of the 1 images .*1.jpg: empty file"):
        steps.prepare(Run("test").stage("01_preprocessing", image_set=str(tmp_path / "set"), **STAGE_01))


def test_unlabeled_images_have_no_verdict(outputs, tmp_path):
    for number in range(3):
        write_image(tmp_path / "set" / f"{number}.png", seed=number)
    predictions = run_all("test", tmp_path / "set").predictions()
    assert predictions.label.isna().all()
    assert predictions.correct.isna().all()


def test_a_shard_without_a_usable_image_leaves_no_gap(outputs, tmp_path):
    for number in range(10):
        write_image(tmp_path / "set" / f"{number}.png", seed=number)
    for number in range(4, 8):  # the second of three shards
        (tmp_path / "set" / f"{number}.png").write_bytes(b"no image")
    this = run_all("test", tmp_path / "set")
    assert [len(this.images(shard)) for shard in this.shards] == [4, 0, 2]
    predictions = this.predictions()
    assert sorted(set(predictions.image)) == this.image_numbers() == [0, 1, 2, 3, 8, 9]
    assert (predictions.groupby("modification").image.nunique() == 6).all()
    assert predictions.dtypes.astype(str).to_dict() == this.predictions(shard=0).dtypes.astype(str).to_dict()


def test_images_that_changed_are_not_mixed_into_a_run(outputs, folder):
    this = Run("test")
    steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    write_image(folder / "a" / "0.png", size=(90, 80))
    with pytest.raises(BadInput, match="has changed since run 'test' was begun"):
        steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **STAGE_01))


@pytest.fixture
def another_codec(monkeypatch):
    monkeypatch.setattr(fingerprint, "of_codec", lambda *_: {"fingerprint": "0" * 16, "library": "another"})


def test_a_run_records_its_jpeg_codec(this):
    assert this.codec == fingerprint.of_codec()
    assert "libjpeg_turbo" in this.codec["library"]


def test_either_codec_makes_the_same_predictions_and_may_take_up_the_others_run(outputs, folder):
    runs = {codec: run_all(codec, folder, codec=codec) for codec in ("torch", "libjpeg")}
    by_torch, by_libjpeg = (this.predictions() for this in runs.values())
    pd.testing.assert_frame_equal(by_torch, by_libjpeg)
    assert runs["torch"].codec["library"] == f"torch {torch.__version__}"
    assert "libjpeg_turbo" in runs["libjpeg"].codec["library"]
    (runs["torch"].path / "predictions/04_jpeg_noise/00001.parquet").unlink()
    steps.add_jpeg_noise(runs["torch"].stage("04_jpeg_noise", **{**STAGES["04_jpeg_noise"], "codec": "libjpeg"}))
    pd.testing.assert_frame_equal(runs["torch"].predictions(), by_libjpeg)
    (continued,) = runs["torch"].entry("04_jpeg_noise")["continued"]
    assert continued["codec"] == runs["libjpeg"].codec


@pytest.mark.parametrize(("codec", "other"), [("torch", libjpeg), ("libjpeg", exact), ("auto", exact)])
def test_only_the_codec_that_is_asked_for_codes(outputs, folder, monkeypatch, codec, other):
    def refuse(*_, **__):
        raise AssertionError("the other codec was called")

    monkeypatch.setattr(other, "roundtrip", refuse)
    assert run_all("test", folder, codec=codec).is_complete("04_jpeg_noise")


def test_another_jpeg_codec_is_not_mixed_into_a_run(this, another_codec):
    (this.path / "predictions/04_jpeg_noise/00001.parquet").unlink()
    with pytest.raises(BadInput, match=r"other pixels: run 'test' with .* and this environment with another"):
        steps.add_jpeg_noise(this.stage("04_jpeg_noise", **STAGES["04_jpeg_noise"]))
    with pytest.raises(BadInput, match="other pixels"):
        modifications.apply(this, "JPG(x)", this.image_numbers()[:1])


def test_weights_that_changed_are_not_mixed_into_a_run(this, monkeypatch):
    from tests import conftest

    def other(weights=None):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 24 * 24, 4))

    monkeypatch.setattr(conftest, "tiny_network", other)
    steps.sources._load_network.cache_clear()
    with pytest.raises(BadInput, match="are not those that run 'test' was made with"):
        steps.load_network(this, "cpu")
    steps.sources._load_network.cache_clear()


@pytest.mark.parametrize("stage", ["02_attack", "03_compression"])
def test_a_run_killed_in_the_middle_of_a_stage_goes_on_to_the_same_predictions(this, folder, stage):
    """SIGKILL while a shard is being worked on, with at least one done; what is there stays, the rest is added."""
    program = f"""
        import time
        from jpegstudy import steps
        from jpegstudy.networks import Network
        from tests.steps.test_steps import run_all
        slow = Network.forward
        def forward(self, images):
            time.sleep(0.1)
            return slow(self, images)
        Network.forward = forward
        run_all("killed", {str(folder)!r})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=os.getcwd())
    first = Run("killed").path / f"predictions/{stage}/00000.parquet"
    end = time.monotonic() + 120
    try:
        while not first.exists():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < end, "the run has not done a shard in two minutes"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = Run("killed")
    assert not killed.is_complete(stage)
    kept = first.stat().st_mtime_ns
    run_all("killed", folder)
    assert first.stat().st_mtime_ns == kept
    pd.testing.assert_frame_equal(killed.predictions(), this.predictions())
