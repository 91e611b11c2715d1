"""Attackers of defended networks, on ten tiny images in three shards."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import modifications, statistics, steps
from jpegstudy.errors import BadInput
from jpegstudy.modifications import parse
from jpegstudy.run import Stage
from jpegstudy.steps import attack_plan, attacked, checks, making
from jpegstudy.transforms import find
from tests.conftest import studied, write_image

STAGE = "09_adaptive_attacks"
GIVEN = {
    "defenses": ["JPG", "JPG50", "FD", "SLQ", "RRP", "GAUSS1"], "twice": ["JPG", "FD"],
    "attacks": ["Adv2", "PGD2", "DCT2"], "protocols": ["oblivious", "knowing"], "crossed": ["JPG", "JPG50"],
    "unrounded": ["DF"], "images": 7, "dormant": {"epsilon": 2, "aimed": [75], "qualities": [90, 30]},
    "effort": {"steps": 2, "restarts": 1, "draws": 2, "queries": 5, "searches": 2, "search_steps": 3},
    "seed": 3, "batch_size": 2, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def this(tmp_path_factory):
    """A run with its predictions of 09, which tests only look at."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("defended")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        for number in range(10):
            write_image(folder / "set" / "abcd"[number % 4] / f"{number}.png", seed=number)
        run = studied(folder / "set")
        steps.defend(run.stage(STAGE, **GIVEN))
        yield run


def predicted(run, name, reading=None):
    table = run.predictions(STAGE)
    same = table.reading.isna() if reading is None else table.reading == reading
    return table[(table.modification == name) & same].set_index("image")


def test_every_row_of_the_plan_is_measured_on_the_first_images(this):
    table = this.predictions(STAGE)
    counts = table[table.reading.isna()].groupby("modification").image.nunique()
    assert set(counts.index) == set(this.entry(STAGE)["modifications"])
    assert (counts == 7).all()
    assert not table.duplicated(["image", "modification", "reading"]).any()
    for name in ("FD(DCT2{FD}(FD(x)))", "JPG(PGD2{JPG50}(x))", "JPG30(DORM2{JPG}(x))", "SLQ(PGD2{SLQ}(x))", "RRP(x)"):
        assert name in counts
    assert "DCT2(x)" not in counts  # it aims at a table
    assert "DCT2{FD}(x)" not in counts  # that the image went through


def test_rows_are_the_defense_of_the_images_that_are_kept(this):
    network = steps.load_network(this, "cpu")
    for name, transform in (("PGD2{JPG}(x)", "JPG"), ("PGD2{FD}(FD(x))", "FD"), ("PGD2(x)", "JPG50")):
        stored = [torch.from_numpy(np.array(attacked.images(this, parse(name), None, s))) for s in this.shards[:2]]
        answers = network.probabilities(find(transform)(torch.cat(stored)))
        found = predicted(this, f"{transform}({name})")
        assert found.predicted.tolist()[: len(answers)] == answers.argmax(dim=1).tolist()
    assert attacked.images(this, parse("PGD2{FD}(FD(x))"), None, 0).dtype == np.float32
    assert attacked.images(this, parse("PGD2{JPG}(JPG(x))"), None, 0).dtype == np.uint8


def test_measures_are_of_what_was_changed(this):
    x = torch.from_numpy(this.look_up(this.image_numbers()[:7])[0]).double()
    jpg = modifications.transform("JPG")(x.to(torch.uint8)).double()
    mean = (jpg - x).square().flatten(1).mean(dim=1).numpy()
    np.testing.assert_allclose(predicted(this, "JPG(x)").psnr, 10 * np.log10(255**2 / mean))
    bits = modifications.transform("JPG").bits(x.to(torch.uint8))
    assert predicted(this, "JPG(x)").bits.tolist() == bits.tolist()
    assert (predicted(this, "PGD2{JPG}(x)").linf <= 2).all()
    assert predicted(this, "JPG(PGD2{JPG}(x))").linf.isna().all()  # what both did together is neither's
    assert predicted(this, "RRP(x)").psnr.isna().all()  # of another size


