"""Keep out of reports where files lie on this machine: paths are cut to what is inside the project."""

import re
import sys
from pathlib import Path

from jpegstudy.places import outputs, root


def hide(value, run):
    """A JSON value with this machine's paths replaced in its texts. Pictures stay as they are."""
    told = _told(run)
    return _hide(value, sorted(told.items(), key=lambda pair: len(pair[0]), reverse=True))


def _told(run):
    """Path -> what to show for it. A folder or file that was given as a parameter keeps its last part."""
    paths = {Path.home(): "~", Path(sys.prefix): "python", Path(sys.base_prefix): "python", outputs(): "outputs"}
    for entry in run.record["stages"].values():
        given = [value for value in entry["parameters"].values() if isinstance(value, str) and value.startswith("/")]
        paths |= {Path(value): Path(value).name for value in given}
    paths |= {Path.cwd(): ".", root(): "."}
    return {str(path.absolute()): told for path, told in paths.items() if len(path.absolute().parts) > 1}


def _hide(value, told):
    if isinstance(value, dict):
        return {key: inner if key.startswith("image/") else _hide(inner, told) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hide(inner, told) for inner in value]
    if not isinstance(value, str) or "/" not in value:
        return value
    value = re.sub(r"[^\s\"'<>(]*/site-packages/", "", value)
    for path, instead in told:
        folder = "" if instead == "." else f"{instead}/"
        before = r"(?<![\w.~+-])"  # not within another path, nor within base64
        value = re.sub(f"{before}{re.escape(path)}/", lambda _, folder=folder: folder, value)
        value = re.sub(f"{before}{re.escape(path)}(?![\\w.-])", lambda _, instead=instead: instead, value)
    return value
