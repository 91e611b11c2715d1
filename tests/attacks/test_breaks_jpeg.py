"""Who differentiates through JPEG breaks it: the demonstration that the adaptive attack is one, on the demo network."""

import numpy as np
import pytest
import torch

from jpegstudy import image_sets, networks
from jpegstudy.attacks import iterated, strength
from jpegstudy.statistics import rate_interval
from jpegstudy.steps import knowing
from jpegstudy.transforms import Jpeg

pytestmark = pytest.mark.slow
COUNT, STEPS = 12, 40  # of these images three fall only to the attacker who knows JPEG


@pytest.fixture(scope="module")
def demo():
    """The network, JPEG in its front as it is, and images with their true labels that are right behind JPEG."""
    network = networks.load("demo", device="cpu")
    found = image_sets.load("demo", class_count=network.class_count, count=2 * COUNT, seed=0)
    settings = {"shortest_side": network.shortest_side, "crop": network.crop, "seed": 0}
    images = [image_sets.read(item, index=index, **settings) for index, item in enumerate(found.items)]
    images, labels = torch.from_numpy(np.stack(images)), torch.tensor([item.label for item in found.items])
    judge = knowing.judge(network, Jpeg(75), seed=0)
    rows = torch.nonzero(judge(images).argmax(dim=1) == labels)[:COUNT, 0]
    assert len(rows) == COUNT
    return network, judge, images[rows], labels[rows]


def attacked(demo, attacker, epsilon):
    """Which images are still right behind the exact JPEG, bool (N,), after PGD with that attacker's gradients.

    Whoever attacks, the iterate that is kept is the one that the exact JPEG likes least: only gradients differ.
    """
    _, judge, images, labels = demo
    settings = {"epsilon": epsilon, "steps": STEPS, "judge": judge, "seed": 0, "indices": range(COUNT)}
    found = iterated.pgd(attacker, images, labels, **settings)
    strength.check_epsilon(images, found.images, epsilon, range(COUNT))
    return judge(found.images).argmax(dim=1) == labels


def test_knowing_jpeg_leaves_fewer_right_than_the_same_steps_without(demo):
    network = demo[0]
    assert knowing.way(Jpeg(75)) == "twin"
    plain, through = attacked(demo, network, 2), attacked(demo, knowing.stand_in(network, Jpeg(75), seed=0), 2)
    assert (plain & ~through).sum() > (~plain & through).sum()


def test_with_8_grey_levels_no_more_are_right_than_by_chance(demo):
    network = demo[0]
    right = int(attacked(demo, knowing.stand_in(network, Jpeg(75), seed=0), 8).sum())
    assert rate_interval(right, COUNT).low <= 1 / network.class_count
