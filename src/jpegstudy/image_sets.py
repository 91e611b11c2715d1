"""Where images and labels come from: a list of items, in a fixed order, that nothing has been decoded of yet.

demo          the images in data/demo that the project draws itself
photos        color photographs that installed packages ship; no labels
imagenette    ten ImageNet classes, fetched by torchvision into data/imagenette
imagenet      the 50,000 validation images, in torchvision's layout, in data/imagenet (the user places the archives)
a folder      with labels.csv (columns file,label; labels from 0), else with one folder per class, else without labels
"""

import csv
import functools
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jpegstudy import decoding
from jpegstudy.errors import BadInput
from jpegstudy.run import root

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

PHOTOS = {  # package -> files; drawings, charts, grey images and the second view of the motorcycle are not in the list
    "skimage": [
        f"data/{name}"
        for name in (
            "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
            "retina.jpg", "rocket.jpg",
        )
    ],
    "sklearn": ["datasets/images/china.jpg", "datasets/images/flower.jpg"],
    "matplotlib": ["mpl-data/sample_data/grace_hopper.jpg"],
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One image to be: a file, the name it has in tables, its label (None: unknown), and which view of the file."""

    path: Path
    file: str
    label: int | None = None
    view: int = 0


@dataclass(frozen=True)
class ImageSet:
    """Items in a fixed order."""

    name: str
    items: tuple

    @property
    def labeled(self):
        """True when every item has a label."""
        return all(item.label is not None for item in self.items)

    def hash(self):
        """SHA-256 over names, labels, views and sizes of the files, in order: two runs with equal hashes list the
        same images."""
        digest = hashlib.sha256()
        for item in self.items:
            size = item.path.stat().st_size if item.path.is_file() else None
            digest.update(f"{item.file}\0{item.label}\0{item.view}\0{size}\n".encode())
        return digest.hexdigest()


def load(source, *, class_count, count=0, views=1, seed=0):
    """The image set ``source`` (a name from this module's docstring, or a folder's path).

    class_count: of the network; labels must lie below it.  count: that many images chosen by ``seed``, 0 for all.
    views: crops of each file; the first is the paper's center crop, the rest ``decoding.random_crop``.
    Raises BadInput if there is no such set, if labels don't fit, or if it holds no image.
    """
    readers = {"demo": _demo, "photos": _photos, "imagenette": _imagenette, "imagenet": _imagenet}
    found = readers[source](class_count) if source in readers else _folder(source, class_count)
    if not found.items:
        raise BadInput(f"image set {source!r} holds no image files ({', '.join(sorted(SUFFIXES))})")
    items = found.items
    if count and count < len(items):
        chosen = np.random.default_rng([seed, len(items)]).permutation(len(items))[:count]
        items = [items[i] for i in sorted(chosen)]
    items = tuple(Item(item.path, item.file, item.label, view) for item in items for view in range(views))
    return ImageSet(found.name, items)


def read(item, *, shortest_side, crop, seed, index):
    """x of one item: uint8 (3, crop, crop), grey levels. Raises decoding.Rejected with the reason.

    Views after the first draw their place from ``seed`` and ``index``, the item's place in its set.
    """
    image = decoding.decode(item.path)
    if item.view == 0:
        return decoding.center_crop(image, shortest_side=shortest_side, crop=crop)
    rng = np.random.default_rng([seed, index])
    return decoding.random_crop(image, shortest_side=shortest_side, crop=crop, rng=rng)


@functools.cache
def imagenet_classes():
    """ImageNet's classes in torchvision's order: a list of (synset, name)."""
    with open(Path(__file__).with_name("imagenet_classes.csv"), newline="") as file:
        return [(row["synset"], row["name"]) for row in csv.DictReader(file)]


def _demo(class_count):
    found = _folder(root() / "data" / "demo" / "validation", class_count)
    return ImageSet("demo", found.items)


def _photos(class_count):
    items = []
    for package, files in PHOTOS.items():
        folder = Path(importlib.util.find_spec(package).origin).parent
        items += [Item(folder / file, f"{package}/{Path(file).name}") for file in files]
    return ImageSet("photos", tuple(items))


def _imagenette(class_count):
    from torchvision.datasets import Imagenette

    folder = root() / "data" / "imagenette"
    if not (folder / "imagenette2").is_dir():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            Imagenette(folder, split="val", download=True)
        except Exception as error:  # urllib, tarfile and torchvision's hash check each raise their own
            raise BadInput(
                f"imagenette could not be fetched ({error}); put its archive's folder imagenette2 into {folder}"
            ) from error
    found = _folder(folder / "imagenette2" / "val", class_count)
    return ImageSet("imagenette", found.items)


def _imagenet(class_count):
    folder = root() / "data" / "imagenet"
    if not (folder / "val").is_dir():
        from torchvision.datasets import ImageNet

        try:
            ImageNet(folder, split="val")  # unpacks the archives that lie there, with its own checks
        except (RuntimeError, OSError) as error:
            raise BadInput(
                f"no ImageNet in {folder}: put ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz there "
                f"(torchvision says: {' '.join(str(error).split())})"
            ) from error
    found = _folder(folder / "val", class_count)
    return ImageSet("imagenet", found.items)


def _folder(source, class_count):
    folder = Path(source).expanduser()
    if not folder.is_absolute():
        folder = root() / folder
    if not folder.is_dir():
        raise BadInput(
            f"there is no image set {str(source)!r}: wanted demo, photos, imagenette, imagenet, or the path of a folder"
        )
    name = Path(source).name
    if (folder / "labels.csv").is_file():
        return ImageSet(name, tuple(_with_labels_csv(folder, class_count)))
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if classes and any(_image_files(folder / name) for name in classes):
        labels = _labels_of(classes, class_count, folder)
        items = [
            Item(path, str(path.relative_to(folder)), labels[name])
            for name in classes
            for path in _image_files(folder / name, deep=True)
        ]
        return ImageSet(name, tuple(items))
    return ImageSet(name, tuple(Item(path, path.name) for path in _image_files(folder)))


def _image_files(folder, *, deep=False):
    paths = folder.rglob("*") if deep else folder.iterdir()
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))


def _labels_of(classes, class_count, folder):
    """Class folder -> label. Synsets mean ImageNet's labels for a network of 1,000 classes; else sorted order."""
    synsets = {synset: label for label, (synset, _) in enumerate(imagenet_classes())}
    if class_count == 1000 and any(name in synsets for name in classes):
        if strangers := [name for name in classes if name not in synsets]:
            raise BadInput(f"class folder {strangers[0]!r} in {folder} is no ImageNet synset (such as n01440764)")
        return {name: synsets[name] for name in classes}
    if len(classes) != class_count:
        raise BadInput(
            f"{folder} has {len(classes)} class folders ({classes[0]}, ...) and the network {class_count}; "
            "wanted as many, ImageNet synsets for a network of 1,000 classes, or a labels.csv with columns file,label"
        )
    return {name: label for label, name in enumerate(classes)}


def _with_labels_csv(folder, class_count):
    where = f"{folder.name}/labels.csv"
    with open(folder / "labels.csv", newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ["none"]
        if missing := {"file", "label"} - set(columns):
            raise BadInput(f"{where} has no column {' and '.join(sorted(missing))}; it has {', '.join(columns)}")
        for line, row in enumerate(reader, start=2):
            label = (row["label"] or "").strip()
            if not label.isdecimal() or int(label) >= class_count:
                raise BadInput(
                    f"{where}, line {line}: label {label!r}; wanted a whole number from 0 to {class_count - 1}, "
                    "the network's last class"
                )
            path = folder / row["file"]
            if not path.exists():
                raise BadInput(f"{where}, line {line}: there is no file {row['file']!r} in that folder")
            yield Item(path, row["file"], int(label))
