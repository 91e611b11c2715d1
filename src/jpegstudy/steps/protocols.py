"""Modifications that need the network's gradient at other images than x, such as the two passes: FD(Adv2(FD(x))).

What modifications share is made once for each batch: the image that is attacked, its gradient, the perturbed image.
"""

from jpegstudy import attacks
from jpegstudy.modifications import Attack
from jpegstudy.steps import making

KEPT = 24  # images of a batch that are held at once; what is asked for again after that is made again


def classify(network, wanted, x, **known):
    """The probabilities under each Modification of ``wanted``: a list of float32 (N, C), on the CPU.

    x: uint8 (N, 3, H, W) on the network's device.  known: see ``Shared``.
    """
    made = Shared(network, x, **known)
    return [network.probabilities(made.image(f)) for f in wanted]


class Shared:
    """The images made so far of one batch, by what was done to x, and the gradients at them.

    sign: that of the gradient at x, int8; None takes it when it is needed.  seed, indices: of what is random.
    images: those that are made already, ``{Modification: (N, 3, H, W)}``.
    The label to move away from is the network's own for the image that is attacked. Attacks other than Adv take the
    effort of ``making``, unless they are among ``images``.
    """

    def __init__(self, network, x, *, sign=None, seed=None, indices=None, images=None):
        self.network, self.random = network, {"seed": seed, "indices": indices}
        self._given = {(): x, **{f.operations: made for f, made in (images or {}).items()}}
        self._images, self._signs = {}, {} if sign is None else {(): sign}

    def image(self, modification):
        """The images of that Modification, uint8 or float32 (N, 3, H, W). Raises BadInput as ``making.make`` does."""
        return self._after(modification.operations)

    def sign(self, modification):
        """Sign of the loss gradient at the images of that Modification: int8 (N, 3, H, W)."""
        return self._sign_after(modification.operations)

    def _sign_after(self, operations):
        if operations not in self._signs:
            self._signs[operations] = attacks.gradient_sign(self.network, self._after(operations))
        return self._signs[operations]

    def _after(self, operations):
        for images in (self._given, self._images):
            if operations in images:
                return images[operations]
        *before, last = operations
        made = self._done(last, tuple(before))
        if len(self._images) == KEPT:
            del self._images[next(iter(self._images))]  # the oldest
        self._images[operations] = made
        return made

    def _done(self, operation, before):
        images = self._after(before)
        if not isinstance(operation, Attack):
            return operation(images, **self.random)
        if operation.kind == "Adv":
            return attacks.perturb(images, self._sign_after(before), epsilon=operation.epsilon)
        labels = self.network.probabilities(images).argmax(dim=1)
        return making.make(self.network, operation, images, labels, **self.random).images
