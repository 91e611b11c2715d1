"""Where the project and its outputs lie, and how messages name a path."""

import os
from pathlib import Path


def root():
    """The project's folder: ``$JPEGSTUDY_ROOT``, else the nearest folder at or above the current one that has
    ``notebooks/studies``, else the checkout that this package was imported from."""
    if "JPEGSTUDY_ROOT" in os.environ:
        return Path(os.environ["JPEGSTUDY_ROOT"])
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "studies").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]


def outputs():
    """Where runs and reports are written: ``$JPEGSTUDY_OUTPUTS``, else ``outputs`` in the project's folder."""
    return Path(os.environ.get("JPEGSTUDY_OUTPUTS", root() / "outputs"))


def shown(path):
    """A path as messages and records show it: relative to the project's folder where it lies inside."""
    path = Path(path)
    return str(path.relative_to(root())) if path.is_relative_to(root()) else str(path)
