"""One image, or a clean and an adversarial one, under one network: what is computed once, and what a slider moves."""

import collections
import functools

import torch

from jpegstudy import attacks, jpeg
from jpegstudy.exploration.threads import one_thread, side_by_side
from jpegstudy.exploration.view import View
from jpegstudy.inspection import move
from jpegstudy.inspection.answers import notation
from jpegstudy.modifications import adversarial

KEPT = 64  # images and answers of earlier settings, so that going back and forth costs nothing


class Subject:
    """An image under a network. The gradient is computed once, answers are kept.

    network: networks.Network.  picture, partner: inspection.Picture; ``partner`` is the adversarial image where it was
    given, else None and the perturbation is made here.
    """

    def __init__(self, network, picture, partner=None):
        self.network, self.picture, self.partner = network, picture, partner
        self._kept = collections.OrderedDict()

    @functools.cached_property
    def _sign(self):
        """Sign of the loss gradient at the top label: int8 (3, H, W)."""
        return attacks.gradient_sign(self.network, self.picture.x[None])[0].cpu()

    def view(self, *, epsilon, quality, subsampling):
        """The View at a setting. epsilon: grey levels, fractions too, which are rounded once; unused with a partner.

        Raises BadInput for a setting out of range.
        """
        if self.partner is not None:
            epsilon, symbol = None, "x'"
        else:
            epsilon = int(epsilon) if epsilon == int(epsilon) else epsilon
            symbol = str(adversarial(epsilon))
        settings = {"quality": quality, "subsampling": subsampling}
        compressed, both = (notation(name, **settings) for name in ("x", symbol))
        makers = {
            "x": lambda: self.picture.x,
            symbol: lambda: self._adversarial(epsilon),
            compressed: lambda: jpeg.roundtrip(self.picture.x[None], **settings)[0],
            both: lambda: jpeg.roundtrip(self._adversarial(epsilon)[None], **settings)[0],
        }
        found = self._answers(makers)
        images, probabilities = ({name: pair[k] for name, pair in found.items()} for k in (0, 1))
        return View(images, probabilities, self.network.class_names, epsilon, quality, subsampling)

    def _adversarial(self, epsilon):
        """Adv in 8 bits: uint8 (3, H, W)."""
        if self.partner is not None:
            return self.partner.x
        return move(self.picture.x, self._sign, epsilon=epsilon).round().to(torch.uint8)

    def _answers(self, makers):
        """(image, probabilities) by name, from what is kept or else made and classified."""
        with one_thread():
            images = {name: make() for name, make in makers.items() if name not in self._kept}
        if images:
            answers = self._probabilities(torch.stack(list(images.values())))
            self._kept.update(zip(images, zip(images.values(), answers, strict=True), strict=True))
        found = {}
        for name in makers:
            self._kept.move_to_end(name)
            found[name] = self._kept[name]
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _probabilities(self, images):
        """p(c | image) of uint8 images (N, 3, H, W): N of float32 (C,). A GPU takes them at once."""
        if self.network.device.type != "cpu":
            return self.network.probabilities(images)
        return [p for (p,) in side_by_side(self.network.probabilities, images.split(1))]
