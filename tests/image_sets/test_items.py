import os

import pytest

from jpegstudy import decoding, image_sets
from jpegstudy.image_sets.items import ImageSet, Item, printable
from tests.conftest import write_image


def hash_of(folder, **settings):
    return image_sets.load(folder, class_count=4, **settings).hash()


def test_the_hash_changes_with_one_byte_of_a_file(folder):
    before = hash_of(folder)
    assert hash_of(folder) == before
    path = folder / "a" / "0.png"
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)
    assert hash_of(folder) != before


def test_the_hash_changes_with_names_labels_views_and_order(tmp_path):
    paths = [write_image(tmp_path / f"{number}.png") for number in range(2)]
    sets = [
        [Item(paths[0], "0", 1), Item(paths[1], "1", 2)],
        [Item(paths[1], "1", 2), Item(paths[0], "0", 1)],
        [Item(paths[0], "0", 1), Item(paths[1], "other", 2)],
        [Item(paths[0], "0", 1), Item(paths[1], "1", 3)],
        [Item(paths[0], "0", 1), Item(paths[1], "1", None)],
        [Item(paths[0], "0", 1), Item(paths[1], "1", 2, view=1)],
    ]
    assert len({ImageSet("set", tuple(items)).hash() for items in sets}) == len(sets)


def test_a_file_is_read_once_for_all_its_views(folder, monkeypatch):
    read = []
    digest = image_sets.items.hashlib.file_digest
    monkeypatch.setattr(
        image_sets.items.hashlib, "file_digest", lambda file, name: (read.append(file.name), digest(file, name))[1]
    )
    hash_of(folder, views=3)
    assert len(read) == len(set(read)) == 11


def test_what_cannot_be_read_has_a_hash_too(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    write_image(folder / "1.png")
    (folder / "2.png").symlink_to("nowhere")
    os.mkfifo(folder / "3.png")
    (folder / "4.png").write_bytes(bytes(101))
    found = image_sets.load(folder, class_count=4)
    assert len(found.items) == 4
    before = found.hash()
    (folder / "4.png").write_bytes(bytes(102))
    assert found.hash() != before
    monkeypatch.setattr(decoding, "MAX_BYTES", 100)  # from here on the files' sizes stand in for their contents
    before = found.hash()
    (folder / "4.png").write_bytes(bytes(103))
    assert found.hash() != before


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a b.png", "a b.png"),
        ("été 东.png", "été 东.png"),
        (os.fsdecode(b"caf\xe9.png"), r"caf\udce9.png"),
        ("two\nlines\t\x1b.png", r"two\nlines\t\x1b.png"),
        (r"caf\udce9.png", r"caf\\udce9.png"),
    ],
)
def test_a_name_is_printed_in_one_line_of_utf8(name, wanted):
    assert printable(name) == wanted
    assert printable(name).encode()


def test_a_file_whose_name_is_not_utf8_is_an_item_like_others(tmp_path):
    names = [b"caf\xe9.png", rb"caf\udce9.png", b"caf\xe8.png"]
    for number, name in enumerate(names):
        write_image(tmp_path / "set" / os.fsdecode(name), seed=number)
    found = image_sets.load(tmp_path / "set", class_count=4)
    assert sorted(item.file for item in found.items) == sorted([r"caf\\udce9.png", r"caf\udce9.png", r"caf\udce8.png"])
    assert {os.fsencode(item.path.name) for item in found.items} == set(names)
    assert len(found.hash()) == 64
    for item in found.items:
        assert image_sets.read(item, shortest_side=32, crop=24, seed=0, index=0).shape == (3, 24, 24)
