"""The paper's notation: ``JPG(Adv1(x))`` names what is done to x before it is classified.

    x                     the preprocessed image itself
    Adv5(f)               the Fast Gradient Sign perturbation of f at epsilon 5 grey levels
    Adv5[resnet50](f)     the same, made with the gradient of another network, which it names
    PGD2(f)  BIM  SQ  DCT other attacks by their epsilon; PGDL2-300(f) by its L2 radius; DF(f), CW(f) without either
    PGD2{JPG50}(f)        made through a defense, which the attacker knows
    DORM2{JPG50}(f)       made to mislead only once it has been through that JPEG
    foolbox:LinfPGD:2(f)  an attack of foolbox, art or torchattacks by its class there, and epsilon; :l2-300 a radius
    JPG(f)  JPG50(f)      JPEG at quality 75, 4:2:0; at quality 50
    JPG75-444(f)          JPEG at quality 75 without chroma subsampling (444, 422)
    JPGnoise(f)           the JPEG residual of f, shuffled over the image and added to f (settings as for JPG)
    NIC(f)  NIC[w.pth](f) a learned codec that is shipped; one whose weights are in a file
    FD(f)  FD8-v1(f)      Feature Distillation; in 8 bits, with another table. Two passes: FD(Adv1(FD(x)))

``parse`` and ``str`` are inverses. A transform stands in the registry of transforms, which learned codecs
join here, and writes its own settings.
"""

import dataclasses
import difflib
import re
from dataclasses import dataclass

import torch

from jpegstudy import attacks
from jpegstudy.attacks.adapters import LIBRARIES
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.learned.transform import Nic
from jpegstudy.record import check_same_codec
from jpegstudy.transforms import TRANSFORMS as BELOW
from jpegstudy.transforms import find

TRANSFORMS = {**BELOW, Nic.name: Nic}
_NUMBER = r"\d+(?:\.\d+)?"
ATTACKS = {  # what stands behind an attack's name
    "Adv": "epsilon", "BIM": "epsilon", "PGD": "epsilon", "SQ": "epsilon", "DCT": "epsilon", "PGDL2": "radius",
    "DORM": "epsilon", "DF": None, "CW": None,
}  # fmt: skip
_SIZES = {"epsilon": rf"(?P<epsilon>{_NUMBER})", "radius": rf"-(?P<radius>{_NUMBER})", None: ""}
_KNOWING = r"(?:\{(?P<through>[^{}()]+)\})?(?:\[(?P<source>[\w.-]+)\])?"
_FOREIGN = rf"(?P<name>(?:{'|'.join(LIBRARIES)}):\w+)(?::(?P<ball>l2-)?(?P<size>{_NUMBER}))?{_KNOWING}"
_ATTACK = rf"(?P<name>{'|'.join(sorted(ATTACKS, key=len, reverse=True))})(?P<settings>[^a-zA-Z].*)?"


@dataclass(frozen=True)
class Attack:
    """An attack as the notation has it: its name in ATTACKS, its size, and what its maker knew."""

    name: str  # or library:class, of attacks.adapters
    epsilon: float | None = None  # L-infinity, grey levels
    radius: float | None = None  # L2 over the whole image, grey levels
    through: str | None = None  # the defense whose gradient it takes, in the notation
    source: str | None = None  # the network that it was made against, where it is another

    def __str__(self):
        foreign = ":" in self.name
        size = "" if self.epsilon is None else f"{':' * foreign}{self.epsilon:g}"
        size += "" if self.radius is None else f"{':l2' * foreign}-{self.radius:g}"
        return f"{self.name}{size}{self._knowing}"

    @property
    def _knowing(self):
        return (f"{{{self.through}}}" if self.through else "") + (f"[{self.source}]" if self.source else "")

    @property
    def kind(self):
        """The attack by its name, whatever its size: Adv, or Adv[resnet50] where made against another network."""
        return f"{self.name}{self._knowing}"


@dataclass(frozen=True)
class Modification:
    """f, as the operations done to x, first to last: attacks and transforms; the empty one is x itself."""

    operations: tuple = ()

    def __str__(self):
        text = "x"
        for operation in self.operations:
            told = str(operation) if isinstance(operation, Attack) else f"{operation.name}{operation.settings}"
            text = f"{told}({text})"
        return text

    @property
    def attack(self):
        """The Attack in it, or None."""
        return next((each for each in self.operations if isinstance(each, Attack)), None)

    @property
    def defense(self):
        """The transform that is done last, or None where an attack, or nothing, comes last."""
        last = self.operations[-1] if self.operations else None
        return None if isinstance(last, Attack) else last

    @property
    def inner(self):
        """The Modification that the last operation is done to; that of x is x."""
        return Modification(self.operations[:-1])

    @property
    def base(self):
        """The Modification that is attacked: x, or FD(x) in FD(Adv1(FD(x))); itself where nothing is."""
        kinds = [isinstance(each, Attack) for each in self.operations]
        return Modification(self.operations[: kinds.index(True)]) if any(kinds) else self

    @property
    def columns(self):
        """The columns of a predictions table that name the parts: attack, epsilon, transform, quality."""
        attack, transform = self.attack, self.defense
        return {
            "attack": attack and attack.kind,
            "epsilon": attack and attack.epsilon,
            "transform": transform and transform.name,
            "quality": getattr(transform, "quality", None),
        }

    def apply(self, images, sign, *, seed=None, indices=None, codec="auto"):
        """f of images uint8 (N, 3, H, W), given the gradient's sign of each (int8, or None for f without an attack).

        seed, indices: for random transforms. codec: of jpeg.CODECS.
        Raises BadInput for an attack that needs more than the sign of the gradient at x.
        """
        for operation in self.operations:
            if isinstance(operation, Attack):
                images = self._perturbed(images, sign)
            else:
                images = _with(operation, codec)(images, seed=seed, indices=indices)
        return images

    def _perturbed(self, images, sign):
        attack = self.attack
        if attack.name != "Adv" or attack.through or self.base.operations:
            raise BadInput(
                f"{self} needs the network's gradient at other images than x; it is made by the notebook that "
                "measures it, and only Adv of x can be made from what a run holds"
            )
        return attacks.perturb(images, sign, epsilon=attack.epsilon)


