"""Modifications that need the network's gradient at images other than x: FD(Adv2(FD(x))), the two passes.

What modifications share is made once for each batch: the image that is attacked, its gradient, the perturbed image.
"""

from jpegstudy import attacks
from jpegstudy.errors import BadInput


def classify(network, wanted, x, *, sign=None, seed=None, indices=None):
    """The probabilities under each Modification of ``wanted``: a list of float32 (N, C).

    x: uint8 (N, 3, H, W) on the network's device.  sign: that of the gradient at x, int8; None takes it anew.
    seed, indices: for random transforms.
    Raises BadInput for an attack other than Adv against this network alone.
    """
    bench = _Bench(network, x, sign, {"seed": seed, "indices": indices})
    return [network.probabilities(bench.image(f.operations)) for f in wanted]


class _Bench:
    """One batch: the images and gradient signs made so far, by what was done to x."""

    def __init__(self, network, x, sign, random):
        self.network, self.random = network, random
        self.images, self.signs = {(): x}, {} if sign is None else {(): sign}

    def image(self, operations):
        """x after these operations, kept where something may be done to it again."""
        if operations not in self.images:
            before, last = operations[:-1], operations[-1]
            made = (
                self._attacked(before, last)
                if last.name in attacks_by_sign()
                else last(self.image(before), **self.random)
            )
            if len(operations) > 3:
                return made
            self.images[operations] = made
        return self.images[operations]

    def _attacked(self, before, attack):
        if attack.through or attack.source:
            raise BadInput(f"{attack} is not measured here; wanted Adv of this network, knowing no defense")
        if before not in self.signs:
            self.signs[before] = attacks.gradient_sign(self.network, self.image(before))
        return attacks.perturb(self.image(before), self.signs[before], epsilon=attack.epsilon)


def attacks_by_sign():
    return ("Adv",)
