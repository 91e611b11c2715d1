import importlib.util
import random
import warnings

import numpy as np
import pytest
import torch

from jpegstudy.attacks import adapters, strength
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import Speckle, pictures, small_network

LIBRARIES = {
    "foolbox": ("foolbox", "LinfPGD", {"steps": 8}),
    "art": ("art", "ProjectedGradientDescent", {"max_iter": 8, "eps_step": 0.002, "verbose": False}),
    "torchattacks": ("torchattacks", "PGD", {"steps": 8, "alpha": 0.002}),
}


def made(name, kind=None, **settings):
    module, own, defaults = LIBRARIES[name]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: the adapter has nothing to adapt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these libraries import warns of its own future
        return getattr(adapters, name)(kind or own, **(defaults if kind is None else {}), **settings)


def run(attack, *given, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attack(*given, **settings)


@pytest.mark.parametrize("name", LIBRARIES)
def test_other_libraries_attack_under_the_contract(name):
    images, labels = pictures(8)
    attack = made(name)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    found = run(attack, small_network(), images, labels, epsilon=3, seed=0, indices=range(8))
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # noqa: NPY002
    assert states[2] == random.getstate()
    assert found.images.dtype == torch.uint8
    strength.check_epsilon(images, found.images, 3, range(8))
    assert strength.measure(images, found.images).linf.max() == 3
    assert torch.equal(found.success, small_network()(found.images).argmax(dim=1) != labels)
    assert found.success.any()
    again = run(attack, small_network(), images, labels, epsilon=3, seed=0, indices=range(8))
    assert torch.equal(found.images, again.images)


@pytest.mark.parametrize("name", LIBRARIES)
def test_float_images_stay_floats(name):
    images, labels = pictures(2)
    base = images.float() + 0.25
    found = run(made(name), small_network(), base, labels, epsilon=0.5, seed=0, indices=range(2))
    assert found.images.dtype == torch.float32
    strength.check_epsilon(base, found.images, 0.5, range(2))


def test_l2_and_minimizing_attacks_are_adapted_too():
    images, labels = pictures(6)
    attack = made("foolbox", "L2PGD", ball="l2", steps=5)
    found = run(attack, small_network(), images, labels, epsilon=40, seed=0, indices=range(6))
    assert (strength.measure(images, found.images).l2 <= 40).all()
    attack = made("foolbox", "L2DeepFoolAttack")
    found = run(attack, small_network(), images.float(), labels, epsilon=None, seed=0, indices=range(6))
    assert found.success.all()


@pytest.mark.parametrize("name", LIBRARIES)
def test_an_unknown_attack_gets_the_nearest(name):
    near = {"foolbox": "LinfPGD", "art": "ProjectedGradientDescent", "torchattacks": "PGD"}[name]
    with pytest.raises(BadInput, match=f"has no attack '{near}X'; nearest: .*{near}"):
        made(name, near + "X")


def test_settings_that_the_attack_does_not_take_are_refused():
    with pytest.raises(BadInput, match="LinfPGD does not take"):
        made("foolbox", "LinfPGD", colour="red")


def test_a_missing_library_says_how_to_install_it(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(adapters.importlib, "import_module", missing)
    with pytest.raises(BadInput, match=r"art is not installed .*; pip install adversarial-robustness-toolbox"):
        adapters.art("ProjectedGradientDescent")


def test_random_networks_and_other_balls_are_refused():
    images, labels = pictures(1)
    with pytest.raises(BadInput, match="ball is 'l1'; wanted linf or l2"):
        made("foolbox", "LinfPGD", ball="l1")
    attack = made("foolbox")
    with pytest.raises(BadInput, match="the network is random"):
        attack(Speckle(), images, labels, epsilon=2, seed=0, indices=[0])
