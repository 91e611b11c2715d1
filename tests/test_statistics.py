"""Intervals against published and scipy's numbers, tables against counts by hand, sentences against their numbers."""

import math
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from jpegstudy import statistics
from jpegstudy.errors import BadInput
from jpegstudy.statistics import in_words
from jpegstudy.statistics.resampling import bca, mean_intervals, share_difference_intervals

PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "data/published/dziugaite2016_table1.csv")
EPSILONS = (1, 5, 10)
PAPER_RATES = PUBLISHED.set_index("modification")["top1"].to_dict() | {"JPG(x)": 0.56}


def make_predictions(n=200, *, labeled=True, qualities=(75,), epsilons=EPSILONS, images_per_file=1, seed=0):
    """Predictions with about the paper's rates: an image is right where its own difficulty lies below the rate."""
    rng = np.random.default_rng(seed)
    names = [("x", None, None, None, None)]
    for quality in qualities:
        jpg = "JPG" if quality == 75 else f"JPG{quality}"
        names.append((f"{jpg}(x)", None, None, "JPG", quality))
        for epsilon in epsilons:
            names.append((f"{jpg}(Adv{epsilon}(x))", "Adv", epsilon, "JPG", quality))
    for epsilon in epsilons:
        names.append((f"Adv{epsilon}(x)", "Adv", epsilon, None, None))
        names.append((f"JPGnoise(Adv{epsilon}(x))", "Adv", epsilon, "JPGnoise", 75))
    difficulty = np.repeat(rng.uniform(size=math.ceil(n / images_per_file)), images_per_file)[:n]
    top = rng.integers(0, 10, n)
    label = np.where(difficulty < PAPER_RATES["x"], top, (top + 1) % 10)
    parts = []
    for name, attack, epsilon, transform, quality in names:
        target = PAPER_RATES.get(name, 0.6 * 0.8 ** (epsilon or 0)) * (1 if quality in (None, 75) else 1.05)
        probability = np.clip(rng.beta(1 + 6 * target, 1 + 6 * (1 - target), n) * (1.2 - difficulty), 0, 1)
        hit = rng.uniform(size=n) < np.clip(target + 0.5 * (0.5 - difficulty), 0.02, 0.98)
        predicted = np.where(hit, label, (label + 2) % 10)
        if name == "x":
            predicted, probability = top, np.clip(probability, 0.1, 1)
        parts.append(
            pd.DataFrame(
                {
                    "network": "tiny",
                    "image": np.arange(n),
                    "file": [f"{i // images_per_file:05d}.png" for i in range(n)],
                    "label": pd.array(label if labeled else [None] * n, dtype="Int64"),
                    "modification": name,
                    "attack": attack,
                    "epsilon": epsilon,
                    "transform": transform,
                    "quality": pd.array([quality] * n, dtype="Int64"),
                    "reading": None,
                    "top_label": top,
                    "top_label_probability": probability,
                    "predicted": predicted,
                    "predicted_probability": np.where(predicted == top, probability, (1 + rng.uniform(size=n)) / 2),
                    "correct": pd.array(predicted == label if labeled else [None] * n, dtype="boolean"),
                }
            ).astype({"attack": object, "transform": object, "reading": object, "epsilon": float})
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def predictions():
    return make_predictions()


def hits_of(predictions, name):
    rows = predictions[predictions["modification"] == name].sort_values("image")
    return (rows["predicted"] == rows["label"]).to_numpy(bool)


# intervals


def test_rate_interval_keeps_its_width_at_zero_and_one():
    assert statistics.rate_interval(0, 20).low == pytest.approx(0, abs=1e-12)
    assert statistics.rate_interval(0, 20).high > 0.1
    assert statistics.rate_interval(29000, 50000) == pytest.approx(
        (0.58, 0.5757, 0.5843), abs=5e-5
    )  # four digits given


def test_difference_interval_gives_newcombes_published_example():
    assert statistics.difference_interval(36, 12, 2, 0) == pytest.approx((0.20, 0.0569, 0.3404), abs=5e-5)


def test_difference_interval_turns_its_sign_when_the_pair_is_swapped():
    one, other = statistics.difference_interval(20, 13, 4, 9), statistics.difference_interval(20, 4, 13, 9)
    assert other == pytest.approx((-one.value, -one.high, -one.low), abs=1e-12)  # rounding only
    complement = statistics.difference_interval(9, 4, 13, 20)  # errors in place of successes
    assert complement == pytest.approx((-one.value, -one.high, -one.low), abs=1e-12)


@pytest.mark.parametrize(
    "counts", [(1, 0, 0, 0), (0, 0, 0, 9), (0, 7, 0, 0), (5, 0, 0, 5), (0, 4, 4, 0), (50, 1, 0, 0)]
)
def test_difference_interval_holds_its_value_and_stays_in_range(counts):
    value, low, high = statistics.difference_interval(*counts)
    assert -1 - 1e-12 <= low <= value <= high <= 1 + 1e-12
    assert low < high


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (-1, 2, 3, 4)])
def test_difference_interval_refuses_what_are_no_counts(counts):
    with pytest.raises(BadInput, match="no pairs"):
        statistics.difference_interval(*counts)


