"""Networks of two kinds: recovery and cost by hand, and what counts as apart."""

import pandas as pd
import pytest

from jpegstudy import figures
from jpegstudy.errors import BadInput
from jpegstudy.statistics import upbringing
from tests.test_reading_statistics import N, rows

F, NOISE = "JPG(Adv1(x))", "JPGnoise(Adv1(x))"
KINDS = {"a": "jpeg", "b": "jpeg", "c": "lossless", "d": "lossless"}


def network(clean, attacked, jpg, restored, noisy):
    rights = {"x": clean, "Adv1(x)": attacked, "JPG(x)": jpg, F: restored, NOISE: noisy}
    return rows("none", rights).assign(reading=None)


@pytest.fixture
def predictions():
    return {
        "a": network(80, 20, 78, 50, 30),  # recovery 30 / 60, cost 2
        "b": network(80, 30, 76, 60, 30),  # 30 / 50, 4
        "c": network(80, 20, 60, 26, 25),  # 6 / 60, 20
        "d": network(70, 20, 60, 30, 29),  # 10 / 50, 10
    }


def test_measures_are_means_over_the_networks_of_a_kind(predictions):
    table = upbringing.compare_kinds(predictions, KINDS, resamples=500)
    assert set(table["n"]) == {N}
    by = table.set_index(["modification", "what"])
    assert by.loc[(F, "a"), "value"] == pytest.approx(0.5)
    assert by.loc[(F, "jpeg"), "value"] == pytest.approx((30 / 60 + 30 / 50) / 2)
    assert by.loc[(F, "lossless"), "value"] == pytest.approx((6 / 60 + 10 / 50) / 2)
    assert by.loc[(F, "jpeg − lossless"), "value"] == pytest.approx(0.4)
    assert by.loc[("JPG(x)", "jpeg"), "value"] == pytest.approx(0.03)
    assert by.loc[("JPG(x)", "jpeg − lossless"), "value"] == pytest.approx(0.03 - 0.15)
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_kinds_are_apart_where_interval_and_every_network_say_so(predictions):
    apart = upbringing.compare_kinds(predictions, KINDS, resamples=500).dropna(subset="apart")
    assert dict(zip(apart["modification"], apart["apart"], strict=True)) == {"JPG(x)": -1, F: 1, NOISE: 0}
    predictions["c"] = network(80, 20, 60, 53, 25)  # 33 / 60, between the two of the other kind
    apart = upbringing.compare_kinds(predictions, KINDS, resamples=500).dropna(subset="apart").set_index("modification")
    assert apart.loc[F, "low"] > 0
    assert apart.loc[F, "apart"] == 0


def test_words_and_table_say_what_the_numbers_do(predictions):
    table = upbringing.compare_kinds(predictions, KINDS, resamples=500)
    cost, back, noise = upbringing.kinds_in_words(table, KINDS)
    assert cost.startswith("What JPEG takes from clean images, JPG(x): less with jpeg than with lossless; jpeg less l")
    assert back.startswith(f"Recovery, {F}: more with jpeg than with lossless; jpeg less lossless is 0.40 [")
    assert back.endswith(f"(n = {N}), network by network jpeg 0.50, 0.60; lossless 0.10, 0.20.")
    assert noise.startswith(f"Recovery, {NOISE}: not told apart; ")
    told = upbringing.kinds_table(table)
    assert list(told.columns) == ["a", "b", "c", "d", "jpeg − lossless"]
    assert told.loc[f"recovery of {F}", "a"].startswith("0.50 [")


def test_what_cannot_be_compared_is_refused(predictions):
    with pytest.raises(BadInput, match="of 1 kinds"):
        upbringing.compare_kinds(predictions, dict.fromkeys(KINDS, "jpeg"))
    predictions["d"] = predictions["d"][predictions["d"]["modification"] != NOISE]
    with pytest.raises(BadInput, match="runs 'a' and 'd' have other modifications"):
        upbringing.compare_kinds(predictions, KINDS)
    few = {name: table[table["modification"] == "x"] for name, table in predictions.items()}
    with pytest.raises(BadInput, match="nothing to compare among x"):
        upbringing.compare_kinds(few, KINDS)
    with pytest.raises(BadInput, match="4 runs and 1 entries of trained_on"):
        upbringing.kinds_of(list(KINDS), ["jpeg"])


