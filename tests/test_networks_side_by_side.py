"""Networks side by side: counts by hand, sentences against their numbers, and runs that may not be compared."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from jpegstudy import figures, finished, statistics, studies
from jpegstudy.errors import BadInput
from jpegstudy.statistics import network_words
from tests.test_reading_statistics import N, rows

F = "JPG(Adv1(x))"
STRONG = {"x": 80, "Adv1(x)": 20, "JPG(x)": 78, F: 50, "JPGnoise(Adv1(x))": 30}  # recovery 30 / 60
WEAK = {"x": 60, "Adv1(x)": 20, "JPG(x)": 50, F: 24, "JPGnoise(Adv1(x))": 10}  # recovery 4 / 40
ROBUST = {"x": 90, "Adv1(x)": 90, "JPG(x)": 85, F: 85, "JPGnoise(Adv1(x))": 80}  # nothing to recover


def network(rights):
    return rows("none", rights).assign(reading=None)


@pytest.fixture
def predictions():
    return {"strong": network(STRONG), "weak": network(WEAK)}


@pytest.fixture
def recoveries(predictions):
    return statistics.network_recoveries(predictions, F, resamples=300)


# statistics


def test_each_networks_table_is_table_1(predictions):
    table = statistics.network_tables(predictions, resamples=50)
    for name, part in table.groupby("run"):
        alone = statistics.table1(predictions[name], resamples=50)
        pd.testing.assert_frame_equal(part.drop(columns="run").reset_index(drop=True), alone)
    told = network_words.tables(table)
    assert list(told.columns) == ["strong", "weak"]
    assert told.loc["x", "strong"] == "0.80 [0.71, 0.87]"


def test_recovery_is_the_share_of_the_loss_that_comes_back(recoveries):
    strong, weak = recoveries.itertuples()
    assert (strong.clean, strong.attacked, strong.restored, strong.recovery) == pytest.approx((0.8, 0.2, 0.5, 0.5))
    assert weak.recovery == pytest.approx(0.1)
    assert (strong.clean_low, strong.clean_high) == pytest.approx(statistics.rate_interval(80, N)[1:])
    assert strong.low < 0.5 < strong.high


def test_differences_are_paired_by_image(predictions):
    (row,) = statistics.network_differences(predictions, F, resamples=2000).itertuples()
    assert (row.first, row.second, row.n, row.gained, row.lost) == ("strong", "weak", N, 26, 0)
    assert (row.difference, row.low, row.high) == pytest.approx(statistics.difference_interval(24, 26, 0, 50))
    assert row.p == pytest.approx(statistics.mcnemar_p(26, 0))
    assert row.recovery_difference == pytest.approx(0.4)


def test_the_recoveries_difference_has_the_interval_that_scipys_bootstrap_gives(predictions):
    (row,) = statistics.network_differences(predictions, F, resamples=2000).itertuples()
    right = {
        name: {f: (part["predicted"] == part["label"]).to_numpy(float) for f, part in table.groupby("modification")}
        for name, table in predictions.items()
    }
    samples = [right[name][f] for name in ("strong", "weak") for f in ("x", "Adv1(x)", F)]

    def difference(*columns, axis=-1):
        x, adv, jpg, x2, adv2, jpg2 = (column.sum(axis=axis) for column in columns)
        return (jpg - adv) / (x - adv) - (jpg2 - adv2) / (x2 - adv2)

    found = scipy.stats.bootstrap(
        samples, difference, paired=True, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert (row.recovery_low, row.recovery_high) == pytest.approx((found.low, found.high), abs=0.02)


def test_an_interval_over_files_is_wider_than_over_images(predictions):
    shared = {
        name: table.assign(file=(table["image"] // 4).astype(str)) for name, table in predictions.items()
    }  # four images of a file answer almost alike
    (alone,) = statistics.network_differences(predictions, F).itertuples()
    (together,) = statistics.network_differences(shared, F).itertuples()
    assert together.high - together.low > 1.4 * (alone.high - alone.low)
    assert together.recovery_high - together.recovery_low > 1.4 * (alone.recovery_high - alone.recovery_low)


def test_where_nothing_was_lost_recovery_and_its_differences_are_undefined(predictions):
    both = {**predictions, "robust": network(ROBUST)}
    recoveries = statistics.network_recoveries(both, F, resamples=100)
    assert recoveries["reason"].notna().tolist() == [False, False, True]
    assert np.isnan(recoveries["recovery"].iloc[2])
    differences = statistics.network_differences(both, F, resamples=100)
    assert differences["reason"].notna().tolist() == [False, True, True]
    assert differences["recovery_difference"].isna().tolist() == [False, True, True]
    assert differences["difference"].notna().all()
    assert differences["reason"].iloc[1].startswith("robust: Adv1(x) takes 0.000")
    assert "robust recovery is undefined" in " ".join(network_words.most_and_least(recoveries, F))
    assert network_words.differences(differences).loc["weak − robust", "recovery"].startswith("undefined: robust:")


@pytest.mark.parametrize("column", ["file", "label", "image"])
def test_networks_on_other_images_are_refused(predictions, column):
    other = predictions["weak"].copy()
    other.loc[other["image"] == 7, column] = {"file": "other.png", "label": 3, "image": 1007}[column]
    with pytest.raises(BadInput, match="runs 'strong' and 'weak' have other images"):
        statistics.network_recoveries({**predictions, "weak": other}, F)


def test_what_cannot_be_compared_is_said(predictions):
    fewer = {**predictions, "weak": predictions["weak"][predictions["weak"]["modification"] != F]}
    with pytest.raises(BadInput, match=r"run 'weak' lacks JPG\(Adv1\(x\)\); it has x,"):
        statistics.network_recoveries(fewer, F)
    with pytest.raises(BadInput, match="one network cannot be paired"):
        statistics.network_differences({"strong": predictions["strong"]}, F)
    with pytest.raises(BadInput, match="no runs"):
        statistics.network_tables({})


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2, 3, 4], [2, 1, 4, 3]), ([1, 2, 2, 4, 5], [5, 4, 4, 2, 1]), ([3, 1, 2], [30, 10, 20])]
)
def test_the_rank_correlation_is_spearmans_and_its_p_counts_orders(x, y):
    rho, p, smallest = statistics.rank_correlation(x, y)
    assert rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    every = [abs(scipy.stats.spearmanr(x, order).statistic) for order in itertools.permutations(y)]
    assert p == pytest.approx(np.mean(np.array(every) >= abs(rho) - 1e-9))
    assert smallest == pytest.approx(np.mean(np.array(every) >= max(every) - 1e-9))


def test_above_seven_the_p_is_scipys():
    x, y = np.arange(12.0), np.random.default_rng(0).normal(size=12)
    found = scipy.stats.spearmanr(x, y)
    assert statistics.rank_correlation(x, y) == (pytest.approx(found.statistic), pytest.approx(found.pvalue), 0.0)
    assert np.isnan(statistics.rank_correlation([1, 1, 1], [1, 2, 3])[0])
    assert np.isnan(statistics.rank_correlation([1, 2], [1, 2])[0])


# words


def several(recoveries, clean):
    part = {"reason": None, "low": 0.1, "high": 0.9, "year": range(2010, 2010 + len(clean))}
    return pd.DataFrame({"run": [f"n{k}" for k in range(len(clean))], "clean": clean, "recovery": recoveries, **part})


def test_a_trend_is_told_only_where_the_networks_can_tell_it():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert network_words.trend(several(values, values), "clean", "accuracy").startswith(
        "Recovery rises with accuracy ("
    )
    falling = network_words.trend(several(values[::-1], values), "year", "the year")
    assert falling == "Recovery falls with the year (rank correlation −1.00, p = 0.0028, 6 networks)."
    mixed = network_words.trend(several([0.3, 0.1, 0.6, 0.2, 0.5, 0.4], values), "year", "the year")
    assert "does not go with the year beyond chance" in mixed
    assert network_words.trend(several(values[:4], values[:4]), "year", "the year").startswith("So few networks")
    assert "2 networks" in network_words.trend(several(values[:2], values[:2]), "year", "the year")


def test_the_words_name_the_most_the_least_and_pairs_that_turn(recoveries, predictions):
    (line,) = network_words.most_and_least(recoveries, F)
    assert line.startswith(f"{F} recovers the most of what the attack takes in strong, 0.50 [")
    assert "and the least in weak, 0.10 [" in line
    differences = statistics.network_differences(predictions, F, resamples=500)
    assert network_words.told_apart(differences, F) == [
        f"Top-1 accuracy under {F} differs beyond its interval in 1 of 1 pair, recovery in 1 of 1 pair."
    ]
    turned = differences.assign(recovery_low=-0.5, recovery_high=-0.1)
    assert network_words.told_apart(turned, F)[1] == "strong has a higher rate than weak, and a lower recovery."
    assert network_words.differences(differences).loc["strong − weak", "gained, lost"] == "26, 0"


def test_claims_are_told_by_claim_and_network(predictions):
    up = network({**WEAK, F: 20})  # JPEG gives nothing back
    claims = statistics.network_claims({**predictions, "none": up}, resamples=200)
    told = network_words.claims_kept(claims)
    assert told[0] == "“accuracy drops dramatically after the perturbation” holds in direction in all of 3 networks."
    assert "holds in direction in none of 3 networks; strong: not decided by these images, weak" in told[1]
    assert told[2].startswith(
        "“JPEG increases the accuracy substantially for small perturbations” holds in direction in "
    )
    assert told[2].endswith("none: not decided by these images.")
    assert "strong" not in told[2]
    table = network_words.claims(claims)
    assert list(table.columns) == ["strong", "weak", "none"]
    assert network_words.claims_kept(claims.iloc[:0])[0].startswith("None of the paper's claims is judged")


# years


def test_every_architecture_has_a_year_and_a_source():
    table = statistics.architectures()
    beginnings = [row["begins_with"] for row in table]
    assert len(set(beginnings)) == len(beginnings)
    for row in table:
        assert 2012 <= row["year"] <= 2026
        assert row["architecture"]
        assert len(row["source"]) > 20
    years = {row["architecture"]: row["year"] for row in table}
    assert years["OverFeat"] == 2013
    assert years["ResNet"] == 2015


@pytest.mark.parametrize(
    ("network", "year"),
    [
        ("overfeat-accurate", 2013), ("squeezenet1_1", 2016), ("efficientnet_b0", 2019), ("efficientnet_lite0", 2020),
        ("efficientnet_v2_s", 2021), ("mobilenet_v2", 2018), ("mobilenet_v3_large", 2019), ("vit_b_16", 2020),
        ("swin_t", 2021), ("resnet50", 2015), ("wide_resnet50_2", 2016), ("demo", None), ("my_resnet", None),
    ],
)  # fmt: skip
def test_a_networks_year_is_its_architectures(network, year):
    assert statistics.year_of(network) == year


def test_every_network_of_the_studies_that_is_torchvisions_has_a_year():
    loaded = [dict(studies.load(name).plan) for name in studies.names()]
    plans = [plan["01_preprocessing"] for plan in loaded if "01_preprocessing" in plan]
    assert not [p["network"] for p in plans if p["weights"] == "DEFAULT" and not _dated(p["network"])]


def _dated(network):
    return network == "demo" or statistics.year_of(network)


# figures


def test_points_are_where_the_numbers_are_and_every_name_is_there(recoveries):
    dated = recoveries.assign(year=[2016, None])
    figure = figures.recovery_over(dated, "clean")
    points = figure.axes[0].lines[0].get_xydata()
    assert points.tolist() == pytest.approx(np.array([[0.6, 0.1], [0.8, 0.5]]))
    assert figure.get_supxlabel() == "1 weak    2 strong"
    over_years = figures.recovery_over(dated, "year")
    assert over_years.axes[0].lines[0].get_xydata().tolist() == [[2016.0, 0.5]]
    assert over_years.get_supxlabel() == "1 strong"
    assert network_words.without_year(dated) == ["Not in the figure over years, for want of a year: weak."]
    none = figures.recovery_over(dated.assign(year=None), "year")
    assert "No network" in none.texts[0].get_text()
    with pytest.raises(BadInput, match="over is 'size'"):
        figures.recovery_over(dated, "size")


def test_equal_years_stand_beside_each_other_and_many_names_take_lines(recoveries):
    many = pd.concat([recoveries.iloc[[0]].assign(run=f"a network {k}", year=2016) for k in range(12)])
    figure = figures.recovery_over(many, "year")
    x = figure.axes[0].lines[0].get_xdata()
    assert len(set(x)) == 12
    assert np.mean(x) == pytest.approx(2016)
    lines = figure.get_supxlabel().split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 84


# finished runs


def write_run(folder, name, rights=STRONG, *, place="runs", images_hash="a", epsilons=(1,), unfinished=None):
    """A run as it lies in outputs/runs or, published, in outputs/report, with predictions and no images."""
    path = folder / place / name
    entries = {
        stage: {"parameters": {}, "complete": stage != unfinished}
        for stage in ("01_preprocessing", "02_attack", "03_compression", "04_jpeg_noise")
    }
    entries["01_preprocessing"] |= {
        "network": {"name": f"factories:{name}", "crop": 24, "weights_hash": f"{name}-weights"},
        "image_set": {"name": "set", "hash": images_hash, "labeled": True},
        "images": N,
    }
    entries["02_attack"]["parameters"] = {"epsilons": list(epsilons)}
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"run": name, "stages": entries}))
    table = network(rights)
    stages = {"02_attack": table["transform"].isna(), "03_compression": table["transform"] == "JPG"}
    stages["04_jpeg_noise"] = table["transform"] == "JPGnoise"
    for stage, mine in stages.items():
        files = {f"{stage}.parquet": table[mine]}
        if place == "runs":
            files = {f"{stage}/0000{k}.parquet": table[mine & (table["image"] // 60 == k)] for k in range(2)}
        for file, part in files.items():
            (path / "predictions" / file).parent.mkdir(parents=True, exist_ok=True)
            part.to_parquet(path / "predictions" / file, index=False)
    return path


def test_a_run_and_its_published_copy_hold_the_same(outputs):
    write_run(outputs, "one")
    write_run(outputs, "two", place="report")
    one, two = finished.comparable(["one", "two"])
    assert [run.network for run in (one, two)] == ["one", "two"]
    keys = ["modification", "image"]
    tables = [run.predictions().sort_values(keys, ignore_index=True) for run in (one, two)]
    pd.testing.assert_frame_equal(*tables)
    assert two.facts()["read from"].endswith("report/two")
    assert one.facts()["crop"] == "24 x 24"


def test_the_run_wins_over_its_published_copy(outputs):
    write_run(outputs, "one", place="report")
    write_run(outputs, "one", WEAK)
    assert finished.find("one").path == outputs / "runs" / "one"


def test_a_table_of_a_finished_run_is_asked_for_by_name(outputs):
    write_run(outputs, "one")
    with pytest.raises(BadInput, match=r"run 'one' has no hardening.csv; wanted a run with the page"):
        finished.table("one", "hardening")
    (outputs / "runs" / "one" / "hardening.csv").write_text("a,b\n1,2\n")
    assert finished.table("one", "hardening").to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images_hash": "b"}, "runs 'one' and 'two' have other images"),
        ({"epsilons": (1, 2)}, r"runs 'one' and 'two' have other epsilons, \[1\] and \[1, 2\]"),
        ({"unfinished": "03_compression"}, "run 'two' is not finished: .* has no whole 03_compression"),
    ],
)
def test_runs_that_cannot_be_compared_are_one_clear_line(outputs, changes, told):
    write_run(outputs, "one")
    write_run(outputs, "two", place="report", **changes)
    with pytest.raises(BadInput, match=told) as error:
        finished.comparable(["one", "two"])
    assert "\n" not in str(error.value)


def test_names_that_are_no_runs_are_refused(outputs):
    write_run(outputs, "one")
    write_run(outputs, "two", place="report")
    with pytest.raises(BadInput, match="there is no run 'three'; there are one, two"):
        finished.comparable(["one", "three"])
    for names in ([], ["one", "one"], ["../one"], "one", [1]):
        with pytest.raises(BadInput, match=r"runs is .*; wanted: a list of different runs' names"):
            finished.comparable(names)


def test_codecs_that_give_other_pixels_are_not_compared(outputs):
    for name in ("one", "two"):
        record = json.loads((write_run(outputs, name) / "run.json").read_text())
        record["stages"]["03_compression"]["codec"] = {"fingerprint": name, "library": "any"}
        (outputs / "runs" / name / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match="JPEG codecs that give other pixels: run 'one' with any"):
        finished.comparable(["one", "two"])


def test_predictions_that_are_not_whole_are_refused(outputs):
    path = write_run(outputs, "one")
    (path / "predictions/03_compression/00001.parquet").unlink()
    with pytest.raises(BadInput, match=r"predictions of run 'one' are not whole: JPG.* has 60 of 100 images"):
        finished.find("one").predictions()
    path = write_run(outputs, "two", place="report")
    (path / "predictions/03_compression.parquet").unlink()
    with pytest.raises(BadInput, match="03_compression cannot be read"):
        finished.find("two").predictions()


def test_a_comparison_is_no_run_to_compare(outputs):
    write_run(outputs, "one")
    entry = {"parameters": {"runs": ["one", "two"]}, "complete": True}
    (outputs / "runs" / "both").mkdir(parents=True)
    (outputs / "runs" / "both" / "run.json").write_text(json.dumps({"run": "both", "stages": {"07_networks": entry}}))
    assert finished.all_names() == ["one"]
    with pytest.raises(BadInput, match="'both' is a comparison of runs; name the runs: one, two"):
        finished.comparable(["one", "both"])
