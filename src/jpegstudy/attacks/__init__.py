"""Attacks on a network, and on a network behind a defense. ``contract`` says what each takes and gives.

gradient         of the loss                          fast_gradient    Adv: one signed step, the 2016 study's
iterated         BIM, PGD and PGDL2: many steps       deepfool         DF: to the nearest boundary, in L2
carlini_wagner   CW: the smallest L2, by search       square           SQ: asks for answers only, no gradient

adaptive         what an attacker who knows the defense differentiates
lattice          DCT: against defenses that quantize; and what such a defense certifies
dormant          DORM: images that mislead only once they were saved as JPEG
adapters         other libraries' attacks, under the same contract
strength         what a perturbation measures, whoever made it
"""

import difflib

from jpegstudy.attacks import (
    adaptive,
    carlini_wagner,
    contract,
    deepfool,
    dormant,
    fast_gradient,
    gradient,
    iterated,
    lattice,
    square,
    strength,
)  # fmt: skip
from jpegstudy.attacks.contract import Attacked
from jpegstudy.attacks.fast_gradient import fgsm, perturb
from jpegstudy.attacks.gradient import gradient_of, gradient_sign, loss_gradient
from jpegstudy.errors import BadInput

__all__ = [
    "ATTACKS", "Attacked", "adaptive", "carlini_wagner", "contract", "deepfool", "dormant", "fast_gradient", "fgsm",
    "find", "gradient", "gradient_of", "gradient_sign", "iterated", "lattice", "loss_gradient", "perturb", "square",
    "strength",
]  # fmt: skip

ATTACKS = {
    "Adv": fast_gradient.attack,
    "BIM": iterated.bim,
    "PGD": iterated.pgd,
    "PGDL2": iterated.pgd_l2,
    "DF": deepfool.attack,
    "CW": carlini_wagner.attack,
    "SQ": square.attack,
    "DCT": lattice.attack,
    "DORM": dormant.attack,
}


def find(name):
    """The attack of that name in the notation of modifications. All but DF and CW, which minimize, take an epsilon.

    Raises BadInput with the nearest names if there is none.
    """
    if name not in ATTACKS:
        near = difflib.get_close_matches(str(name), ATTACKS, n=3, cutoff=0.4)
        hint = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(ATTACKS)}"
        raise BadInput(f"there is no attack {name!r}; {hint}")
    return ATTACKS[name]