def test_every_network_is_drawn_in_its_kinds_color(predictions):
    table = upbringing.compare_kinds(predictions, KINDS, resamples=200)
    figure = figures.kinds_apart(table, KINDS)
    recovery, cost = figure.axes
    assert [label.get_text() for label in recovery.get_yticklabels()] == [F, NOISE]
    assert [label.get_text() for label in cost.get_yticklabels()] == ["JPG(x)"]
    points = [container.lines[0] for container in recovery.containers]
    assert points[0].get_xdata()[0] == pytest.approx(0.5)
    assert [point.get_color() for point in points].count(points[0].get_color()) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["trained on jpeg", "trained on lossless"]


def test_sensitivities_are_shares_of_what_the_least_attack_does():
    def controls(share):
        cells = [(epsilon, objective, control) for epsilon in (1, 5) for objective in ("margin", "cross-entropy")
                 for control in upbringing.SENSITIVITY]  # fmt: skip
        table = pd.DataFrame(cells, columns=["epsilon", "objective", "control"])
        shares = share * table.epsilon
        return table.assign(n=9, value=2 * shares, share=shares, share_low=shares - 0.01, share_high=shares + 0.01)

    tables = {name: controls(share) for name, share in zip(KINDS, (0.1, 0.2, 0.3, 0.4), strict=True)}
    found = upbringing.sensitivities(tables, KINDS)
    assert found[found.control == "JPEG on x"].share.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert (found.apart == -1).all()
    first, *_ = upbringing.sensitivities_in_words(found)
    assert first.startswith("JPEG on x moves the margin less with jpeg than with lossless: of what the attack")
    assert "does, network by network, jpeg 0.100, 0.200; lossless 0.300, 0.400 (of margin" in first
    assert first.endswith("(of margin: jpeg 0.200, 0.400; lossless 0.600, 0.800; n = 9).")
    assert upbringing.sensitivities_table(found).loc["JPEG noise on x", "b"] == "0.20 [0.19, 0.21]"
    tables["c"] = controls(0.21)  # beyond both of the other kind, but not its interval
    assert (upbringing.sensitivities(tables, KINDS).apart == 0).all()
    tables["c"] = controls(0.15)
    mixed = upbringing.sensitivities(tables, KINDS)
    assert (mixed.apart == 0).all()
    assert "does not tell them apart" in upbringing.sensitivities_in_words(mixed)[0]
    tables["c"] = tables["c"][tables["c"].epsilon == 5]
    with pytest.raises(BadInput, match="least epsilons of page 11 differ"):
        upbringing.sensitivities(tables, KINDS)


def test_chance_is_told_by_the_number_of_networks(predictions):
    table = upbringing.compare_kinds(predictions, KINDS, resamples=200)
    told = upbringing.chance_in_words(table, KINDS)
    assert told.startswith("The kinds are told apart in 2 of these 3. With 2 and 2 networks")
    assert told.endswith("in 2 of 6 orders.")
    assert "With 3 and 2 networks" in upbringing.chance_in_words(table, KINDS | {"e": "jpeg"})


def test_where_an_attack_takes_nothing_nothing_is_given_back_and_the_rest_stands(predictions):
    predictions["b"] = network(80, 80, 76, 80, 80)
    table = upbringing.compare_kinds(predictions, KINDS, resamples=200)
    back = table[table.modification == F].set_index("what")
    assert back.loc[["b", "jpeg", "jpeg − lossless"], "value"].isna().all()
    assert back.loc["a", "value"] == pytest.approx(0.5)
    assert back.loc["jpeg − lossless", "apart"] == 0
    cost, told, _ = upbringing.kinds_in_words(table, KINDS)
    assert "less with jpeg" in cost
    assert "not told apart; jpeg less lossless is undefined" in told
