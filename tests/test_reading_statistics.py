"""How readings move the table, on predictions whose answers are known by hand."""

import numpy as np
import pandas as pd
import pytest

from jpegstudy import figures, statistics
from jpegstudy.errors import BadInput
from jpegstudy.statistics import reading_words

PARTS = {
    "x": (None, None, None), "Adv1(x)": ("Adv", 1, None), "JPG(x)": (None, None, "JPG"),
    "JPG(Adv1(x))": ("Adv", 1, "JPG"), "JPGnoise(x)": (None, None, "JPGnoise"),
    "JPGnoise(Adv1(x))": ("Adv", 1, "JPGnoise"),
}  # fmt: skip
N = 100


def rows(reading, rights, probability=0.5):
    """Predictions of a reading: of each modification the first ``rights`` images are right."""
    parts = []
    for name, right in rights.items():
        attack, epsilon, transform = PARTS[name]
        frame = pd.DataFrame({"image": range(N), "file": [f"{n}.png" for n in range(N)], "label": 1, "top_label": 1})
        frame["predicted"] = np.where(np.arange(N) < right, 1, 2)
        parts.append(
            frame.assign(
                network="tiny",
                reading=reading,
                modification=name,
                attack=attack,
                epsilon=epsilon,
                transform=transform,
                quality=75 if transform else None,
                top_label_probability=probability,
                predicted_probability=0.9,
            )
        )
    return pd.concat(parts)


OWN = {"x": 80, "Adv1(x)": 20, "JPG(x)": 78, "JPG(Adv1(x))": 50, "JPGnoise(x)": 76, "JPGnoise(Adv1(x))": 30}
OTHER = {**OWN, "Adv1(x)": 40, "JPG(Adv1(x))": 70, "JPGnoise(Adv1(x))": 25}


@pytest.fixture
def predictions():
    return pd.concat([rows("own", OWN), rows("other", OTHER, 0.7), rows("copy", OWN)], ignore_index=True)


@pytest.fixture
def changes(predictions):
    return statistics.reading_changes(predictions, default="own", resamples=200)


def row_of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_changes_are_paired_with_the_studys_own_reading(changes):
    row = row_of(changes, reading="other", modification="JPG(Adv1(x))")
    assert (row.top1, row.difference, row.gained, row.lost, row.n) == (0.7, pytest.approx(0.2), 20, 0, N)
    interval = statistics.difference_interval(50, 20, 0, 30)
    assert (row.difference_low, row.difference_high) == pytest.approx(interval[1:])
    assert row.p == pytest.approx(statistics.mcnemar_p(20, 0))
    assert (row.low, row.high) == pytest.approx(statistics.rate_interval(70, N)[1:])
    assert row.probability_difference == pytest.approx(0.2)
    fallen = row_of(changes, reading="other", modification="JPGnoise(Adv1(x))")
    assert (fallen.difference, fallen.gained, fallen.lost) == (pytest.approx(-0.05), 0, 5)


def test_a_reading_that_changes_no_probability_is_the_same(changes):
    assert changes[changes.reading == "copy"].same.all()
    assert changes[changes.reading == "own"].same.all()
    assert not changes[changes.reading == "other"].same.any()  # rates are equal in some rows, probabilities are not


def test_a_missing_default_and_other_images_are_refused(predictions):
    with pytest.raises(BadInput, match="hold no reading 'mine'; they hold own, other, copy"):
        statistics.reading_changes(predictions, default="mine")
    fewer = predictions[(predictions.reading != "copy") | (predictions.image < 90)]
    with pytest.raises(BadInput, match="reading 'copy' was not measured on the rows and images of 'own'"):
        statistics.reading_changes(fewer, default="own", resamples=50)


def test_the_tables_to_read_show_rates_once_and_changes_after(changes):
    table = reading_words.changed_rows(changes, ["Adv1(x)", "JPG(Adv1(x))"], "own")
    assert table.loc["own", "Adv1(x)"] == "0.200 [0.133, 0.289]"
    assert table.loc["other", "Adv1(x)"].startswith("+0.200 [+0.1")
    assert table.loc["copy", "Adv1(x)"] == "the same"
    means = reading_words.changed_means(changes, ["JPG(Adv1(x))"], "own")["JPG(Adv1(x))"]
    assert means["own"] == f"{row_of(changes, reading='own', modification='JPG(Adv1(x))').probability:.3f}"
    assert means["other"] == "+0.200 [+0.200, +0.200]"  # every image moves alike
    assert means["copy"] == "the same"


