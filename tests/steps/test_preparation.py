"""Step 01 on image sets that are not as they should be."""

import os

import numpy as np
import pandas as pd
import pytest

from jpegstudy import decoding, steps
from jpegstudy.errors import BadInput
from jpegstudy.run import Run
from tests.conftest import STAGE_01, STAGES, write_image


def prepare(folder):
    this = Run("test")
    steps.prepare(this.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    return this


def rejected(this):
    return pd.read_csv(this.path / "rejected.csv").set_index("file").reason


def test_a_set_without_a_usable_image_can_be_repaired_under_the_same_run_name(outputs, tmp_path):
    (tmp_path / "set").mkdir()
    for number in range(6):  # two shards, the second of which has fewer images when repaired
        (tmp_path / "set" / f"{number}.png").write_bytes(b"")
    with pytest.raises(BadInput, match=r"none of the 6 images .*0.png: empty file"):
        prepare(tmp_path / "set")
    assert len(rejected(Run("test"))) == 6
    for number in range(5):
        write_image(tmp_path / "set" / f"{number}.png", seed=number)
    this = prepare(tmp_path / "set")
    assert this.image_numbers() == [0, 1, 2, 3, 4]
    assert rejected(this).index.tolist() == ["5.png"]
    assert this.is_complete("01_preprocessing")


def test_another_set_can_take_the_run_name_of_one_without_a_usable_image(outputs, folder, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "1.png").write_bytes(b"")
    with pytest.raises(BadInput, match="none of the 1 images"):
        prepare(tmp_path / "set")
    assert len(prepare(folder).image_numbers()) == 10


def test_an_image_replaced_by_one_of_the_same_size_is_not_mixed_into_a_run(outputs, folder):
    path = write_image(folder / "a" / "0.png", format="BMP")
    prepare(folder)
    size = path.stat().st_size
    write_image(path, seed=1, format="BMP")
    assert path.stat().st_size == size
    with pytest.raises(BadInput, match="has changed since run 'test' was begun"):
        prepare(folder)


def test_a_set_is_read_once_for_its_hash(outputs, folder, monkeypatch):
    read = []
    digest = steps.preparation.image_sets.items.hashlib.file_digest

    def recording(file, name):
        read.append(file.name)
        return digest(file, name)

    monkeypatch.setattr(steps.preparation.image_sets.items.hashlib, "file_digest", recording)
    prepare(folder)
    assert len([path for path in read if str(folder) in path]) == 11


def test_a_file_name_that_is_not_utf8_is_escaped_in_tables(outputs, folder):
    write_image(folder / "a" / os.fsdecode(b"caf\xe9.png"))
    (folder / "b" / os.fsdecode(b"\xff\n.png")).write_bytes(b"")
    this = prepare(folder)
    steps.attack(this.stage("02_attack", **STAGES["02_attack"]))
    assert r"a/caf\udce9.png" in set(this.predictions().file)
    assert rejected(this).index.tolist() == ["a/broken.jpg", r"b/\udcff\n.png"]


def test_files_that_are_no_images_are_listed_and_counted_and_left_out(outputs, folder):
    (folder / "b" / "notes.txt").write_text("not an image")
    (folder / "about.txt").write_text("nor this")
    this = prepare(folder)
    assert sorted(rejected(this).index) == ["a/broken.jpg", "about.txt", "b/notes.txt"]
    assert rejected(this)["about.txt"].startswith("not an image that Pillow knows")
    entry = this.entry("01_preprocessing")
    assert (entry["images"], entry["rejected"], entry["image_set"]["labeled"]) == (10, 3, True)
    table = this.image_table()
    assert table[table.reason.isna()].label.notna().all()


def test_without_scaling_x_is_cut_from_the_image_as_it_is(outputs, tmp_path):
    for name, size in {"large": (61, 50), "small": (30, 20)}.items():
        write_image(tmp_path / "set" / f"{name}.png", size=size)
    given = {**STAGE_01, "image_set": str(tmp_path / "set"), "shortest_side": 0, "scale": False}
    this = Run("test")
    steps.prepare(this.stage("01_preprocessing", **given))
    assert this.entry("01_preprocessing")["network"]["shortest_side"] is None
    assert rejected(this).to_dict() == {
        "small.png": "30 x 20 pixels, smaller than the crop of 24, and images are not scaled here"
    }
    whole = np.asarray(decoding.decode(tmp_path / "set" / "large.png")).transpose(2, 0, 1)
    assert (this.images(0)[0] == whole[:, 13:37, 18:42]).all()
    with pytest.raises(BadInput, match="scale is false and shortest_side is 32; wanted one of the two"):
        steps.prepare(Run("other").stage("01_preprocessing", **{**given, "shortest_side": 32}))
