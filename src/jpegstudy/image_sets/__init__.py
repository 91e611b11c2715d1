"""Where images and labels come from: a list of items, in a fixed order, that nothing has been decoded of yet.

demo          the images in data/demo that the project draws itself
photos        color photographs that installed packages ship; no labels
imagenette    ten ImageNet classes, fetched by torchvision into data/imagenette
imagenet      the 50,000 validation images, in torchvision's layout, in data/imagenet (the user places the archives)
a folder      with labels.csv (columns file,label; labels from 0), else with one folder per class, else without labels

Without labels.csv every file of a folder is an item, and decoding refuses those that are no images; hidden files and
what systems leave in folders (``folders.CLUTTER``) are passed over.
"""

import dataclasses
import functools
import itertools

import numpy as np

from jpegstudy import decoding
from jpegstudy.decoding import SUFFIXES
from jpegstudy.errors import BadInput
from jpegstudy.image_sets import folders, photographs, torchvision_sets
from jpegstudy.image_sets.items import ImageSet, Item
from jpegstudy.image_sets.synsets import imagenet_classes
from jpegstudy.places import root

__all__ = ["SUFFIXES", "ImageSet", "Item", "imagenet_classes", "load", "read"]


def load(source, *, class_count, count=0, views=1, seed=0):
    """The image set ``source`` (a name from this module's docstring, or a folder's path).

    class_count: of the network; labels must lie below it.
    count: that many images chosen by ``seed``, 0 for all. Files that neither by name nor by header are images are not
    drawn.
    views: crops of each file; the first is the paper's center crop, the rest ``decoding.random_crop``.
    Raises BadInput if there is no such set, if it is not whole, if labels don't fit, or if it holds no file.
    """
    readers = {
        "demo": _demo,
        "photos": photographs.load,
        "imagenette": torchvision_sets.imagenette,
        "imagenet": torchvision_sets.imagenet,
    }
    found = readers.get(source, functools.partial(folders.load, source))(class_count)
    items = found.items
    if not items:
        raise BadInput(
            f"image set {str(source)!r} holds no image files; put images into that folder, or into a folder per class"
        )
    if count and count < len(items):
        items = _drawn(items, count, seed)
        if not items:
            raise BadInput(f"image set {str(source)!r} holds no image files: not one of its {len(found.items)} is one")
    items = tuple(Item(item.path, item.file, item.label, view) for item in items for view in range(views))
    return ImageSet(found.name, items, found.class_names)


def read(item, *, shortest_side, crop, seed, index):
    """x of one item: uint8 (3, crop, crop), grey levels. Raises decoding.Rejected with the reason.

    Views after the first draw their place from ``seed`` and ``index``, the item's place in its set.
    """
    image = decoding.decode(item.path)
    if item.view == 0:
        return decoding.center_crop(image, shortest_side=shortest_side, crop=crop)
    rng = np.random.default_rng([seed, index, 1])  # the 1 keeps it apart from the drawing of the image's JPEG noise
    return decoding.random_crop(image, shortest_side=shortest_side, crop=crop, rng=rng)


def _demo(class_count):
    return dataclasses.replace(folders.load(root() / "data" / "demo" / "validation", class_count), name="demo")


def _drawn(items, count, seed):
    order = np.random.default_rng([seed, len(items)]).permutation(len(items))
    images = (place for place in order if decoding.looks_like_image(items[place].path))
    return [items[place] for place in sorted(itertools.islice(images, count))]