def test_sentences_name_what_moves_a_row_beyond_its_interval(changes):
    told = reading_words.moved(changes, "JPG(Adv1(x))", "own")
    assert told[0] == "JPG(Adv1(x)): from 0.500 (own) to 0.700 (other); 0.500 as the study reads it."
    assert told[1].startswith("- other: rises by 0.20 [0.12, 0.28] (20 images gained, 0 lost).")
    assert len(told) == 2
    unmoved = reading_words.moved(changes, "x", "own")
    assert unmoved[1:] == ["- 1 others change images, but not the rate beyond its interval."]


def test_what_is_left_of_x_is_held_against_the_paper(changes):
    published = pd.DataFrame({"modification": ["x", "Adv1(x)", "JPG(Adv1(x))"], "top1": [0.5, 0.2, 0.45]})
    beside = statistics.beside_table1(changes, published)
    assert set(beside.modification) == {"Adv1(x)", "JPG(Adv1(x))"}
    row = row_of(beside, reading="other", modification="Adv1(x)")
    assert (row.left, row.paper_left, row.distance) == pytest.approx((0.5, 0.4, 0.1))
    nearest = statistics.nearest_readings(beside)
    adv = row_of(nearest, modification="Adv1(x)")
    assert (adv.nearest, adv.lowest, adv.highest, adv.explained) == ("other", 0.25, 0.5, True)
    jpg = row_of(nearest, modification="JPG(Adv1(x))")
    assert (jpg.nearest, jpg.left, jpg.explained) == ("other", pytest.approx(0.875), False)
    distances = statistics.distances(beside)
    assert list(distances.reading) == ["other", "own", "copy"]
    assert distances.rms[0] == pytest.approx(np.sqrt((0.1**2 + 0.025**2) / 2))
    told = " ".join(reading_words.nearest_in_words(nearest, distances))
    assert "nearest is “other”" in told
    assert "No reading reaches the paper's JPG(Adv1(x))." in told
    assert list(reading_words.fitted(nearest)["within the range"]) == ["yes", "no"]


def test_where_every_row_is_reached_it_is_said(changes):
    published = pd.DataFrame({"modification": ["x", "Adv1(x)"], "top1": [0.5, 0.2]})
    beside = statistics.beside_table1(changes, published)
    told = reading_words.nearest_in_words(statistics.nearest_readings(beside), statistics.distances(beside))
    assert told[1] == "Each of the paper's rows lies within the range of the readings."


def test_noise_is_held_against_what_it_was_added_to(predictions):
    effects = statistics.noise_effects(predictions, resamples=200)
    row = row_of(effects, reading="own", f="Adv1(x)")
    assert (row.before, row.after, row.difference, row.gained, row.lost) == (0.2, 0.3, pytest.approx(0.1), 10, 0)
    assert row.p == pytest.approx(statistics.mcnemar_p(10, 0))
    clean = row_of(effects, reading="own", f="x")
    assert (clean.before, clean.after, clean.lost) == (0.8, 0.76, 4)
    grown = reading_words.by_factor(effects, {"own": 1.0, "other": 4.0})
    assert grown == [
        "Of x most is right with noise of factor 1, 0.760, and 0.800 without.",
        "Of Adv1(x) most is right with noise of factor 1, 0.300, and 0.200 without; from factor 4 on the noise takes "
        "more than it gives.",
    ]
    told = reading_words.signs(effects)
    assert told == [
        "The noise raises the rate of Adv1(x) under 2: own; copy.",
        "The noise lowers the rate of Adv1(x) under 1: other.",
    ]
    table = reading_words.effects(effects)
    assert list(table.loc["other", "gained, lost"]) == ["0, 4", "0, 15"]


def test_choices_are_told_a_line_each():
    told = reading_words.choices({"own": {}, "other": {"clip": False, "epsilon_unit": "pixel"}}, {"clip": True})
    assert told == ["own: clip yes", "other: clip no, epsilon unit pixel"]


def test_the_charts_draw_every_reading(predictions, changes):
    figure = figures.reading_changes(changes, ["JPG(Adv1(x))", "JPGnoise(Adv1(x))"], "own")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["own", "other", "copy"]
    points = right.lines[0].get_xdata()
    assert list(points) == [0.3, 0.25, 0.3]
    effects = statistics.noise_effects(predictions, resamples=50)
    chart = figures.noise_by_factor(effects, {"own": 1.0, "other": 4.0})
    (axes,) = chart.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4"]
    assert list(axes.lines[0].get_ydata()) == [0.76, 0.76]
    with pytest.raises(BadInput, match="no rows to draw in noise_by_factor"):
        figures.noise_by_factor(effects, {})
