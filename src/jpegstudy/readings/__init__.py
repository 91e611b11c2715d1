"""Readings: what the 2016 paper's text leaves open, each choice a field, and the images that follow from it.

choices     a Reading, those that are compared, and controls of the noise
scaling     a file to x
shuffling   the permutation P
recipes     x to the rows of Table 1, sharing what readings have in common
"""

from jpegstudy.readings.choices import CONTROLS, DEFAULT, OWN, READINGS, Reading, from_mapping
from jpegstudy.readings.recipes import Clean, Kitchen, recipes_of
from jpegstudy.readings.scaling import ScaledImage
from jpegstudy.readings.shuffling import Orders

__all__ = [
    "CONTROLS",
    "DEFAULT",
    "OWN",
    "READINGS",
    "Clean",
    "Kitchen",
    "Orders",
    "Reading",
    "ScaledImage",
    "from_mapping",
    "recipes_of",
]
