"""Statistics, words and figures of attackers, on predictions whose rates are known."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy import figures, statistics
from jpegstudy.statistics import attacker_words, attackers
from tests.test_defenses import predictions_of
from tests.test_figures import rendered

RIGHTS = {  # of images 0 to 99 those below are right
    "x": 80, "PGD2(x)": 0, "JPG(x)": 78, "JPG50(x)": 70, "FD(x)": 76, "BITS(x)": 79,
    "JPG(PGD2(x))": 39, "JPG50(PGD2(x))": 49, "FD(PGD2(x))": 38, "BITS(PGD2(x))": 10,
    "PGD2{JPG}(x)": 20, "JPG(PGD2{JPG}(x))": 0, "JPG50(PGD2{JPG}(x))": 21,
    "FD(FD(x))": 76, "PGD2{FD}(FD(x))": 60, "FD(PGD2{FD}(FD(x)))": 57,
}  # fmt: skip
PSNR = {"JPG(x)": 34.0, "JPG50(x)": 31.0, "FD(x)": 33.5, "BITS(x)": 40.0}
BITS = {"JPG(x)": 1000, "JPG50(x)": 600}


@pytest.fixture(scope="module")
def predictions():
    found = predictions_of(RIGHTS)
    found = found.assign(psnr=found.modification.map(PSNR), bits=found.modification.map(BITS).astype(float))
    return found.assign(linf=2.0, l2=400.0)


@pytest.fixture(scope="module")
def rates(predictions):
    return statistics.with_knowledge(statistics.defense_rates(predictions, resamples=100))


@pytest.fixture(scope="module")
def quality(predictions):
    return statistics.defense_quality(predictions, pixels=500, resamples=100)


def test_who_knew_what_is_read_from_the_name(rates):
    known = rates.set_index("modification")
    assert known.loc["JPG(PGD2(x))", ["strike", "knows"]].tolist() == ["PGD2", "the network"]
    assert known.loc["JPG(PGD2{JPG}(x))", ["strike", "knows"]].tolist() == ["PGD2", "the defense"]
    assert known.loc["JPG50(PGD2{JPG}(x))", ["strike", "knows"]].tolist() == ["PGD2", "JPG"]
    assert known.loc["FD(PGD2{FD}(FD(x)))", ["strike", "knows", "passes"]].tolist() == ["PGD2", "the defense", 2]
    assert known.loc["JPG(PGD2(x))", "kept"] == 39 / 78


def test_the_worst_case_is_taken_image_by_image(predictions, rates):
    found = statistics.worst_case(predictions, rates).set_index(["defense", "passes"])
    assert found.loc[("JPG", 1), ["attacks", "kept", "kept_n"]].tolist() == [2, 0, 78]
    assert found.loc[("JPG50", 1), ["attacks", "kept"]].tolist() == [
        2,
        21 / 70,
    ]  # the right under one are among the other's
    assert found.loc[("FD", 2), "kept"] == 57 / 76
    told = attacker_words.worst(statistics.worst_case(predictions, rates))
    assert told.loc["FD, two passes", "ε = 2"].endswith("(n = 76, 1 attacks)")


def test_quality_is_of_clean_images_alone(quality):
    found = quality.set_index("defense")
    assert list(found.index) == ["JPG", "JPG50", "FD", "BITS"]
    assert found.loc["JPG", ["n", "psnr", "rate"]].tolist() == [100, 34.0, 2.0]
    assert np.isnan(found.loc["FD", "rate"])


def test_an_image_that_nothing_changed_has_infinite_quality(predictions):
    same = predictions.assign(psnr=np.inf)
    found = statistics.defense_quality(same, pixels=500)
    assert np.isinf(found.psnr).all()
    assert found.psnr_low.isna().all()


def test_each_family_stands_at_its_nearest_setting(rates, quality):
    lines = statistics.equal_lines(rates[rates.knows == "the network"], quality)
    chosen = lines.set_index(["equal", "family"]).defense
    assert chosen["cost", "JPG"] == "JPG"  # costs .02, FD .04, JPG50 .10
    assert chosen["psnr", "JPG"] == "JPG"  # half a decibel from FD, JPG50 2.5
    assert chosen["psnr", "FD"] == "FD"
    close = lines.set_index(["equal", "defense"]).close
    assert close["cost", "JPG"]
    assert not close["psnr", "BITS"]
    told = attacker_words.equal(lines)
    assert "PSNR: BITS, not so near" in told.index
    assert told.loc["cost: JPG", "cost"] == "−0.020"


def test_without_the_reference_there_is_no_line(rates, quality):
    lines = statistics.equal_lines(rates[rates.defense != "FD"], quality)
    assert lines.empty
    assert {"equal", "family", "close"} <= set(lines)


@pytest.mark.parametrize(
    ("defense", "family"),
    [("JPG50-444", "JPG"), ("FD8-v1", "FD8"), ("FD-flat30", "FD"), ("J2K16", "J2K"), ("GAUSS0.5", "GAUSS"),
     ("QUILT[a:b]", "QUILT"), ("my.module:f8", "my.module:f8")],
)  # fmt: skip
def test_families(defense, family):
    assert attackers.family_of(defense) == family


def test_convergence_counts_what_any_iterate_has_misled():
    curves = [[1.0, -1, 2, 1, 1], [1, 1, 1, 1, -0.5], [1, 1, 1, 1, 1], [-1, 1, 1, 1, 1]]
    table = statistics.convergence(curves)
    assert table.misled.tolist() == [0.25, 0.5, 0.5, 0.5, 0.75]
    assert table.margin.tolist() == [0.5, 0, 0, 0, -0.375]
    assert statistics.late(curves) == (1, 3, 4)
    assert (
        attacker_words.converged("PGD2(x)", (1, 3, 4))
        == "PGD2(x): 3 of 4 images misled, 1 of them in the last quarter."
    )
    assert "none of them in the last quarter" in attacker_words.converged("PGD2(x)", (0, 3, 4))


def test_strengths_are_medians_over_the_misled(predictions):
    mixed = predictions.copy()
    mixed.loc[(mixed.modification == "PGD2{JPG}(x)") & (mixed.image < 20), "l2"] = 9.0  # right: not among the misled
    found = statistics.strengths(mixed).set_index(["attack", "base"])
    assert found.loc[("PGD2{JPG}", "x"), ["n", "misled", "l2"]].tolist() == [100, 60, 400.0]
    assert found.loc[("PGD2{FD}", "FD(x)"), "misled"] == 16
    told = attacker_words.strengths(statistics.strengths(mixed))
    assert told.loc["PGD2(x)", "misled"] == "80 of 100"


def test_what_rounding_undoes_stands_apart_from_what_jpeg_does():
    parts = [predictions_of({"x": 80}), predictions_of({"DF(x)": 0}).assign(reading="unrounded")]
    parts.append(predictions_of({"DF(x)": 60, "JPG(DF(x))": 75}).assign(reading="rounded"))
    found = statistics.undone(pd.concat(parts)).set_index("by")
    assert found.loc["rounding", ["n", "undone"]].tolist() == [80, 0.75]
    assert found.loc["JPG", ["n", "undone"]].tolist() == [20, 0.75]
    told = attacker_words.undone(found.reset_index())
    assert list(told) == ["rounding", "JPG"]
    assert told.loc["DF", "JPG"].endswith("(n = 20)")


def test_dormant_are_right_as_they_are_and_wrong_as_jpeg():
    rights = {"x": 80, "JPG(x)": 70, "DORM2{JPG}(x)": 60, "JPG(DORM2{JPG}(x))": 10, "JPG50(x)": 50,
              "JPG50(DORM2{JPG}(x))": 40}  # fmt: skip
    found = statistics.dormancy(predictions_of(rights)).set_index("met")
    assert found.loc["JPG", ["aimed", "n", "dormant"]].tolist() == ["JPG", 70, 50 / 70]
    assert found.loc["JPG50", ["n", "dormant"]].tolist() == [50, 10 / 50]
    assert attacker_words.dormancy(found.reset_index()).loc["JPG", "JPG50"].startswith("0.20 [")


def test_words_follow_the_numbers(rates, quality):
    own = rates[rates.knows.isin(["the network", "the defense"])]
    (line,) = attacker_words.knowledge(own)
    assert "PGD2: where the network is known, most is kept by JPG50, 0.70" in line
    assert "where the defense is known, most is kept by FD, two passes, 0.75" in line
    left = attacker_words.left_by_attackers(rates)
    assert left.loc["FD, two passes", "PGD2, knows the network"] == ""
    assert left.loc["JPG", "PGD2, knows the defense"].startswith("0.00 [0.00")
    costs = attacker_words.costs(rates, quality)
    assert costs.loc["JPG", "bits per pixel"].startswith("2.00")
    assert costs.loc["FD, two passes", "PSNR, dB"] == ""


def test_times_say_where_a_batch_was_smaller():
    rows = [("FD", 1, 1, 1, 2.0), ("FD", 1, 1, 2, 4.0), ("TVM", 64, 4, 1, 300.0)]
    table = pd.DataFrame(rows, columns=["defense", "batch", "images", "round", "wall"])
    told = attacker_words.times(table)
    assert told.loc["FD", "1 at a time"] == "3.0 (2.0 to 4.0)"
    assert told.loc["TVM", "64 at a time"] == "300.0 (300.0 to 300.0), 4 images"


def test_figures_draw_the_numbers(rates):
    own = rates[rates.knows.isin(["the network", "the defense"])]
    figure = rendered(figures.knowing_beside_oblivious(own))
    heads = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert heads == ["FD, two passes", "JPG50", "JPG", "FD", "BITS"]  # from below
    jpegs = rates[rates.defense.isin(["JPG", "JPG50"])]
    heat = rendered(figures.crossed(jpegs)).axes[0]
    assert [text.get_text() for text in heat.texts] == ["0.50", "0.70", "0.00", "0.30"]
    curves = {"PGD2(x)": statistics.convergence([[1.0, -1], [1, 1]])}
    line = rendered(figures.convergence_curves(curves)).axes[0].lines[0]
    assert line.get_ydata().tolist() == [0, 0.5]
