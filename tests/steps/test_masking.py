"""The trials and the gradients that the checks for hidden gradients need, on defenses that are honest and that hide."""

from dataclasses import dataclass

import pandas as pd
import pytest
import torch

from jpegstudy import statistics
from jpegstudy.attacks import contract, iterated
from jpegstudy.errors import BadInput
from jpegstudy.steps import knowing, masking
from jpegstudy.transforms import Gaussian, Jpeg, JpegNoise
from tests.attacks.small_networks import pictures, small_network

CHANCE = 0.1
SETTINGS = {"epsilon": 4, "steps": 8, "queries": 40, "seed": 5}
DETERMINISTIC = {
    "none", "noise", "transfer", "single step", "half", "as given", "double", "large", "twice the steps",
    "three restarts", "square", "undefended",
}  # fmt: skip


@dataclass(frozen=True)
class Hiding:
    """Grey levels to the middle of their sixteenth, rounding taken as it is: the gradient is zero everywhere."""

    name = "HIDE"
    settings = ""
    differentiable = True
    stochastic = False

    def __call__(self, images, *, seed=None, indices=None):
        return images // 16 * 16 + 8

    def smooth(self, images, *, seed=None, indices=None):
        return images * 0


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Images this small gain nothing from a second thread, and sums are then the same in every batch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tried(defense, count=20, **settings):
    images, _ = pictures(count)
    judge = knowing.judge(small_network(), defense, seed=9)
    labels = contract.answer(judge, images, range(count), 0).argmax(dim=1)
    return masking.outcomes(
        small_network(), defense, images, labels, numbers=range(100, 100 + count), **SETTINGS | settings
    )


@pytest.fixture(scope="module")
def blurred():
    return tried(Gaussian(0.5))


def rights(table):
    return table.groupby("trial")["right"].sum()


def told(defense, table, **options):
    judged = statistics.judge_masking(table, chance=CHANCE, **options)
    return judged.set_index("check")["held"].rename(lambda check: check.partition(" ")[0] if check[0] != "6" else check)


def test_every_trial_is_made_of_every_image_within_its_epsilon(blurred):
    assert list(blurred.columns) == ["defense", "trial", "image", "right", "linf"]
    assert blurred["right"].dtype == bool
    assert set(blurred["trial"]) == DETERMINISTIC
    assert set(blurred["defense"]) == {"GAUSS0.5"}
    assert (blurred.groupby("trial")["image"].apply(sorted).map(tuple) == tuple(range(100, 120))).all()
    sizes = blurred.groupby("trial")["linf"].max()
    expected = {"none": 0, "half": 2, "double": 8, "large": 64}
    assert all(sizes[trial] <= expected.get(trial, 4) for trial in DETERMINISTIC)
    assert sizes["noise"] == 4
    assert sizes["large"] > 8


def test_an_honest_defense_passes_every_check(blurred):
    images, labels = pictures(20)
    gradients = masking.diagnostics(small_network(), Gaussian(0.5), images, labels, numbers=range(20), seed=0)
    held = told("GAUSS0.5", blurred, diagnostics=gradients)
    assert not [check for check, value in held.items() if value is False]
    assert held.drop(["8", "10", "11"]).all()
    assert rights(blurred)["none"] == 20
    assert rights(blurred)["as given"] < 20


def test_a_defense_that_hides_its_gradient_fails():
    table = tried(Hiding(), 30)
    images, labels = pictures(30)
    gradients = masking.diagnostics(small_network(), Hiding(), images, labels, numbers=range(30), seed=0)
    assert (gradients["zeros"] == 1).all()
    assert (gradients[["fine", "coarse", "predicted"]] == 0).all(axis=None)
    held = told("HIDE", table, diagnostics=gradients)
    assert not held[["3", "6 knowing breaks what transfer breaks", "12", "13"]].any()
    assert rights(table)["transfer"] < rights(table)["as given"]
    assert rights(table)["single step"] == rights(table)["none"]  # there is no sign to step along
    assert held["9"]  # the attack is not what is wrong


def test_the_same_quantizer_taken_straight_through_hides_nothing():
    @dataclass(frozen=True)
    class Open(Hiding):
        differentiable = False

    table = tried(Open(), 30)
    held = told("HIDE", table)
    assert held[["3", "6 knowing breaks what transfer breaks"]].all()


@pytest.mark.parametrize("defense", [Jpeg(50), JpegNoise(50)], ids=["JPEG", "JPEG noise"])
def test_batches_change_nothing(defense):
    images, labels = pictures(6)
    settings = {"epsilon": 3, "steps": 3, "queries": 8, "seed": 1, "draws": 2 if defense.stochastic else 1}
    told = {"seed": 1, "draws": settings["draws"], "directions": 2}
    numbers = torch.arange(40, 46)
    whole = masking.outcomes(small_network(), defense, images, labels, numbers=numbers, **settings)
    slopes = masking.diagnostics(small_network(), defense, images, labels, numbers=numbers, **told)
    parts, parts_of_slopes = [], []
    for part in (slice(0, 1), slice(1, 6)):
        given = (small_network(), defense, images[part], labels[part])
        parts.append(masking.outcomes(*given, numbers=numbers[part], **settings))
        parts_of_slopes.append(masking.diagnostics(*given, numbers=numbers[part], **told))
    together = pd.concat(parts).set_index(["trial", "image"]).loc[list(zip(whole.trial, whole.image, strict=True))]
    pd.testing.assert_frame_equal(together.reset_index()[list(whole.columns)], whole)
    # float32 sums of the network may differ in their last bits, and differences of losses lose digits
    pd.testing.assert_frame_equal(pd.concat(parts_of_slopes, ignore_index=True), slopes, rtol=1e-3, atol=1e-4)


