"""labels.csv: the files of an image set and their labels, as the user lists them.

UTF-8 text with a first line that names the columns ``file`` and ``label``; others are passed over. A file is named
relative to the folder, once, and lies in it, since results that name it are published; it may be a link to elsewhere.
A label is a whole number from 0, ImageNet's index for a network of 1,000 classes.
"""

import csv
import io
import os
import re
import stat
from pathlib import PurePath

from jpegstudy.errors import BadInput
from jpegstudy.image_sets.items import Item, printable

NAME = "labels.csv"
WANTED = "wanted text in UTF-8, the first line file,label and then a line for each image"


def items(folder, class_count):
    """The Items that ``folder``'s labels.csv lists, in its order.

    class_count: of the network; labels must lie below it.
    Raises BadInput with the line if the file is anything but what this module's docstring says, or if it names a file
    that is not there.
    """
    where = f"{printable(folder.name)}/{NAME}"
    rows = _rows(_text(folder / NAME, where), where)
    columns = [name.strip() for name in next(rows, (1, ["none"]))[1]]
    for name in ("file", "label"):
        if columns.count(name) > 1:
            raise BadInput(f"{where} has the column {name} twice; {WANTED}")
    if missing := {"file", "label"} - set(columns):
        has = _quoted(", ".join(columns))[1:-1]
        raise BadInput(f"{where} has no column {' and '.join(sorted(missing))}; it has {has}; {WANTED}")
    found = {}  # path in the folder -> (line, label)
    for line, cells in rows:
        if len(cells) != len(columns):
            raise BadInput(
                f"{where}, line {line} has {len(cells)} cells and the first line {len(columns)}; "
                "wanted as many, and quotes around a file's name that has a comma in it"
            )
        row = dict(zip(columns, cells, strict=True))
        label = _label(row["label"].strip(), class_count, f"{where}, line {line}")
        path = _path(row["file"], folder, f"{where}, line {line}")
        if path in found:
            raise BadInput(
                f"{where}, line {line}: {_quoted(row['file'])} is listed twice, first in line {found[path][0]}; "
                "wanted each file once"
            )
        found[path] = line, label
    if not found:
        raise BadInput(f"{where} lists no files; {WANTED}")
    return [Item(folder / path, printable(path), label) for path, (_, label) in found.items()]


def _text(path, where):
    if os.path.lexists(path) and not os.path.isfile(path):
        raise BadInput(f"{where} is no file that can be read (a folder, a pipe, or a link to nothing); {WANTED}")
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{where} cannot be read ({error.strerror}); make it readable") from error
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = contents[: error.start].count(b"\n") + 1
        raise BadInput(f"{where}, line {line}: byte {contents[error.start]:#04x} is not UTF-8; {WANTED}") from error
    if "\0" in text:  # UTF-16 looks so
        line = text[: text.index("\0")].count("\n") + 1
        raise BadInput(f"{where}, line {line}: a zero byte, which is not text in UTF-8; {WANTED}")
    return text


def _rows(text, where):
    """(line, cells) of each row that is not blank; of a row over several lines, the last."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise BadInput(f"{where}, line {reader.line_num}: {error}; {WANTED}") from error


def _label(text, class_count, where):
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) >= class_count:
        raise BadInput(
            f"{where}: label {_quoted(text)}; wanted a whole number from 0 to {class_count - 1}, "
            "the network's last class"
        )
    return int(text)


def _path(text, folder, where):
    """The path that a cell names, relative to ``folder``, in one spelling."""
    path = PurePath(text)
    if not text.strip() or not path.parts:
        raise BadInput(f"{where} names no file; wanted a path in that folder")
    if path.anchor or ".." in path.parts:
        raise BadInput(
            f"{where}: {_quoted(text)} leads out of the folder; wanted a path in it: move the file there, or link to it"
        )
    try:
        why = "it is a folder" if stat.S_ISDIR(os.stat(folder / path).st_mode) else None
    except (OSError, UnicodeEncodeError) as error:  # the latter where names of files are not in UTF-8
        why = getattr(error, "strerror", "this system cannot spell it")
    if why:
        raise BadInput(f"{where}: there is no file {_quoted(text)} in that folder ({why}); correct the name")
    return path


def _quoted(text):
    return repr(text if len(text) <= 80 else f"{text[:80]}...")
