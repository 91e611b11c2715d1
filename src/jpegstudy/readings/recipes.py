"""What each row of Table 1 is made of under a reading, so that readings that share a step share its work.

A recipe is a frozen description of an image, made of the recipes it needs. Choices that cannot make a difference are
written the same way: whether an image of whole grey levels is rounded or truncated, for example. So two rows are equal
images exactly if their recipes are equal, but for chance.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from jpegstudy import attacks, jpeg
from jpegstudy.modifications import Modification, adversarial, named

QUALITY = 75


@dataclass(frozen=True)
class Clean:
    """x of a file."""

    scaling: str
    crop: int
    clean: str

    @property
    def is_whole(self):
        """True if its values are whole grey levels."""
        return self.clean != "float"


@dataclass(frozen=True)
class Adversarial:
    """Adv of x; ``epsilon`` in the units that ``epsilon_unit`` says."""

    x: Clean
    label: str
    epsilon: float
    epsilon_unit: str
    values: str
    clip: bool

    @property
    def is_whole(self):
        return self.values == "8-bit" or (self.x.is_whole and self.epsilon_unit == "pixel")


@dataclass(frozen=True)
class Compressed:
    """JPG of an image."""

    inner: Clean | Adversarial
    saving: str


@dataclass(frozen=True)
class Noisy:
    """JPGnoise of an image, or what a control adds in its place."""

    inner: Clean | Adversarial
    compressed: Compressed
    permutation: str
    shuffled: str
    noise: str
    factor: float
    values: str
    clip: bool


def recipes_of(reading, *, crop, epsilons):
    """The rows of a reading: ``{Modification: recipe}``.

    crop: pixels, of the network's own.  epsilons: of Adv; noise is made of x and of the first.
    """
    x = Clean(reading.scaling, reading.crop or crop, reading.clean)
    attacked = {epsilon: _adversarial(reading, x, epsilon) for epsilon in epsilons}
    inner = {Modification(): x, **{adversarial(epsilon): recipe for epsilon, recipe in attacked.items()}}
    result = dict(inner)
    result |= {named("JPG", f, quality=QUALITY): _compressed(reading, recipe) for f, recipe in inner.items()}
    for f in (Modification(), adversarial(epsilons[0])):
        result[named("JPGnoise", f, quality=QUALITY)] = _noisy(reading, inner[f])
    return result


def _adversarial(reading, x, epsilon):
    found = Adversarial(x, reading.label, epsilon, reading.epsilon_unit, reading.values, reading.clip)
    return replace(found, values="8-bit") if found.is_whole and found.clip else found


def _compressed(reading, inner):
    if not inner.is_whole:
        return Compressed(inner, reading.saving)
    if isinstance(inner, Adversarial):
        inner = replace(inner, values="8-bit", clip=True)  # a file's values are clipped in any case
    return Compressed(inner, "rounded")


def _noisy(reading, inner):
    whole = inner.is_whole and reading.noise == "residual" and reading.factor == 1
    values = "8-bit" if whole and reading.clip else reading.values
    if reading.noise == "gaussian":
        permutation, shuffled = "each", "entries"
    else:
        permutation, shuffled = reading.permutation, reading.shuffled
    compressed = _compressed(reading, inner)
    return Noisy(inner, compressed, permutation, shuffled, reading.noise, reading.factor, values, reading.clip)


class Kitchen:
    """Makes the images of recipes that share one x, of a batch; whatever several of them need is made once.

    x: uint8 or float32 (N, 3, H, W), grey levels.  labels: int64 (N,), or None.  orders: the batch's Orders, with the
    images' numbers and the seed.
    """

    def __init__(self, network, x, *, labels, orders):
        self.network, self.x, self.labels, self.orders = network, x, labels, orders
        self.mean, self.deviation = (
            torch.tensor(of_channels).view(1, 3, 1, 1) for of_channels in (network.mean, network.deviation)
        )
        self.gradients, self.made, self.noises = {}, {}, {}
        sign, self.logits = self._gradient(None)
        self.gradients["predicted"] = sign

    def make(self, recipe):
        """The images of a recipe, whose x is this one: uint8, or float32 where they are not of 8 bits."""
        if isinstance(recipe, Clean):
            return self.x
        if isinstance(recipe, Noisy):  # nothing else needs it
            return self._noisy(recipe)
        if recipe not in self.made:
            self.made[recipe] = (self._adversarial if isinstance(recipe, Adversarial) else self._compressed)(recipe)
        return self.made[recipe]

    def _gradient(self, labels):
        gradient, logits = attacks.loss_gradient(self.network, self.x.to(self.network.device), labels)
        return gradient.sign().to(torch.int8).cpu(), logits

    def _sign(self, label):
        if label not in self.gradients:
            self.gradients[label], _ = self._gradient(self.labels)
        return self.gradients[label]

    def _adversarial(self, recipe):
        sign = self._sign(recipe.label)
        if self.x.dtype == torch.uint8 and recipe.epsilon_unit == "pixel" and recipe.values == "8-bit":
            return attacks.perturb(self.x, sign, epsilon=recipe.epsilon)
        # (x / 255 - mean) / deviation + epsilon / 255, in grey levels
        unit = self.deviation if recipe.epsilon_unit == "standardized" else 1.0
        return _finished(self.x.float() + recipe.epsilon * unit * sign, recipe)

    def _compressed(self, recipe):
        return jpeg.roundtrip(eight_bit(self.make(recipe.inner), recipe.saving), quality=QUALITY)

    def _noisy(self, recipe):
        inner, noise = self.make(recipe.inner).float(), self._noise(recipe)
        if recipe.noise == "unit slip":
            slipped = self._standardized(inner) + recipe.factor * noise
            return _finished((slipped * self.deviation + self.mean) * 255, recipe)
        return _finished(torch.add(inner, noise, alpha=recipe.factor), recipe)

    def _noise(self, recipe):
        """What a recipe adds, before its factor: float32 (N, 3, H, W)."""
        key = replace(recipe, factor=1.0, values="8-bit", clip=True)
        if key not in self.noises:
            inner, compressed = self.make(recipe.inner).float(), self.make(recipe.compressed).float()
            if recipe.noise == "unit slip":
                residual = compressed / 255 - self._standardized(inner)
            else:
                residual = compressed - inner
            drawn = self._gaussian if recipe.noise == "gaussian" else self._shuffled
            self.noises[key] = drawn(residual, recipe)
        return self.noises[key]

    def _standardized(self, images):
        return (images / 255 - self.mean) / self.deviation

    def _gaussian(self, residual, recipe):
        drawn = []
        for index, power in zip(self.orders.indices, residual.square().mean(dim=(1, 2, 3)).sqrt(), strict=True):
            rng = np.random.default_rng([self.orders.seed, int(index), 3])
            drawn.append(power * torch.from_numpy(rng.standard_normal(residual.shape[1:], np.float32)))
        return torch.stack(drawn)

    def _shuffled(self, residual, recipe):
        settings = {"permutation": recipe.permutation, "shuffled": recipe.shuffled}
        orders = self.orders.of(tuple(residual.shape[1:]), **settings)
        before = residual.flatten(1).numpy()
        moved = [row.take(order) for row, order in zip(before, orders, strict=True)]
        return torch.from_numpy(np.stack(moved)).view(residual.shape)


def _finished(images, recipe):
    """Float images clipped and rounded as a recipe's ``clip`` and ``values`` say."""
    if recipe.values == "8-bit":
        return eight_bit(images, "rounded")
    return images.clamp(0, 255) if recipe.clip else images


def eight_bit(images, saving):
    """Images as a file holds them: clipped, and rounded (halves up) or truncated to uint8."""
    if images.dtype == torch.uint8:
        return images
    return (images.clamp(0, 255) + (0.5 if saving == "rounded" else 0)).floor().to(torch.uint8)
