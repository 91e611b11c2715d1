import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from jpegstudy.errors import BadInput
from jpegstudy.mechanism import recovery_model
from jpegstudy.mechanism.recovery_model import fit_recovery


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(recovery_model, "REFITS", 60)
    monkeypatch.setattr(recovery_model, "RESAMPLES", 300)


def world(n=800, seed=0):
    """Images whose recovery follows the margin and, less, the texture; a copy of the margin; and pure noise."""
    rng = np.random.default_rng(seed)
    margin, texture, noise = rng.normal(size=(3, n))
    chance = 1 / (1 + np.exp(-(1.5 * margin - 0.8 * texture)))
    table = pd.DataFrame({
        "margin": 3 + 2 * margin, "texture": texture, "noise": 100 * noise,
        "again": margin + 0.3 * rng.normal(size=n),
    })  # fmt: skip
    return table, rng.random(n) < chance


def test_the_model_finds_what_recovery_was_made_of():
    table, recovered = world()
    model = fit_recovery(table, recovered, predictors=["margin", "texture", "noise"])
    about = model.predictors.set_index("predictor")
    truth = pd.Series({"margin": 1.5, "texture": -0.8, "noise": 0.0})
    assert (about["low"] < truth).all()
    assert (about["high"] > truth).all()
    assert about.loc["margin", "low"] > 0 > about.loc["texture", "high"]
    assert model.chosen == ["margin", "texture"]
    assert about["chosen"].tolist() == [True, True, False]
    assert model.chosen_areas[1] == pytest.approx(model.chosen_auc.value)
    assert model.chosen_areas[1] > model.chosen_areas[0] == pytest.approx(about.loc["margin", "alone_auc"])
    assert model.auc.low < 0.83 < model.auc.high  # what the true chances reach
    assert about.loc["margin", "drop_low"] > 0
    assert about.loc["noise", "drop_low"] < 0.005
    assert about.loc["noise", "alone_auc"] == pytest.approx(0.5, abs=0.08)
    assert model.brier.high < model.brier_constant
    assert model.calibration_slope == pytest.approx(1, abs=0.4)


def test_of_two_predictors_that_say_the_same_one_is_chosen():
    table, recovered = world()
    model = fit_recovery(table, recovered)
    assert set(model.chosen) == {"margin", "texture"}
    about = model.predictors.set_index("predictor")
    assert about.loc["again", "alone_auc"] > 0.7
    assert about.loc["again", "drop"] < 0.01


def test_chances_are_of_the_other_half_alone_and_score_what_is_reported():
    table, recovered = world()
    model = fit_recovery(table, recovered)
    chances = model.chances
    assert model.images == (400, 400)
    assert (recovered[chances["row"]] == chances["recovered"]).all()
    assert model.auc.value == pytest.approx(roc_auc_score(chances["recovered"], chances["predicted"]))
    assert model.brier.value == pytest.approx(((chances["recovered"] - chances["predicted"]) ** 2).mean())
    assert model.calibration["n"].sum() == 400
    assert model.calibration["predicted"].is_monotonic_increasing
    changed = table.copy()
    changed.loc[chances["row"], "margin"] = 0.0  # what is scored with has no part in the fit
    same = fit_recovery(changed, recovered).predictors
    pd.testing.assert_series_equal(same["coefficient"], model.predictors["coefficient"])


def test_images_of_a_file_stay_together():
    table, recovered = world(600)
    files = np.repeat([f"photo {k}" for k in range(200)], 3)
    scored = fit_recovery(table, recovered, files=files).chances["row"].to_numpy()
    assert not set(files[scored]) & set(np.delete(files, scored))


def test_files_that_repeat_their_images_widen_the_intervals():
    table, recovered = world(300)
    many = pd.concat([table] * 4, ignore_index=True)
    files = np.tile(np.arange(300), 4)
    known = fit_recovery(many, np.tile(recovered, 4), files=files).auc
    unknown = fit_recovery(many, np.tile(recovered, 4)).auc
    assert known.high - known.low > 1.5 * (unknown.high - unknown.low)


def test_equal_seeds_give_equal_models_and_others_others():
    table, recovered = world(300)
    first, again, other = (fit_recovery(table, recovered, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.predictors, again.predictors)
    assert first.auc == again.auc != other.auc


def test_nothing_is_chosen_of_ten_predictors_where_nothing_matters():
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(400, 10))).rename(columns="number {}".format)
    model = fit_recovery(table, rng.random(400) < 0.5)
    assert model.chosen == []
    assert model.chosen_auc == (0.5, 0.5, 0.5)
    assert model.auc.low < 0.5 < model.auc.high


@pytest.mark.parametrize("values", [[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 2], [1, 1, 1, 1, 1, 1], [3, 1, 2, 2, 0, 9]])
def test_the_area_is_scikit_learns_ties_and_all(values):
    outcomes = np.array([False, True, False, True, True, False])
    assert recovery_model.area_under_roc(values, outcomes) == pytest.approx(roc_auc_score(outcomes, values))


def test_too_few_recoveries_are_one_line_that_says_so():
    table, _ = world(400)
    few = np.arange(400) % 20 == 0
    with pytest.raises(BadInput, match=r"get their label back and .* do not; wanted 20 of each") as refusal:
        fit_recovery(table, few)
    assert "\n" not in str(refusal.value)
    with pytest.raises(BadInput, match="of the 0 images"):
        fit_recovery(table[:0], few[:0])


def test_unusable_predictors_are_named():
    table, recovered = world(300)
    with pytest.raises(BadInput, match="no gain; it has margin"):
        fit_recovery(table, recovered, predictors=["gain"])
    with pytest.raises(BadInput, match="flat is the same"):
        fit_recovery(table.assign(flat=1.0), recovered)
    with pytest.raises(BadInput, match="hole is no finite number in 1 of 300"):
        fit_recovery(table.assign(hole=table["margin"].where(table.index != 7)), recovered)
    with pytest.raises(BadInput, match="300 images have 299 outcomes"):
        fit_recovery(table, recovered[1:])
