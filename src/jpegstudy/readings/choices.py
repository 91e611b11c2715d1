"""The choices that the 2016 paper's text leaves open, as fields; a Reading takes one of each."""

import dataclasses
from dataclasses import dataclass

from jpegstudy.errors import BadInput

CHOICES = {  # what each field may be, the study's own first
    "scaling": ("pillow", "torch7"),
    "clean": ("rounded", "truncated", "float"),
    "label": ("predicted", "true"),
    "epsilon_unit": ("pixel", "standardized"),
    "values": ("8-bit", "float"),
    "clip": (True, False),
    "saving": ("rounded", "truncated"),
    "permutation": ("each", "one"),
    "shuffled": ("entries", "channels", "pixels", "blocks"),
    "noise": ("residual", "gaussian", "unit slip"),
}


@dataclass(frozen=True)
class Reading:
    """One way to read the paper; without arguments the study's own.

    scaling       "pillow", antialiased bilinear; "torch7", the area average of Torch7's image.scale
    crop          pixels; 0 is the network's own
    clean         x "rounded" or "truncated" to 8 bits after scaling, or kept in "float"
    label         the loss is that of the "predicted" label or of the "true" one
    epsilon_unit  a unit of epsilon is a grey level ("pixel"), or 1/255 of a "standardized" value: as many grey levels
                  as the network divides its pixels' 0-1 by, 0.23 or so
    values        modified images are rounded to "8-bit" before the network sees them, or stay "float"
    clip          to 0-255, after the attack and after noise was added
    saving        a float becomes 8 bits in a JPEG file "rounded" or "truncated"
    permutation   of "each" image its own, or "one" for all
    shuffled      what it moves: all "entries" together, those within "channels", whole "pixels", "blocks" of 16 x 16
    noise         what is shuffled and added: JPEG's "residual"; controls are "gaussian" noise of the same power and the
                  "unit slip", the residual of an image in 0-1 against one in standardized units
    factor        by which that noise is multiplied

    Raises BadInput for a value that a field does not take, and for fields that exclude each other.
    Source: Dziugaite et al. 2016, sections 2 to 4; Torch7's image library of 2016.
    """

    scaling: str = "pillow"
    crop: int = 0
    clean: str = "rounded"
    label: str = "predicted"
    epsilon_unit: str = "pixel"
    values: str = "8-bit"
    clip: bool = True
    saving: str = "rounded"
    permutation: str = "each"
    shuffled: str = "entries"
    noise: str = "residual"
    factor: float = 1.0

    def __post_init__(self):
        for field, known in CHOICES.items():
            value = getattr(self, field)
            if value not in known or type(value) is not type(known[0]):
                raise BadInput(f"{field} is {value!r}; wanted {' or '.join(map(repr, known))}")
        if type(self.crop) is not int or self.crop < 0:
            raise BadInput(f"crop is {self.crop!r}; wanted a whole number of pixels, or 0 for the network's own")
        if type(self.factor) not in (int, float) or not 0 < self.factor < 1000:
            raise BadInput(f"factor is {self.factor!r}; wanted a number above 0")
        if self.values == "8-bit" and self.epsilon_unit == "standardized":
            raise BadInput(
                "values are 8-bit and epsilon_unit is standardized, which exclude each other: a unit is about a "
                "quarter of a grey level, and rounding would undo it; take values: float"
            )
        if self.values == "8-bit" and not self.clip:
            raise BadInput(
                "values are 8-bit and clip is false, which exclude each other: 8 bits hold 0 to 255 only; take values: "
                "float"
            )
        if self.values == "8-bit" and self.noise == "unit slip":
            raise BadInput("values are 8-bit and noise is a unit slip, which happens to floats; take values: float")

    def changes(self):
        """The fields in which it differs from the study's own reading: ``{field: value}``."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }


def from_mapping(fields):
    """The Reading with these fields, ``{name: value}``. Raises BadInput for an unknown field, and as Reading."""
    known = [field.name for field in dataclasses.fields(Reading)]
    if unknown := [name for name in fields if name not in known]:
        raise BadInput(f"a reading has no {unknown[0]!r}; it has {', '.join(known)}")
    return Reading(**fields)


DEFAULT = "as the study reads it"
OWN = "your own"
# The paper's words to the letter but for the unit of epsilon, of which they tell two stories
LETTER = {
    "scaling": "torch7", "crop": 221, "clean": "float", "values": "float", "clip": False, "saving": "truncated",
    "permutation": "one",
}  # fmt: skip
# One choice at a time. Some come with another that they need: a standardized epsilon is nothing in 8 bits
READINGS = {
    DEFAULT: Reading(),
    "Torch7's scaling": Reading(scaling="torch7"),
    "crop of 221": Reading(crop=221),
    "crop of 224": Reading(crop=224),
    "crop of 231": Reading(crop=231),
    "x truncated to 8 bits": Reading(clean="truncated"),
    "x and all after it in float": Reading(clean="float", values="float"),
    "in float, truncated for JPEG": Reading(clean="float", values="float", saving="truncated"),
    "not clipped": Reading(values="float", clip=False),
    "standardized ε": Reading(epsilon_unit="standardized", values="float"),
    "standardized ε, truncated for JPEG": Reading(epsilon_unit="standardized", values="float", saving="truncated"),
    "true label in the loss": Reading(label="true"),
    "one permutation for all images": Reading(permutation="one"),
    "permuted within channels": Reading(shuffled="channels"),
    "whole pixels permuted": Reading(shuffled="pixels"),
    "blocks of 16 × 16 permuted": Reading(shuffled="blocks"),
    "all of the paper's, ε in pixels": Reading(**LETTER),
    "all of the paper's, ε standardized": Reading(**LETTER, epsilon_unit="standardized"),
}

# What else might be added in place of the shuffled residual: no readings, but what tells why they come out as they do
CONTROLS = {
    "noise of a quarter": Reading(factor=0.25),
    "noise of a half": Reading(factor=0.5),
    "noise doubled": Reading(factor=2.0),
    "noise four times": Reading(factor=4.0),
    "noise eight times": Reading(factor=8.0),
    "Gaussian noise of its power": Reading(noise="gaussian"),
    "a slip of units": Reading(noise="unit slip", values="float", clip=False),
}
