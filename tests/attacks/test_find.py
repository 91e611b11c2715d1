import inspect

import pytest
import torch

from jpegstudy import attacks
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import pictures


def test_every_name_of_the_notation_is_found():
    assert list(attacks.ATTACKS) == ["Adv", "BIM", "PGD", "PGDL2", "DF", "CW", "SQ", "DCT", "DORM"]
    assert attacks.find("PGD") is attacks.iterated.pgd


def test_all_attacks_are_called_alike():
    for name, attack in attacks.ATTACKS.items():
        parameters = inspect.signature(attack).parameters
        assert list(parameters)[:3] == ["network", "images", "labels"], name
        assert {"judge", "seed", "indices"} <= set(parameters), name
        assert ("epsilon" in parameters) != (name in ("DF", "CW")), name


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(BadInput, match="there is no attack 'PDG'; nearest: PGD"):
        attacks.find("PDG")
    with pytest.raises(BadInput, match="there is no attack 'xyzzy'; known: Adv, BIM"):
        attacks.find("xyzzy")


def test_every_attack_gives_what_the_contract_says_and_no_weight_a_gradient():
    layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 4)).eval()
    images, _ = pictures(2, side=8)

    def network(x):
        return layers(x / 255)

    labels = network(images.float()).argmax(dim=1)
    extra = {"CW": {"steps": 3, "searches": 2}, "SQ": {"queries": 3}, "DCT": {"steps_table": torch.full((8, 8), 20.0)}}
    for name, attack in attacks.ATTACKS.items():
        epsilon = {} if name in ("DF", "CW") else {"epsilon": 2}
        found = attack(network, images, labels, seed=0, indices=range(2), **epsilon, **extra.get(name, {}))
        assert found.images.shape == images.shape, name
        assert not found.images.requires_grad, name
        assert not found.curve.requires_grad, name
        assert found.curve.dtype == torch.float32, name
        assert not found.curve.isnan().any(), name
        assert found.steps.dtype == torch.int64, name
        assert found.success.dtype == torch.bool, name
        assert all(weight.grad is None for weight in layers.parameters()), name
