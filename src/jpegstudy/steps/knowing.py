"""Attackers who know a defense: what they differentiate, and who says whether they got through."""

from jpegstudy.attacks import adaptive
from jpegstudy.transforms import Jpeg

ATTACKER, JUDGE = 1, 2  # added to a study's seed: what a random defense will draw, its attacker does not know


def way(defense):
    """How an attacker gets gradients through a transform, in a word or two.

    "twin": JPEG's differentiable surrogate.  "exact": the transform's own gradient, rounding aside.
    "straight-through": the gradient at what the transform gave, as if it had done nothing (BPDA with the identity).
    """
    if isinstance(defense, Jpeg):
        return "twin"
    return "exact" if defense.differentiable else "straight-through"


def stand_in(network, defense, *, seed, rounded=True):
    """The network behind a transform, through which gradients flow; see adaptive.through for ``rounded``."""
    if way(defense) == "twin" and rounded:
        return adaptive.through(network, defense, "jpeg")
    geometric = defense.smooth if defense.differentiable else None
    return adaptive.through(
        network, defense, "bpda", seed=_seed(defense, seed, ATTACKER), geometric=geometric, rounded=rounded
    )


def rehearsal(network, defense, *, seed):
    """The defense as its attacker can try it out: as it is, with the attacker's own draws."""
    return adaptive.behind(network, defense, seed=_seed(defense, seed, ATTACKER))


def judge(network, defense, *, seed):
    """The network behind the defense as it is, with other draws than its attacker's."""
    return adaptive.behind(network, defense, seed=_seed(defense, seed, JUDGE))


def _seed(defense, seed, whose):
    return seed + whose if defense.stochastic else None
