"""torchvision itself fetches and unpacks archives here, tiny ones in the layout of the real."""

import functools
import hashlib
import http.server
import shutil
import tarfile
import threading

import numpy as np
import pytest
import scipy.io
import torchvision.datasets.imagenet
from torchvision.datasets import Imagenette

from jpegstudy import image_sets
from jpegstudy.errors import BadInput
from jpegstudy.image_sets import torchvision_sets
from tests.conftest import write_image

TRUTH = ["n03792782", "n01443537", "n03792782"]  # synsets of ImageNet's images in the order of their names
LABELS = {"n01443537": 1, "n03792782": 671}
TINY = {"imagenet": (2, 3), "imagenette": (2, 3)}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    monkeypatch.setattr(torchvision_sets, "WHOLE", TINY)
    return tmp_path


def pack(archive, mode, folder):
    with tarfile.open(archive, mode) as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, path.name)
    return hashlib.md5(archive.read_bytes()).hexdigest()


@pytest.fixture
def imagenet(root, tmp_path, monkeypatch):
    """data/imagenet with both archives: three images of two synsets, and a third synset that only groups the two."""
    folder = root / "data" / "imagenet"
    folder.mkdir(parents=True)
    for number in range(3):
        write_image(tmp_path / "images" / f"ILSVRC2012_val_{number + 1:08d}.JPEG", seed=number)
    data = tmp_path / "devkit" / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    rows = [
        (1, "n01443537", "goldfish, Carassius auratus", "", 0),
        (2, "n03792782", "mountain bike, all-terrain", "", 0),
    ]
    rows.append((3, "n00001740", "entity", "", 2))
    names = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children"]
    synsets = np.array(rows, dtype=[(name, object) for name in names])
    scipy.io.savemat(data / "meta.mat", {"synsets": synsets})
    numbers = {synset: number for number, synset, *_ in rows}
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{numbers[synset]}\n" for synset in TRUTH))
    for kind, mode, packed in (("val", "w", "images"), ("devkit", "w:gz", "devkit")):
        name = torchvision.datasets.imagenet.ARCHIVE_META[kind][0]
        digest = pack(folder / name, mode, tmp_path / packed)
        monkeypatch.setitem(torchvision.datasets.imagenet.ARCHIVE_META, kind, (name, digest))
    return folder


def test_imagenets_archives_are_unpacked_and_labeled_in_imagenets_order(imagenet):
    found = image_sets.load("imagenet", class_count=1000)
    labels = {item.path.name: item.label for item in found.items}
    assert labels == {
        f"ILSVRC2012_val_{number:08d}.JPEG": LABELS[synset] for number, synset in enumerate(TRUTH, start=1)
    }
    assert found == image_sets.load("imagenet", class_count=1000)  # this time as it lies there
    assert found.name == "imagenet"


def test_a_part_of_imagenet_is_not_taken_for_the_whole(imagenet):
    image_sets.load("imagenet", class_count=1000)
    shutil.rmtree(imagenet / "val" / "n01443537")
    with pytest.raises(
        BadInput, match=r"val has 2 files in 1 synset folders, and imagenet 3 in 2; delete .*val and put"
    ):
        image_sets.load("imagenet", class_count=1000)
    assert len(image_sets.load(imagenet / "val", class_count=1000).items) == 2  # as the message offers
    shutil.rmtree(imagenet / "val")
    assert len(image_sets.load("imagenet", class_count=1000).items) == 3


def test_an_unpacking_killed_before_the_images_were_sorted_is_seen(imagenet):
    write_image(imagenet / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(BadInput, match="has 0 files in 0 synset folders"):
        image_sets.load("imagenet", class_count=1000)


def test_imagenet_without_its_archives_names_them(root):
    (root / "data/imagenet").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"put ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz there"):
        image_sets.load("imagenet", class_count=1000)