def test_difference_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    tables = rng.multinomial(
        200, [0.21, 0.27, 0.02, 0.50], size=400
    )  # the shares of the paper's JPG(Adv1) against Adv1
    covered = [low <= 0.25 <= high for _, low, high in (statistics.difference_interval(*row) for row in tables)]
    assert np.mean(covered) > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400)  # three standard errors of the simulation


def test_mcnemar_is_the_binomial_test_of_the_images_told_apart():
    assert statistics.mcnemar_p(12, 2) == pytest.approx(2 * sum(math.comb(14, k) for k in range(3)) / 2**14)
    assert statistics.mcnemar_p(0, 0) == 1


def test_holm_multiplies_the_smallest_most_and_never_falls():
    assert statistics.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_planned_numbers_of_images_reach_the_wanted_width_and_no_sooner():
    n = statistics.images_for_rate(0.5, half_width=0.03)
    widths = [np.ptp(statistics.rate_interval(k // 2, k)[1:]) for k in (n - 2, n)]
    assert widths[1] <= 0.06 + 1e-4
    assert widths[0] > 0.06 - 1e-4
    assert statistics.images_for_difference(0.27, 0.02, half_width=0.03) == pytest.approx(970, rel=0.01)  # as published
    assert statistics.images_for_difference(0.27, 0.02, half_width=0.01) == pytest.approx(8740, rel=0.01)
    with pytest.raises(BadInput, match="half_width is 0"):
        statistics.images_for_rate(0.5, half_width=0)


# resampling


@pytest.mark.parametrize("n", [5, 60, 700])
def test_mean_interval_is_scipys_bca_interval(n):
    values = np.random.default_rng(n).beta(0.5, 2, n)
    scipys = scipy.stats.bootstrap((values,), np.mean, method="BCa", n_resamples=2000, rng=np.random.default_rng(3))
    ours = statistics.mean_interval(values, resamples=2000, seed=3)
    assert ours[1:] == pytest.approx(
        scipys.confidence_interval, abs=1e-9
    )  # equal draws; sums are taken in another order


def test_resampling_in_blocks_gives_what_one_block_gives(monkeypatch):
    values = np.random.default_rng(0).uniform(size=100)
    whole = statistics.mean_interval(values)
    monkeypatch.setattr("jpegstudy.statistics.resampling.BLOCK", 700)
    assert statistics.mean_interval(values) == pytest.approx(whole, abs=1e-12)


def test_equal_values_give_a_point_and_a_single_file_no_interval():
    assert statistics.mean_interval([0.1] * 7) == pytest.approx((0.1, 0.1, 0.1))
    assert statistics.mean_interval([0.1] * 7, files=[0, 0, 0, 1, 1, 2, 2]) == pytest.approx((0.1, 0.1, 0.1))
    value, low, high = statistics.mean_interval([0.1, 0.5], files=["a", "a"])
    assert value == pytest.approx(0.3)
    assert math.isnan(low)
    assert math.isnan(high)
    with pytest.raises(BadInput, match="no images"):
        statistics.mean_interval([])


def test_files_of_one_image_change_nothing():
    rng = np.random.default_rng(0)
    values, hits, other = rng.uniform(size=50), rng.uniform(size=50) < 0.3, rng.uniform(size=50) < 0.5
    files = [f"{i:02d}" for i in range(50)]
    assert statistics.mean_interval(values, files=files) == statistics.mean_interval(values)
    assert statistics.share_interval(hits, files=files) == statistics.rate_interval(hits.sum(), 50)
    assert statistics.share_difference_interval(hits, other, files=files) == statistics.share_difference_interval(
        hits, other
    )


def test_copies_of_images_in_the_same_file_narrow_nothing():
    rng = np.random.default_rng(0)
    values, hits, other = rng.uniform(size=50), rng.uniform(size=50) < 0.3, rng.uniform(size=50) < 0.5
    twice = np.repeat(np.arange(50), 2)
    once = statistics.mean_interval(values)
    assert statistics.mean_interval(values[twice], files=twice) == pytest.approx(once, abs=1e-12)
    for copied, single in [
        (statistics.share_interval(hits[twice], files=twice), statistics.mean_interval(hits)),
        (
            statistics.share_difference_interval(hits[twice], other[twice], files=twice),
            statistics.mean_difference_interval(hits, other),
        ),
    ]:
        assert copied == pytest.approx(single, abs=1e-12)
    assert statistics.share_difference_p(hits[twice], other[twice], files=twice) == pytest.approx(
        statistics.share_difference_p(hits, other)
    )


def test_agreement_of_all_images_does_not_claim_certainty():
    files = np.repeat(np.arange(10), 3)
    assert statistics.share_interval(np.zeros(30, bool), files=files) == pytest.approx(statistics.rate_interval(0, 10))
    same = np.arange(30) % 3 == 0  # every file has one of three right, under both
    assert statistics.share_interval(same, files=files).low < 1 / 3 < statistics.share_interval(same, files=files).high
    difference = statistics.share_difference_interval(same, same, files=files)
    assert difference.low < 0 < difference.high


def test_the_interval_over_files_covers_where_the_one_over_images_does_not():
    rng = np.random.default_rng(0)
    covered = {"files": [], "images": []}
    files = np.repeat(np.arange(40), 5)
    for seed in range(150):
        values = np.repeat(rng.normal(size=40), 5) + 0.2 * rng.normal(size=200)  # crops of a file are nearly alike
        for way, given in (("files", files), ("images", None)):
            _, low, high = statistics.mean_interval(values, files=given, resamples=400, seed=seed)
            covered[way].append(low <= 0 <= high)
    assert np.mean(covered["files"]) > 0.93 - 3 * math.sqrt(0.93 * 0.07 / 150)  # 40 files: the bootstrap lacks ~.02
    assert np.mean(covered["images"]) < 0.75


def test_sign_flips_of_files_count_every_flip():
    first = np.array([1, 1, 1, 1, 0, 1, 0], bool)
    second = np.array([0, 0, 0, 1, 1, 0, 0], bool)
    files = [0, 0, 1, 1, 2, 2, 3]  # differences by file: 2, 1, 0, 0 -> |sum| = 3 in 2 of 4 flips
    assert statistics.share_difference_p(first, second, files=files) == pytest.approx(0.5)


def test_one_set_of_resamples_serves_all_rows():
    rows = np.random.default_rng(0).uniform(size=(3, 40))
    assert [tuple(i) for i in mean_intervals(rows)] == [
        pytest.approx(tuple(statistics.mean_interval(row)), abs=1e-12) for row in rows
    ]
    assert len(share_difference_intervals(rows > 0.5, rows > 0.2)) == 3


def test_a_ratio_has_no_interval_where_resamples_lose_its_denominator():
    sums = np.column_stack([np.arange(6.0), [0, 0, 0, 0, 0, 1.0]])
    (interval,) = bca(sums, lambda totals: totals[..., :1] / totals[..., 1:])
    assert interval.value == 15
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_fifty_thousand_images_take_seconds_and_little_memory():
    rows = np.random.default_rng(0).uniform(size=(11, 50_000))
    tracemalloc.start()
    start = time.perf_counter()
    mean_intervals(rows)
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 60
    assert peak < 200e6


# tables


def test_table1_follows_the_papers_order_and_counts_right(predictions):
    table = statistics.table1(predictions)
    assert list(table["modification"]) == [
        "x",
        "JPG(x)",
        *[f"Adv{e}(x)" for e in EPSILONS],
        *[f"JPG(Adv{e}(x))" for e in EPSILONS],
        *[f"JPGnoise(Adv{e}(x))" for e in EPSILONS],
    ]
    assert list(table.columns) == [
        "modification", "n", "top1", "top1_low", "top1_high", "mean_top_label_probability", "mean_low", "mean_high",
    ]  # fmt: skip
    for row in table.itertuples():
        assert row.top1 == hits_of(predictions, row.modification).mean()
        assert (row.top1, row.top1_low, row.top1_high) == statistics.rate_interval(round(row.top1 * 200), 200)
        assert row.mean_low < row.mean_top_label_probability < row.mean_high


def test_qualities_are_listed_from_the_mildest():
    table = statistics.table1(make_predictions(20, qualities=(25, 75, 50), epsilons=(1,)))
    assert list(table["modification"])[1:4] == ["JPG(x)", "JPG50(x)", "JPG25(x)"]


def test_without_labels_table1_gives_agreement_with_the_clean_image():
    table = statistics.table1(make_predictions(50, labeled=False))
    assert "top1" not in table
    assert table.loc[0, "agreement"] == 1
    assert table.loc[0, "agreement_low"] < 1


@pytest.mark.parametrize("images_per_file", [1, 4])
@pytest.mark.parametrize(
    "make", ["table1", "paired_differences", "confident_errors", "recovery", "curves", "scatter_pairs"]
)
def test_the_order_of_rows_changes_nothing(make, images_per_file):
    predictions = make_predictions(60, images_per_file=images_per_file)
    make = getattr(statistics, make)
    shuffled = predictions.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(make(predictions), make(shuffled), check_exact=True)


def test_images_of_one_file_widen_every_interval_of_table1():
    crops = make_predictions(200, images_per_file=10)
    alone = crops.assign(file=crops["image"].astype(str))
    width = {
        way: (lambda t: np.array([t["top1_high"] - t["top1_low"], t["mean_high"] - t["mean_low"]]))(
            statistics.table1(table)
        ).mean(axis=1)
        for way, table in (("files", crops), ("images", alone))
    }
    assert (width["files"] > width["images"]).all()  # difficulty is shared by the crops of a file


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.drop(columns="file"), "lack the column file"),
        (lambda p: p.iloc[:0], "no rows"),
        (lambda p: p.iloc[:-1], "finish the run"),
        (lambda p: pd.concat([p, p.iloc[:1]]), "twice"),
        (lambda p: p.assign(network=np.where(p["image"] < 3, "a", "b")), "several values of network: a, b"),
        (lambda p: p.assign(reading=np.where(p["image"] < 3, "float", None)), "several values of reading"),
        (lambda p: p.assign(label=p["label"].where(p["image"] > 0)), "1 of 20 images have no label"),
        (lambda p: p.assign(top_label_probability=np.nan), "without top_label_probability"),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(spoil, message):
    with pytest.raises(BadInput, match=message):
        statistics.table1(spoil(make_predictions(20)))


def test_paired_differences_ask_the_studys_questions(predictions):
    table = statistics.paired_differences(predictions)
    asked = set(zip(table["modification"], table["against"], strict=True))
    assert {
        ("JPG(x)", "x"),
        ("Adv5(x)", "x"),
        ("JPG(Adv5(x))", "Adv5(x)"),
        ("JPG(Adv5(x))", "JPG(x)"),
        ("JPGnoise(Adv5(x))", "Adv5(x)"),
    } <= asked
    row = table[(table["modification"] == "JPG(Adv1(x))") & (table["against"] == "Adv1(x)")].iloc[0]
    one, other = hits_of(predictions, "JPG(Adv1(x))"), hits_of(predictions, "Adv1(x)")
    assert (row["gained"], row["lost"]) == ((one & ~other).sum(), (other & ~one).sum())
    assert row["difference"] == pytest.approx(one.mean() - other.mean())
    assert row["p"] == statistics.mcnemar_p(row["gained"], row["lost"])
    assert (table["p_holm"] >= table["p"]).all()


def test_beside_paper_keeps_rows_that_only_one_side_has(predictions):
    few = statistics.table1(predictions[predictions["modification"].isin(["x", "JPG(x)", "Adv1(x)"])])
    beside = statistics.beside_paper(few, PUBLISHED).set_index("modification")
    assert list(beside.index[:3]) == ["x", "JPG(x)", "Adv1(x)"]
    assert len(beside) == 9
    assert beside.loc["x", ["top1", "paper_top1"]].tolist() == [few.loc[0, "top1"], 0.58]
    assert math.isnan(beside.loc["JPG(x)", "paper_top1"])
    assert math.isnan(beside.loc["Adv10(x)", "top1"])


def test_confident_errors_look_at_the_wrong_ones_only(predictions):
    row = statistics.confident_errors(predictions).set_index("modification").loc["Adv1(x)"]
    rows = predictions[predictions["modification"] == "Adv1(x)"]
    wrong = rows[rows["predicted"] != rows["label"]]
    assert (row["n"], row["wrong"]) == (200, len(wrong))
    assert row["confidence"] == pytest.approx(wrong["predicted_probability"].mean())
    assert row["confident_share"] == pytest.approx((wrong["predicted_probability"] > 0.5).mean())
    unlabeled = statistics.confident_errors(make_predictions(30, labeled=False)).iloc[0]
    assert unlabeled["wrong"] == 0
    assert math.isnan(unlabeled["confidence"])


def test_recovery_is_the_share_of_the_loss_that_comes_back(predictions):
    rates = statistics.table1(predictions).set_index("modification")["top1"]
    row = statistics.recovery(predictions).set_index("modification").loc["JPG(Adv1(x))"]
    assert row["recovery"] == pytest.approx(
        (rates["JPG(Adv1(x))"] - rates["Adv1(x)"]) / (rates["x"] - rates["Adv1(x)"])
    )
    assert row["low"] < row["recovery"] < row["high"]
    assert row["reason"] is None


def test_recovery_is_undefined_where_the_attack_may_take_nothing(predictions):
    clean = predictions[predictions["modification"] == "x"].set_index("image")["predicted"]
    harmless = predictions["modification"] == "Adv1(x)"
    spoiled = predictions.assign(
        predicted=np.where(harmless, predictions["image"].map(clean), predictions["predicted"])
    )
    row = statistics.recovery(spoiled).set_index("modification").loc["JPG(Adv1(x))"]
    assert math.isnan(row["recovery"])
    assert math.isnan(row["low"])
    assert "may be nothing" in row["reason"]


def test_curves_hold_a_row_for_every_rate_and_every_recovery():
    rows = statistics.curves(make_predictions(80, qualities=(75, 50), epsilons=(1, 5)))
    assert set(rows["measure"]) == {"top1", "recovery"}
    assert (rows["measure"] == "top1").sum() == 1 + 2 + 2 + 4 + 2
    assert (rows["measure"] == "recovery").sum() == 4 + 2
    assert (rows.loc[rows["attack"].isna(), "epsilon"] == 0).all()
    only_clean = make_predictions(20, epsilons=())
    assert set(statistics.curves(only_clean)["measure"]) == {"top1"}


def test_scatter_pairs_count_points_below_the_diagonal(predictions):
    table = statistics.scatter_pairs(predictions, epsilon=1)
    assert list(zip(table["first"], table["second"], strict=True)) == [
        ("x", "JPG(x)"),
        ("x", "JPG(Adv1(x))"),
        ("x", "JPGnoise(Adv1(x))"),
        ("x", "Adv1(x)"),
        ("Adv1(x)", "JPG(Adv1(x))"),
    ]
    p = predictions.pivot(index="image", columns="modification", values="top_label_probability")
    assert table.loc[4, "below_share"] == pytest.approx((p["JPG(Adv1(x))"] < p["Adv1(x)"]).mean())
    with pytest.raises(BadInput, match=r"lack JPG\(Adv3"):
        statistics.scatter_pairs(predictions, epsilon=3)


def test_the_noise_in_figure_4_is_that_of_the_same_jpeg():
    assert statistics.panel_names(5, jpg="JPG50")[1:3] == [("x", "JPG50(Adv5(x))"), ("x", "JPGnoise50(Adv5(x))")]


def test_the_published_table_is_the_papers():
    rows = PUBLISHED.set_index("modification")
    assert list(rows["row"]) == list(range(1, 9))
    assert tuple(rows.loc["JPG(Adv1(x))", ["top1", "mean_top_label_probability"]]) == (0.48, 0.41)
    assert tuple(rows.loc["JPG(Adv10(x))", ["top1", "mean_top_label_probability"]]) == (0.17, 0.04)


# sentences


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.374, 0.331, 0.412, 500), "0.37 [0.33, 0.41] (n = 500)"),
        ((0.5801, 0.5757, 0.5843, None), "0.5801 [0.5757, 0.5843]"),
        ((-0.004, -0.2, 0.1, None), "0.00 [−0.20, 0.10]"),
        ((0.5, math.nan, math.nan, 1), "0.50 [no interval] (n = 1)"),
        ((math.nan, math.nan, math.nan, None), "undefined"),
    ],
)
def test_rates_are_said_with_the_digits_their_interval_bears(numbers, said):
    assert in_words.rate(*numbers) == said


