"""The prediction for a run's tables, against what prediction's own functions say."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy.mechanism import critical, prediction

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


def test_critical_epsilons_stand_side_by_side():
    measured = pd.DataFrame({"quality": [75, 75, 30, 30], "epsilon": [1, 4, 1, 4], "recovery": [0.8, 0.2, 0.4, 0.1]})
    compressed = {75: 0.85, 30: 0.6}
    predicted = critical.predicted_recoveries(geometry(0.25), ACCURACY, compressed)
    found, told = critical.critical_epsilons(measured, predicted, ACCURACY, compressed)
    assert found[75] == pytest.approx(2)  # half-way on the logarithm of epsilon
    assert np.isnan(found[30])
    assert 1 < told[75] < 4