def test_a_random_defense_is_tried_frozen_and_by_draws_its_attacker_did_not_know():
    table = tried(JpegNoise(20), 10, draws=2, steps=4)
    assert set(table["trial"]) == DETERMINISTIC | {"frozen"}
    again, other = tried(JpegNoise(20), 10, draws=2, steps=4), tried(JpegNoise(20), 10, draws=2, steps=4, seed=6)
    pd.testing.assert_frame_equal(table, again)
    assert not table.equals(other)
    images, _ = pictures(4)
    network = small_network()
    real, own = (ask(network, JpegNoise(20), seed=5) for ask in (knowing.judge, knowing.rehearsal))
    stand_in = knowing.stand_in(network, JpegNoise(20), seed=5)
    chance = {"indices": range(4), "draw": 0}
    assert not torch.equal(real(images, **chance), own(images, **chance))
    torch.testing.assert_close(stand_in(images.float(), **chance), own(images, **chance))  # frozen, they agree
    frozen = masking._Frozen(own)
    assert torch.equal(frozen(images, indices=range(4), draw=3), own(images, **chance))
    mean = masking._Mean(own, 2)(images, indices=range(4), draw=1)
    torch.testing.assert_close(mean, sum(own(images, indices=range(4), draw=draw) for draw in (2, 3)) / 2)


def test_images_that_fall_early_spare_steps_and_change_no_verdict():
    images, labels = pictures(20)
    judge, known = (ask(small_network(), Jpeg(50), seed=5) for ask in (knowing.judge, knowing.stand_in))
    settings = {"epsilon": 2, "steps": 8, "restarts": 2, "judge": judge, "seed": 5, "indices": torch.arange(20).numpy()}
    whole = iterated.pgd(known, images, labels, **settings).images
    asked = []

    def counting(x):
        asked.append(len(x))
        return known(x)

    spared = masking._until_misled(counting, images, labels, **settings)
    fallen, expected = ((judge(found).argmax(dim=1) != labels) for found in (spared, whole))
    assert torch.equal(fallen, expected)
    assert 0 < fallen.sum() < 20
    assert asked[:2] == [20, 20]
    assert asked[2] < 20


def test_noise_is_of_epsilon_in_either_direction():
    images, _ = pictures(3)
    change = masking._noise(images, 4, seed=0, indices=range(3)).int() - images.int()
    assert set(change.unique().tolist()) == {-4, 4}
    assert abs(change.float().mean()) < 0.5  # 2304 signs: the deviation of their mean is 4 / 48
    black = masking._noise(torch.zeros_like(images), 4, seed=0, indices=range(3))
    assert set(black.unique().tolist()) == {0, 4}


def test_the_bare_networks_gradient_tells_its_slope():
    images, labels = pictures(8)
    found = masking.diagnostics(small_network(), None, images, labels, numbers=range(8), seed=0, reach=1)
    assert set(found["defense"]) == {"none"}
    assert (found[["fine", "coarse"]] > 0.9).all(axis=None)
    assert (found["measured"] > 0).all()
    assert len(found) == 8


def test_the_directions_are_constant_within_cells():
    images, _ = pictures(2)
    signs = masking._cells(images, 3, range(2), 0)
    assert signs.shape == (2, 3, 3, 16, 16)
    assert set(signs.unique().tolist()) == {-1, 1}
    assert torch.equal(signs[..., ::2, ::2], signs[..., 1::2, 1::2])  # cells of two pixels
    assert not torch.equal(signs[0], signs[1])
    assert masking._cells(images[:, :, :5, :11], 1, range(2), 0).shape == (2, 1, 3, 5, 11)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epsilon": 0}, "epsilon is 0; wanted a whole number of grey levels from 1 to 32"),
        ({"epsilon": 1.5}, "epsilon is 1.5"),
        ({"epsilon": 33}, "epsilon is 33"),
        ({"epsilon": True}, "epsilon is True"),
        ({"draws": 0}, "draws is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"queries": 0}, "queries is 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, message):
    with pytest.raises(BadInput, match=message):
        tried(Gaussian(1), 2, **wrong)
    images, labels = pictures(1)
    with pytest.raises(BadInput, match=r"images are torch\.float32"):
        masking.outcomes(small_network(), Gaussian(1), images.float(), labels, numbers=[0], **SETTINGS)
    with pytest.raises(BadInput, match="directions is 0"):
        masking.diagnostics(small_network(), None, images, labels, numbers=[0], seed=0, directions=0)
