"""The paper's notation: ``JPG(Adv1(x))`` names what is done to x before it is classified.

    x                     the preprocessed image itself
    Adv5(f)               the Fast Gradient Sign perturbation of x at epsilon 5 grey levels
    Adv5[resnet50](f)     the same, made with the gradient of another network, which it names
    JPG(f)  JPG50(f)      JPEG at quality 75, 4:2:0; at quality 50
    JPG75-444(f)          JPEG at quality 75 without chroma subsampling (444, 422)
    JPGnoise(f)           the JPEG residual of f, shuffled over the image and added to f (settings as for JPG)

``parse`` and ``str`` are inverses. A new operation is one line in OPERATIONS and, for a transform, one in the registry.
"""

import re
from dataclasses import dataclass

import torch

from jpegstudy import attacks
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.run import check_same_codec
from jpegstudy.transforms import TRANSFORMS

_QUALITY = r"(?P<quality>\d+)?(?:-(?P<subsampling>444|422|420))?"
OPERATIONS = {"Adv": r"(?P<epsilon>\d+)(?:\[(?P<source>[\w.-]+)\])?", "JPGnoise": _QUALITY, "JPG": _QUALITY}
ATTACKS = ("Adv",)


@dataclass(frozen=True)
class Operation:
    """One step of a modification: its name in OPERATIONS and its settings (None where they don't apply)."""

    name: str
    epsilon: int | None = None
    quality: int | None = None
    subsampling: str | None = None
    source: str | None = None  # the network that an attack was made against, where it is another

    def __str__(self):
        if self.epsilon is not None:
            return f"{self.name}{self.epsilon}{self._bracket}"
        plain = self.subsampling == "4:2:0"
        quality = "" if self.quality == 75 and plain else str(self.quality)
        return f"{self.name}{quality}{'' if plain else '-' + self.subsampling.replace(':', '')}"

    @property
    def _bracket(self):
        return f"[{self.source}]" if self.source else ""

    def attack(self):
        """The attack by its name, whatever its epsilon: Adv, or Adv[resnet50] where made against another network."""
        return f"{self.name}{self._bracket}"

    def transform(self, codec="auto"):
        """The transform that this operation is; codec: of jpeg.CODECS. Raises KeyError for an attack."""
        return TRANSFORMS[self.name](quality=self.quality, subsampling=self.subsampling, codec=codec)


@dataclass(frozen=True)
class Modification:
    """f, as the operations done to x, first to last; the empty one is x itself."""

    operations: tuple[Operation, ...] = ()

    def __str__(self):
        text = "x"
        for operation in self.operations:
            text = f"{operation}({text})"
        return text

    @property
    def columns(self):
        """The columns of a predictions table that name the parts: attack, epsilon, transform, quality."""
        attack = next((o for o in self.operations if o.name in ATTACKS), None)
        transform = next((o for o in reversed(self.operations) if o.name in TRANSFORMS), None)
        return {
            "attack": attack and attack.attack(),
            "epsilon": attack and attack.epsilon,
            "transform": transform and transform.name,
            "quality": transform and transform.quality,
        }

    def apply(self, images, sign, *, seed=None, indices=None, codec="auto"):
        """f of images uint8 (N, 3, H, W), given the gradient's sign of each (int8, or None for f without an attack).

        seed, indices: for random transforms. codec: of jpeg.CODECS.
        """
        for operation in self.operations:
            if operation.name in ATTACKS:
                images = attacks.perturb(images, sign, epsilon=operation.epsilon)
            else:
                images = operation.transform(codec)(images, seed=seed, indices=indices)
        return images


def parse(text):
    """The Modification that ``text`` names. Raises BadInput that says where the notation is left."""
    operations, rest = [], text.strip()
    names = "|".join(OPERATIONS)  # JPGnoise stands before JPG
    while rest != "x":
        found = re.fullmatch(rf"(?P<name>{names})(?P<settings>[^(]*)\((?P<inner>.*)\)", rest)
        settings = found and re.fullmatch(OPERATIONS[found["name"]], found["settings"])
        if not settings:
            raise BadInput(
                f"modification {text!r} is not understood at {rest!r}; wanted x, or one of {', '.join(OPERATIONS)} "
                "around it, such as JPG(Adv1(x)) or JPG50-444(x)"
            )
        operations.append(_operation(found["name"], text, **settings.groupdict()))
        rest = found["inner"].strip()
    attacked = [operation.name in ATTACKS for operation in reversed(operations)]
    if any(attacked[1:]):
        raise BadInput(f"modification {text!r}: an attack is made on x itself, so it stands innermost")
    return Modification(tuple(reversed(operations)))


def _operation(name, text, epsilon=None, source=None, quality=None, subsampling=None):
    if epsilon is not None:
        if not 1 <= int(epsilon) <= 255:
            raise BadInput(f"modification {text!r}: epsilon is {epsilon}; wanted 1 to 255 grey levels")
        return Operation(name, epsilon=int(epsilon), source=source)
    if quality is not None and not 1 <= int(quality) <= 100:
        raise BadInput(f"modification {text!r}: quality is {quality}; libjpeg takes 1 to 100")
    return Operation(name, quality=int(quality or 75), subsampling=":".join(subsampling or "420"))


def named(operation, inner=None, *, quality=75, subsampling="4:2:0"):
    """The Modification ``operation(inner)`` with a transform's settings, for example named("JPG", adv, quality=50)."""
    inner = inner or Modification()
    return Modification((*inner.operations, Operation(operation, quality=quality, subsampling=subsampling)))


def adversarial(epsilon, source=None):
    """The Modification Adv_epsilon(x); source: the network that it was made against, where it is another."""
    return Modification((Operation("Adv", epsilon=epsilon, source=source),))


def apply_all(wanted, images, sign, *, seed=None, indices=None, codec="auto"):
    """Each Modification of ``wanted`` on the same images: a list of uint8 (N, 3, H, W).

    Those that end in the same transform go through it in one call, so that what a random one draws for an image is
    drawn once.
    """
    results, groups = {}, {}
    for modification in wanted:
        groups.setdefault(modification.operations[-1:], []).append(modification)
    for last, group in groups.items():
        random = {"seed": seed, "indices": indices}
        parts = [Modification(m.operations[:-1]).apply(images, sign, **random, codec=codec) for m in group]
        if last and last[0].name in TRANSFORMS:
            repeated = None if indices is None else [*indices] * len(group)
            joined = last[0].transform(codec)(torch.cat(parts), seed=seed, indices=repeated)
            parts = joined.split(len(images))
        elif last:
            parts = [attacks.perturb(part, sign, epsilon=last[0].epsilon) for part in parts]
        results.update(zip(group, parts, strict=True))
    return [results[modification] for modification in wanted]


def apply(run, text, indices):
    """f of images of a run, by their numbers: uint8 (N, 3, H, W). ``run`` is a run.Run; made again, never stored.

    Raises BadInput if the run has no such image, if f has an attack and the run no gradient signs yet, or if this
    environment's JPEG codec gives other pixels than the run's.
    """
    modification = parse(text)
    check_same_codec({f"run {run.name!r}": run.codec, "this environment": fingerprint.of_codec()})
    images, sign = run.look_up(indices)
    if modification.columns["attack"] and sign is None:
        raise BadInput(f"{text} needs the gradient signs of run {run.name!r}; run 02_attack first")
    recorded = run.entry("04_jpeg_noise") or run.entry("01_preprocessing")
    seed = recorded["parameters"]["seed"]
    sign = None if sign is None else torch.from_numpy(sign)
    return modification.apply(torch.from_numpy(images), sign, seed=seed, indices=indices)
