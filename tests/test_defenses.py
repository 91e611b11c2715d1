"""Statistics, words and figures of defenses, on predictions whose rates are known."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy import figures, statistics
from jpegstudy.errors import BadInput
from jpegstudy.modifications import parse
from jpegstudy.statistics import defense_words

N = 100
RIGHTS = {  # of images 0 to 99 those below are right
    "x": 80, "Adv2(x)": 10, "FD(x)": 78, "FD(Adv2(x))": 20,
    "FD(FD(x))": 78, "Adv2(FD(x))": 12, "FD(Adv2(FD(x)))": 70,
    "FD+4(FD(x))": 77, "FD+4(Adv2(FD(x)))": 15,
}  # fmt: skip


def predictions_of(rights):
    parts = []
    for name, right in rights.items():
        columns = parse(name).columns
        frame = pd.DataFrame({"image": range(N), "file": [f"{n}.png" for n in range(N)], "label": 1, "top_label": 1})
        frame["predicted"] = np.where(np.isin(np.arange(N), right if np.ndim(right) else np.arange(right)), 1, 2)
        frame = frame.assign(network="tiny", reading=None, modification=name, **columns)
        parts.append(frame.assign(top_label_probability=0.5, predicted_probability=0.9))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def rates():
    return statistics.defense_rates(predictions_of(RIGHTS), resamples=100)


def row(rates, name):
    (found,) = rates[rates.modification == name].itertuples()
    return found


def test_each_defended_attack_has_its_base_and_its_attack(rates):
    assert set(rates.modification) == {"FD(Adv2(x))", "FD(Adv2(FD(x)))", "FD+4(Adv2(FD(x)))"}
    one, two = row(rates, "FD(Adv2(x))"), row(rates, "FD(Adv2(FD(x)))")
    assert (one.passes, one.clean, one.attacked, one.defended) == (1, 0.78, 0.10, 0.20)
    assert (two.passes, two.clean, two.attacked, two.defended) == (2, 0.78, 0.12, 0.70)
    assert row(rates, "FD+4(Adv2(FD(x)))").clean == 0.77
    assert (one.cost, one.given_back) == (pytest.approx(-0.02), pytest.approx(0.10))
    assert (one.given_back_low, one.given_back_high) == pytest.approx(statistics.difference_interval(10, 10, 0, 80)[1:])


def test_kept_and_destroyed_count_only_the_images_they_speak_of(rates):
    one = row(rates, "FD(Adv2(x))")
    assert (one.kept, one.kept_n) == (pytest.approx(20 / 78), 78)
    assert (one.destroyed, one.destroyed_n) == (pytest.approx(10 / 70), 70)  # right on x, wrong under the attack
    assert (one.kept_low, one.kept_high) == pytest.approx(statistics.rate_interval(20, 78)[1:])
    two = row(rates, "FD(Adv2(FD(x)))")
    assert (two.destroyed, two.destroyed_n) == (pytest.approx(58 / 66), 66)


def test_where_an_attack_takes_nothing_nothing_can_be_destroyed():
    same = {**RIGHTS, "Adv2(x)": 80}
    found = row(statistics.defense_rates(predictions_of(same), resamples=50), "FD(Adv2(x))")
    assert found.destroyed_n == 0
    assert np.isnan(found.destroyed)


def test_what_was_not_measured_is_refused():
    with pytest.raises(BadInput, match="wanted a defended attack"):
        statistics.defense_rates(predictions_of({"x": 80, "Adv2(x)": 10}))
    with pytest.raises(BadInput, match=r"predictions lack FD8\(x\)"):
        statistics.restricted(predictions_of(RIGHTS), ["x", "FD8(x)"])


def test_a_part_is_restricted_to_images_that_have_all_of_it():
    whole = predictions_of(RIGHTS)
    short = whole[(whole.modification != "FD(x)") | (whole.image < 40)]
    part = statistics.restricted(short, ["x", "FD(x)"])
    assert set(part.modification) == {"x", "FD(x)"}
    assert part.image.nunique() == 40


def swept_predictions():
    """Two tables: the first costs nothing and saves little, the second is dear on even images and saves much."""
    even, odd = np.arange(0, N, 2), np.arange(1, N, 2)
    cheap, dear = "FD-6:1:40", "FD-6:30:60"
    rights = {"x": 80, "Adv2(x)": 10}
    for head, clean, attacked in ((cheap, 80, 30), (dear, np.concatenate([even[:30], odd[:40]]), 60)):
        rights |= {f"{head}(x)": clean, f"{head}(Adv2(x))": attacked, f"{head}({head}(x))": clean}
        rights |= {f"{head}(Adv2({head}(x)))": attacked}
    return predictions_of(rights)


def test_the_table_is_chosen_on_one_half_and_reported_on_the_other():
    swept = statistics.tradeoff(swept_predictions(), 2, resamples=50)
    assert len(swept) == 2 * 2 * 2
    dear = swept[(swept.table == "6:30:60") & (swept.passes == 1)].set_index("half")
    assert dear.loc["chosen on", "cost"] == pytest.approx((40 - 30) / 50)
    assert dear.loc["reported on", "cost"] == pytest.approx(0)
    chosen = statistics.chosen_tables(swept)
    assert set(chosen.table) == {"6:1:40"}  # the other costs too much where it is chosen
    assert set(chosen.half) == {"reported on"}
    assert chosen.within.all()
    assert chosen.defended.tolist() == pytest.approx([15 / 50] * 2)
    assert statistics.chosen_tables(swept, allowed=0.5).table.tolist() == ["6:30:60"] * 2
    assert not statistics.chosen_tables(swept, allowed=-1).within.any()


def test_a_sweep_without_tables_is_refused():
    with pytest.raises(BadInput, match="hold 0 tables on 100 images"):
        statistics.tradeoff(predictions_of(RIGHTS), 2)


def test_the_papers_claims_are_judged_by_intervals(rates):
    aimed = predictions_of({"x": 80, "FD(x)": 78, "FD(FD(x))": 78, "DCT2{FD}(FD(x))": 40, "FD(DCT2{FD}(FD(x)))": 3})
    adaptive = statistics.defense_rates(aimed, resamples=50)
    claims = statistics.judge_distillation(rates, adaptive)
    assert claims.verdict.tolist() == ["exceeded", "reached", "not decided by these images", "not reached"]
    assert claims.measured.tolist() == pytest.approx([20 / 78, 70 / 78, 0.02, 3 / 78])
    assert claims.n.tolist() == [78, 78, 100, 78]
    told = defense_words.judged(claims)
    assert told.iloc[3]["measured"].startswith("0.04 [0.01, 0.11]")
    without = statistics.judge_distillation(rates, adaptive[:0])
    assert len(without) == 3
    assert statistics.judge_distillation(rates[rates.defense != "FD"], adaptive[:0]).empty


@pytest.mark.parametrize(("slower", "verdict"), [(100, "not reached"), (250, "reached"), (300, "exceeded")])
def test_the_claim_of_speed_is_judged_by_the_range_over_rounds(rates, slower, verdict):
    rows = [("FD", 1, number, 1.0) for number in (1, 2, 3)] + [("FD", 64, number, 0.1) for number in (1, 2, 3)]
    rows += [("TVM", 1, number, slower * factor) for number, factor in ((1, 1.0), (2, 1.1), (3, 0.9))]
    times = pd.DataFrame(rows, columns=["defense", "batch", "round", "wall"]).assign(images=1, cpu=1.0)
    claims = statistics.judge_speed(times)
    (row,) = claims.itertuples()
    assert row.claim == "about 259 times as fast as its rivals (FD and TVM, one image at a time)"
    assert (row.paper, row.n, row.verdict) == (259, 3, verdict)
    assert (row.measured, row.low, row.high) == pytest.approx((slower, 0.9 * slower, 1.1 * slower))
    assert statistics.judge_speed(times, clock="cpu").measured.tolist() == [1]
    shares = statistics.judge_distillation(rates, rates[:0])
    told = defense_words.judged(pd.concat([shares, claims], ignore_index=True))
    assert told["the paper"].tolist()[0::3] == ["0.13", "259"]
    with pytest.raises(BadInput, match="no round has times of both TVM and FD"):
        statistics.judge_speed(times, batch=64)


def test_the_words_follow_the_numbers(rates):
    one, two = defense_words.best(rates, 2)
    assert one.startswith(
        "At ε = 2, one pass: most is saved by FD, 0.20 [0.13, 0.29] where 0.10 [0.06, 0.17] are right"
    )
    assert two.startswith("At ε = 2, two passes: most is saved by FD, 0.70 [0.60, 0.78] where 0.12 [0.07, 0.20] are")
    assert defense_words.shift(rates, "FD", "FD+4") == [
        "With the second grid 4 pixels off, two passes of FD keep 0.15 for 0.70 at ε = 2."
    ]
    assert "does not change beyond its interval under FD: −0.020 [" in defense_words.cost_in_words(rates, "FD")
    table = defense_words.rates_by_epsilon(rates)
    assert table.loc["FD, two passes", "ε = 2"] == "0.70 [0.60, 0.78]"
    assert defense_words.details(rates, 2).loc["FD, one pass", "cost on clean"].startswith("−0.020 [")


def test_where_attackers_win_is_the_smallest_epsilon():
    rights = {"x": 80, "FD(x)": 78, "FD(FD(x))": 78}
    for epsilon, left in ((1, 78), (2, 30), (3, 5)):
        rights |= {f"DCT{epsilon}{{FD}}(FD(x))": 40, f"FD(DCT{epsilon}{{FD}}(FD(x)))": left}
        rights |= {f"PGD{epsilon}{{FD}}(FD(x))": 40, f"FD(PGD{epsilon}{{FD}}(FD(x)))": 70}
    known = statistics.defense_rates(predictions_of(rights), resamples=50)
    told = defense_words.where_attackers_win(known)
    assert told[0].startswith("DCT{FD} against two passes of FD leaves fewer than half of the right images from ε = 2")
    assert told[1].startswith("PGD{FD} against two passes of FD never takes half of them")
    assert defense_words.attackers(known).loc["FD, ε = 3", "DCT"].startswith("0.06 [")
    figure = figures.knowing_attacks(known, {"FD": 25 / 16})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["DCT", "PGD", "certified"]


def test_the_figures_hold_every_defense_and_table(rates):
    figure = figures.defended_over_epsilon(rates)
    assert [axes.get_title() for axes in figure.axes] == ["one pass", "two passes"]
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["FD", "no defense, mean of bases"]
    swept = statistics.tradeoff(swept_predictions(), 2, resamples=50)
    drawn = figures.tables_tradeoff(swept, statistics.chosen_tables(swept)).axes[0]
    assert len(drawn.collections[0].get_offsets()) == 2
    assert {text.get_text() for text in drawn.texts} == {"6:1:40"}
    maps = figures.gain_by_band({"a": np.eye(8), "b": np.zeros((8, 8))})
    assert [axes.get_title() for axes in maps.axes[:2]] == ["a", "b"]
    assert figures.gain_by_band({"a": np.eye(8)}).axes[0].get_title() == "a"
    with pytest.raises(BadInput, match="draw one attack at a time"):
        figures.defended_over_epsilon(pd.concat([rates, rates.assign(attack="PGD")]))