def test_a_change_is_only_called_so_where_its_interval_leaves_out_zero():
    assert in_words.change(0.25, 0.22, 0.28) == "rises by 0.25 [0.22, 0.28]"
    assert in_words.change(-0.25, -0.28, -0.22) == "falls by 0.25 [0.22, 0.28]"
    assert in_words.change(0.01, -0.02, 0.04).startswith("does not change beyond its interval")
    assert in_words.change(0.01, math.nan, math.nan).startswith("does not change")


def test_sentences_follow_the_numbers(predictions):
    differences = statistics.paired_differences(predictions)
    said = in_words.differences(differences)
    assert len(said) == len(in_words.mean_differences(differences)) == len(differences)
    for sentence, row in zip(said, differences.itertuples(), strict=True):
        word = {1: "rises by", -1: "falls by", 0: "does not change"}[in_words.verdict(row.low, row.high)]
        assert word in sentence


def test_every_table_can_be_said(predictions):
    for table in (predictions, make_predictions(40, labeled=False), make_predictions(3)):
        said = [
            in_words.boxes(statistics.table1(table)),
            *in_words.rates(statistics.table1(table)),
            *in_words.differences(statistics.paired_differences(table)),
            *in_words.recovered(statistics.recovery(table)),
            *in_words.recovered(statistics.curves(table)),
            *in_words.scatter(statistics.scatter_pairs(table)),
            *in_words.errors(statistics.confident_errors(table)),
        ]
        assert all(sentence.endswith(".") and "nan" not in sentence for sentence in said)


