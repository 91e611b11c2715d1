"""Perturbations of one run classified by another run's network, on ten tiny images."""

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import attacks, figures, finished, headline, modifications, statistics, steps
from jpegstudy.errors import BadInput
from jpegstudy.run import Run
from jpegstudy.statistics import network_words
from tests.conftest import STAGE_01, STAGES, tiny_network, write_image
from tests.steps.test_steps import STEPS, run_all


def other_network(weights=None):
    """Another factory: the tiny network with weights of its own."""
    network = tiny_network()
    torch.manual_seed(5)
    for parameter in network.parameters():
        parameter.data = torch.randn_like(parameter) * parameter.std()
    return network


OTHER = "tests.steps.test_transfer:other_network"


def target_of(source_run, folder, name="target", **changes):
    """A run of the other network with the perturbations of ``source_run``, all stages."""
    run = Run(name)
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, "network": OTHER, **changes}))
    for stage, step in STEPS.items():
        given = {**STAGES[stage], "source_run": source_run} if stage == "02_attack" else STAGES[stage]
        step(run.stage(stage, **given))
    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the source run, the target run, the folder of images), which tests only look at."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("transfer")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(place / "outputs"))
        for number in range(10):
            write_image(place / "set" / "abcd"[number % 4] / f"{number}.png", seed=number)
        source = run_all("source", place / "set")
        yield source, target_of("source", place / "set"), place / "set"


def test_names_say_the_network_that_a_perturbation_was_made_against(made):
    _, target, _ = made
    names = list(dict.fromkeys(target.predictions().modification))
    attacked = [f"Adv{epsilon}[tiny_network](x)" for epsilon in (1, 5)]
    expected = ["x", *attacked, *(f"{jpg}({f})" for jpg in ("JPG", "JPG30") for f in ("x", *attacked))]
    assert names == [*expected, *(f"JPGnoise({f})" for f in attacked)]
    assert list(statistics.table1(target.predictions(), resamples=20).modification)[:4] == [
        "x", "JPG(x)", "JPG30(x)", attacked[0],
    ]  # fmt: skip


def test_predictions_are_the_targets_on_the_sources_images(made):
    source, target, _ = made
    network = steps.load_network(target, "cpu")
    numbers = target.image_numbers()
    x, sign = map(torch.from_numpy, source.look_up(numbers))
    top_label = network.probabilities(x).argmax(dim=1)
    found = target.predictions()
    for text, images in {
        "x": x,
        "Adv5[tiny_network](x)": attacks.perturb(x, sign, epsilon=5),
        "JPG30(Adv5[tiny_network](x))": modifications.apply(source, "JPG30(Adv5(x))", numbers),
        "JPGnoise(Adv1[tiny_network](x))": modifications.apply(source, "JPGnoise(Adv1(x))", numbers),
    }.items():
        p = network.probabilities(images)
        rows = found[found.modification == text].sort_values("image")
        assert rows.top_label.tolist() == top_label.tolist()
        np.testing.assert_allclose(rows.top_label_probability, p[range(10), top_label], atol=1e-6)
        np.testing.assert_array_equal(rows.predicted, p.argmax(dim=1))
    assert not torch.equal(sign, attacks.gradient_sign(network, x))  # else it could as well be the network's own


def test_the_run_records_its_source_and_needs_it_no_more(made):
    source, target, _ = made
    entry = target.entry("02_attack")
    assert entry["source"] == {
        "run": "source",
        "network": "tiny_network",
        "weights_hash": source.entry("01_preprocessing")["network"]["weights_hash"],
    }
    assert entry["parameters"]["source_run"] == "source"
    for shard in target.shards:
        np.testing.assert_array_equal(target.gradient_sign(shard), source.gradient_sign(shard))
    numbers = target.image_numbers()[:3]
    again = modifications.apply(target, "Adv1[tiny_network](x)", numbers)
    assert torch.equal(again, modifications.apply(source, "Adv1(x)", numbers))


def test_shards_of_another_size_hold_the_same(made, tmp_path, monkeypatch):
    _, target, folder = made
    other = target_of("source", folder, "in-shards-of-3", shard_size=3)
    pd.testing.assert_frame_equal(
        *(run.predictions().sort_values(["modification", "image"], ignore_index=True) for run in (target, other)),
        atol=1e-5,
    )


def test_a_run_without_a_source_is_what_it_was(made):
    source, _, _ = made
    assert "source" not in source.entry("02_attack")
    assert "Adv1(x)" in set(source.predictions().modification)


