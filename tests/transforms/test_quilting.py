import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from jpegstudy.demo import image_files
from jpegstudy.errors import BadInput
from jpegstudy.places import root
from jpegstudy.transforms import Quilt, patches
from jpegstudy.transforms.quilting import beyond_seam, cut_out, places, sew
from tests.conftest import noise, write_image


@pytest.fixture(autouse=True)
def fresh():
    """No database of another test."""
    patches.load.cache_clear()
    yield
    patches.load.cache_clear()


def test_patches_are_cut_from_the_images_uniformly():
    images = [noise(h, w, 3, seed=h).numpy() for h, w in [(5, 5), (6, 40), (30, 7)]]
    drawn = patches.patches_of(images, 3000, seed=1)
    assert drawn.shape == (3000, 3, 5, 5)
    assert drawn.dtype == np.uint8
    counts = []
    for image in images:
        windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5), axis=(0, 1)).reshape(-1, 75)
        places_of = {window.tobytes(): 0 for window in np.ascontiguousarray(windows)}
        for patch in drawn:
            if patch.tobytes() in places_of:
                places_of[patch.tobytes()] += 1
        counts.append(sum(places_of.values()))
        assert all(places_of.values())  # the first and last places too: 14 patches of each or more are expected
    assert sum(counts) == 3000
    assert all(abs(count - 1000) < 104 for count in counts)  # four standard deviations


def test_the_seed_decides_which_patches():
    images = [noise(20, 20, 3).numpy()]
    assert np.array_equal(patches.patches_of(images, 50, seed=1), patches.patches_of(images, 50, seed=1))
    assert not np.array_equal(patches.patches_of(images, 50, seed=1), patches.patches_of(images, 50, seed=2))