@pytest.mark.parametrize(("qualities", "jpg"), [((95, 75, 50), "JPG"), ((95, 50), "JPG95"), ((25,), "JPG25")])
def test_the_figures_of_one_example_take_the_smallest_epsilon_and_the_noises_quality(qualities, jpg):
    predictions = make_predictions(n=20, qualities=qualities, epsilons=(5, 2))
    assert statistics.example_names(predictions) == (2, jpg, "JPGnoise")


def test_an_example_without_an_attack_is_refused():
    predictions = make_predictions(n=20)
    with pytest.raises(BadInput, match=r"wanted Adv, JPG\(Adv\)"):
        statistics.example_names(predictions[predictions["modification"] == "x"])


def test_the_telling_image_is_attacked_away_and_brought_back():
    predictions = make_predictions(n=60)
    number = statistics.telling_image(predictions, epsilon=1)
    rows = predictions[predictions["image"] == number].set_index("modification")
    assert rows.loc["Adv1(x)", "predicted"] != rows.loc["Adv1(x)", "top_label"]
    others = predictions[predictions["image"] != number]
    assert statistics.telling_image(others, epsilon=1) != number


def test_every_claim_is_judged_by_the_side_of_its_interval():
    predictions = make_predictions(n=300)
    differences = statistics.paired_differences(predictions)
    claims = statistics.judge_claims(differences)
    assert len(claims) == 7
    agrees = (claims["low"] > 0) & (claims["paper"] > 0) | (claims["high"] < 0) & (claims["paper"] < 0)
    assert (agrees == (claims["verdict"] == "the same direction")).all()
    turned = differences.assign(low=-differences["high"], high=-differences["low"])
    turned = turned.assign(mean_low=-differences["mean_high"], mean_high=-differences["mean_low"])
    assert (statistics.judge_claims(turned)["verdict"][agrees] == "the opposite direction").all()


