"""ImageNet's classes."""

import csv
import functools
from pathlib import Path


@functools.cache
def imagenet_classes():
    """ImageNet's classes in torchvision's order: a list of (synset, name)."""
    with open(Path(__file__).parents[1] / "imagenet_classes.csv", newline="", encoding="utf-8") as file:
        return [(row["synset"], row["name"]) for row in csv.DictReader(file)]


@functools.cache
def label_of_synset():
    """Synset -> its label in ImageNet, 0 to 999."""
    return {synset: label for label, (synset, _) in enumerate(imagenet_classes())}
