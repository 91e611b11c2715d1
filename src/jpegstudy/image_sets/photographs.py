"""Color photographs that installed packages ship, for a look at real images without a download."""

import importlib.util
from pathlib import Path

from jpegstudy.errors import BadInput
from jpegstudy.image_sets.items import ImageSet, Item

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


def load(class_count):
    """The ImageSet ``photos``, without labels. Raises BadInput if one of the packages is not installed."""
    items = []
    for package, files in PHOTOS.items():
        found = importlib.util.find_spec(package)
        if found is None:
            raise BadInput(f"the image set photos needs the package {package}, which is not installed; install it")
        folder = Path(found.origin).parent
        items += [Item(folder / file, f"{package}/{Path(file).name}") for file in files]
    return ImageSet("photos", tuple(items))