def test_the_claims_are_told_and_where_there_are_none_that_is_told():
    claims = statistics.judge_claims(statistics.paired_differences(make_predictions(n=300)))
    told = in_words.verdicts(claims)
    failed = claims[claims["verdict"] != "the same direction"]
    assert told[0].startswith(f"{len(claims) - len(failed)} of {len(claims)} claims hold in direction")
    assert [line.split(": ")[0].removeprefix("- ") for line in told[1:]] == list(failed["claim"])
    other = statistics.judge_claims(statistics.paired_differences(make_predictions(30, qualities=(50,), epsilons=(2,))))
    assert in_words.verdicts(other)[0].startswith("None of the paper's claims is judged")
    assert len(in_words.judged(other)) == 0


def test_images_wanted_follow_the_hardest_row():
    predictions = make_predictions(n=100)
    table, differences = statistics.table1(predictions), statistics.paired_differences(predictions)
    told = in_words.wanted(table, differences, half_width=0.03)
    hardest = max(
        statistics.images_for_difference(row.gained / row.n, row.lost / row.n, half_width=0.03)
        for row in differences.itertuples()
    )
    assert f": {hardest} images" in told[1]


def test_a_table_to_read_has_the_papers_numbers_beside_ours():
    table = statistics.table1(make_predictions(n=50))
    told = in_words.side_by_side(statistics.beside_paper(table, PUBLISHED))
    assert told.loc["Adv1(x)", "the paper's top-1"] == "0.23"
    assert told.loc["JPG(x)", "the paper's top-1"] == ""
    row = table.set_index("modification").loc["x"]
    assert told.loc["x", "Top-1 accuracy"] == in_words.rate(row.top1, row.top1_low, row.top1_high)


def test_a_difference_that_leaves_out_0_never_shows_0_as_an_end():
    assert in_words.difference(-0.0197, -0.0382, -0.0023, 432) == "−0.020 [−0.038, −0.002] (n = 432)"
    assert in_words.difference(-0.0197, -0.0382, 0.0023) == "−0.02 [−0.04, 0.00]"
    assert in_words.difference(float("nan"), float("nan"), float("nan")) == "undefined"
    assert in_words.change(0.01, 0.004, 0.03) == "rises by 0.010 [0.004, 0.030]"
