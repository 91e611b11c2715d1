"""Page 11's tables, on numbers that are known."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy.errors import BadInput
from jpegstudy.statistics import explanations
from tests.test_defenses import predictions_of


def ladder(rights):
    """Predictions of a ladder; predictions_of knows no rungs, so their parts are put in by hand."""
    plain = predictions_of({name: right for name, right in rights.items() if name in ("x", "Adv1(x)")})
    rungs = []
    for name, right in rights.items():
        if name not in ("x", "Adv1(x)"):
            variant, _, base = name.partition("(")
            like = plain[plain.modification == base[:-1]].copy()
            like["predicted"] = np.where(np.isin(like.image, np.arange(right)), 1, 2)
            rungs.append(like.assign(modification=name, transform=variant))
    return pd.concat([plain, *rungs], ignore_index=True)


def test_a_rungs_recovery_stands_beside_that_of_all_of_jpeg():
    rights = {"x": 80, "Adv1(x)": 20, "all(x)": 76, "all(Adv1(x))": 50, "none(x)": 80, "none(Adv1(x))": 20,
              "only luma quantization(x)": 78, "only luma quantization(Adv1(x))": 44, "all but band 3(x)": 77,
              "all but band 3(Adv1(x))": 47, "grid 4 4(x)": 75, "grid 4 4(Adv1(x))": 50}  # fmt: skip
    found = explanations.rung_recoveries(ladder(rights), 1, resamples=200).set_index("variant")
    assert found.recovery.to_dict() == pytest.approx(
        {"all": 0.5, "none": 0, "only luma quantization": 0.4, "all but band 3": 0.45, "grid 4 4": 0.5}
    )
    assert found.kind.tolist() == ["ends", "ends", "only", "all but band", "grid"]
    assert found.loc["only luma quantization", "less"] == pytest.approx(-0.1)
    assert found.loc["all", ["less", "less_low", "less_high"]].tolist() == [0, 0, 0]
    assert found.loc["only luma quantization", "cost"] == pytest.approx(-0.02)
    assert (found.low <= found.recovery).all()
    assert (found.recovery <= found.high).all()


def test_without_a_ladder_it_says_what_to_ask_for():
    with pytest.raises(BadInput, match="ask for it by the parameter ladder"):
        explanations.rung_recoveries(predictions_of({"x": 80, "Adv1(x)": 10}), 1)


def test_geometry_is_averaged_over_the_perturbed_images():
    table = pd.DataFrame({"epsilon": 1, "quality": 75, "image": range(4), "gain": [0.2, 0.4, 0.6, np.nan]})
    (row,) = explanations.geometry_means(table, columns=["gain"], resamples=200).itertuples()
    assert (row.n, row.value) == (3, pytest.approx(0.4))
    assert row.low < 0.4 < row.high
    with pytest.raises(BadInput, match="the table lacks step_cosine"):
        explanations.geometry_means(table, columns=["gain", "step_cosine"])


def test_parts_add_up_in_the_means():
    rng = np.random.default_rng(0)
    orders = pd.DataFrame({"image": range(30), "epsilon": 1, "objective": "margin"})
    for change, parts in explanations.CHANGES.items():
        for name in parts:
            orders[name] = rng.normal(size=30) if name not in orders else orders[name]
        orders[change] = orders[list(parts)].sum(axis=1)
    found = explanations.mean_parts(orders, resamples=100)
    for change, part in found.groupby("change"):
        values = part.set_index("part").value
        assert values[change] == pytest.approx(values.drop(change).sum())


def test_accuracy_by_epsilon_begins_at_the_clean_image():
    whole = predictions_of({"x": 80, "Adv1(x)": 30, "JPG(Adv1(x))": 60})
    halves = predictions_of({"Adv0.5(x)": 55})
    assert explanations.accuracy_by_epsilon(pd.concat([whole, halves])).to_dict() == {0.0: 0.8, 0.5: 0.55, 1.0: 0.3}
    curve = explanations.recovery_curves_of(predictions_of({"x": 80, "Adv1(x)": 30, "JPG(Adv1(x))": 60, "JPG(x)": 78}))
    assert curve.recovery.tolist() == [pytest.approx(0.6)]
    assert curve.quality.tolist() == [75]
