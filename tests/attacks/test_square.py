import pytest
import torch

from jpegstudy.attacks import square, strength
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import pictures, small_network


class Counting:
    """The network, and how many images it was asked for. It lets no gradient through."""

    def __init__(self):
        self.images = 0

    def __call__(self, images):
        self.images += len(images)
        assert not torch.is_grad_enabled()
        return small_network()(images)


def test_the_best_only_improves_within_budget_and_epsilon():
    images, labels = pictures(8)
    network = Counting()
    found = square.attack(network, images, labels, epsilon=4, queries=60, seed=0, indices=range(8))
    assert found.curve.shape == (8, 61)
    assert (found.curve[:, 2:] <= found.curve[:, 1:-1]).all()
    assert network.images == 8 + int(torch.where(found.success, found.steps, 60).sum())  # those that mislead leave
    strength.check_epsilon(images, found.images, 4, range(8))
    assert torch.equal(found.success, small_network()(found.images).argmax(dim=1) != labels)
    assert found.success.any()
    assert not found.success.all()


def test_queries_help():
    images, labels = pictures(12)
    lowest = [
        square.attack(small_network(), images, labels, epsilon=2, queries=queries, seed=0, indices=range(12))
        for queries in (1, 120)
    ]
    assert lowest[1].success.sum() >= lowest[0].success.sum()
    assert lowest[1].curve[:, -1].mean() < lowest[0].curve[:, -1].mean()


def test_an_image_does_not_depend_on_the_others():
    images, labels = pictures(5)
    settings = {"epsilon": 2, "queries": 40, "seed": 0}
    together = square.attack(small_network(), images, labels, indices=range(5), **settings).images
    for k in range(5):
        alone = square.attack(small_network(), images[k : k + 1], labels[k : k + 1], indices=[k], **settings).images
        assert torch.equal(alone[0], together[k])


def test_the_judge_is_asked_in_the_networks_place():
    images, labels = pictures(2)

    def untouched(_):
        raise AssertionError

    square.attack(untouched, images, labels, epsilon=2, queries=3, judge=small_network(), seed=0, indices=range(2))


def test_the_squares_shrink_with_the_queries():
    sides = [square._side(progress, 0.5, 100, 80) for progress in (0.0005, 0.003, 0.01, 0.03, 0.3, 0.9, 1)]
    assert sides[0] == 63  # the root of half of 8000 pixels
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == round((4000 / 512) ** 0.5)


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"share": 0}, {"share": 1.5}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(BadInput, match=f"{next(iter(wrong))} is"):
        square.attack(small_network(), *pictures(1), epsilon=2, seed=0, indices=[0], **wrong)
