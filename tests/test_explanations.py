"""Page 11's tables, on numbers that are known."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy import figures
from jpegstudy.errors import BadInput
from jpegstudy.mechanism import recovery_model
from jpegstudy.statistics import Interval, explanation_answer, explanation_words, explanations
from tests.test_defenses import predictions_of
from tests.test_figures import rendered


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
    assert found.loc["only luma quantization", ["clean", "attacked"]].tolist() == [0.78, 0.44]
    assert found.loc["all", "attacked_low"] < 0.5 < found.loc["all", "attacked_high"]
    assert (found.low <= found.recovery).all()
    assert (found.recovery <= found.high).all()


def test_where_the_attack_may_take_nothing_there_is_no_recovery():
    rights = {"x": 80, "Adv1(x)": 79, "all(x)": 76, "all(Adv1(x))": 78, "none(x)": 80, "none(Adv1(x))": 79}
    rights |= {"only color(x)": 80, "only color(Adv1(x))": 80, "all but color(x)": 77, "all but color(Adv1(x))": 77}
    found = explanations.rung_recoveries(ladder(rights), 1, resamples=100)
    assert found[["recovery", "less"]].isna().all(axis=None)
    assert found.attacked.notna().all()
    assert explanation_words.earned(found) == [
        "The attack may have taken nothing from these images (n = 100), so nothing comes back."
    ]


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


def test_shares_of_the_first_order_are_of_all_images_together_and_add_up():
    orders = pd.DataFrame({"image": range(4), "epsilon": 1, "objective": "margin", "attack_first_order": [4, 2, 1, 1]})
    orders = orders.assign(removed_first_order=[-3, -1, 0, 0], turned_first_order=[-1, 0, 0, 1])
    orders["survivor_first_order"] = orders.iloc[:, 3:].sum(axis=1)
    found = explanations.first_order_shares(orders, files=pd.Series([0, 0, 1, 2]), resamples=200).set_index("part")
    assert found.value.to_dict() == pytest.approx({"removed": 0.5, "turned": 0.0, "left": 0.5})
    assert (found.n == 4).all()
    assert (found.low <= found.value).all()
    assert found.high["removed"] <= 2 / 3  # of the file that loses most


def test_accuracy_by_epsilon_begins_at_the_clean_image():
    whole = predictions_of({"x": 80, "Adv1(x)": 30, "JPG(Adv1(x))": 60})
    halves = predictions_of({"Adv0.5(x)": 55})
    assert explanations.accuracy_by_epsilon(pd.concat([whole, halves])).to_dict() == {0.0: 0.8, 0.5: 0.55, 1.0: 0.3}
    curve = explanations.recovery_curves_of(predictions_of({"x": 80, "Adv1(x)": 30, "JPG(Adv1(x))": 60, "JPG(x)": 78}))
    assert curve.recovery.tolist() == [pytest.approx(0.6)]
    assert curve.quality.tolist() == [75]


RIGHTS = {"x": 80, "Adv1(x)": 20, "all(x)": 76, "all(Adv1(x))": 50, "none(x)": 80, "none(Adv1(x))": 20}
RIGHTS |= {f"{kind} {step}(x)": 78 for kind in ("only", "all but") for step in ("color", "rounding")}
RIGHTS |= {"only color(Adv1(x))": 26, "only rounding(Adv1(x))": 23}
RIGHTS |= {"all but color(Adv1(x))": 44, "all but rounding(Adv1(x))": 49}
BANDS = {f"{kind} band {k}({base})": 30 if base != "x" else 78
         for k in range(64) for kind in ("only", "all but") for base in ("x", "Adv1(x)")}  # fmt: skip


@pytest.fixture(scope="module")
def recoveries():
    return explanations.rung_recoveries(ladder({**RIGHTS, **BANDS}), 1, resamples=50)


def test_words_name_the_step_that_earns_it_and_the_one_that_is_missed(recoveries):
    first, second, third = explanation_words.earned(recoveries)
    assert ", then by rounding, 0.05 [" in first
    assert first.startswith("All of JPEG gives back 0.50 [")
    assert "of single steps most is given back by color, 0.10 [" in first
    assert second.startswith("Most is missed without color: −0.10 [")
    spared = recoveries.assign(less_high=recoveries.less_high.clip(lower=0.01))
    assert explanation_words.earned(spared)[1].startswith("No single step is missed beyond its interval")
    assert third.startswith("Of 64 bands quantized alone, 64 give back something")
    table = explanation_words.rungs(recoveries)
    steps = ["only color", "only rounding", "all but color", "all but rounding"]
    assert list(table.index) == ["all", "none", *steps]
    assert table.loc["only color", "on Adv"].startswith("0.26 [")


def test_figures_of_the_ladder_draw_its_numbers(recoveries):
    bars = rendered(figures.rungs(recoveries)).axes[0]
    assert [round(bar.get_width(), 3) for bar in bars.patches] == [0.483, 0.4, 0.05, 0.1, 0.0, 0.5]  # from below
    left, right = rendered(figures.band_recoveries(recoveries, np.arange(64))).axes[:2]
    np.testing.assert_allclose(left.images[0].get_array(), 1 / 6)
    np.testing.assert_allclose(right.images[0].get_array(), 1 / 3)  # what is lost where the band is spared


def test_geometry_in_words_says_whether_the_picture_holds():
    values = {"gain": 0.02, "step_cosine": 0.97, "projection_gap": 0.0, "residual_ratio": 0.0}
    values |= {"survival_ratio": 0.1, "survivor_cosine": 0.5}
    rows = [(1, 75, name, 9, value, value, value) for name, value in values.items()]
    means = pd.DataFrame(rows, columns=["epsilon", "quality", "measure", "n", "value", "low", "high"])
    assert "the picture holds" in explanation_words.figure_1(means, 75)[0]
    far = means.assign(value=0.5, low=0.4, high=0.6)
    assert "does not hold" in explanation_words.figure_1(far, 75)[0]
    assert explanation_words.geometry(means, 75)["Figure 1 draws"].tolist() == ["0", "0", "0", "0", "", "1"]
    lines = rendered(figures.geometry_over_epsilon(means, {"gain": "gain"})).axes[0].lines
    assert lines[0].get_ydata().tolist() == [0.02]


def parts_of(epsilon, *, attack, first, removed, turned, codec, beyond):
    """Tables of first_order_shares and mean_parts for these values, exact."""
    left = first + removed + turned
    values = {("attack_change", "attack_change"): attack, ("attack_change", "attack_first_order"): first}
    whole = {"whole_change": left + codec + beyond, "codec_change": codec, "survivor_first_order": left,
             "survivor_remainder": beyond}  # fmt: skip
    values |= {("whole_change", name): value for name, value in whole.items()}
    rows = [(epsilon, "margin", *name, 9, v, v, v) for name, v in values.items()]
    parts = pd.DataFrame(rows, columns=["epsilon", "objective", "change", "part", "n", "value", "low", "high"])
    found = {"removed": -removed / first, "turned": -turned / first, "left": left / first}
    rows = [(epsilon, "margin", name, 9, v, v, v) for name, v in found.items()]
    return pd.DataFrame(rows, columns=["epsilon", "objective", "part", "n", "value", "low", "high"]), parts


def test_the_first_order_is_told_and_drawn_in_its_parts():
    shares, parts = parts_of(2, attack=6, first=8, removed=-4, turned=-2, codec=0.5, beyond=-1)
    told = explanation_words.first_order_in_words(shares, parts, "margin", 2)
    assert "raise the margin by 8.00 [8.00, 8.00]" in told
    assert "JPEG removes 0.50 [0.50, 0.50] of that; 0.25 [0.25, 0.25] is gone" in told
    assert "0.25 [0.25, 0.25] is left. Behind JPEG the margin of Adv is 1.50 [1.50, 1.50] above" in told
    assert "−1.00 [−1.00, −1.00] lies beyond" in told
    shown = rendered(figures.first_orders(shares, parts))
    drawn = [[(bar.get_y(), bar.get_height()) for bar in axes.patches] for axes in shown.axes[:2]]
    assert drawn == [[(0, 0.5), (0.5, 0.25), (0.75, 0.25)], [(0, 2), (2, 0.5), (0, -1)]]
    none = parts.assign(low=parts.low.where(parts.part != "attack_first_order", -1.0))
    told = explanation_words.first_order_in_words(shares, none, "margin", 2)
    assert told.startswith("At ε = 2 the attack does not raise the margin to first order: 8.00 [−1.00, 8.00].")


def test_what_is_left_explains_size_only_where_it_outgrows_the_attack():
    small, large = (
        parts_of(epsilon, attack=6, first=8 * epsilon, removed=-7 * epsilon, turned=0, codec=0, beyond=0)
        for epsilon in (1, 10)
    )
    shares, parts = (pd.concat(each) for each in zip(small, large, strict=True))
    told = explanation_answer._left_by_size(parts, shares)
    assert "leaves a share of 0.12 to 0.12" in told
    assert "1.00 beside 6.00 at ε = 1, 10.00 beside 6.00 at ε = 10" in told
    assert told.endswith("there such a share is enough.")
    assert "is enough" not in explanation_answer._left_by_size(small[1], small[0])


def test_recovery_is_drawn_beside_what_was_predicted():
    curves = pd.DataFrame({"quality": [75, 75], "epsilon": [1, 2], "recovery": [0.6, 0.2], "low": 0.1, "high": 0.7})
    predicted = curves.assign(recovery=[0.5, 0.3])
    axes = rendered(figures.recovery_measured_and_predicted(curves, predicted)).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines if line.get_linestyle() == "--"] == [[0.5, 0.3]]
    measured = pd.DataFrame({"quality": [75, 50], "value": [1.5, np.inf], "low": [1.2, 4.5], "high": [1.8, np.inf],
                             "least": 1, "most": 5})  # fmt: skip
    table = explanation_words.critical(measured, {"so": {75: 1.25, 50: float("nan")}})
    assert table.loc[75].tolist() == ["1.50 [1.20, 1.80]", "1.25"]
    assert table.loc[50].tolist() == ["above 5 [4.50, above 5]", "not crossed"]


def orders_of(**values):
    """Objectives of 30 images, each at its value and a little around it."""
    rng = np.random.default_rng(1)
    names = {name for after, before, _ in explanations.CONTROLS.values() for name in (after, before)}
    around = rng.normal(scale=0.01, size=30)
    orders = pd.DataFrame({"image": range(30), "epsilon": 1, "objective": "margin"})
    return orders.assign(**{name: values.get(name, 0.0) + around for name in sorted(names)})


def test_controls_are_told_by_their_share_of_what_jpeg_or_the_attack_does():
    orders = orders_of(x=-2, attacked=2, compressed_attacked=-1, noise=1, gaussian=0.5, signs=-1.8, compressed=-1.5)
    found = explanations.control_changes(orders, resamples=200)
    rows = found.set_index("control")
    assert rows.loc["JPEG on Adv", "value"] == pytest.approx(-3)
    assert rows.share.round(6).to_dict() == {
        "JPEG on Adv": 1, "JPEG noise on Adv": round(1 / 3, 6), "Gaussian noise on Adv": 0.5, "Adv": 1,
        "random signs": 0.05, "JPEG on x": 0.125, "JPEG noise on x": 0.5, "Gaussian noise on x": 0.5,
    }  # fmt: skip
    assert (rows.n == 30).all()
    told = explanation_words.controls_in_words(found, "margin", 1)
    assert "shuffled over the image does 0.33" in told
    assert told.endswith("do 0.0500 [0.0500, 0.0500] of what the attack does.") or "do 0.05" in told
    table = explanation_words.controls(found, "margin")
    assert table.loc[("JPEG noise on Adv", "share of JPEG on Adv"), "ε = 1"].startswith("0.33")
    assert table.loc[("Adv", "itself"), "ε = 1"].startswith("4.00")
    assert "does not lower" in explanation_words.controls_in_words(found.assign(high=1.0), "margin", 1)


def test_energies_of_planes_count_their_blocks():
    given = {"ε = 1": np.stack([np.full((8, 8), value) for value in (1.0, 2.0, 2.0)])}
    gains = {"ε = 1": np.stack([np.full((8, 8), value) for value in (0.5, 0.25, 0.0)])}
    row = explanation_words.planes(gains, given, np.array([4, 1, 1])).loc["ε = 1"]
    assert row[["gain, luma", "gain, Cb", "gain, Cr"]].tolist() == ["0.50", "0.25", "0.00"]
    assert row[["energy, luma", "energy, Cb", "energy, Cr"]].tolist() == ["50%", "25%", "25%"]
    assert explanation_words.corner({"white": given["ε = 1"]}).endswith("white 25%.")


def test_the_model_is_told_in_words_and_in_a_table():
    rng = np.random.default_rng(3)
    margin = rng.normal(size=200)
    table = pd.DataFrame({"clean_margin": margin, "texture": rng.normal(size=200)})
    found = recovery_model.fit_recovery(table, margin + 0.3 * rng.normal(size=200) > 0, seed=0)
    lines = explanation_words.model_in_words(found)
    assert lines[0].startswith("On 100 images that it was not fitted on, ")
    assert lines[1].startswith("What matters by the rule: clean_margin; ")
    rows = explanation_words.model(found)
    assert rows.index.tolist() == ["clean_margin", "texture"]
    assert rows.matters.tolist() == ["yes", ""]


def test_candidates_are_right_before_and_wrong_after_the_attack():
    predictions = predictions_of({"x": 80, "Adv1(x)": 20, "JPG(Adv1(x))": 50})
    orders = pd.DataFrame({"image": range(100), "objective": "margin", "epsilon": 1, "x": -1.0, "attacked": 0.5,
                           "gradient_l1_x": 3.0})  # fmt: skip
    names = ["log_texture", "fine_share", "chroma_share", "low_share", "high_share"]
    images = pd.DataFrame({"image": range(100), **dict.fromkeys(names, 0.5)})
    table, recovered, files = explanations.candidates(predictions, images, orders, 1, 75)
    assert table.index.tolist() == list(range(20, 80))
    assert recovered.tolist() == [True] * 30 + [False] * 30
    assert files[0] == "20.png"
    assert table.clean_margin.tolist() == [1.0] * 60


def test_the_answer_tells_the_tables_numbers(recoveries):
    measures = {"gain": 0.4, "survival_ratio": 2.0, "step_cosine": 0.3, "projection_gap": -1.0}
    means = pd.DataFrame([(1, 75, name, 9, v, v - 0.1, v + 0.1) for name, v in measures.items()],
                         columns=["epsilon", "quality", "measure", "n", "value", "low", "high"])  # fmt: skip
    shares, changes = parts_of(1, attack=4, first=8, removed=-4, turned=-2, codec=0.5, beyond=0.25)
    controls = explanations.control_changes(orders_of(x=-2, attacked=2, compressed_attacked=1, noise=1.5), resamples=50)
    curves = pd.DataFrame({"quality": [75], "epsilon": [1], "recovery": [0.3], "low": [0.2], "high": [0.4], "n": [9]})
    halves = pd.DataFrame({"quality": [75], "value": [0.0], "low": [0.0], "high": [1.5], "least": 1, "most": 1})
    predicted = {"a guess": pd.DataFrame({"quality": [75], "epsilon": [1], "share": [0.4], "recovery": [0.5]})}
    tables = (means, recoveries, changes, shares, controls, curves, halves, predicted)
    told = explanation_answer.answer(*tables, quality=75, epsilon=1, kept=Interval(0.5, 0.4, 0.6))
    assert "JPEG leaves 25% of what the attack would do" in told.pop(0)
    assert "0.40 [0.30, 0.50] survives" in told[0]
    assert "this one has 0.50 [0.40, 0.60] of its energy" in told[0]
    assert told[1].endswith(" ".join(explanation_words.earned(recoveries)))
    assert "JPEG removes 0.50 [0.50, 0.50]" in told[2]
    assert "shuffled over the image does 0.5" in told[2]
    assert "leaves a share of 0.25. What this does" in told[3]
    assert "Recovery at each size: 0.30 [0.20, 0.40] at ε = 1 (quality 75)" in told[4]
    assert "at an ε of below 1 [below 1, 1.50] at quality 75" in told[4]
    assert "0.25 [0.25, 0.25] of 2.75 at ε = 1 lies beyond the first order" in told[5]
    assert "is predicted, with a guess, as 0.40 for 0.25 at ε = 1." in told[5]
    assert "Recovery predicted from it is off by 0.20 on average over 1 pairs" in told[5]
    assert "it does not give back 0.70 [0.60, 0.80] at ε = 1." in told[6]
    without = explanation_answer.answer(means, None, *tables[2:], quality=75, epsilon=1, kept=Interval(0.5, 0.4, 0.6))
    assert len(without) == 7


@pytest.mark.parametrize(
    ("attack", "compared"),
    [
        (6, "more than all that the attack does there without JPEG (10.0 beside 6.0 of margin), for the network is"),
        (20, "less than all that the attack does there without JPEG (10.0 beside 20.0 of margin)."),
    ],
)
def test_in_short_it_tells_whether_a_large_perturbations_rest_is_enough(attack, compared):
    both = [parts_of(each, attack=attack, first=8 * each, removed=-7 * each, turned=0, codec=0, beyond=0)
            for each in (1, 10)]  # fmt: skip
    shares, parts = (pd.concat(each) for each in zip(*both, strict=True))
    controls = explanations.control_changes(orders_of(x=-2, attacked=2, compressed_attacked=1, noise=1.5), resamples=50)
    told = explanation_answer.in_short(parts, shares, controls, 1)
    assert "JPEG leaves 12% of what the attack would do to the margin to first order: 88% it removes" in told
    assert "Gaussian noise of its power does " in told
    assert f"Of ε = 10 it leaves 12%, {compared}" in told
    harmful = controls.assign(low=0.1, high=0.2)
    assert "Gaussian noise" not in explanation_answer.in_short(parts, shares, harmful, 1)


def test_recovery_falls_with_size_only_where_the_intervals_say_so():
    curves = pd.DataFrame({"quality": 75, "epsilon": [1, 5], "recovery": [0.5, 0.1], "low": [0.4, 0.0]})
    halves = pd.DataFrame({"quality": [75], "value": [1.0], "low": [0.9], "high": [1.1], "least": 1, "most": 5})
    falls = explanation_answer._by_size(curves.assign(high=[0.6, 0.2]), 75, halves)
    assert falls.startswith("Recovery falls as")
    assert explanation_answer._by_size(curves.assign(high=[0.6, 0.45]), 75, halves).startswith("Recovery at each size")
