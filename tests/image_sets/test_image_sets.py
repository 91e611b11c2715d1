import numpy as np
import pytest

from jpegstudy import image_sets
from jpegstudy.errors import BadInput
from jpegstudy.image_sets import photographs
from tests.conftest import write_image


def files(found):
    return [item.file for item in found.items]


def test_an_empty_or_absent_folder_is_refused(tmp_path):
    (tmp_path / "set" / "class").mkdir(parents=True)
    with pytest.raises(BadInput, match="holds no image files; put images into"):
        image_sets.load(tmp_path / "set", class_count=4)
    with pytest.raises(BadInput, match=r"there is no image set 'nowhere'.*photos"):
        image_sets.load("nowhere", class_count=4)


@pytest.mark.parametrize("source", ["", " ", "~nobody-of-this-name/set", "a" * 300, "a\0b", "labels.csv/set"])
def test_a_source_that_is_no_path_is_refused_in_the_same_words(source):
    with pytest.raises(BadInput, match=r"there is no image set .*wanted demo"):
        image_sets.load(source, class_count=4)


def test_a_count_draws_files_by_the_seed_and_keeps_their_order(folder):
    drawn = [image_sets.load(folder, class_count=4, count=5, seed=seed).items for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [item.file for item in drawn[0]] == sorted(item.file for item in drawn[0])
    assert len(drawn[0]) == 5


def test_a_draw_is_that_of_the_permutation_of_all_files(folder):
    whole = image_sets.load(folder, class_count=4)
    places = np.random.default_rng([7, 11]).permutation(11)[:5]
    assert files(image_sets.load(folder, class_count=4, count=5, seed=7)) == [
        files(whole)[place] for place in sorted(places)
    ]


def test_only_images_are_drawn_and_an_image_without_suffix_is_one(tmp_path):
    for number in range(4):
        write_image(tmp_path / "set" / str(number), format="PNG")
        (tmp_path / "set" / f"{number}.txt").write_text("a caption")
    assert files(image_sets.load(tmp_path / "set", class_count=4, count=4)) == ["0", "1", "2", "3"]
    assert len(image_sets.load(tmp_path / "set", class_count=4).items) == 8


def test_nothing_can_be_drawn_where_nothing_is_an_image(tmp_path):
    (tmp_path / "set").mkdir()
    for number in range(3):
        (tmp_path / "set" / f"{number}.txt").write_text("a caption")
    with pytest.raises(BadInput, match="holds no image files: not one of its 3 is one"):
        image_sets.load(tmp_path / "set", class_count=4, count=2)


def test_views_follow_their_file(folder):
    items = image_sets.load(folder, class_count=4, views=3).items
    assert [(item.file, item.view) for item in items[:4]] == [
        ("a/0.png", 0),
        ("a/0.png", 1),
        ("a/0.png", 2),
        ("a/4.png", 0),
    ]


def test_photos_are_color_photographs_of_installed_packages():
    found = image_sets.load("photos", class_count=1000)
    assert len(found.items) == 11
    assert not found.labeled
    x = image_sets.read(found.items[0], shortest_side=256, crop=224, seed=0, index=0)
    assert x.shape == (3, 224, 224)
    assert x.std() > 10


def test_photos_name_the_package_that_is_not_there(monkeypatch):
    monkeypatch.setitem(photographs.PHOTOS, "no_such_package", ["1.png"])
    with pytest.raises(BadInput, match="needs the package no_such_package"):
        image_sets.load("photos", class_count=1000)


def test_demo_is_labeled_by_its_class_folders():
    found = image_sets.load("demo", class_count=len(list((image_sets.root() / "data/demo/validation").iterdir())))
    assert found.labeled
    assert len(found.items) == 432
    assert files(found)[:2] == ["bricks/0000.jpg", "bricks/0012.jpg"]
    assert all(item.label is not None for item in found.items)


def test_the_class_list_is_torchvisions():
    from torchvision.models import SqueezeNet1_1_Weights

    names = [name for _, name in image_sets.imagenet_classes()]
    assert names == SqueezeNet1_1_Weights.DEFAULT.meta["categories"]
    synsets = [synset for synset, _ in image_sets.imagenet_classes()]
    assert synsets == sorted(synsets)
