import io
import tarfile

import pytest

from jpegstudy import image_sets
from jpegstudy.errors import BadInput
from tests.conftest import write_image


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    return tmp_path


def labels_csv(folder, rows, header="file,label"):
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")


def test_class_folders_are_labeled_in_sorted_order(folder):
    found = image_sets.load(folder, class_count=4)
    assert found.labeled
    assert [(item.file, item.label) for item in found.items][:3] == [("a/0.png", 0), ("a/4.png", 0), ("a/8.png", 0)]
    assert {item.label for item in found.items} == {0, 1, 2, 3}


def test_as_many_class_folders_as_classes_are_wanted(folder):
    with pytest.raises(BadInput, match=r"4 class folders .* and the network 10"):
        image_sets.load(folder, class_count=10)


def test_synset_folders_mean_imagenet_labels_for_a_thousand_classes(tmp_path):
    for synset in ("n01443537", "n03792782"):
        write_image(tmp_path / "set" / synset / "1.png")
    assert [item.label for item in image_sets.load(tmp_path / "set", class_count=1000).items] == [1, 671]
    assert [item.label for item in image_sets.load(tmp_path / "set", class_count=2).items] == [0, 1]


def test_a_class_folder_that_is_no_synset_is_named(tmp_path):
    for name in ("n01443537", "n99999999"):
        write_image(tmp_path / "set" / name / "1.png")
    with pytest.raises(BadInput, match=r"'n99999999' .* is no ImageNet synset"):
        image_sets.load(tmp_path / "set", class_count=1000)


def test_labels_csv_wins_over_class_folders(folder):
    labels_csv(folder, ["b/1.png,3", "a/0.png,2"])
    assert [(item.file, item.label) for item in image_sets.load(folder, class_count=4).items] == [
        ("b/1.png", 3),
        ("a/0.png", 2),
    ]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["1.png"], "file", "has no column label; it has file"),
        (["1.png,4"], "file,label", "line 2: label '4'; wanted a whole number from 0 to 3"),
        (["1.png,-1"], "file,label", "label '-1'"),
        (["1.png,cat"], "file,label", "label 'cat'"),
        (["1.png,0", "2.png,1"], "file,label", "line 3: there is no file '2.png'"),
        ([], "", "has no column file and label; it has none"),
    ],
)
def test_a_wrong_labels_csv_is_refused_by_line(tmp_path, rows, header, message):
    write_image(tmp_path / "set" / "1.png")
    labels_csv(tmp_path / "set", rows, header)
    with pytest.raises(BadInput, match=message):
        image_sets.load(tmp_path / "set", class_count=4)


def test_a_flat_folder_has_no_labels_and_takes_image_files_only(tmp_path):
    for name in ("b.png", "a.JPG", ".hidden.png"):
        write_image(tmp_path / "set" / name, format="PNG")
    (tmp_path / "set" / "notes.txt").write_text("no image")
    found = image_sets.load(tmp_path / "set", class_count=4)
    assert [item.file for item in found.items] == ["a.JPG", "b.png"]
    assert not found.labeled


def test_an_empty_or_absent_folder_is_refused(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(BadInput, match="holds no image files"):
        image_sets.load(tmp_path / "set", class_count=4)
    with pytest.raises(BadInput, match=r"there is no image set 'nowhere'.*photos"):
        image_sets.load("nowhere", class_count=4)


def test_a_count_draws_files_by_the_seed_and_keeps_their_order(folder):
    drawn = [image_sets.load(folder, class_count=4, count=5, seed=seed).items for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [item.file for item in drawn[0]] == sorted(item.file for item in drawn[0])
    assert len(drawn[0]) == 5


def test_views_follow_their_file(folder):
    items = image_sets.load(folder, class_count=4, views=3).items
    assert [(item.file, item.view) for item in items[:4]] == [
        ("a/0.png", 0),
        ("a/0.png", 1),
        ("a/0.png", 2),
        ("a/4.png", 0),
    ]


def test_the_hash_changes_with_a_label_and_a_files_size(folder):
    before = image_sets.load(folder, class_count=4).hash()
    assert before == image_sets.load(folder, class_count=4).hash()
    write_image(folder / "a" / "0.png", size=(60, 30))
    assert image_sets.load(folder, class_count=4).hash() != before


def test_photos_are_color_photographs_of_installed_packages():
    found = image_sets.load("photos", class_count=1000)
    assert len(found.items) == 11
    assert not found.labeled
    x = image_sets.read(found.items[0], shortest_side=256, crop=224, seed=0, index=0)
    assert x.shape == (3, 224, 224)
    assert x.std() > 10


def test_demo_is_labeled_by_its_class_folders():
    found = image_sets.load("demo", class_count=len(list((image_sets.root() / "data/demo/validation").iterdir())))
    assert found.labeled
    assert len(found.items) >= 400


def test_imagenette_in_torchvisions_layout_is_mapped_to_imagenet(root):
    synsets = ["n01440764", "n02102040", "n03888257"]
    for synset in synsets:
        write_image(root / "data/imagenette/imagenette2/val" / synset / "ILSVRC2012_val_1.JPEG")
    found = image_sets.load("imagenette", class_count=1000)
    assert [item.label for item in found.items] == [0, 217, 701]


def test_imagenette_that_cannot_be_fetched_says_where_to_put_it(root, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", refuse)
    monkeypatch.setattr("torchvision.datasets.imagenette.download_and_extract_archive", refuse)
    with pytest.raises(BadInput, match=r"could not be fetched .*imagenette2"):
        image_sets.load("imagenette", class_count=1000)


def test_imagenet_unpacked_by_torchvision_is_read_in_its_layout(root):
    write_image(root / "data/imagenet/val/n01443537/ILSVRC2012_val_1.JPEG")
    assert [item.label for item in image_sets.load("imagenet", class_count=1000).items] == [1]


def test_imagenet_without_its_archives_names_them(root):
    (root / "data/imagenet").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"ILSVRC2012_img_val.tar"):
        image_sets.load("imagenet", class_count=1000)


def test_an_archive_that_is_not_imagenets_is_refused(root):
    folder = root / "data/imagenet"
    folder.mkdir(parents=True)
    with tarfile.open(folder / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    with pytest.raises(BadInput, match="no ImageNet in"):
        image_sets.load("imagenet", class_count=1000)


def test_the_class_list_is_torchvisions():
    from torchvision.models import SqueezeNet1_1_Weights

    names = [name for _, name in image_sets.imagenet_classes()]
    assert names == SqueezeNet1_1_Weights.DEFAULT.meta["categories"]
    synsets = [synset for synset, _ in image_sets.imagenet_classes()]
    assert synsets == sorted(synsets)
