import errno
import subprocess

import pytest

from jpegstudy import atomic


def test_what_a_killed_process_left_behind_goes_and_what_a_living_one_writes_stays(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine, other, living = (tmp_path / name for name in (f".{dead.pid}-a.npy", f".{dead.pid}-b.npy", ".1-a.npy"))
    for path in (mine, other, living):
        path.write_text("half")
    with atomic.replacing(tmp_path / "a.npy") as part:
        part.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([living, other, tmp_path / "a.npy"])


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OSError, match=r"cannot write a.csv: (Not a directory|File exists)"),
        atomic.replacing(tmp_path / "file" / "a.csv"),
    ):
        pass


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("whole")

    def fill_up():
        with atomic.replacing(path) as part:
            part.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"cannot write file.txt: .*what was finished stays"):
        fill_up()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_put_in_place_when_it_is_whole(tmp_path):
    folder = tmp_path / "report"
    for text in ("first", "second"):
        with atomic.replacing_folder(folder) as part:
            assert list(part.iterdir()) == []
            (part / "page").write_text(text)
    with pytest.raises(IsADirectoryError), atomic.replacing_folder(folder) as part:
        part.write_text("third")
    assert (folder / "page").read_text() == "second"
    assert list(tmp_path.iterdir()) == [folder]