def test_the_nearest_patch_is_found_exactly(monkeypatch):
    monkeypatch.setattr(patches, "QUERIES", 7)
    monkeypatch.setattr(patches, "CANDIDATES", 16)
    pixels = (noise(100, 3, 5, 5, seed=1) // 100 * 127).clone()  # 0, 127 and 254: extremes, and some are equally near
    pixels[80:] = pixels[:20]  # doubles: the first counts
    queries = noise(40, 3, 5, 5, seed=2)
    distance = (queries.long()[:, None] - pixels.long()).square().flatten(2).sum(2)
    assert torch.equal(patches.nearest(queries, pixels), torch.from_numpy(distance.numpy().argmin(1)))
    assert torch.equal(patches.nearest(pixels[80:], pixels), torch.arange(20))


def test_places_reach_both_ends():
    assert places(5).tolist() == [0]
    assert places(8).tolist() == [0, 3]
    assert places(9).tolist() == [0, 3, 4]  # moved inwards
    assert places(10).tolist() == [0, 3, 5]
    assert len(places(224)) == 74


@pytest.mark.parametrize(("height", "width"), [(224, 224), (5, 5), (9, 13), (10, 22), (13, 12), (6, 7)])
def test_an_images_own_patches_sew_it_again(height, width):
    image = noise(1, 3, height, width)[0]
    tops, lefts = places(height), places(width)
    own = cut_out(image, tops, lefts).numpy().reshape(len(tops), len(lefts), 3, 5, 5)
    assert np.array_equal(sew(own, tops, lefts), image.numpy())


def one_by_one(chosen, tops, lefts):
    """Quilting as Efros and Freeman tell it: patch after patch, each seam by trying every path."""
    result = np.zeros((3, tops[-1] + 5, lefts[-1] + 5), np.uint8)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            at = (slice(None), slice(top, top + 5), slice(left, left + 5))
            new = chosen[i, j]
            error = ((result[at].astype(int) - new) ** 2).sum(0)
            keep = np.ones((5, 5), bool)
            if j:
                keep &= cheapest(error, lefts[j - 1] + 5 - left)
            if i:
                keep &= cheapest(error.T, tops[i - 1] + 5 - top).T
            result[at] = np.where(keep, new, result[at])
    return result


def cheapest(error, overlap):
    paths = np.indices((2,) * 5).reshape(5, -1).T + overlap - 2  # 32 ways through the overlap's last two columns
    costs = [sum(error[row, column] for row, column in enumerate(path)) for path in paths]
    return np.arange(5) >= paths[int(np.argmin(costs))][:, None]


@pytest.mark.parametrize(("height", "width"), [(20, 20), (21, 18), (16, 25), (9, 10)])
def test_seams_are_those_of_laying_patch_after_patch(height, width):
    tops, lefts = places(height), places(width)
    chosen = noise(len(tops), len(lefts), 3, 5, 5, seed=height).numpy()
    assert np.array_equal(sew(chosen, tops, lefts), one_by_one(chosen, tops, lefts))


def test_a_seam_by_hand():
    error = np.zeros((2, 5, 5), int)
    error[0, :, :2] = [[1, 2], [2, 1], [3, 3], [0, 9], [9, 0]]
    result = beyond_seam(error, np.array([2, 0]))
    assert result[0, :, 0].tolist() == [True, False, True, True, False]
    assert result[0, :, 1:].all()
    assert result[1].all()  # nothing lies there


def test_a_database_that_holds_the_images_patches_gives_the_image_back(tmp_path):
    image = noise(1, 3, 14, 17)
    own = cut_out(image[0], places(14), places(17)).numpy()
    np.save(tmp_path / "own.npy", np.concatenate([noise(500, 3, 5, 5, seed=4).numpy(), own]))
    assert torch.equal(Quilt(str(tmp_path / "own.npy"))(image), image)


def test_every_pixel_comes_from_the_database(tmp_path):
    np.save(tmp_path / "two.npy", np.stack([np.full((3, 5, 5), level, np.uint8) for level in (40, 200)]))
    transform = Quilt(str(tmp_path / "two.npy"))
    result = transform(noise(2, 3, 20, 20))
    assert set(result.unique().tolist()) <= {40, 200}
    steps = torch.tensor([0, 255], dtype=torch.uint8).repeat_interleave(20).expand(1, 3, 20, 40)
    assert torch.equal(transform(steps)[0, 0, 0, [0, 15, 25, 39]], torch.tensor([40, 40, 200, 200], dtype=torch.uint8))


def test_a_folders_patches_are_drawn_from_its_images(tmp_path, monkeypatch):
    monkeypatch.setattr(patches, "COUNT", 300)
    write_image(tmp_path / "images" / "a" / "1.png", seed=1)
    write_image(tmp_path / "images" / "b" / "2.jpg", seed=2, mode="L")
    (tmp_path / "images" / "readme.txt").write_text("no image")
    found = patches.load(str(tmp_path / "images"))
    opened = [np.asarray(Image.open(tmp_path / "images" / name).convert("RGB")) for name in ("a/1.png", "b/2.jpg")]
    assert np.array_equal(found.pixels, patches.patches_of(opened, 300, 0))
    assert found.digest == hashlib.sha256(found.pixels.tobytes()).hexdigest()[:12]
    assert Quilt(str(tmp_path / "images")).digest == found.digest
    assert Quilt(str(tmp_path / "images"))(noise(1, 3, 8, 8)).shape == (1, 3, 8, 8)


class FirstFew:
    """As many images as the demo's database is drawn from: the first few training images, then black ones.

    Which patches are drawn of an image depends on the number of images, not on the others' pixels.
    """

    drawn = 3

    def __len__(self):
        return patches.DEMO_IMAGES

    def __iter__(self):
        for index in range(len(self)):
            black = np.zeros((image_files.SIDE, image_files.SIDE, 3), np.uint8)
            yield image_files.training_square(0, index) if index < self.drawn else black


def test_the_demos_patches_are_those_of_its_training_images():
    again = patches.patches_of(FirstFew(), patches.DEMO_COUNT, seed=0)
    count = int(again.any(axis=(1, 2, 3)).argmin())  # up to the first black one
    assert 10 < count < 60  # 30 are expected
    kept = patches.load("demo").pixels
    assert kept.shape == (patches.DEMO_COUNT, 3, 5, 5)
    difference = np.abs(kept[:count].astype(int) - again[:count]).mean()
    assert difference < 0.1  # grey levels; here it is 0, but sines are rounded differently elsewhere
    assert (root() / patches.DEMO_FILE).stat().st_size < 2e6


def test_the_demos_patches_are_written_by_seed_from_the_first_training_images(tmp_path, monkeypatch):
    monkeypatch.setattr(patches, "DEMO_IMAGES", 2)
    monkeypatch.setattr(patches, "DEMO_COUNT", 40)
    images = noise(3, 8, 9, 3).numpy()
    path = patches.write_demo(tmp_path, images, seed=5)
    assert path == tmp_path / "training_patches.npy"
    assert np.array_equal(np.load(path), patches.patches_of(images[:2], 40, seed=5))


def test_quilting_needs_no_settings():
    result = Quilt()(noise(1, 3, 8, 8))
    assert result.shape == (1, 3, 8, 8)
    assert Quilt().digest == hashlib.sha256(np.load(root() / patches.DEMO_FILE)).hexdigest()[:12]


def test_databases_are_joined_in_order(tmp_path):
    own = noise(30, 3, 5, 5, seed=6).numpy()
    np.save(tmp_path / "own.npy", own)
    name = f"demo+{tmp_path / 'own.npy'}"
    joined = patches.load(name)
    assert np.array_equal(joined.pixels, np.concatenate([patches.load("demo").pixels, own]))
    transform = Quilt.of(f"[{name}]")
    assert transform.settings == f"[{name}]"
    assert transform.digest == joined.digest != Quilt().digest
    image = torch.from_numpy(own[0])[None]
    assert torch.equal(transform(image), image)


def test_a_database_is_read_once(monkeypatch):
    read = []
    monkeypatch.setattr(patches, "_read", lambda path: read.append(path.name) or noise(50, 3, 5, 5).numpy())
    Quilt()(noise(1, 3, 8, 8))
    Quilt()(noise(1, 3, 8, 8))
    assert read == ["training_patches.npy"]


def test_a_demo_without_its_file_is_refused(monkeypatch):
    monkeypatch.setattr(patches, "DEMO_FILE", "data/demo/none.npy")
    with pytest.raises(BadInput, match=r"no patches 'demo' \(data/demo/none.npy is missing\)"):
        Quilt()(noise(1, 3, 8, 8))


def test_databases_that_are_none_are_refused(tmp_path):
    np.save(tmp_path / "float.npy", np.zeros((4, 3, 5, 5)))
    np.save(tmp_path / "none.npy", np.zeros((0, 3, 5, 5), np.uint8))
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "broken.png").write_bytes(b"no image")
    for name, message in {
        "none": "there are no patches 'none'; wanted demo, a folder of images, or an .npy file",
        "demo+": "there are no patches ''; wanted demo",
        f"demo+{tmp_path / 'none.npy'}": "none.npy' are none",
        str(tmp_path / "float.npy"): r"are float64 \(4, 3, 5, 5\); wanted a uint8 array",
        str(tmp_path / "none.npy"): "are none; wanted at least one",
        str(tmp_path / "text.npy"): "'text.npy' cannot be read",
        str(tmp_path / "empty"): "no images to take patches from",
        str(tmp_path / "bad"): "broken.png cannot be read as an image",
    }.items():
        with pytest.raises(BadInput, match=message):
            Quilt(name)(noise(1, 3, 8, 8))


@pytest.mark.parametrize("image", [np.zeros((4, 9, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))])
def test_images_without_patches_are_refused(image):
    with pytest.raises(BadInput, match="it must be uint8"):
        patches.patches_of([image], 10, seed=0)


def test_images_smaller_than_a_patch_are_refused():
    with pytest.raises(BadInput, match="sides of at least 5 pixels"):
        Quilt()(noise(1, 3, 4, 9))
