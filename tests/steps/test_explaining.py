"""Page 11's measurements on ten tiny images in three shards."""

import numpy as np
import pytest
import torch

from jpegstudy import attacks, jpeg, mechanism, steps
from jpegstudy.errors import BadInput
from jpegstudy.run import Stage
from jpegstudy.steps import explaining
from tests.conftest import studied, write_image

STAGE = "11_why"
GIVEN = {
    "epsilons": [1, 4], "qualities": [75, 30], "quality": 75, "fractions": [0.5],
    "ladder": {"epsilon": 1, "bands": False}, "images": 7, "seed": 3, "batch_size": 2, "device": "cpu",
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
    for part, rows in (("geometry", 7 * 2 * 2), ("orders", 7 * 2 * 2), ("images", 7)):
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


def test_parts_add_up(this):
    orders = steps.measured(this, "orders")
    np.testing.assert_allclose(
        orders.whole_change, orders.codec_change + orders.survivor_first_order + orders.survivor_remainder
    )
    assert set(orders.objective) == {"cross-entropy", "margin"}


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


def test_a_shard_is_made_again_alike(this):
    last = this.last_file(1)
    before = last.read_bytes()
    last.unlink()
    steps.explain(Stage(this.run, STAGE, GIVEN))
    assert last.read_bytes() == before
    assert len(steps.measured(this, "geometry")) == 28


def test_more_images_than_there_are_are_refused(this):
    with pytest.raises(BadInput, match="images is 11; run 'test' has 10"):
        steps.explain(Stage(this.run, STAGE, {**GIVEN, "images": 11}))


def test_rungs_are_named_after_what_is_done():
    rows = explaining.rows_of(GIVEN)
    names = [str(f) for f, _ in rows]
    assert "all but chroma sampling(x)" in names
    assert "grid 4 4(Adv1(x))" in names
    assert len(set(rows)) == len(rows)
