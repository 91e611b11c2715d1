"""Image sets that are a folder of the user's: with labels.csv, with a folder per class, or flat and unlabeled.

Class folders   every folder directly in the set is a class, an empty one too, as leaving it out would shift the labels
                after it; its images lie in it at any depth. Files beside the class folders have no label, and so may
                not be images.
Flat            images directly in the set. Files in its folders may not be images.
"""

import os
from pathlib import Path

from jpegstudy.decoding import looks_like_image
from jpegstudy.errors import BadInput
from jpegstudy.image_sets import labels_csv
from jpegstudy.image_sets.items import ImageSet, Item, printable
from jpegstudy.image_sets.synsets import label_of_synset
from jpegstudy.places import root

CLUTTER = {"__macosx", "@eadir", "desktop.ini", "ehthumbs.db", "thumbs.db"}  # left by systems that looked at a folder


def load(source, class_count):
    """The ImageSet in the folder ``source``, a path, relative to the project's folder where it is not absolute.

    class_count: of the network; labels must lie below it.
    Raises BadInput if it is no folder that can be read, or if labels are wrong or ambiguous.
    """
    folder = Path(os.path.expanduser(source))
    if not folder.is_absolute():
        folder = root() / folder
    if not str(source).strip() or not os.path.isdir(folder):
        raise BadInput(
            f"there is no image set {str(source)!r}: wanted demo, photos, imagenette, imagenet, or the path of a folder"
        )
    name = printable(os.path.basename(os.path.abspath(folder)))
    if os.path.lexists(folder / labels_csv.NAME):
        return ImageSet(name, tuple(labels_csv.items(folder, class_count)))
    items, class_names = _contents(folder, class_count)
    return ImageSet(name, tuple(items), tuple(class_names))


def class_folders(folder):
    """Name of each folder in ``folder``, sorted -> the files in it at any depth, sorted.

    Raises BadInput if a folder cannot be read.
    """
    return {path.name: sorted(_files_below(path, folder)) for path in _entries(folder) if os.path.isdir(path)}


def _contents(folder, class_count):
    """Items and class names; no names where folders are synsets, which networks of 1,000 classes know."""
    directly = [path for path in _entries(folder) if not os.path.isdir(path)]
    below = class_folders(folder)
    deeper = [path for paths in below.values() for path in paths]
    image = next(filter(looks_like_image, directly), None) if deeper else None
    if deeper and image is None:
        labels = _labels(below, class_count, folder)
        found = [Item(path, _name(path, folder), labels[name]) for name, paths in below.items() for path in paths]
        names = () if _are_synsets(below, class_count) else map(printable, below)
        return found + [Item(path, _name(path, folder)) for path in directly], names
    if other := next(filter(looks_like_image, deeper), None):
        raise BadInput(
            f"{printable(folder)} holds images directly ({_name(image, folder)}) and in folders "
            f"({_name(other, folder)}), so that it is neither flat nor one folder per class; "
            f"move the ones or the others, or list those wanted in a {labels_csv.NAME}"
        )
    return [Item(path, _name(path, folder)) for path in sorted(directly + deeper)], ()


def _entries(folder):
    """What lies in a folder, sorted, but for hidden files and clutter."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise BadInput(
            f"the folder {printable(folder)} cannot be read ({error.strerror}); make it readable or move it elsewhere"
        ) from error
    return sorted(folder / name for name in names if not name.startswith(".") and name.casefold() not in CLUTTER)


def _files_below(folder, image_set):
    """All files in a folder at any depth. Links to folders are followed, but not back into one above, up to the set."""
    pending = [(folder, frozenset([os.path.realpath(image_set)]))]
    while pending:
        current, above = pending.pop()
        real = os.path.realpath(current)
        if real in above:
            continue
        for path in _entries(current):
            if os.path.isdir(path):
                pending.append((path, above | {real}))
            else:
                yield path


def _name(path, folder):
    return printable(path.relative_to(folder))


def _labels(classes, class_count, folder):
    """Class folder -> label. Synsets mean ImageNet's labels for a network of 1,000 classes; else sorted order.

    classes: name -> files in it.
    """
    if _are_synsets(classes, class_count):
        synsets = label_of_synset()
        if strangers := [name for name in classes if name not in synsets]:
            raise BadInput(
                f"class folder {strangers[0]!r} in {printable(folder)} is no ImageNet synset (such as n01440764); "
                "rename it or move it elsewhere"
            )
        return {name: synsets[name] for name in classes}
    if len(classes) != class_count:
        empty = [name for name, files in classes.items() if not files]
        words = f", {len(empty)} of them without a file ({empty[0]!r}, ...)" if empty else ""
        raise BadInput(
            f"{printable(folder)} has {len(classes)} class folders ({next(iter(classes))!r}, ...){words} and the "
            f"network {class_count}; wanted as many, ImageNet synsets for a network of 1,000 classes, or a "
            f"{labels_csv.NAME} with columns file,label"
        )
    return {name: label for label, name in enumerate(classes)}


def _are_synsets(classes, class_count):
    return class_count == 1000 and any(name in label_of_synset() for name in classes)