def test_rounding_stands_beside_what_was_rounded(this):
    before, after = predicted(this, "DF(x)", "unrounded"), predicted(this, "DF(x)", "rounded")
    stored = [attacked.images(this, parse("DF(x)"), "unrounded", shard) for shard in this.shards[:2]]
    assert all(part.dtype == np.float32 for part in stored)
    whole = np.concatenate(stored) % 1 == 0
    assert not whole.all()
    assert (after.l2 != before.l2).any()
    assert len(predicted(this, "JPG(DF(x))", "rounded")) == 7


def test_a_run_goes_on_where_it_stopped_and_makes_the_same(this):
    stage = this.stage(STAGE, **GIVEN)
    before = stage.last_file(1).read_bytes()
    kept = attacked.folder(this, parse("PGD2{SLQ}(x)")) / "00001.npy"
    images = np.load(kept)
    kept.unlink()
    stage.last_file(1).unlink()
    steps.defend(this.stage(STAGE, **GIVEN))
    assert (np.load(kept) == images).all()
    assert stage.last_file(1).read_bytes() == before


def test_curves_tell_how_the_attack_went(this):
    curves = attacked.attack_curves(this, "PGD2(x)")
    assert len(curves) == 7
    assert {len(curve) for curve in curves.curve} == {3}
    for row in curves.itertuples():
        assert row.success == (row.curve[row.step] < 0)


def test_dormant_images_that_count_are_right_as_they_are_and_wrong_once_they_were_saved(this):
    network = steps.load_network(this, "cpu")
    curves = attacked.attack_curves(this, "DORM2{JPG}(x)").set_index("image")
    numbers = this.image_numbers()[:7]
    labels = attacked.labels_of(this, numbers)
    stored = [attacked.images(this, parse("DORM2{JPG}(x)"), None, shard) for shard in this.shards[:2]]
    images = torch.from_numpy(np.concatenate(stored))
    right = network.probabilities(images).argmax(dim=1) == labels
    wrong = network.probabilities(find("JPG")(images)).argmax(dim=1) != labels
    assert curves.loc[numbers].success.tolist() == (right & wrong).tolist()
    assert (right != wrong).any()  # the two answers can be told apart on these images
    assert curves.success.any()


def test_checks_are_made_once_for_each_defense(this, monkeypatch):
    given = {**GIVEN, "masking": {"defenses": ["JPG", "SLQ"], "images": 3, "epsilon": 2}, "twice": []}
    stage = Stage(this, STAGE, given)
    outcomes, slopes = steps.check_masking(stage)
    counts = outcomes.groupby(["defense", "trial"]).image.nunique()
    assert (counts == 3).all()
    assert set(slopes.defense) == {"none", "JPG", "SLQ"}
    judged = statistics.judge_masking(outcomes, chance=0.25, diagnostics=slopes)
    assert set(judged.defense) == {"JPG", "SLQ"}
    monkeypatch.setattr(checks, "in_batches", None)  # what is there is not made again
    again, _ = steps.check_masking(stage)
    pd.testing.assert_frame_equal(again, outcomes)
    with pytest.raises(BadInput, match="masking wants 30 images; run 'test' has 10"):
        steps.check_masking(Stage(this, STAGE, {**given, "masking": {**given["masking"], "images": 30}}))


def test_a_defense_of_two_passes_is_checked_in_both_and_attacked_from_the_defended_image(this):
    given = {**GIVEN, "masking": {"defenses": ["FD"], "images": 3, "epsilon": 2}, "twice": ["FD"]}
    stage = Stage(this, STAGE, given)
    outcomes, slopes = steps.check_masking(stage)
    assert list(dict.fromkeys(outcomes.defense)) == ["FD", "FD, two passes"]
    assert list(dict.fromkeys(slopes.defense)) == ["none", "FD", "FD, two passes"]
    table = outcomes[outcomes.defense == "FD, two passes"].set_index(["trial", "image"])
    numbers = this.image_numbers()[:3]
    defended = find("FD8")(torch.from_numpy(this.look_up(numbers)[0]))
    network = steps.load_network(this, "cpu")
    right = network.probabilities(find("FD")(defended)).argmax(dim=1) == attacked.labels_of(this, numbers)
    assert table.loc["none"].loc[numbers].right.tolist() == right.tolist()
    assert table.loc["none"].linf.max() == 0  # the defended image is what the attacker starts from
    assert (table.loc["noise"].linf <= 2).all()