def test_what_follows_copes_with_the_names(made, tmp_path):
    _, target, _ = made
    predictions = target.predictions()
    differences = statistics.paired_differences(predictions, resamples=20)
    claims = statistics.judge_claims(differences)
    assert "JPG(Adv1[tiny_network](x))" in set(claims.modification)
    assert len(claims) == 6  # those of epsilon 1 and 5
    assert statistics.example_names(predictions) == (1, "JPG", "JPGnoise")
    assert statistics.attacked_name(predictions, 5) == "Adv5[tiny_network](x)"
    assert statistics.telling_image(predictions, epsilon=1) in target.image_numbers()
    scatter = statistics.scatter_pairs(predictions, epsilon=1)
    assert scatter.second.tolist()[1] == "JPG(Adv1[tiny_network](x))"
    assert set(statistics.recovery(predictions, resamples=20).modification) >= {"JPG30(Adv5[tiny_network](x))"}
    curves = statistics.curves(predictions, resamples=20)
    for figure in (
        figures.top_label_scatter(predictions),
        figures.top_label_boxes(predictions),
        figures.accuracy_curves(curves),
        figures.recovery_curves(curves),
        figures.table1_bars(statistics.table1(predictions, resamples=20)),
        figures.confident_errors(statistics.confident_errors(predictions, resamples=20)),
    ):
        figure.savefig(tmp_path / "figure.png")
    statistics.table1(predictions, resamples=20).to_csv(tmp_path / "table1.csv", index=False)
    _, rates = headline.rates(tmp_path)
    assert [name for name, *_ in rates] == ["x", "Adv1[tiny_network](x)", "JPG(Adv1[tiny_network](x))"]


def test_two_attacks_in_one_table_must_be_chosen_from(made):
    source, target, _ = made
    both = pd.concat([source.predictions(), target.predictions()]).drop_duplicates(["modification", "image"])
    both["network"] = "one"
    with pytest.raises(BadInput, match=r"hold the attacks Adv, Adv\[tiny_network\]; choose one"):
        statistics.scatter_pairs(both, epsilon=1)
    assert len(statistics.scatter_pairs(both, epsilon=1, attack="Adv[tiny_network]")) == 5
    with pytest.raises(BadInput, match=r"hold Adv1\(x\), Adv1\[tiny_network\]\(x\) at epsilon 1; wanted one"):
        statistics.attacked_name(both, 1)


# what is refused


def attacked_by(source_run, folder, name="refused", **changes):
    run = Run(name)
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, **changes}))
    steps.attack(run.stage("02_attack", **STAGES["02_attack"], source_run=source_run))


@pytest.mark.parametrize(
    ("source_run", "changes", "told"),
    [
        ("nothing", {}, "source_run 'nothing' has no finished 02_attack; run its study first"),
        ("refused", {}, "source_run 'refused' is the run itself"),
        ("target", {}, "source_run 'target' has its perturbations from run 'source'; name that one"),
        ("source", {"preprocessing": {"crop": 20}}, "has images of 24 pixels and run 'refused' of 20;"),
        ("source", {"image_count": 8}, "was made of another image list than run 'refused'"),
        ("source", {"shortest_side": 40}, "image 0 of source_run 'source' is not that of run 'refused'"),
        ("../source", {}, "source_run is '../source'; wanted: the name of a run"),
    ],
)
def test_a_source_that_does_not_fit_is_one_line_and_leaves_nothing(made, source_run, changes, told):
    _, _, folder = made
    name = "refused"
    with pytest.raises(BadInput, match=told) as error:
        attacked_by(source_run, folder, name, **changes)
    assert "\n" not in str(error.value)
    assert not Run(name).entry("02_attack")
    forget(name)


def forget(name):
    import shutil

    shutil.rmtree(Run(name).path)


def test_other_pixels_under_the_same_names_are_found(made):
    """Names, numbers and the recorded hash agree; one value of one image does not."""
    _, _, folder = made
    run = Run("altered")
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    path = run.path / "images/00001.npy"
    images = np.load(path)
    images[2, 0, 5, 5] ^= 1
    np.save(path, images)
    number = run.image_table(1).dropna(subset="file")
    wanted = number.image[number.reason.isna()].tolist()[2]
    with pytest.raises(BadInput, match=f"image {wanted} of source_run 'source' is not that of run 'altered'"):
        steps.attack(run.stage("02_attack", **STAGES["02_attack"], source_run="source"))
    forget("altered")


