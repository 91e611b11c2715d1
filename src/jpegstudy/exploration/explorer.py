"""What the sliders of the notebook ``explore`` do, as plain methods: choose an image and a network, look, save."""

import difflib
import re
from pathlib import Path

from jpegstudy import image_sets, inspection, networks, parameters
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.exploration import pictures
from jpegstudy.exploration.sources import Source, own
from jpegstudy.exploration.subject import Subject
from jpegstudy.exploration.view import file_stem
from jpegstudy.places import outputs

LARGEST_EPSILON = 20  # grey levels, of the slider
OFFERED = ("demo", "efficientnet_lite0")  # networks whose weights are there with the study
KEPT = 4  # images under networks, each with what it was answered before
LONGEST_NAME = 60  # characters of a network or an image in a path
KINDS = {"PNG": ".png", "JPEG": ".jpg"}


class Explorer:
    """An image, a network, and the views of them.

    network, weights, preprocessing, device: as for networks.load; the other networks on offer have their defaults.
    image_set: as for image_sets.load.  image: a file's name in it, with or without the folder.
    Raises BadInput if any of them does not exist, with the nearest names.
    """

    def __init__(
        self, network="efficientnet_lite0", *, weights="DEFAULT", preprocessing=None, device="auto",
        image_set="photos", image="motorcycle_left.png",
    ):  # fmt: skip
        given = {"weights": weights, "preprocessing": preprocessing or {}}
        parameters.check({"network": network, **given, "device": device, "image_set": image_set})
        self._given, self._device = {network: given}, device
        self._networks, self._subjects = {}, {}
        self.source = None
        self.choose_network(network)
        items = image_sets.load(image_set, class_count=self.network.class_count).items
        self._sources = {item.file: Source(item.file, item.path) for item in items}
        self.choose_image(image)

    @property
    def image_names(self):
        """The files of the image set, in its order."""
        return list(self._sources)

    @property
    def network_names(self):
        """The networks on offer: the given one, and those that come with the study."""
        return list(dict.fromkeys([*self._given, *OFFERED]))

    @property
    def is_pair(self):
        """True when the adversarial image is a file too, so that epsilon changes nothing."""
        return self.source.partner is not None

    def choose_network(self, name):
        """Take another network, by any name that networks.load takes. Raises BadInput and keeps the one there is."""
        if name not in self._networks:
            self._networks[name] = networks.load(name, device=self._device, **self._given.get(name, {}))
        if self.source:
            self._subject_of(self.source, self._networks[name])
        self.network = self._networks[name]

    def choose_image(self, name):
        """Take an image of the set by its file's name, with or without the folder. Raises BadInput if there is none,
        or several, and keeps the one there is."""
        found = [file for file in self._sources if name in (file, file.rpartition("/")[2])]
        if len(found) != 1:
            near = found or difflib.get_close_matches(name, self._sources, n=3, cutoff=0.3) or self.image_names[:3]
            raise BadInput(f"image {name!r} is {'several' if found else 'not in the set'}; there are {', '.join(near)}")
        self._take(self._sources[found[0]])

    def open(self, image, adversarial=None):
        """Take a person's own file, or a clean and an adversarial one of the same size.

        Each is a path, or (name, contents) of a file that was sent; see sources.own.
        Raises BadInput if a file gives no image or the pair's sizes differ, and keeps what there is.
        """
        if not image:
            raise BadInput("which file? give the image, and beside it the adversarial one if there is one")
        source = own(image, adversarial)
        subject = Subject(self.network, *source.read(self.network))  # read again: the file may have changed since
        self._subjects = {key: kept for key, kept in self._subjects.items() if key[0] != source}
        self._keep(source, subject)
        self.source = source

    @property
    def subject(self):
        """The image under the network: a Subject, which keeps the gradient and what was answered."""
        return self._subject_of(self.source, self.network)

    def about(self):
        """What was done to the file or files, a sentence for each."""
        subject = self.subject
        pictures = [picture for picture in (subject.picture, subject.partner) if picture]
        return " ".join(f"{picture.name}: {picture.told}." for picture in pictures)

    def view(self, *, epsilon, quality, subsampling="4:2:0"):
        """The View of a setting: epsilon in grey levels from 0 to LARGEST_EPSILON, quality libjpeg's, 1 to 100.

        Raises BadInput for a setting out of range.
        """
        inspection.check_epsilon(epsilon, LARGEST_EPSILON)
        parameters.check({"quality": quality, "subsampling": subsampling})
        return self.subject.view(epsilon=epsilon, quality=quality, subsampling=subsampling)

    def save(self, view, name, kind="PNG"):
        """Write one of a view's four images into outputs/explore/<network>/ and return its path.

        kind: PNG, which loses nothing; or JPEG, at the view's quality and subsampling. The JPEG of an image decodes to
        JPG of it exactly, so saving Adv1(x) or JPG(Adv1(x)) as JPEG gives the same file, named after the latter.
        Raises BadInput for a name that the view does not hold, or another kind.
        """
        if name not in view.images or kind not in KINDS:
            raise BadInput(
                f"cannot save {name!r} as {kind!r}; there are {', '.join(view.names)} and {', '.join(KINDS)}"
            )
        written, decoded, settings = name, name, {}
        if kind == "JPEG":
            x, adversarial, compressed, both = view.names
            written = {compressed: x, both: adversarial}.get(name, name)
            decoded = {x: compressed, adversarial: both}[written]
            settings = {"quality": view.quality, "subsampling": view.subsampling}
        folder, stem = (_as_file_name(name) for name in (self.network.name, Path(self.source.name).stem))
        path = outputs() / "explore" / folder / f"{stem}-{file_stem(decoded)}{KINDS[kind]}"
        with replacing(path) as temporary:
            pictures.to_pillow(view.images[written]).save(temporary, format=kind, **settings)
        return path

    def _take(self, source):
        self._subject_of(source, self.network)  # what cannot be read is refused before anything changes
        self.source = source

    def _subject_of(self, source, network):
        key = (source, network.name)
        if key not in self._subjects:
            self._keep(source, Subject(network, *source.read(network)))
        return self._subjects[key]

    def _keep(self, source, subject):
        while len(self._subjects) >= KEPT:
            self._subjects.pop(next(iter(self._subjects)))
        self._subjects[source, subject.network.name] = subject


def _as_file_name(text):
    return re.sub(r"[^\w.-]+", "_", text)[:LONGEST_NAME]
