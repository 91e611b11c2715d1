"""Modifications that need the network's gradient at other images than x, such as the two passes: FD(Adv2(FD(x))).

What modifications share is made once for each batch: the image that is attacked, its gradient, the perturbed image.
"""

from jpegstudy import attacks, modifications
from jpegstudy.attacks import adaptive, strength
from jpegstudy.errors import BadInput
from jpegstudy.modifications import Attack

KEPT = 24  # images of a batch that are held at once; what is asked for again after that is made again
PGD_STEPS = 20
LATTICE_STEPS = 4


def classify(network, wanted, x, **known):
    """The probabilities under each Modification of ``wanted``: a list of float32 (N, C), on the CPU.

    x: uint8 (N, 3, H, W) on the network's device.  known: see ``Shared``.
    """
    made = Shared(network, x, **known)
    return [network.probabilities(made.image(f)) for f in wanted]


class Shared:
    """The images made so far of one batch, by what was done to x, and the gradients at them.

    sign: that of the gradient at x, int8; None takes it when it is needed.  seed, indices: of what is random.
    The label to move away from is the network's own for the image that is attacked. Iterated attacks keep the iterate
    that the defense they were made through likes least; PGD takes 20 steps, DCT 4.
    """

    def __init__(self, network, x, *, sign=None, seed=None, indices=None):
        self.network, self.random = network, {"seed": seed, "indices": indices}
        self._images, self._signs = {(): x}, {} if sign is None else {(): sign}

    def image(self, modification):
        """The images of that Modification, uint8 or float32 (N, 3, H, W).

        Raises BadInput for an attack that is none of Adv, knowing nothing, and PGD and DCT through a defense.
        """
        return self._after(modification.operations)

    def sign(self, modification):
        """Sign of the loss gradient at the images of that Modification: int8 (N, 3, H, W)."""
        return self._sign_after(modification.operations)

    def _sign_after(self, operations):
        if operations not in self._signs:
            self._signs[operations] = attacks.gradient_sign(self.network, self._after(operations))
        return self._signs[operations]

    def _after(self, operations):
        if operations in self._images:
            return self._images[operations]
        *before, last = operations
        made = self._done(last, tuple(before))
        if len(self._images) == KEPT:
            del self._images[next(each for each in self._images if each)]  # the oldest, but never x
        self._images[operations] = made
        return made

    def _done(self, operation, before):
        images = self._after(before)
        if not isinstance(operation, Attack):
            return operation(images, **self.random)
        if operation.kind == "Adv":
            return attacks.perturb(images, self._sign_after(before), epsilon=operation.epsilon)
        if operation.source or not operation.through or operation.name not in ("PGD", "DCT"):
            raise BadInput(f"{operation} is not measured here; wanted Adv, or PGD or DCT through a defense")
        return self._through(images, operation)

    def _through(self, images, attack):
        """Images attacked by someone who knows the defense, with its exact result and straight-through gradients."""
        defense = modifications.transform(attack.through)
        labels = self.network.probabilities(images).argmax(dim=1)
        judge = adaptive.behind(self.network, defense)
        known = adaptive.through(self.network, defense, "bpda", rounded=not images.is_floating_point())
        settings = {"epsilon": attack.epsilon, "judge": judge, **self.random}
        if attack.name == "DCT":
            found = attacks.lattice.attack(
                known, images, labels, steps_table=defense.steps, steps=LATTICE_STEPS, **settings
            )
        else:
            found = attacks.iterated.pgd(known, images, labels, steps=PGD_STEPS, **settings)
        strength.check_epsilon(images, found.images, attack.epsilon, self.random["indices"])
        return found.images