def parse(text):
    """The Modification that ``text`` names. Raises BadInput that says where the notation is left."""
    operations, rest = [], text.strip()
    while rest != "x":
        found = re.fullmatch(r"(?P<step>[^(]+)\((?P<inner>.*)\)", rest)
        if not found:
            raise BadInput(
                f"modification {text!r} is not understood at {rest!r}; wanted x, or one of "
                f"{', '.join([*ATTACKS, *TRANSFORMS])} around it, such as JPG(Adv1(x)) or JPG50-444(x)"
            )
        try:
            operations.append(_operation(found["step"]))
        except BadInput as error:
            raise BadInput(f"modification {text!r} is not understood: {error}") from error
        rest = found["inner"].strip()
    if sum(isinstance(operation, Attack) for operation in operations) > 1:
        raise BadInput(f"modification {text!r} holds two attacks; wanted one at most")
    return Modification(tuple(reversed(operations)))


def transform(text):
    """The transform of that name and settings, as the notation has it: JPG50, FD8-v1. Raises BadInput for others."""
    found = _operation(text)
    if isinstance(found, Attack):
        raise BadInput(f"{text!r} is an attack; wanted a transform, such as JPG50 or FD8-v1")
    return found


def _operation(text):
    """The attack or transform of that name and settings."""
    if found := re.fullmatch(_ATTACK, text):
        return _attack(found["name"], found["settings"] or "")
    if found := re.fullmatch(_FOREIGN, text):
        given = found.groupdict()
        size, ball = given.pop("size"), given.pop("ball")
        return _sized(given.pop("name"), {**given, "radius" if ball else "epsilon": size})
    try:
        return find(text, TRANSFORMS)
    except BadInput as error:
        near = difflib.get_close_matches(re.match("[A-Za-z]*", text)[0], ATTACKS, n=2)
        raise BadInput(f"{error}; of attacks the nearest: {', '.join(near)}") if near else error from error


def _attack(name, settings):
    found = re.fullmatch(_SIZES[ATTACKS[name]] + _KNOWING, settings)
    if not found:
        example = {"epsilon": f"{name}2", "radius": f"{name}-300", None: name}[ATTACKS[name]]
        raise BadInput(
            f"{name} has no settings {settings!r}; wanted such as {example}, {example}{{JPG}} through a defense, or "
            f"{example}[resnet50] against another network"
        )
    if name == "DORM" and not re.fullmatch(r"JPG(?!noise)[^{}]*", found["through"] or ""):
        raise BadInput(f"{name}{settings} names no JPEG to be dormant until; wanted such as DORM2{{JPG75}}")
    return _sized(name, found.groupdict())


def _sized(name, given):
    """The Attack of that name; sizes are still text in ``given``. Raises BadInput if one is out of range."""
    for kind, most in (("epsilon", 255), ("radius", 1e6)):
        if given.get(kind) is not None:
            size = float(given[kind])
            if not 0 < size <= most:
                raise BadInput(f"{kind} is {size:g}; wanted more than 0 and at most {most:g}")
            given[kind] = int(size) if size == int(size) else size
    if given["through"]:
        transform(given["through"])
    return Attack(name, **given)


def _with(transform, codec):
    """The transform, through that JPEG codec where it has one."""
    return dataclasses.replace(transform, codec=codec) if hasattr(transform, "codec") else transform


def named(name, inner=None, **settings):
    """The Modification ``name(inner)`` with a transform's settings, for example named("JPG", adv, quality=50)."""
    inner = inner or Modification()
    return Modification((*inner.operations, TRANSFORMS[name](**settings)))


def adversarial(epsilon, source=None):
    """The Modification Adv_epsilon(x); source: the network that it was made against, where it is another."""
    return Modification((Attack("Adv", epsilon=epsilon, source=source),))


def apply_all(wanted, images, sign, *, seed=None, indices=None, codec="auto"):
    """Each Modification of ``wanted`` on the same images: a list of uint8 (N, 3, H, W).

    Those that end in the same transform go through it in one call, so that what a random one draws for an image is
    drawn once.
    """
    results, groups = {}, {}
    for modification in wanted:
        groups.setdefault(modification.operations[-1:] if modification.defense else (), []).append(modification)
    for last, group in groups.items():
        random = {"seed": seed, "indices": indices}
        inner = [Modification(m.operations[:-1]) if last else m for m in group]
        parts = [each.apply(images, sign, **random, codec=codec) for each in inner]
        if last:
            repeated = None if indices is None else [*indices] * len(group)
            joined = _with(last[0], codec)(torch.cat(parts), seed=seed, indices=repeated)
            parts = joined.split(len(images))
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
    if modification.attack and sign is None:
        raise BadInput(f"{text} needs the gradient signs of run {run.name!r}; run 02_attack first")
    recorded = run.entry("04_jpeg_noise") or run.entry("01_preprocessing")
    seed = recorded["parameters"]["seed"]
    sign = None if sign is None else torch.from_numpy(sign)
    return modification.apply(torch.from_numpy(images), sign, seed=seed, indices=indices)