@pytest.mark.parametrize("name", ["ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_img_val.tar"])
def test_an_archive_that_is_cut_short_is_refused(imagenet, name):
    whole = (imagenet / name).read_bytes()
    (imagenet / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=rf"no ImageNet in .*torchvision says: The archive {name}"):
        image_sets.load("imagenet", class_count=1000)
    assert not (imagenet / "val").exists()


def test_a_meta_file_cut_short_is_to_be_deleted(imagenet):
    (imagenet / "meta.bin").write_bytes(b"PK\3\4")
    with pytest.raises(BadInput, match=r"no ImageNet in .* delete meta.bin") as refusal:
        image_sets.load("imagenet", class_count=1000)
    assert "\n" not in str(refusal.value)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Nothing on standard error."""


@pytest.fixture
def archive(root, tmp_path, monkeypatch):
    """imagenette2.tgz on a server of this machine, from where torchvision takes it for the real one."""
    for synset, number in (("n01440764", 0), ("n03888257", 1), ("n03888257", 2)):
        write_image(tmp_path / "all" / "imagenette2" / "val" / synset / f"{number}.JPEG", seed=number)
    served = tmp_path / "served"
    served.mkdir()
    digest = pack(served / "imagenette2.tgz", "w:gz", tmp_path / "all")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=served)) as server:
        url = f"http://127.0.0.1:{server.server_port}/imagenette2.tgz"
        monkeypatch.setitem(Imagenette._ARCHIVES, "full", (url, digest))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served / "imagenette2.tgz"
        server.shutdown()
        thread.join()


def test_imagenette_is_fetched_unpacked_and_mapped_to_imagenet(archive):
    found = image_sets.load("imagenette", class_count=1000)
    assert [(item.file, item.label) for item in found.items] == [
        ("n01440764/0.JPEG", 0),
        ("n03888257/1.JPEG", 701),
        ("n03888257/2.JPEG", 701),
    ]
    archive.unlink()
    assert image_sets.load("imagenette", class_count=1000) == found  # as it lies there


def test_a_part_of_imagenette_is_not_taken_for_the_whole(root, archive):
    image_sets.load("imagenette", class_count=1000)
    folder = root / "data/imagenette/imagenette2"
    (folder / "val/n03888257/2.JPEG").unlink()
    with pytest.raises(
        BadInput, match=r"has 2 files in 2 synset folders, and imagenette 3 in 2; delete .*imagenette2 to"
    ):
        image_sets.load("imagenette", class_count=1000)
    shutil.rmtree(folder / "val")
    with pytest.raises(BadInput, match=r"has 0 files in 0 synset folders"):
        image_sets.load("imagenette", class_count=1000)
    shutil.rmtree(folder)
    assert len(image_sets.load("imagenette", class_count=1000).items) == 3


def test_a_download_that_broke_off_says_what_to_delete_and_the_next_replaces_it(archive):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"could not be fetched .* delete imagenette2.tgz .* and try again") as refusal:
        image_sets.load("imagenette", class_count=1000)
    assert "\n" not in str(refusal.value)
    archive.write_bytes(whole)
    assert len(image_sets.load("imagenette", class_count=1000).items) == 3


def test_imagenette_without_a_network_says_where_to_put_it(root, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", refuse)
    with pytest.raises(BadInput, match=r"could not be fetched \(no route to host\).*imagenette2 there"):
        image_sets.load("imagenette", class_count=1000)


@pytest.mark.parametrize(
    ("name", "folder", "numbers"),
    [("imagenet", "val", "50,000 in 1,000"), ("imagenette", "imagenette2/val", "3,925 in 10")],
)
def test_a_handful_of_images_is_neither_of_the_real_sets(tmp_path, monkeypatch, name, folder, numbers):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    write_image(tmp_path / "data" / name / folder / "n01440764" / "1.JPEG")
    with pytest.raises(BadInput, match=f"has 1 files in 1 synset folders, and {name} {numbers};"):
        image_sets.load(name, class_count=1000)
