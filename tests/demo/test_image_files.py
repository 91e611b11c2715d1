"""The files under data/demo: what the code draws, as mixed as collections of photographs are, and small."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from jpegstudy import jpeg
from jpegstudy.demo import image_files, scenes
from jpegstudy.errors import BadInput
from jpegstudy.places import root

DEMO = root() / "data" / "demo"
FILES = sorted((DEMO / "validation").glob("*/*.jpg"))


def test_the_set_is_large_enough_and_small_enough():
    assert len(FILES) >= 400
    assert sum(path.stat().st_size for path in FILES) <= 12e6
    assert sorted({path.parent.name for path in FILES}) == list(scenes.CLASSES)


def test_files_are_of_mixed_size_quality_and_subsampling():
    sizes, samplings, tables = set(), set(), set()
    for path in FILES:
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 256
            sizes.add(image.size)
            samplings.add(get_sampling(image))
            tables.add(tuple(image.quantization[0]))  # one table a quality
    assert samplings == {0, 1, 2}  # 4:4:4, 4:2:2, 4:2:0
    assert len(tables) >= 20
    assert len(sizes) >= 100


@pytest.mark.parametrize("index", [0, 101, 431])
def test_files_are_what_the_code_draws(index):
    path = image_files.validation_path(DEMO, index)
    with Image.open(path) as image:
        kept = np.asarray(image).astype(int)
    with Image.open(io.BytesIO(image_files.file_bytes(0, index))) as image:
        again = np.asarray(image).astype(int)
    assert kept.shape == again.shape
    assert np.abs(kept - again).mean() < 0.1  # grey levels; here it is 0, but sines are rounded differently elsewhere


def test_write_validation_sorts_files_by_class(tmp_path):
    paths = image_files.write_validation(tmp_path, seed=0, count=13)
    assert paths[0] == tmp_path / "validation" / "bricks" / "0000.jpg"
    assert paths[12].parent == paths[0].parent
    images, labels = image_files.validation_images(tmp_path)
    assert images.shape == (13, 256, 256, 3)
    assert labels.tolist() == [0, *range(12)]


def test_held_out_images_are_spread_over_the_classes():
    images, labels = image_files.validation_images(root() / "data/demo")
    found = image_files.held_out(root() / "data/demo", 24)
    places = [
        next(i for i, image in enumerate(images) if (image == mine).all()) for mine in found.permute(0, 2, 3, 1).numpy()
    ]
    assert sorted(labels[places]) == sorted([*range(12)] * 2)
    for count in (0, 433, 2.0, True):
        with pytest.raises(BadInput, match=f"held_out is {count}; wanted a whole number from 1 to 432"):
            image_files.held_out(root() / "data/demo", count)


def test_no_validation_images_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"draw_images\.ipynb"):
        image_files.validation_images(tmp_path)
    with pytest.raises(BadInput, match="count is 0"):
        image_files.write_validation(tmp_path, seed=0, count=0)


def test_training_images_go_on_where_they_stopped(tmp_path):
    path = tmp_path / "images.u8"
    images, labels = image_files.training_images(path, seed=1, count=5)
    whole = np.array(images)
    note = path.with_suffix(".json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"drawn": 3}))
    kept = np.memmap(path, np.uint8, "r+", shape=images.shape)
    kept[1], kept[4] = 0, 0  # drawn, so left alone; not yet drawn
    images, _ = image_files.training_images(path, seed=1, count=5)
    assert (images[1] == 0).all()
    assert np.array_equal(images[2:], whole[2:])
    assert labels.tolist() == [scenes.label_of(scenes.FIRST_TRAINING_INDEX + index) for index in range(5)]
    with pytest.raises(BadInput, match="delete it"):
        image_files.training_images(path, seed=2, count=5)
    kept[0] = 0  # as if the code that draws had changed
    with pytest.raises(BadInput, match="another version"):
        image_files.training_images(path, seed=1, count=5)


def test_training_images_are_none_of_the_validation_images():
    assert len(FILES) <= scenes.FIRST_TRAINING_INDEX
    assert np.abs(image_files.training_square(0, 0).astype(int) - image_files.square(FILES[0])).mean() > 10


def test_the_same_image_is_stored_in_three_ways():
    files, lossless, coded = (image_files.training_square(0, 3, stored) for stored in image_files.STORED)
    planes = torch.from_numpy(lossless.transpose(2, 0, 1)[None].copy())
    assert (jpeg.roundtrip(planes, quality=75)[0].numpy().transpose(1, 2, 0) == coded).all()
    for other in (files, coded):
        difference = np.abs(lossless.astype(int) - other)
        assert 0.5 < difference.mean() < 8  # grey levels: the same scene, coded
    with pytest.raises(BadInput, match="stored is 'png'; wanted files, lossless, jpeg"):
        image_files.training_square(0, 3, "png")


def test_validation_scenes_are_written_as_they_were_drawn_and_as_jpeg(tmp_path):
    for stored in ("lossless", "jpeg"):
        paths = image_files.write_squares(tmp_path, seed=0, count=13, stored=stored)
        assert paths[12] == tmp_path / f"validation_{stored}" / scenes.CLASSES[0] / "0012.png"
        with Image.open(paths[3]) as image:
            np.testing.assert_array_equal(np.asarray(image), image_files.stored_square(0, 3, stored))
    with pytest.raises(BadInput, match="stored is 'raw'"):
        image_files.write_squares(tmp_path, seed=0, count=1, stored="raw")


def test_images_stored_otherwise_are_not_taken_for_one_another(tmp_path):
    path = tmp_path / "images.u8"
    image_files.training_images(path, seed=1, count=2, stored="lossless")
    with pytest.raises(BadInput, match="holds images for"):
        image_files.training_images(path, seed=1, count=2)
