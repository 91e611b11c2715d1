"""The prediction for a run's tables, against what prediction's own functions say."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy.mechanism import critical, prediction
from jpegstudy.statistics import explanation_tables
from tests.test_defenses import predictions_of

ACCURACY = pd.Series([0.9, 0.5, 0.2, 0.1], index=[0.0, 0.5, 1.0, 4.0])


def geometry(share):
    """Two images, one of which has a first order near 0 whose share must not decide."""
    rows = [(quality, epsilon, first, value) for quality in (75, 30) for epsilon in (1, 4)
            for first, value in ((10.0, share), (1e-9, 1e6 * share))]  # fmt: skip
    return pd.DataFrame(rows, columns=["quality", "epsilon", "first_order", "share_at_compressed"])


def test_the_share_is_that_of_the_summed_first_orders():
    found = critical.surviving_shares(geometry(0.25))
    np.testing.assert_allclose(found.share, 0.25, rtol=1e-3)
    assert found[["quality", "epsilon"]].drop_duplicates().shape == (4, 2)


def test_recoveries_are_predictions_own():
    compressed = {75: 0.85, 30: 0.6}
    found = critical.predicted_recoveries(geometry(0.25), ACCURACY, compressed)
    expected = prediction.predicted_recovery(
        [1, 4], [0.25, 0.25], attack_epsilons=ACCURACY.index, attack_accuracies=ACCURACY, compressed_accuracy=0.85
    )
    np.testing.assert_allclose(found[found.quality == 75].recovery, expected, rtol=1e-3)
    assert found[found.quality == 30].recovery.iloc[0] < expected[0]


def test_each_place_of_the_gradient_has_its_own_shares():
    table = geometry(0.25).assign(share_at_x=0.75)
    found = critical.predictions(table, ACCURACY, {75: 0.85, 30: 0.6})
    at_compressed, at_x = (found[words] for words in ("the gradient at JPG(x)", "the gradient at x"))
    np.testing.assert_allclose(at_compressed.share, 0.25, rtol=1e-3)
    np.testing.assert_allclose(at_x.share, 0.75)
    curves = pd.DataFrame({"quality": [75, 75], "epsilon": [1, 4], "recovery": [0.8, 0.2]})
    beside = critical.beside_measured(curves, found)
    assert beside.recovery.tolist() == [0.8, 0.2]
    np.testing.assert_allclose(beside.share_with_gradient_at_x, 0.75)
    told = critical.predicted_critical_epsilons(at_compressed, ACCURACY, {75: 0.85, 30: 0.6})
    assert 1 < told[75] < 4


def test_critical_epsilons_lie_between_what_was_measured_or_beyond():
    rights = {"x": 90, "Adv1(x)": 40, "Adv4(x)": 20}
    rights |= {"JPG(x)": 85, "JPG(Adv1(x))": 80, "JPG(Adv4(x))": 34}  # recoveries of .8 and .2
    rights |= {"JPG30(x)": 60, "JPG30(Adv1(x))": 50, "JPG30(Adv4(x))": 27}  # .2 and .1
    rights |= {"JPG90(x)": 89, "JPG90(Adv1(x))": 80, "JPG90(Adv4(x))": 76}  # .8 and .8
    found = critical.critical_epsilons(predictions_of(rights), resamples=300).set_index("quality")
    assert found.loc[75, "value"] == pytest.approx(2)  # half-way on the logarithm of epsilon
    assert 1 < found.loc[75, "low"] < 2 < found.loc[75, "high"] < 4
    assert found.loc[30, "value"] == 0
    assert np.isinf(found.loc[90, "value"])
    assert (found.least == 1).all()
    assert (found.most == 4).all()
    words = [explanation_tables.critical_epsilon(row) for row in found.itertuples()]
    assert words[found.index.get_loc(30)].startswith("below 1 [below 1, ")
    assert words[found.index.get_loc(90)].startswith("above 4 [")


def test_a_curve_without_a_crossing_says_on_which_side_it_lies():
    nothing = {"x": 40, "Adv1(x)": 40, "JPG(x)": 40, "JPG(Adv1(x))": 39}
    found = critical.critical_epsilons(predictions_of(nothing), resamples=50)
    assert found[["value", "low", "high"]].isna().all(axis=None)  # nothing was taken


def test_one_epsilon_says_only_on_which_side_the_prediction_lies():
    for share, expected in {1.0: 0, 0.0: np.inf}.items():
        predicted = critical.predicted_recoveries(geometry(share).query("epsilon == 1"), ACCURACY, {75: 0.85, 30: 0.6})
        told = critical.predicted_critical_epsilons(predicted, ACCURACY, {75: 0.85, 30: 0.6})
        assert told[75] == expected
