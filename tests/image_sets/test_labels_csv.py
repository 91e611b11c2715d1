import os

import pytest

from jpegstudy import image_sets
from jpegstudy.errors import BadInput
from tests.conftest import write_image


@pytest.fixture
def images(tmp_path):
    """A folder with two images and an empty folder in it."""
    write_image(tmp_path / "set" / "1.png")
    write_image(tmp_path / "set" / "deeper" / "2.png")
    return tmp_path / "set"


def listed(folder, contents):
    (folder / "labels.csv").write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return [(item.file, item.label) for item in image_sets.load(folder, class_count=4).items]


def test_labels_csv_wins_over_class_folders(folder):
    assert listed(folder, "file,label\nb/1.png,3\na/0.png,2\n") == [("b/1.png", 3), ("a/0.png", 2)]


@pytest.mark.parametrize(
    "contents",
    [
        "file,label\n1.png,1\ndeeper/2.png,02\n",
        "\ufefffile,label\r\n1.png,1\r\n\r\ndeeper/2.png,2",
        'name,label , file\na,1,"1.png"\n"b, c", 2 ,deeper/2.png\n'.replace(" file", "file"),
        "file,label\n./1.png,1\ndeeper//2.png,2\n",
    ],
    ids=["plain", "as Excel writes it", "with another column, quotes and spaces", "other spellings"],
)
def test_every_usual_form_is_read(images, contents):
    assert listed(images, contents) == [("1.png", 1), ("deeper/2.png", 2)]


def test_only_listed_files_count_and_a_hidden_one_may_be_listed(images):
    write_image(images / ".hidden.png")
    assert listed(images, "file,label\n.hidden.png,1\n") == [(".hidden.png", 1)]


def test_a_link_to_a_file_elsewhere_is_a_file_of_the_folder(images, tmp_path):
    write_image(tmp_path / "elsewhere.png")
    (images / "link.png").symlink_to("../elsewhere.png")
    assert listed(images, "file,label\nlink.png,1\n") == [("link.png", 1)]


BAD = {
    "no label column": ("file\n1.png\n", "has no column label; it has file;"),
    "nothing": ("", "has no column file and label; it has none;"),
    "semicolons": ("file;label\n1.png;1\n", "has no column file and label; it has file;label;"),
    "two label columns": ("file,label,label\n1.png,1,2\n", "has the column label twice"),
    "a column's name over two lines": ('file,"la\nbel"\n', r"it has file, la\\nbel;"),
    "header only": ("file,label\n", "lists no files"),
    "label too large": ("file,label\n1.png,4\n", "line 2: label '4'; wanted a whole number from 0 to 3"),
    "negative label": ("file,label\n1.png,-1\n", "line 2: label '-1'"),
    "label in words": ("file,label\n1.png,cat\n", "line 2: label 'cat'"),
    "label with a point": ("file,label\n1.png,1.0\n", "line 2: label '1.0'"),
    "blank label": ("file,label\n1.png, \n", "line 2: label ''"),
    "Arabic digit": ("file,label\n1.png,\u0663\n", "line 2: label '\u0663'"),
    "superscript": ("file,label\n1.png,\u00b2\n", "line 2: label '\u00b2'"),
    "5,000 digits": (f"file,label\n1.png,{'0' * 5000}\n", r"line 2: label '0{80}\.\.\.'"),
    "short row": ("file,label\n1.png\n", "line 2 has 1 cells and the first line 2"),
    "short row without the file": ("label,file\n1\n", "line 2 has 1 cells and the first line 2"),
    "long row": ("file,label\n1.png,1,2\n", "line 2 has 3 cells and the first line 2"),
    "absent": ("file,label\n1.png,0\n\n3.png,1\n", r"line 4: there is no file '3.png' in that folder \(No such file"),
    "a folder": ("file,label\ndeeper,0\n", r"line 2: there is no file 'deeper' in that folder \(it is a folder\)"),
    "below a file": ("file,label\n1.png/2.png,0\n", r"line 2: there is no file '1.png/2.png' .*\(Not a directory\)"),
    "300 characters": (
        f"file,label\n{'a' * 300},0\n",
        r"line 2: there is no file 'a{80}\.\.\.' .*\(File name too long\)",
    ),
    "no name": ("file,label\n,0\n", "line 2 names no file"),
    "blank name": ("file,label\n ,0\n", "line 2 names no file"),
    "the folder": ("file,label\n.,0\n", "line 2 names no file"),
    "absolute": ("file,label\n/etc/hostname,0\n", "line 2: '/etc/hostname' leads out of the folder"),
    "above": ("file,label\n../set/1.png,0\n", r"line 2: '\.\./set/1.png' leads out of the folder"),
    "above from below": ("file,label\ndeeper/../1.png,0\n", r"line 2: 'deeper/\.\./1.png' leads out of the folder"),
    "twice": ("file,label\n1.png,0\n1.png,1\n", "line 3: '1.png' is listed twice, first in line 2"),
    "twice with one label": ("file,label\n1.png,0\n1.png,0\n", "line 3: '1.png' is listed twice, first in line 2"),
    "twice, spelled otherwise": ("file,label\n1.png,0\n./1.png,0\n", r"line 3: '\./1.png' is listed twice"),
    "Latin-1": ("file,label\n1.png,1\ncafé.png,0\n".encode("latin-1"), "line 3: byte 0xe9 is not UTF-8"),
    "UTF-16": ("file,label\n1.png,1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "UTF-16 without its mark": ("file,label\n1.png,1\n".encode("utf-16-le"), "line 1: a zero byte"),
    "a zero byte in a name": ("file,label\n1.png\0,1\n", "line 2: a zero byte"),
    "an open quote": ('file,label\n"1.png,1\n', "line 2: unexpected end of data"),
    "text after a quote": ('file,label\n"1"x.png,1\n', "line 2: ',' expected after"),
    "a cell of a megabyte": (f"file,label\n{'a' * 2**20},1\n", "line 2: field larger than field limit"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_labels_csv_is_refused_by_line_and_in_one_line(images, kind):
    contents, message = BAD[kind]
    with pytest.raises(BadInput, match=r"set/labels\.csv.*" + message) as refusal:
        listed(images, contents)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_a_labels_csv_that_is_no_readable_file_is_refused(images, monkeypatch):
    path = images / "labels.csv"
    for make in (path.mkdir, lambda: path.symlink_to("nowhere"), lambda: os.mkfifo(path)):
        make()
        with pytest.raises(BadInput, match=r"set/labels.csv is no file that can be read"):
            image_sets.load(images, class_count=4)
        path.rmdir() if path.is_dir() else path.unlink()
    path.write_text("file,label\n")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(BadInput, match=r"set/labels.csv cannot be read \(Permission denied\)"):
        image_sets.load(images, class_count=4)
