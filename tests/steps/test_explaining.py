"""Page 11's measurements on ten tiny images in three shards."""

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import attacks, jpeg, mechanism, modifications, steps
from jpegstudy.errors import BadInput
from jpegstudy.run import Stage
from jpegstudy.statistics import explanations
from jpegstudy.steps import explaining, measuring
from jpegstudy.steps.protocols import Shared
from jpegstudy.steps.sources import load_network
from jpegstudy.transforms import JpegNoise
from tests.conftest import studied, write_image

STAGE = "11_why"
GIVEN = {
    "epsilons": [1, 4], "qualities": [75, 30], "quality": 75, "fractions": [0.5],
    "ladder": {"epsilon": 1, "bands": False}, "attacks": ["PGD1"], "attacked_images": 3,
    "images": 7, "seed": 3, "batch_size": 2, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def this(tmp_path_factory):
    """A stage with everything measured, which tests only look at."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("explained")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        for number in range(10):
            write_image(folder / "set" / "abcd"[number % 4] / f"{number}.png", seed=number)
        stage = studied(folder / "set").stage(STAGE, **GIVEN)
        steps.explain(stage)
        yield stage


def images_of(stage, epsilon, quality=None):
    x, sign = stage.run.look_up(stage.run.image_numbers()[:7])
    made = attacks.perturb(torch.from_numpy(x), torch.from_numpy(sign), epsilon=epsilon) if epsilon else torch.tensor(x)
    return made if quality is None else jpeg.roundtrip(made, quality=quality)


def test_every_part_has_its_images(this):
    for part, rows in (("geometry", 7 * 2 * 2), ("from_jpeg", 7 * 2), ("orders", 7 * 2 * 2), ("images", 7)):
        table = steps.measured(this, part)
        assert len(table) == rows
        assert table.image.nunique() == 7
    predictions = this.run.predictions(STAGE)
    tidy = predictions[predictions.reading.isna()]
    assert (tidy.groupby("modification").image.nunique() == 7).all()
    assert set(tidy.modification) == set(this.run.entry(STAGE)["modifications"])
    assert not predictions.duplicated(["image", "modification", "reading"]).any()


def test_geometry_is_that_of_the_runs_images(this):
    images = [images_of(this, *which) for which in ((0,), (4,), (0, 30), (4, 30))]
    expected = mechanism.geometry.measure_geometry(*images)
    table = steps.measured(this, "geometry")
    found = table[(table.epsilon == 4) & (table.quality == 30)].reset_index(drop=True)
    for name in ("gain", "survival_ratio", "step_cosine", "l2_attacked_x"):
        np.testing.assert_allclose(found[name], expected[name])
    assert np.isfinite(found[["share_at_x", "share_at_compressed", "first_order"]]).all(axis=None)


def test_the_ends_of_the_ladder_are_jpeg_and_the_image(this):
    table = this.run.predictions(STAGE)
    p = table[table.reading.isna()].set_index(["modification", "image"]).top_label_probability
    for base in ("x", "Adv1(x)"):
        np.testing.assert_allclose(p[f"none({base})"], p[base], atol=1e-6)
        np.testing.assert_allclose(p[f"all({base})"], p[f"JPG({base})"], atol=1e-6)
    assert (p["only luma quantization(Adv1(x))"] != p["Adv1(x)"]).any()


def test_changes_are_those_of_the_runs_images_and_their_parts_add_up(this):
    orders = steps.measured(this, "orders")
    assert set(orders.objective) == {"cross-entropy", "margin"}
    network = load_network(this.run, "cpu")
    labels = torch.tensor(this.run.predictions("02_attack").query("modification == 'x'").top_label.to_numpy()[:7])
    x, adv, there, back = (images_of(this, *which) for which in ((0,), (4,), (0, 75), (4, 75)))
    for objective, rows in orders[orders.epsilon == 4].groupby("objective"):
        said = {name: mechanism.decomposition.values(network, images, labels, objective=objective).numpy()
                for name, images in {"x": x, "adv": adv, "there": there, "back": back}.items()}  # fmt: skip
        expected = {"attack_change": said["adv"] - said["x"], "undone_change": said["back"] - said["adv"],
                    "codec_change": said["there"] - said["x"], "whole_change": said["back"] - said["x"]}  # fmt: skip
        for change, values in expected.items():
            np.testing.assert_allclose(rows[change], values, atol=1e-5)
        for change, parts in explanations.CHANGES.items():
            np.testing.assert_allclose(rows[list(parts)].sum(axis=1), expected[change], atol=1e-5)
        noisy = JpegNoise(quality=75)(x, seed=3, indices=this.run.image_numbers()[:7])
        of_noise = mechanism.decomposition.values(network, noisy, labels, objective=objective)
        np.testing.assert_allclose(rows["noise_x"], of_noise, atol=1e-5)


def test_shares_count_the_same_blocks_above_and_below():
    side = 40  # two whole units of 16 pixels and a half: five whole blocks
    x = torch.full((1, 3, side, side), 120, dtype=torch.uint8)
    batch = measuring.Batch(None, {"seed": 0}, x, torch.ones(1, 3, side, side, dtype=torch.int8), None, [0])
    gradient = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0)).expand(1, 3, side, side)
    table, _ = batch._survival(255, 100, gradient, gradient)  # of steps of 1, so that nothing is lost
    np.testing.assert_allclose(table[["share_at_x", "share_at_compressed"]], 1, atol=1e-3)


def test_spectra_are_means_over_images(this):
    found = steps.measured_spectra(this)
    delta = images_of(this, 4).double() - images_of(this, 0).double()
    power = mechanism.spectra.band_power(delta, subsampling="4:2:0").mean(axis=0)
    np.testing.assert_allclose(found["4 75 given"], power)
    left = images_of(this, 4, 75).double() - images_of(this, 0, 75).double()
    np.testing.assert_allclose(found["4 75 left"], mechanism.spectra.band_power(left, subsampling="4:2:0").mean(axis=0))
    survival = mechanism.spectra.PlaneSurvival(subsampling="4:2:0")
    survival.add(delta, left)
    np.testing.assert_allclose(found["4 75 both"] / found["4 75 given"], survival.gain, atol=1e-9)
    assert found["gradient"].sum() == pytest.approx(1)
    network = load_network(this.run, "cpu")
    numbers = this.run.image_numbers()[:3]
    made = Shared(network, images_of(this, 0)[:3], seed=3, indices=numbers).image(modifications.parse("PGD1(x)"))
    added = made.double() - images_of(this, 0)[:3].double()
    assert added.abs().max() == 1
    np.testing.assert_allclose(
        found["PGD1"], mechanism.spectra.band_power(added, subsampling="4:2:0").mean(axis=0), rtol=1e-6
    )


def test_a_shard_is_made_again_alike(this):
    last = this.last_file(1)
    before = last.read_bytes()
    last.unlink()
    steps.explain(Stage(this.run, STAGE, GIVEN))
    assert last.read_bytes() == before
    assert len(steps.measured(this, "geometry")) == 28


def test_what_a_shard_lacks_is_made_and_what_it_has_is_kept(this, monkeypatch):
    lost = this.run.path / "mechanism" / "orders" / "00001.parquet"
    before = pd.read_parquet(lost)
    lost.unlink()

    def answer(*_):
        raise AssertionError("the predictions of this shard are there")

    monkeypatch.setattr(measuring.Batch, "answer", answer)
    monkeypatch.setattr("jpegstudy.run._made_with", lambda: {"commit": "another"})
    steps.explain(Stage(this.run, STAGE, GIVEN))
    pd.testing.assert_frame_equal(pd.read_parquet(lost), before)
    (went_on,) = this.run.entry(STAGE)["continued"]
    assert went_on["commit"] == "another"
    steps.explain(Stage(this.run, STAGE, GIVEN))
    assert len(this.run.entry(STAGE)["continued"]) == 1  # nothing was lacking


def test_images_that_begin_as_jpegs_are_attacked_there(this):
    network = load_network(this.run, "cpu")
    labels = torch.tensor(this.run.predictions("02_attack").query("modification == 'x'").top_label.to_numpy()[:7])
    start = images_of(this, 0, 75)
    attacked = attacks.perturb(start, attacks.gradient_sign(network, start, labels), epsilon=4)
    there, back = (jpeg.roundtrip(images, quality=75) for images in (start, attacked))
    expected = mechanism.geometry.measure_geometry(start, attacked, there, back)
    found = steps.measured(this, "from_jpeg")
    found = found[found.epsilon == 4].reset_index(drop=True)
    for name in ("gain", "step_cosine", "residual_ratio"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0.02)  # single pixels' signs may round otherwise


def test_other_attacks_take_at_most_the_images_there_are():
    others = {number for number in range(5)}
    x = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    batch = measuring.Batch(None, {"seed": 0, "attacks": ["PGD1"]}, x, None, None, [7, 8], others)
    sums = batch._of_attacks()  # none of its images is among them, so that no network is asked
    assert sums["images PGD1"] == 0
    assert not sums["PGD1"].any()


def test_more_images_than_there_are_are_refused(this):
    with pytest.raises(BadInput, match="images is 11; run 'test' has 10"):
        steps.explain(Stage(this.run, STAGE, {**GIVEN, "images": 11}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"quality": 50}, r"quality is 50; wanted one of the qualities \[75, 30\]"),
        ({"ladder": {"epsilon": 3, "bands": False}}, r"ladder's epsilon is 3; wanted one of epsilons \[1, 4\]"),
        ({"attacks": ["PGD2{JPG}"]}, "attacks names 'PGD2{JPG}'; wanted attacks on the network itself"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_anything_is_measured(this, changed, message):
    with pytest.raises(BadInput, match=message):
        steps.explain(Stage(this.run, STAGE, {**GIVEN, **changed}))


@pytest.mark.parametrize(
    ("part", "message"),
    [("gradient_sign/00001.npy", "lacks gradient_sign/00001.npy; run 02_attack first"),
     ("images/00001.npy", "lacks images/00001.npy; run 01_preprocessing first")],
)  # fmt: skip
def test_a_missing_shard_names_the_notebook_to_run(this, part, message):
    last, lost = this.last_file(1), this.run.path / part
    kept = {path: path.read_bytes() for path in (last, lost)}
    last.unlink()
    lost.unlink()
    try:
        with pytest.raises(BadInput, match=message):
            steps.explain(Stage(this.run, STAGE, GIVEN))
    finally:
        for path, data in kept.items():
            path.write_bytes(data)


@pytest.mark.parametrize(("part", "read"), [("orders/00001.parquet", "table"), ("spectra/00001.npz", "spectra")])
def test_a_missing_measurement_is_not_passed_over(this, part, read):
    lost = this.run.path / "mechanism" / part
    data = lost.read_bytes()
    lost.unlink()
    try:
        with pytest.raises(BadInput, match=f"lacks mechanism/{part}; run 11_why, which makes it again"):
            steps.measured(this, "orders") if read == "table" else steps.measured_spectra(this)
    finally:
        lost.write_bytes(data)


def test_a_network_without_gradients_is_told_so():
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    for network in (lambda x: x.detach().mean((2, 3)), lambda x: torch.ones(len(x), 3, requires_grad=True) * 2):
        with pytest.raises(BadInput, match="the network gives no gradient with respect to its images; wanted one"):
            attacks.loss_gradient(network, images)
        with pytest.raises(BadInput, match="the network gives no gradient"):
            mechanism.decomposition.value_and_gradient(network, images, torch.tensor([0, 1]))


def test_rungs_are_named_after_what_is_done():
    rows = explaining.rows_of(GIVEN)
    names = [str(f) for f, _ in rows]
    assert "all but chroma sampling(x)" in names
    assert "grid 4 4(Adv1(x))" in names
    assert len(set(rows)) == len(rows)
