"""What an image set is made of, and the hash by which a run knows that it is still the same."""

import hashlib
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

from jpegstudy import decoding
from jpegstudy.progress import Bar

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")


@dataclass(frozen=True)
class Item:
    """One image to be: a file, the name it has in tables, its label (None: unknown), and which view of the file."""

    path: Path
    file: str
    label: int | None = None
    view: int = 0


@dataclass(frozen=True)
class ImageSet:
    """Items in a fixed order, and the names of the labels from 0 where the set tells them."""

    name: str
    items: tuple
    class_names: tuple = ()

    @property
    def labeled(self):
        """True when the images have labels; files beside class folders, none of which is an image, have none."""
        return any(item.label is not None for item in self.items)

    def hash(self):
        """SHA-256 over names, labels, views and contents of the files, in order: two runs with equal hashes have the
        same images. Reads every file once, under a progress bar."""
        paths = list(dict.fromkeys(item.path for item in self.items))
        contents = {}
        with Bar(len(paths), "01 check files", "file") as bar, ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, found in zip(paths, pool.map(_contents_hash, paths), strict=True):
                contents[path] = found
                bar.advance()
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(f"{item.file}\0{item.label}\0{item.view}\0{contents[item.path]}\n".encode())
        return digest.hexdigest()


def printable(path):
    """A path as tables and messages show it, in one line of text that UTF-8 can hold.

    What cannot be printed, a byte that is no UTF-8 among it, becomes its escape in Python; so does a backslash, so
    that different files keep different names.
    """
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), PurePath(path).as_posix())


def _contents_hash(path):
    """SHA-256 of a file; of one that decoding does not read either its size, or None."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size > decoding.MAX_BYTES:
            return found.st_size
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