def test_names_that_no_file_can_have_are_kept_apart(this):
    names = [attacked.folder(this, parse(f"PGD2{{{text}}}(x)")).name for text in ("a.b:c", "a.b:d", "QUILT[a/b]")]
    assert len(set(names)) == 3
    assert not set("".join(names)) & set(":/[]")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attacks": ["PDG2"]}, "there is no transform 'PDG2'.*of attacks the nearest: PGD"),
        ({"attacks": ["JPG"]}, "'JPG' is no attack by itself"),
        ({"attacks": ["PGD2{JPG}"]}, "'PGD2{JPG}' is no attack by itself"),
        ({"defenses": ["JPEG"]}, "there is no transform 'JPEG'"),
        ({"twice": ["MED"]}, "twice names MED, which is not among the defenses"),
        ({"defenses": ["RRP"], "twice": ["RRP"]}, "RRP changes the image's size"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_one_line(given, message):
    base = {"twice": [], "crossed": [], "dormant": {}, "unrounded": []}
    with pytest.raises(BadInput, match=message) as caught:
        attack_plan.plan_of({**GIVEN, **base, **given})
    assert "\n" not in str(caught.value)


def test_more_images_than_there_are_are_refused(this):
    with pytest.raises(BadInput, match="images is 11; run 'test' has 10, wanted at most that"):
        steps.defend(Stage(this, STAGE, {**GIVEN, "images": 11}))


@pytest.mark.parametrize(("text", "message"), [("DCT2{JPG}", "aims at a table"), ("Adv2[other]", "another network")])
def test_attacks_that_cannot_be_made_say_why(this, text, message):
    network = steps.load_network(this, "cpu")
    x = torch.from_numpy(this.look_up([0])[0])
    labels = network.probabilities(x).argmax(dim=1)
    with pytest.raises(BadInput, match=message):
        making.make(network, parse(f"{text}(x)").attack, x, labels, seed=0, indices=[0])


def test_an_attack_that_leaves_its_epsilon_is_named(this, monkeypatch):
    network = steps.load_network(this, "cpu")
    x = torch.from_numpy(this.look_up([4])[0])
    labels = network.probabilities(x).argmax(dim=1)
    real = making.attacks.ATTACKS["BIM"]

    def too_far(*args, epsilon, **settings):
        return real(*args, epsilon=epsilon + 3, **settings)

    monkeypatch.setitem(making.attacks.ATTACKS, "BIM", too_far)
    with pytest.raises(BadInput, match="image 4 changed by 5 grey levels; wanted at most 2"):
        making.make(network, parse("BIM2(x)").attack, x, labels, seed=0, indices=[4])


@pytest.mark.parametrize("text", ["foolbox:LinfFastGradientAttack:2", "foolbox:L2FastGradientAttack:l2-60"])
def test_attacks_of_other_libraries_are_made_by_their_name(this, text):
    network = steps.load_network(this, "cpu")
    numbers = this.image_numbers()[:3]
    x = torch.from_numpy(this.look_up(numbers)[0])
    labels = network.probabilities(x).argmax(dim=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foolbox imports warns of its own future
        made = making.make(network, parse(f"{text}{{JPG}}(x)").attack, x, labels, seed=0, indices=numbers).images
    assert made.dtype == torch.uint8
    assert (made != x).any()
    change = made.double() - x.double()
    limits = {"linf": (change.abs().amax(), 2), "l2": (change.flatten(1).norm(dim=1).max(), 60)}
    largest, limit = limits["l2" if "l2-" in text else "linf"]
    assert largest <= limit
