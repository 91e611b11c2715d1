"""Where an explored image comes from: an image set, a person's own file or pair of files, or files that were sent."""

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jpegstudy import inspection
from jpegstudy.places import root


@dataclass(frozen=True)
class Source:
    """An image, and the adversarial one where that is a file too. ``own``: it is not from the image set.

    image, partner: the path of a file, or (name, contents) of one that was sent.
    """

    name: str
    image: Path | tuple
    partner: Path | tuple | None = None
    own: bool = False

    def read(self, network):
        """The Pictures of both, the second None without a partner. Raises BadInput as inspection.read_pair."""
        with _on_disk(self.image) as image, _on_disk(self.partner) as partner:
            return inspection.read_pair(image, partner, network)


def own(image, partner=None):
    """The Source of a person's own files: paths, or (name, contents) of files that were sent.

    A path that is relative is looked for in the current folder and then in the project's.
    """
    image, partner = (_found(given) if given else None for given in (image, partner))
    return Source(image[0] if isinstance(image, tuple) else image.name, image, partner, own=True)


def _found(given):
    if isinstance(given, tuple):
        return given
    path = Path(given).expanduser()
    return path if path.is_absolute() or path.exists() else root() / path


@contextlib.contextmanager
def _on_disk(given):
    """The path of a file, for as long as it is read."""
    if not isinstance(given, tuple):
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(given[0]).name or "sent")
        path.write_bytes(given[1])
        yield path
