import os

import pytest

from jpegstudy import image_sets
from jpegstudy.errors import BadInput
from tests.conftest import write_image


def write_files(folder, *names):
    """Images, or text where the name says so."""
    for name in names:
        if name.endswith((".txt", ".db", ".csv")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("no image")
        else:
            write_image(folder / name, format="PNG")
    return folder


def listed(folder, class_count=2):
    return [(item.file, item.label) for item in image_sets.load(folder, class_count=class_count).items]


def test_class_folders_are_labeled_in_sorted_order(folder):
    found = image_sets.load(folder, class_count=4)
    assert found.labeled
    assert [(item.file, item.label) for item in found.items][:3] == [("a/0.png", 0), ("a/4.png", 0), ("a/8.png", 0)]
    assert {item.label for item in found.items} == {0, 1, 2, 3}


def test_as_many_class_folders_as_classes_are_wanted(folder):
    with pytest.raises(BadInput, match=r"4 class folders .* and the network 10"):
        image_sets.load(folder, class_count=10)


def test_synset_folders_mean_imagenet_labels_for_a_thousand_classes(tmp_path):
    write_files(tmp_path / "set", "n01443537/1.png", "n03792782/1.png")
    assert [label for _, label in listed(tmp_path / "set", 1000)] == [1, 671]
    assert [label for _, label in listed(tmp_path / "set", 2)] == [0, 1]


def test_a_class_folder_that_is_no_synset_is_named(tmp_path):
    write_files(tmp_path / "set", "n01443537/1.png", "n99999999/1.png")
    with pytest.raises(BadInput, match=r"'n99999999' .* is no ImageNet synset"):
        image_sets.load(tmp_path / "set", class_count=1000)


def test_images_deep_in_class_folders_are_found_where_none_lies_higher(tmp_path):
    write_files(tmp_path / "set", "c0/sub/1.png", "c1/sub/deeper/2.png")
    assert listed(tmp_path / "set") == [("c0/sub/1.png", 0), ("c1/sub/deeper/2.png", 1)]


def test_an_empty_class_folder_is_a_class(tmp_path):
    write_files(tmp_path / "set", "a/1.png", "c/1.png")
    (tmp_path / "set" / "b").mkdir()
    assert listed(tmp_path / "set", 3) == [("a/1.png", 0), ("c/1.png", 2)]
    with pytest.raises(
        BadInput, match=r"has 3 class folders .*, 1 of them without a file \('b', ...\) and the network 2"
    ):
        listed(tmp_path / "set", 2)


@pytest.mark.parametrize("direct", ["1.png", "without_suffix"])
@pytest.mark.parametrize("deeper", ["a/2.png", "a/b/without_suffix"])
def test_images_both_directly_and_in_folders_are_ambiguous(tmp_path, direct, deeper):
    write_files(tmp_path / "set", direct, deeper)
    with pytest.raises(BadInput, match=rf"images directly \({direct}\) and in folders \({deeper}\).* labels.csv"):
        listed(tmp_path / "set", 1)


def test_files_beside_class_folders_that_are_no_images_are_listed_and_the_set_stays_labeled(tmp_path):
    found = image_sets.load(write_files(tmp_path / "set", "a/1.png", "b/1.png", "about.txt"), class_count=2)
    assert [(item.file, item.label) for item in found.items] == [("a/1.png", 0), ("b/1.png", 1), ("about.txt", None)]
    assert found.labeled


def test_a_flat_folder_has_no_labels_and_lists_every_file(tmp_path):
    found = image_sets.load(
        write_files(tmp_path / "set", "b.png", "a.JPG", "without_suffix", "notes.txt", "more/notes.txt"), class_count=4
    )
    assert [item.file for item in found.items] == ["a.JPG", "b.png", "more/notes.txt", "notes.txt", "without_suffix"]
    assert not found.labeled


def test_hidden_files_and_clutter_are_passed_over(tmp_path):
    hidden = [".hidden.png", ".git/1.png", "Thumbs.db", "__MACOSX/1.png", "desktop.ini", "@eaDir/1.png"]
    write_files(tmp_path / "flat", "1.png", *hidden)
    assert listed(tmp_path / "flat") == [("1.png", None)]
    write_files(tmp_path / "classes", "a/1.png", "b/1.png", *hidden, *[f"b/{name}" for name in hidden])
    assert listed(tmp_path / "classes") == [("a/1.png", 0), ("b/1.png", 1)]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    write_files(tmp_path / "elsewhere", "1.png")
    write_files(tmp_path / "set", "a/1.png", "c/1.png")
    (tmp_path / "set" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "a" / "up").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "c" / "here").symlink_to(".")
    assert listed(tmp_path / "set", 3) == [("a/1.png", 0), ("b/1.png", 1), ("c/1.png", 2)]


@pytest.mark.parametrize("unreadable", ["set", "b"])
def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch, unreadable):
    write_files(tmp_path / "set", "a/1.png", "b/1.png")
    listdir = os.listdir

    def refuse(path):
        if os.path.basename(path) == unreadable:
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(BadInput, match=rf"{unreadable} cannot be read \(Permission denied\)"):
        listed(tmp_path / "set")
