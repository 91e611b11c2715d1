"""Imagenette and ImageNet's validation images, unpacked by torchvision and then checked to be whole.

torchvision takes an unpacked folder as it is, one that an unpacking was killed in too; the figures of a part would
pass for those of the whole.
"""

import os

from jpegstudy.errors import BadInput, one_line
from jpegstudy.image_sets import folders
from jpegstudy.image_sets.items import ImageSet, printable
from jpegstudy.image_sets.synsets import label_of_synset
from jpegstudy.places import root
from jpegstudy.progress import foreign_bars

WHOLE = {"imagenet": (1000, 50_000), "imagenette": (10, 3_925)}  # classes and images that validation has
ARCHIVES = "ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz"


def imagenette(class_count):
    """The ImageSet ``imagenette``, fetched where it is not there. Raises BadInput if it can't be, or is not whole."""
    from torchvision.datasets import Imagenette

    folder = root() / "data" / "imagenette"
    unpacked = folder / "imagenette2"
    if not os.path.isdir(unpacked):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with foreign_bars():
                Imagenette(folder, split="val", download=True)
        except Exception as error:  # urllib, tarfile and torchvision's hash check each raise their own
            raise BadInput(
                f"imagenette could not be fetched ({one_line(error)}); delete imagenette2.tgz and imagenette2 in "
                f"{printable(folder)} if they are there and try again, or put its archive's folder imagenette2 there"
            ) from error
    way_out = f"delete {printable(unpacked)} to have it unpacked again"
    return _whole("imagenette", unpacked / "val", class_count, way_out)


def imagenet(class_count):
    """The ImageSet ``imagenet``, unpacked where it is not. Raises BadInput if it can't be, or is not whole."""
    folder = root() / "data" / "imagenet"
    if not os.path.isdir(folder / "val"):
        from torchvision.datasets import ImageNet

        try:
            with foreign_bars():
                ImageNet(folder, split="val")  # unpacks the archives that lie there, with its own checks
        except Exception as error:  # tarfile, pickle and scipy each raise their own
            raise BadInput(
                f"no ImageNet in {printable(folder)}: put {ARCHIVES} there, and delete meta.bin and val if they are "
                f"there (torchvision says: {one_line(error)})"
            ) from error
    way_out = f"delete {printable(folder / 'val')} and put {ARCHIVES} beside it to have it unpacked again"
    return _whole("imagenet", folder / "val", class_count, way_out)


def _whole(name, folder, class_count, way_out):
    classes = folders.class_folders(folder) if os.path.isdir(folder) else {}
    classes = {synset: files for synset, files in classes.items() if synset in label_of_synset()}
    found = len(classes), sum(map(len, classes.values()))
    if found != WHOLE[name]:
        raise BadInput(
            f"{printable(folder)} has {found[1]:,} files in {found[0]:,} synset folders, and {name} "
            f"{WHOLE[name][1]:,} in {WHOLE[name][0]:,}; {way_out}, or give image_set {printable(folder)} to take what "
            "is there"
        )
    return ImageSet(name, folders.load(folder, class_count).items)
