"""Page 11's tables, on numbers that are known."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy import figures, statistics
from jpegstudy.errors import BadInput
from jpegstudy.mechanism import recovery_model
from jpegstudy.statistics import Interval, explanation_answer, explanation_tables, explanation_words, explanations
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
    assert (found.recovery_low <= found.recovery).all()
    assert (found.recovery <= found.recovery_high).all()


def test_a_recovery_that_no_resample_changes_is_not_called_certain():
    rights = {"x": 80, "Adv1(x)": 20, "all(x)": 76, "all(Adv1(x))": 50, "none(x)": 80, "none(Adv1(x))": 20,
              "only color(x)": 80, "only color(Adv1(x))": 20, "grid 0 0(x)": 76, "grid 0 0(Adv1(x))": 50,
              "grid 4 4(x)": 75, "grid 4 4(Adv1(x))": 50}  # fmt: skip
    found = explanations.rung_recoveries(ladder(rights), 1, resamples=100).set_index("variant")
    assert found.loc["none", ["recovery_low", "recovery_high"]].tolist() == [0, 0]  # the image itself
    low, high = found.loc["only color", ["recovery_low", "recovery_high"]]
    newcombe = statistics.difference_interval(20, 0, 0, 80)
    assert (low, high) == pytest.approx((newcombe.low / 0.6, newcombe.high / 0.6))
    assert low < 0 < high
    assert found.loc["grid 0 0", ["less_low", "less_high"]].tolist() == [0, 0]  # JPEG itself
    assert found.loc["grid 4 4", "less_low"] < 0 < found.loc["grid 4 4", "less_high"]


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
    orders = pd.DataFrame({"image": range(30), "epsilon": 1, "objective": "margin", "x": rng.normal(size=30)})
    for change, parts in explanations.CHANGES.items():
        for name in parts:
            orders[name] = rng.normal(size=30) if name not in orders else orders[name]
        orders[change] = orders[list(parts)].sum(axis=1)
    found = explanations.mean_parts(orders, resamples=100)
    assert found[found.change == "x"].value.item() == pytest.approx(orders.x.mean())
    for change, part in found[found.change != "x"].groupby("change"):
        values = part.set_index("part").value
        assert values[change] == pytest.approx(values.drop(change).sum())


def test_shares_left_are_of_all_images_together():
    orders = pd.DataFrame({"image": range(4), "epsilon": 1, "objective": "margin", "attack_first_order": [4, 2, 1, 1]})
    orders = orders.assign(taken_first_order=[1, 1, 1, 1], moved_first_order=[3, 2, 1, 0], survivor_first_order=0.5)
    orders = orders.assign(
        x=-4,
        compressed=-3,
        attack_change=[8, 6, 4, 2],
        taken=[1, 2, -1, -3],
        moved=[0, 2, -1, -3],
        compressed_attacked=[-1, -2, -3, -4],
        noise_x=-2,
        noise=3,
        gaussian_x=0,
        gaussian=[1, 2, 3, 4],
    )
    found = explanations.shares_left(orders, files=pd.Series([0, 0, 1, 2]), resamples=200).set_index(["of", "part"])
    assert found.value["first order"].to_dict() == pytest.approx({"taking": 0.5, "moving": 0.75, "both": 0.25})
    assert found.value["effect"].to_dict() == pytest.approx({"taking": 15 / 20, "moving": 10 / 20, "both": 2 / 20,
                                                                  "noise": 1, "gaussian": 10 / 20})  # fmt: skip
    assert (found.n == 4).all()
    assert (found.low <= found.value).all()
    assert found.low["first order", "moving"] >= 0
    assert found.high["first order", "moving"] <= 1


def test_the_gradient_is_compared_where_there_is_one():
    one = pd.DataFrame({"image": range(3), "objective": "margin", "gradient_cosine": [0.5, 0.25, np.nan]})
    one = one.assign(gradient_l2_x=[1.0, 3.0, 0.0], gradient_l2_compressed=[2.0, 1.0, 5.0])
    orders = pd.concat([one.assign(epsilon=epsilon) for epsilon in (1, 10)])
    found = explanations.gradient_change(orders, files=pd.Series(range(3)), resamples=100).set_index("measure")
    assert found.value.to_dict() == pytest.approx({"cosine": 0.375, "length": 0.75})
    assert found.n.tolist() == [2, 2]


def test_labels_are_kept_where_the_margin_stays_below_0():
    orders = orders_of(x=-2, attacked=2, compressed_attacked=-1, moved=0)
    found = explanations.labels_kept(orders, files=pd.Series(range(30)), resamples=200).set_index("control")
    assert found.loc[["JPEG on Adv", "Adv"], "value"].tolist() == [1, 0]
    assert found.loc[explanations.MOVED, "value"] == (orders.moved < 0).mean()
    assert 0 < found.loc[explanations.MOVED, "low"] < found.loc[explanations.MOVED, "value"]
    table = explanation_tables.labels_kept(found.reset_index())
    assert table.loc["Adv", "ε = 1"].startswith("0.00 [0.00, ")
    assert list(table.index) == list(explanations.CONTROLS)


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
    assert ", none of the others more than 0.05 [" in first
    assert first.startswith("All of JPEG gives back 0.50 [")
    assert "of single steps color alone gives back most, 0.10 [" in first
    assert second.startswith("Without color 0.40 [")
    assert ", a change by −0.10 [" in second
    spared = recoveries.assign(less_high=recoveries.less_high.clip(lower=0.01))
    assert explanation_words.earned(spared)[1].startswith("No single step is missed beyond its interval")
    assert third.startswith("Of the 64 bands none gives back more than 0.17 [")
    assert "alone (64 bands alike), and none takes more than −0.33 [" in third
    first_band = recoveries.variant.isin(["only band 0", "all but band 0"])
    single = recoveries.assign(
        recovery=recoveries.recovery + 0.01 * first_band, less=recoveries.less - 0.01 * first_band
    )
    assert explanation_words.earned(single)[2].count("(band 0 of the zig-zag order)") == 2
    tied = recoveries.assign(recovery=recoveries.recovery.where(recoveries.variant != "only rounding", 0.1))
    assert "steps color and rounding alone give back most, 0.10 [" in explanation_words.earned(tied)[0]
    grids = recoveries.assign(kind=recoveries.kind.replace("all but", "grid"))
    told = explanation_words.earned(pd.concat([recoveries, grids[grids.kind == "grid"]]))
    assert "Where the grid of blocks lies gives 0.40 to 0.48." in told
    table = explanation_tables.rungs(recoveries)
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
    assert explanation_tables.geometry(means, 75)["Figure 1 draws"].tolist() == ["0", "0", "0", "0", "", "1"]
    lines = rendered(figures.geometry_over_epsilon(means, {"gain": "gain"})).axes[0].lines
    assert lines[0].get_ydata().tolist() == [0.02]


GRADIENT = pd.DataFrame({"objective": "margin", "measure": ["cosine", "length"], "n": 9, "value": [0.25, 0.75],
                         "low": 0.2, "high": 0.8})  # fmt: skip


def parts_of(epsilon, *, x=-1, attack, first, effect, slope, codec, beyond):
    """Tables of shares_left and mean_parts for these values, exact; effect and slope are shares, by part of LEFT."""
    left = slope["both"] * first
    values = {("x", "x"): x, ("attack_change", "attack_change"): attack, ("attack_change", "attack_first_order"): first}
    whole = {"whole_change": left + codec + beyond, "codec_change": codec, "survivor_first_order": left,
             "survivor_remainder": beyond}  # fmt: skip
    values |= {("whole_change", name): value for name, value in whole.items()}
    rows = [(epsilon, "margin", *name, 9, v, v, v) for name, v in values.items()]
    parts = pd.DataFrame(rows, columns=["epsilon", "objective", "change", "part", "n", "value", "low", "high"])
    of = {"effect": effect, "first order": slope}
    rows = [(epsilon, "margin", name, part, 9, v, v, v) for name, each in of.items() for part, v in each.items()]
    return pd.DataFrame(rows, columns=["epsilon", "objective", "of", "part", "n", "value", "low", "high"]), parts


def test_maps_of_bands_are_drawn_by_their_logarithm():
    for names in (["a"], ["a", "b"]):
        maps = figures.spectra_maps(dict.fromkeys(names, np.full((8, 8), 100.0)), "log10").axes
        assert [axes.get_title() for axes in maps[: len(names)]] == names
        np.testing.assert_allclose(maps[0].images[0].get_array(), 2)


def test_what_is_left_is_told_and_drawn_in_its_parts():
    effect = {"taking": 0.6, "moving": 0.7, "both": 0.3, "noise": 0.8, "gaussian": 0.9}
    slope = {"taking": 0.5, "moving": 0.75, "both": 0.25}
    shares, parts = parts_of(2, attack=6, first=8, effect=effect, slope=slope, codec=0.5, beyond=-1)
    told = explanation_words.what_is_left(shares, GRADIENT, parts, "margin", 2)
    assert "raises the margin by 6.00 [6.00, 6.00], and would by 8.00 [8.00, 8.00] were the network as steep" in told
    assert "Of what it does 0.30 [0.30, 0.30] is left between JPG(x) and JPG(Adv). If JPEG only took" in told
    assert "took from the perturbation, 0.60 [0.60, 0.60] would be left; if it only moved" in told
    assert "the whole perturbation on it, 0.70 [0.70, 0.70]; if its change of Adv shuffled" in told
    assert "in its place, 0.80 [0.80, 0.80], and with Gaussian noise as strong 0.90 [0.90, 0.90]. To first" in told
    assert "To first order 0.25 [0.25, 0.25] is left" in told
    assert "0.50 [0.50, 0.50] if it only took and 0.75 [0.75, 0.75] if it only moved" in told
    assert "has a cosine of 0.25 [0.20, 0.80] with that at x, and 0.75 [0.20, 0.80] times its length" in told
    assert "lies 1.50 [1.50, 1.50] above that of x: 0.50 [0.50, 0.50] by what JPEG does to x itself" in told
    assert "2.00 [2.00, 2.00] by what is left of the attack to first order, and −1.00 [−1.00, −1.00] beyond" in told
    left, right = rendered(figures.what_is_left(shares, parts)).axes[:2]
    assert [bar.get_height() for bar in left.patches] == [0.6, 0.7, 0.3]
    assert [line.get_ydata().tolist() for line in left.lines if line.get_marker() == "d"] == [[0.5], [0.75], [0.25]]
    assert [(bar.get_y(), bar.get_height()) for bar in right.patches] == [(0, 2), (2, 0.5), (0, -1)]
    for part in ("attack_first_order", "attack_change"):
        none = parts.assign(low=parts.low.where(parts.part != part, -1.0))
        told = explanation_words.what_is_left(shares, GRADIENT, none, "margin", 2)
        assert told.startswith("At ε = 2 the attack does not raise the margin, or not to first order: ")
        assert "behind JPEG the margin of Adv lies 1.50".lower() in told.lower()
    assert explanation_tables.parts(parts, "margin").index[0] == "by the attack: J(Adv) − J(x)"
    table = explanation_tables.shares_left(shares, "margin")
    assert table.loc[("first order", "if JPEG only moved the image"), "ε = 2"] == "0.75 [0.75, 0.75]"
    assert len(table) == 8


def both_sizes():
    """Tables of a small perturbation of which little is left and a large one of which much is."""
    small, large = {"taking": 0.5, "moving": 0.4, "both": 0.25}, {"taking": 0.9, "moving": 0.8, "both": 0.75}
    small, large = small | {"noise": 0.6, "gaussian": 0.7}, large | {"noise": 0.95, "gaussian": 0.98}
    slope = {"taking": 0.5, "moving": 0.25, "both": 0.125}
    found = [parts_of(1, attack=4, first=8, effect=small, slope=slope, codec=0.5, beyond=0),
             parts_of(10, attack=6, first=80, effect=large, slope=slope, codec=0.5, beyond=-5)]  # fmt: skip
    return [pd.concat(each, ignore_index=True) for each in zip(*found, strict=True)]


def test_sizes_are_told_by_what_is_left_behind_jpeg():
    shares, parts = both_sizes()
    told = explanation_answer._left_by_size(parts, shares)
    assert "the margin still rises by 1.00 of 4.00 at ε = 1, 4.50 of 6.00 at ε = 10." in told
    assert "leaves 0.12 to 0.12 of the attack's effect, as if its ε were 0.12 at 1, 1.25 at 10." in told
    assert "the attack does 50% at ε = 1, 8% at ε = 10 of its first order." in told
    assert "JPG(x) is 0.50 from the boundary: what is left of the smallest ε is 2.0 times that, of the largest" in told
    assert told.endswith("9.0 times.")
    beyond = parts.assign(value=parts.value.where(parts.part != "x", 1.0))
    assert "boundary" not in explanation_answer._left_by_size(beyond, shares)
    flat = parts.assign(value=parts.value.where(parts.part != "attack_change", -1.0))
    assert "nothing can be said" in explanation_answer._left_by_size(flat, shares)


def test_in_short_the_labels_stand_beside_the_margin():
    shares, parts = both_sizes()
    labels = pd.DataFrame({"epsilon": 1, "control": list(explanations.CONTROLS), "value": np.arange(10) / 10})
    told = explanation_answer.in_short(parts, shares, labels, 1)
    assert told.startswith("Of what an attack of ε = 1 does to the margin, the lead of another label")
    assert "gives x, 25% is left behind JPEG." in told
    assert "of the perturbation in its place, 50% would be left; if it only moved the image" in told
    assert "perturbation on it, 40%; and 60% if noise as strong as JPEG's change moved it." in told
    assert "again to 0% of images behind JPEG, to 20% where it only takes, to 10% where it only moves" in told
    assert "moves, to 30% behind the noise, and to 50% without." in told
    assert "leaves 12% of the effect, so that an attack of ε = 10 keeps as much as one of ε = 1.2 has;" in told
    assert "without JPEG ε = 10 does 1.5 times what ε = 1 does. Of the measured effect there is left 25%" in told
    assert told.endswith(", 75% at ε = 10.")
    single = [table[table.epsilon == 1] for table in (parts, shares)]
    assert "Why small ones" not in explanation_answer.in_short(*single, labels, 1)
    falling = parts.assign(low=parts.low.where((parts.part != "attack_change") | (parts.epsilon != 10), -1.0))
    assert "Why small ones" not in explanation_answer.in_short(falling, shares, labels, 1)
    flat = parts.assign(low=-1.0)
    assert "nothing for JPEG to undo" in explanation_answer.in_short(flat, shares, labels, 1)


def test_recovery_is_drawn_beside_what_was_predicted():
    curves = pd.DataFrame({"quality": [75, 75], "epsilon": [1, 2], "recovery": [0.6, 0.2], "low": 0.1, "high": 0.7})
    predicted = curves.assign(recovery=[0.5, 0.3])
    axes = rendered(figures.recovery_measured_and_predicted(curves, predicted)).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines if line.get_linestyle() == "--"] == [[0.5, 0.3]]
    measured = pd.DataFrame({"quality": [75, 50], "value": [1.5, np.inf], "low": [1.2, 4.5], "high": [1.8, np.inf],
                             "least": 1, "most": 5})  # fmt: skip
    table = explanation_tables.critical(measured, {"so": {75: 1.25, 50: 0.0}})
    assert table.loc[75].tolist() == ["1.50 [1.20, 1.80]", "1.25"]
    assert table.loc[50].tolist() == ["above 5 [4.50, above 5]", "below 1"]
    below = measured.assign(value=0.0, low=0.0)
    assert explanation_tables.critical(below, {}).loc[75].tolist() == ["below 1 [below 1, 1.80]"]


def orders_of(**values):
    """Objectives of 30 images, each at its value and a little around it."""
    rng = np.random.default_rng(1)
    names = {name for after, before, _ in explanations.CONTROLS.values() for name in (after, before)}
    around = rng.normal(scale=0.01, size=30)
    orders = pd.DataFrame({"image": range(30), "epsilon": 1, "objective": "margin"})
    return orders.assign(**{name: values.get(name, 0.0) + around for name in sorted(names)})


def test_controls_are_told_by_their_share_of_what_jpeg_or_the_attack_does():
    values = {"x": -2, "attacked": 2, "compressed_attacked": -1, "moved": -0.25, "taken": 1.25, "noise": 1}
    orders = orders_of(**values, gaussian=0.5, signs=-1.8, compressed=-1.5)
    found = explanations.control_changes(orders, resamples=200)
    rows = found.set_index("control")
    assert rows.loc["JPEG on Adv", "value"] == pytest.approx(-3)
    assert rows.share.round(6).to_dict() == {
        "JPEG on Adv": 1, explanations.MOVED: 0.75, explanations.TAKEN: 0.25,
        "JPEG noise on Adv": round(1 / 3, 6), "Gaussian noise on Adv": 0.5, "Adv": 1,
        "random signs": 0.05, "JPEG on x": 0.125, "JPEG noise on x": 0.5, "Gaussian noise on x": 0.5,
    }  # fmt: skip
    assert (rows.n == 30).all()
    told = explanation_words.controls(found, "margin", 1)
    assert told.startswith("The margin of Adv falls by 3.00 [3.00, 3.00] behind JPEG, by 0.33")
    assert "of that behind its change shuffled, by 0.50" in told
    assert "random signs of the same ε do 0.05" in told
    table = explanation_tables.controls(found, "margin")
    assert table.loc[("JPEG noise on Adv", "share of JPEG on Adv"), "ε = 1"].startswith("0.33")
    assert table.loc[("Adv", "itself"), "ε = 1"].startswith("4.00")
    assert "does not lower" in explanation_words.controls(found.assign(high=1.0), "margin", 1)


def test_energies_of_planes_count_their_blocks():
    given = {"ε = 1": np.stack([np.full((8, 8), value) for value in (1.0, 2.0, 2.0)])}
    gains = {"ε = 1": np.stack([np.full((8, 8), value) for value in (0.5, 0.25, 0.0)])}
    row = explanation_tables.planes(gains, given, np.array([4, 1, 1])).loc["ε = 1"]
    assert row[["gain, luma", "gain, Cb", "gain, Cr"]].tolist() == ["0.50", "0.25", "0.00"]
    assert row[["energy, luma", "energy, Cb", "energy, Cr"]].tolist() == ["50%", "25%", "25%"]
    assert explanation_words.corner({"white": given["ε = 1"]}).endswith("white 25%.")


def test_the_model_is_told_in_words_and_in_a_table():
    rng = np.random.default_rng(3)
    margin = rng.normal(size=200)
    table = pd.DataFrame({"clean_margin": margin, "texture": rng.normal(size=200)})
    found = recovery_model.fit_recovery(table, margin + 0.3 * rng.normal(size=200) > 0, seed=0)
    lines = explanation_words.model(found)
    assert lines[0].startswith("On 100 images that it was not fitted on, ")
    assert lines[1].startswith("What matters: how surely x is seen as its label; with that alone")
    rows = explanation_tables.model(found)
    assert rows.index.tolist() == ["how surely x is seen as its label", "texture"]
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


def geometry_of(**values):
    rows = [(1, 75, name, 9, v, v - 0.02, v + 0.02) for name, v in values.items()]
    return pd.DataFrame(rows, columns=["epsilon", "quality", "measure", "n", "value", "low", "high"])


def test_the_answer_tells_the_tables_numbers(recoveries):
    means = geometry_of(gain=0.4, survival_ratio=2.0, step_cosine=0.3, residual_ratio=5.0)
    from_jpeg = geometry_of(gain=0.05, survival_ratio=0.1, step_cosine=0.95, residual_ratio=0.1)
    slope = {"taking": 0.5, "moving": 0.75, "both": 0.25}
    effect = {"taking": 0.7, "moving": 0.8, "both": 0.4, "noise": 0.5, "gaussian": 0.6}
    shares, changes = parts_of(1, attack=4, first=8, effect=effect, slope=slope, codec=0.5, beyond=0.25)
    controls = explanations.control_changes(orders_of(x=-2, attacked=2, compressed_attacked=1, noise=1.5), resamples=50)
    labels = pd.DataFrame({"epsilon": 1, "control": list(explanations.CONTROLS), "value": 0.5})
    curves = pd.DataFrame({"quality": [75], "epsilon": [1], "recovery": [0.3], "low": [0.2], "high": [0.4], "n": [9]})
    halves = pd.DataFrame({"quality": [75], "value": [0.0], "low": [0.0], "high": [1.5], "least": 1, "most": 1})
    predicted = {"a guess": pd.DataFrame({"quality": [75], "epsilon": [1], "share": [0.4], "recovery": [0.5]})}
    given = {"quality": 75, "epsilon": 1, "kept": Interval(0.5, 0.4, 0.6), "of_signs": Interval(0.45, 0.4, 0.5)}
    given["accuracies"] = 0.8, 0.75
    tables = (changes, shares, GRADIENT, controls, labels, curves, halves, predicted)
    told = explanation_answer.answer(means, from_jpeg, recoveries, *tables, **given)
    assert "gives x, 40% is left behind JPEG" in told.pop(0)
    assert "moves x itself 5.00 [4.98, 5.02] times as far" in told[0]
    assert "the picture does not hold: of the perturbation's own direction 0.40 [0.38, 0.42] survives" in told[0]
    assert "lies 0.50 [0.40, 0.60] of the perturbation's energy, of random signs' 0.45 [0.40, 0.50]." in told[0]
    assert "before, the picture holds: of the perturbation's own direction 0.05" in told[0]
    assert "(It would hold with the first below 0.1 and the second above 0.9" in told[0]
    assert told[1].endswith(" ".join(explanation_words.earned(recoveries)))
    assert "only took from the perturbation, 0.70 [0.70, 0.70]" in told[2]
    assert "of that behind its change shuffled" in told[2]
    assert "the margin still rises by 1.60 of 4.00 at ε = 1." in told[3]
    assert "Recovery at each size: 0.30 [0.20, 0.40] at ε = 1 (quality 75)" in told[4]
    assert "half is given back: quality 75 below 1 [below 1, 1.50]." in told[4]
    assert (
        "is predicted as 0.40 at ε = 1 (measured 0.25); recovery predicted from it is too high in 1 of 1 pairs"
        in told[5]
    )
    assert "and off by 0.20 on average." in told[5]
    assert "It does not give back 0.70 [0.60, 0.80] at ε = 1 of what" in told[6]
    assert "0.800 are right without it and 0.750 with it" in told[6]
    assert len(explanation_answer.answer(means, from_jpeg, None, *tables, **given)) == 7


def test_recovery_falls_with_size_only_where_the_intervals_say_so():
    curves = pd.DataFrame({"quality": 75, "epsilon": [1, 5], "recovery": [0.5, 0.1], "low": [0.4, 0.0]})
    halves = pd.DataFrame({"quality": [75], "value": [1.0], "low": [0.9], "high": [1.1], "least": 1, "most": 5})
    falls = explanation_answer._by_size(curves.assign(high=[0.6, 0.2]), 75, halves)
    assert falls.startswith("Recovery falls as")
    assert explanation_answer._by_size(curves.assign(high=[0.6, 0.45]), 75, halves).startswith("Recovery at each size")
