"""Files and folders that appear whole or not at all, whenever the process is killed: written beside, then renamed."""

import contextlib
import glob
import os
import re
import shutil
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Give a temporary path beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    Raises OSError that says that finished work stays. What processes that were killed here left behind is removed.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        why = error.strerror or error  # numpy counts the bytes that did not fit instead
        raise OSError(error.errno, f"cannot write {path.name}: {why}; what was finished stays") from error
    finally:
        with contextlib.suppress(OSError):  # where its folder could not be made there is nothing to remove
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(folder):
    """Give an empty folder beside ``folder`` to fill, and put it in ``folder``'s place when the block ends well."""
    new, old = _temporary(folder, "new-"), _temporary(folder, "old-")
    try:
        new.mkdir(parents=True)
        _remove_leftovers(folder)
        yield new
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _temporary(path, word=""):
    return path.with_name(f".{os.getpid()}-{word}{path.name}")


def _remove_leftovers(path):
    for leftover in path.parent.glob(f".[0-9]*-{glob.escape(path.name)}"):
        process = re.match(r"\.(\d+)-", leftover.name)
        if not process or _alive(int(process[1])):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's; no process has such a number, so let it be
        return True
    return True
