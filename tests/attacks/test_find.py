import inspect

import pytest

from jpegstudy import attacks
from jpegstudy.errors import BadInput


def test_every_name_of_the_notation_is_found():
    assert list(attacks.ATTACKS) == ["Adv", "BIM", "PGD", "PGDL2", "DF", "CW", "SQ", "DCT"]
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