def test_a_source_known_only_as_published_is_told_so(made):
    source, _, folder = made
    published = source.path.parents[1] / "report/elsewhere"
    published.mkdir(parents=True, exist_ok=True)
    (published / "run.json").write_bytes((source.path / "run.json").read_bytes())
    with pytest.raises(BadInput, match="'elsewhere' is published without its gradient signs"):
        attacked_by("elsewhere", folder)
    forget("refused")


def test_another_source_is_another_parameter_and_runs_of_before_had_none(made):
    source, target, _ = made
    with pytest.raises(BadInput, match="already holds 02_attack with source_run 'source', not ''"):
        target.stage("02_attack", **STAGES["02_attack"], source_run="")
    source.stage("02_attack", **STAGES["02_attack"], source_run="")  # whose record has no such parameter
    with pytest.raises(BadInput, match="source_run '', not 'target'"):
        source.stage("02_attack", **STAGES["02_attack"], source_run="target")


# side by side


@pytest.fixture
def matrix(made):
    """Rates of source by target, of two networks and the one transfer between them."""
    source, _, folder = made
    run_all_of_other("other", folder)
    compared = finished.comparable([source.name, "other"])
    pairs = finished.transfers(compared)
    own = {(run.name, run.name): run.predictions() for run in compared}
    tables = {**own, **{pair: run.predictions() for pair, run in pairs.items()}}
    return pairs, statistics.transfer_rates(tables, epsilon=5)


def run_all_of_other(name, folder):
    run = Run(name)
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **{**STAGE_01, "network": OTHER}))
    for stage, step in STEPS.items():
        step(run.stage(stage, **STAGES[stage]))


def test_transfers_are_found_by_their_weights(made, matrix):
    pairs, rates = matrix
    assert list(pairs) == [("source", "other")]
    assert list(zip(rates.source, rates.target, strict=True)) == [
        ("source", "source"), ("other", "other"), ("source", "other"),
    ]  # fmt: skip
    row = rates.iloc[2]
    found = made[1].predictions().groupby("modification").correct.mean()
    assert row.clean == found["x"]
    assert row.before == found["Adv5[tiny_network](x)"]
    assert row.after == found["JPG(Adv5[tiny_network](x))"]
    assert row.taken == pytest.approx(row.before - row.clean)
    assert row.before_low <= row.before <= row.before_high


def test_a_transfer_is_no_network_to_compare(made):
    with pytest.raises(BadInput, match="run 'target' classifies perturbations made against tiny_network"):
        finished.comparable(["source", "target"])


def test_the_heat_maps_hold_the_numbers_and_leave_the_unmeasured_white(matrix):
    _, rates = matrix
    figure = figures.transfer_map(rates)
    before, after = figure.axes[:2]
    shown = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in after.texts}
    assert shown == {(row, place): f"{rates.after[k]:.2f}" for k, (row, place) in enumerate([(0, 0), (1, 1), (0, 1)])}
    assert len(before.texts) == 3
    assert np.isnan(before.images[0].get_array().filled(np.nan)[1, 0])
    many = pd.concat([rates.iloc[[0]].assign(source=f"n{k}", target=f"n{k}") for k in range(12)], ignore_index=True)
    assert len(figures.transfer_map(many).axes[1].texts) == 12
    table = network_words.transfer(rates)
    assert table.loc[("source", "other"), "n"] == 10


def test_the_words_count_what_transfers():
    row = {"n": 100, "taken": -0.3, "taken_low": -0.4, "taken_high": -0.2, "measure": "top1"}
    row |= {"given_back": 0.1, "given_back_low": 0.05, "given_back_high": 0.15}
    rates = pd.DataFrame([
        {**row, "source": "a", "target": "a"},
        {**row, "source": "a", "target": "b"},
        {**row, "source": "b", "target": "a", "taken": -0.01, "taken_low": -0.1, "taken_high": 0.1,
         "given_back_low": -0.1},
    ])  # fmt: skip
    assert network_words.transferred(rates) == [
        "Made against another network, the perturbation lowers the rate beyond its interval in 1 of 2 pairs, most from "
        "a to b, −0.300 [−0.400, −0.200].",
        "JPEG then raises it beyond its interval in 1 of 2 pairs and lowers it in 0.",
    ]
    assert "-p source_run SOURCE" in network_words.transferred(rates.iloc[:1])[0]
