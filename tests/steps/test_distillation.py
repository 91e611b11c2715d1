"""Feature Distillation on ten tiny images in three shards."""

import numpy as np
import pytest
import torch

from jpegstudy import attacks, modifications, steps
from jpegstudy.errors import BadInput
from jpegstudy.modifications import parse
from jpegstudy.steps import distillation, protocols
from jpegstudy.transforms import FeatureDistillation
from jpegstudy.transforms import distillation_tables as tables
from tests.conftest import studied, write_image

STAGE = "08_feature_distillation"
SWEEP = {"images": 5, "epsilon": 2, "bands": [6, 15], "sensitive": [1, 50], "others": [40]}
GIVEN = {
    "defenses": ["JPG", "FD", "FD8"], "epsilons": [1, 4], "shifted": ["FD8"], "sweep": SWEEP,
    "attackers": {"images": 3, "epsilons": [1, 1.5, 2]}, "seed": 3, "batch_size": 3, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def this(tmp_path_factory):
    """A run with its predictions of 08, which tests only look at."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("distilled")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        for number in range(10):
            write_image(folder / "set" / "abcd"[number % 4] / f"{number}.png", seed=number)
        run = studied(folder / "set")
        steps.distill(run.stage(STAGE, **GIVEN))
        yield run


def test_each_part_takes_its_images(this):
    counts = this.predictions(STAGE).groupby("modification").image.nunique()
    assert (counts[this.entry(STAGE)["modifications"]["protocols"]] == 10).all()
    assert (counts[["FD-6:1:40(x)", "FD-15:1:40(Adv2(FD-15:1:40(x)))"]] == 5).all()
    assert (counts[["FD(DCT2{FD}(FD(x)))", "FD8(PGD1{FD8}(FD8(x)))"]] == 3).all()
    assert "FD-6:50:40(x)" not in counts  # S1 above S2 is another order of bands
    assert not this.predictions(STAGE).duplicated(["image", "modification"]).any()


def test_two_passes_attack_what_the_first_pass_made(this):
    network = steps.load_network(this, "cpu")
    numbers = this.image_numbers()
    x = torch.from_numpy(this.look_up(numbers)[0])
    base = FeatureDistillation()(x)
    sign = attacks.gradient_sign(network, base)
    wanted = FeatureDistillation()((base + 4 * sign).clamp(0, 255))
    predicted = network.probabilities(wanted).argmax(dim=1)
    table = this.predictions(STAGE)
    found = table[table.modification == "FD(Adv4(FD(x)))"].set_index("image").predicted
    assert found[numbers].tolist() == predicted.tolist()


def test_one_pass_is_what_the_run_held_already(this):
    now, before = this.predictions(STAGE), this.predictions()
    for name in ("x", "Adv1(x)", "JPG(x)", "JPG(Adv1(x))"):
        one, two = (table[table.modification == name].set_index("image") for table in (now, before))
        np.testing.assert_allclose(one.top_label_probability, two.top_label_probability, atol=1e-6)
        assert one.predicted.tolist() == two.predicted.tolist()


def test_below_the_certificate_nobody_changes_an_answer(this):
    """But for blocks that were clipped; none of these images has many."""
    table = this.predictions(STAGE).set_index(["modification", "image"]).top_label_probability
    for name in ("FD(PGD1.5{FD}(FD(x)))", "FD(DCT1.5{FD}(FD(x)))", "FD(DCT1{FD}(FD(x)))"):
        np.testing.assert_allclose(table[name], table["FD(FD(x))"][:3], atol=0.05)


def test_the_bands_are_ranked_on_images_outside_of_the_sweep(this):
    ranking = this.entry(STAGE)["ranking"]
    assert sorted(ranking) == list(range(64))
    assert ranking[0] == 0  # the mean's band varies most in any photograph
    images = torch.from_numpy(this.look_up(this.image_numbers()[5:])[0])
    assert ranking == tables.rank_bands(tables.deviations([images])).tolist()


def test_a_second_call_does_nothing_again(this):
    before = {path: path.stat().st_mtime_ns for path in (this.path / "predictions" / STAGE).iterdir()}
    steps.distill(this.stage(STAGE, **GIVEN))
    assert before == {path: path.stat().st_mtime_ns for path in (this.path / "predictions" / STAGE).iterdir()}


def test_batches_do_not_change_predictions(this):
    network = steps.load_network(this, "cpu")
    numbers = this.image_numbers()[:4]
    x = torch.from_numpy(this.look_up(numbers)[0])
    wanted = [parse(text) for text in ("FD(Adv2(FD(x)))", "FD8(PGD2{FD8}(FD8(x)))", "FD(DCT2{FD}(FD(x)))")]
    together = protocols.classify(network, wanted, x, seed=1, indices=numbers)
    for place, number in enumerate(numbers):
        alone = protocols.classify(network, wanted, x[place : place + 1], seed=1, indices=[number])
        for one, all_of in zip(alone, together, strict=True):
            torch.testing.assert_close(one, all_of[place : place + 1], rtol=0, atol=1e-5)


def test_images_that_were_let_go_are_made_again(this, monkeypatch):
    network = steps.load_network(this, "cpu")
    numbers = this.image_numbers()[:2]
    x = torch.from_numpy(this.look_up(numbers)[0])
    wanted = distillation.plan_of(GIVEN)
    many = protocols.classify(network, wanted, x, seed=1, indices=numbers)
    monkeypatch.setattr(protocols, "KEPT", 2)
    few = protocols.classify(network, wanted, x, seed=1, indices=numbers)
    assert all(torch.equal(one, other) for one, other in zip(many, few, strict=True))


def test_what_survives_is_measured_by_pass(this):
    stage = this.stage(STAGE, **GIVEN)
    network = steps.load_network(this, "cpu")
    found = steps.measure_survival(stage, network, ["FD(Adv1(FD(x)))", "FD(Adv8(FD(x)))", "FD(Adv1(x))"], images=4)
    assert found["FD(Adv1(FD(x)))"].total_gain < 0.05
    assert 0.3 < found["FD(Adv8(FD(x)))"].total_gain < 1.2
    assert found["FD(Adv1(x))"].total_energy > 1
    assert {survival.images for survival in found.values()} == {4}
    with pytest.raises(BadInput, match=r"FD\(x\) is no transform of an attack"):
        steps.measure_survival(stage, network, ["FD(x)"])


def test_blocks_that_move_below_the_certificate_are_clipped_ones(this):
    stage = this.stage(STAGE, **GIVEN)
    network = steps.load_network(this, "cpu")
    names = ["FD(Adv1.5(FD(x)))", "FD8(Adv1(FD8(x)))", "FD(Adv6(FD(x)))"]
    counts = steps.count_moved_blocks(stage, network, names, images=10)
    assert counts[names[0]]["blocks"] == 10 * 3 * 9
    for name in names[:2]:
        assert counts[name]["moved"] == counts[name]["moved clipped"]
    assert counts[names[2]]["moved"] > counts[names[2]]["moved clipped"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"defenses": ["FDD"]}, "there is no transform 'FDD'; nearest: FD"),
        ({"defenses": ["Adv1"]}, "'Adv1' is an attack; wanted a transform"),
        ({"shifted": ["JPG"]}, "JPG has no grid to shift"),
        ({"sweep": {**SWEEP, "images": 11}}, "sweep wants 11 images; run 'test' has 10"),
        ({"sweep": {**SWEEP, "others": [256]}}, "sweep is .*; wanted: a mapping such as"),
        ({"sweep": {"images": 3}}, "sweep is .*; wanted: a mapping such as"),
        ({"attackers": {"images": 3, "epsilons": [0]}}, "attackers is .*; wanted: a mapping such as"),
        ({"attackers": {"images": 30, "epsilons": [1]}}, "attackers wants 30 images"),
    ],
)
def test_wrong_parameters_are_refused(outputs, folder, changes, told):
    run = studied(folder)
    with pytest.raises(BadInput, match=told):
        steps.distill(run.stage(STAGE, **{**GIVEN, **changes}))
    assert not run.entry(STAGE)


def test_too_few_images_to_rank_bands_are_refused(outputs, folder):
    for number in range(1, 10):
        (folder / "abcd"[number % 4] / f"{number}.png").unlink()
    run = studied(folder)
    with pytest.raises(BadInput, match="27 blocks of 8 x 8 to calibrate with"):
        steps.distill(run.stage(STAGE, **{**GIVEN, "sweep": {}, "attackers": {}}))


def test_attacks_against_another_network_are_not_made_here(this):
    network = steps.load_network(this, "cpu")
    x = torch.from_numpy(this.look_up(this.image_numbers()[:1])[0])
    with pytest.raises(BadInput, match="is made against another network"):
        protocols.Shared(network, x).image(modifications.parse("Adv1[other](x)"))
