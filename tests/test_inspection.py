"""One file, or a pair, through a network and JPEG: the numbers are the network's own, and no bad file goes unsaid."""

import io

import imagecodecs
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from jpegstudy import attacks, decoding, inspection, jpeg
from jpegstudy.errors import BadInput
from jpegstudy.inspection import QUALITIES, Picture, answers, in_words
from jpegstudy.networks import Network
from tests.conftest import noise, tiny_network, write_image

CROP = 24


@pytest.fixture(scope="module")
def network():
    settings = {"name": "tiny", "weights": "random", "crop": CROP, "mean": (0.5,) * 3, "deviation": (0.2,) * 3}
    return Network(tiny_network(), **settings, class_names=["ant", "bee", "cat", "dog"])


@pytest.fixture(scope="module")
def strict():
    """A network that takes images of one size only."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * CROP * CROP, 3))
    return Network(module, name="strict", weights="random", crop=CROP, mean=(0.5,) * 3, deviation=(0.5,) * 3)


def array_of(path):
    return torch.from_numpy(np.asarray(Image.open(path)).transpose(2, 0, 1).copy())


def told(network, *files, **options):
    return "\n".join(inspection.inspect(*files, network=network, **options))


# Files


def test_a_file_of_the_networks_size_is_taken_as_it_is(tmp_path, network):
    path = write_image(tmp_path / "saved.png", size=(CROP, CROP))
    picture = inspection.read(path, network)
    assert torch.equal(picture.values, array_of(path))
    assert "taken as it is" in picture.told
    assert "nothing is rounded" in picture.told


@pytest.mark.parametrize("size", [(40, 30), (CROP, CROP + 1), (5, 4)])
def test_any_other_file_is_scaled_and_cropped_as_the_study_does(tmp_path, network, size):
    path = write_image(tmp_path / "photo.png", size=size)
    wanted = decoding.center_crop(decoding.decode(path), shortest_side=network.shortest_side, crop=CROP)
    picture = inspection.read(path, network)
    assert np.array_equal(picture.x, wanted)
    assert f"{size[0]} x {size[1]}, scaled to 256" in picture.told


def test_a_file_of_another_size_is_taken_whole_where_that_is_asked_for(tmp_path, network):
    path = write_image(tmp_path / "photo.png", size=(40, 30))
    picture = inspection.read(path, network, whole=True)
    assert torch.equal(picture.values, array_of(path))
    assert "taken whole" in picture.told


def test_a_file_too_large_to_be_taken_whole_is_refused(tmp_path, network):
    Image.new("1", (4096, 1025)).save(tmp_path / "large.png")
    with pytest.raises(BadInput, match=r"large.png is 4096 x 1025; to be taken whole it may have 4,194,304 pixels"):
        inspection.read(tmp_path / "large.png", network, whole=True)


LEVELS = noise(3, CROP, CROP, seed=5).numpy()
EXACT = np.random.default_rng(0).uniform(0, 255, LEVELS.shape)
DEEP = {  # what is written: levels float64 (3, H, W) -> bytes
    "16.png": lambda levels: imagecodecs.png_encode(sixteen_bits(levels)),
    "16.tif": lambda levels: as_tiff(sixteen_bits(levels)),
    "float.tif": lambda levels: as_tiff(last(levels).astype(np.float32)),
    "unit.tif": lambda levels: as_tiff(last(levels / 255).astype(np.float32)),
    "levels.npy": lambda levels: as_npy(levels),
    "unit.npy": lambda levels: as_npy((levels / 255).astype(np.float32)[None]),
    "last.npy": lambda levels: as_npy(last(levels)),
}


def last(levels):
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def sixteen_bits(levels):
    return np.rint(last(levels) * 257).astype(np.uint16)


def as_tiff(array):
    return imagecodecs.tiff_encode(array, photometric="rgb")


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("name", DEEP)
def test_files_of_more_than_8_bits_keep_what_8_bits_would_round(tmp_path, network, name):
    (tmp_path / name).write_bytes(DEEP[name](EXACT))
    picture = inspection.read(tmp_path / name, network)
    assert picture.values.dtype == torch.float32
    assert np.abs(picture.values.numpy() - EXACT).max() < 0.5 / 257 + 1e-4  # half a step of 16 bits
    assert torch.equal(picture.x, picture.values.round().to(torch.uint8))
    assert "more than 8 bits" in picture.told


@pytest.mark.parametrize("name", DEEP)
def test_files_of_more_than_8_bits_that_hold_whole_levels_lose_nothing(tmp_path, network, name):
    (tmp_path / name).write_bytes(DEEP[name](LEVELS.astype(float)))
    picture = inspection.read(tmp_path / name, network)
    assert picture.is_8_bit
    assert np.array_equal(picture.x, LEVELS)


def test_grey_of_16_bits_becomes_three_equal_channels(tmp_path, network):
    levels = np.arange(CROP * CROP, dtype=np.uint16).reshape(CROP, CROP) * 100
    Image.fromarray(levels).save(tmp_path / "grey.png")
    values = inspection.read(tmp_path / "grey.png", network).values.numpy()
    assert np.allclose(values, levels / 257, atol=1e-4)


def test_a_deep_file_of_another_size_is_rounded_before_it_is_scaled(tmp_path, network):
    levels = np.random.default_rng(0).uniform(0, 255, (3, 30, 40))
    np.save(tmp_path / "deep.npy", levels)
    picture = inspection.read(tmp_path / "deep.npy", network)
    assert picture.is_8_bit
    assert "rounded before that" in picture.told
    Image.fromarray(np.rint(levels).astype(np.uint8).transpose(1, 2, 0)).save(tmp_path / "rounded.png")
    assert torch.equal(picture.x, inspection.read(tmp_path / "rounded.png", network).x)


@pytest.mark.parametrize(
    ("name", "contents", "wanted"),
    [
        ("nothing.png", None, "nothing.png: cannot be read: No such file or directory"),
        ("text.png", b"a text", "not an image"),
        ("cut.npy", as_npy(EXACT)[:500], "cut.npy cannot be read"),
        ("cut.png", DEEP["16.png"](EXACT)[:900], "cut.png cannot be read"),
        ("cut.tif", DEEP["float.tif"](EXACT)[:900], "cut.tif cannot be read"),
        ("odd.npy", as_npy(np.zeros((5, 4, 4))), r"odd.npy holds an array \(5, 4, 4\)"),
        ("whole.npy", as_npy(np.zeros((3, 4, 4), int)), "holds int64"),
        ("object.npy", as_npy(np.array([None])), "cannot be read"),
        ("nan.npy", as_npy(np.full((3, 4, 4), np.nan)), "not finite"),
        ("standardized.npy", as_npy(EXACT / 50 - 2), "holds values from -2 to 3.1;"),
    ],
)
def test_a_file_that_gives_no_image_is_refused_in_one_line(tmp_path, network, name, contents, wanted):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    with pytest.raises(BadInput, match=wanted) as refused:
        inspection.read(tmp_path / name, network)
    assert "\n" not in str(refused.value)


# The table


def test_the_table_holds_the_networks_own_numbers(tmp_path, network):
    picture = inspection.read(write_image(tmp_path / "photo.png"), network)
    table = answers(network, picture)
    assert list(table["quality"].dropna()) == list(QUALITIES)
    assert list(table.modification[:5]) == ["x", "JPG95(x)", "JPG90(x)", "JPG85(x)", "JPG(x)"]
    images = [picture.x] + [jpeg.roundtrip(picture.x[None], quality=quality)[0] for quality in QUALITIES]
    for image, row in zip(images, table.itertuples(), strict=True):
        p = network.probabilities(image[None])[0]
        assert row.label == p.argmax()
        assert row.class_name == network.class_names[p.argmax()]
        assert row.probability == p.max()
        assert row.own_probability == p[table.label[0]]
        assert row.survives == (p.argmax() == table.label[0])


def test_what_rounding_does_is_a_row_of_its_own(network):
    values = noise(3, CROP, CROP).float() * 0.99 + 0.3
    table = answers(network, Picture("deep", values))
    assert list(table.modification[:3]) == ["x", "round(x)", "JPG95(x)"]
    p = network.probabilities(torch.stack([values, values.round()]))
    assert torch.allclose(torch.tensor(table.probability[:2]).float(), p.max(dim=1).values)
    assert answers(network, Picture("8 bits", noise(3, CROP, CROP))).modification[1] == "JPG95(x)"


def test_with_a_clean_label_the_table_says_where_it_is_back(network):
    picture = Picture("noise", noise(3, CROP, CROP, seed=2))
    table = answers(network, picture, symbol="x'", clean_label=3)
    assert table.modification[4] == "JPG(x')"
    assert (table.restored == (table.label == 3)).all()
    p = network.probabilities(picture.x[None])[0]
    assert table.clean_probability[0] == p[3]


# In words


def made_up(names, own="ant", restored=None, rounded=False):
    """A table of answers with these labels for the file (and its rounding) and the qualities from 95 down."""
    qualities = [None] * (1 + rounded) + list(QUALITIES)
    rows = {
        "modification": [f"JPG{quality}(x)" if quality else "x" for quality in qualities],
        "quality": pd.array(qualities, "Int64"),
        "class_name": names,
        "probability": 0.5,
        "own_probability": 0.25,
        "survives": [name == names[0] for name in names],
    }
    table = pd.DataFrame(rows)
    return table if restored is None else table.assign(clean_probability=0.1, restored=[n == restored for n in names])


A, B, C = "ant", "bee", "cat"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([A] * 9, "survives JPEG at every quality from 95 to 25."),
        ([A] + [B] * 8, "survives JPEG at no quality from 95 to 25."),
        ([A] * 4 + [B] * 5, "survives JPEG at quality 95, 90 and 85 and not at 75, 65, 50, 35 and 25."),
    ],
)
def test_a_sentence_says_where_the_label_survives(names, wanted):
    assert in_words.survival(made_up(names)) == f"The label of x, ant, {wanted}"


def test_a_label_lost_in_8_bits_is_told_as_that():
    assert in_words.survival(made_up([A] + [B] * 9, rounded=True)) == (
        "The label of x, ant, is lost in 8 bits already: rounded, it is bee."
    )


@pytest.mark.parametrize(
    ("clean", "adversarial", "rounded", "wanted"),
    [
        ([A] * 9, [A] * 9, False, "sees ant in x too: there is nothing"),
        ([A] * 9, [A] * 7 + [B] * 2, False, "bring back. JPEG alone takes it from x at 35 and 25."),
        ([A] * 9, [B] * 9, False, "x is bee, not ant; JPEG brings ant back at no quality from 95 to 25."),
        (
            [A] * 9,
            [B] * 2 + [A] * 7,
            False,
            "back at quality 90, 85, 75, 65, 50, 35 and 25 and not at 95. That holds for",
        ),
        ([A] * 8 + [C], [B] * 9, False, "from 95 to 25. JPEG alone takes it from the clean image at 25."),
        ([A] * 9, [B] + [A] * 9, True, "x is bee, but ant again once it is rounded to 8 bits"),
    ],
)
def test_a_sentence_says_whether_jpeg_brings_the_label_back(clean, adversarial, rounded, wanted):
    table = made_up(adversarial, restored="ant", rounded=rounded)
    assert wanted in in_words.restoration(made_up(clean), table)


def test_the_table_is_aligned(network):
    lines = in_words.table(made_up([A] * 4 + ["a class with a very long name indeed"] * 5, restored=A)).splitlines()
    assert " ".join(lines[0].split()) == "modification label p p(ant) survives p(clean label) clean label"
    assert {line.index("0.500") for line in lines[1:]} == {lines[0].index("p(ant)") - 7}
    assert "a class with a very long ..." in lines[5]
    assert all(len(line) <= 120 and line.isascii() and line == line.rstrip() for line in lines)


# All of it


def test_one_file(tmp_path, network):
    text = told(network, write_image(tmp_path / "photo.png"))
    assert "photo.png, 40 x 30, scaled to 256" in text
    assert "JPG25(x)" in text
    assert "The label of x, " in text
    assert "clean label" not in text


def test_a_pair(tmp_path, network):
    clean = write_image(tmp_path / "clean.png", size=(CROP, CROP))
    x = array_of(clean)
    adversarial = attacks.fgsm(network, x[None], epsilon=6)[0]
    Image.fromarray(adversarial.numpy().transpose(1, 2, 0)).save(tmp_path / "saved.png")
    text = told(network, clean, tmp_path / "saved.png")
    change = adversarial.double() - x.double()
    changed = f"{int((change != 0).sum()):,} of {x.numel():,} values changed"
    assert f"x' - x: largest change 6 grey levels, rms {change.square().mean().sqrt():.2f}, {changed}" in text
    assert "JPG25(x')" in text
    assert "JPEG brings" in text
    assert "after the scaling" not in text


def test_what_is_said_of_an_epsilon_is_what_is_said_of_its_file(tmp_path, network):
    clean = write_image(tmp_path / "clean.png", size=(CROP, CROP))
    adversarial = attacks.fgsm(network, array_of(clean)[None], epsilon=6)[0]
    Image.fromarray(adversarial.numpy().transpose(1, 2, 0)).save(tmp_path / "saved.png")
    of_file = told(network, clean, tmp_path / "saved.png").split("x' - x:")[1]
    of_epsilon = told(network, clean, epsilons=[6.0]).split("Adv6(x) - x:")[1]
    plain = " ".join(of_epsilon.replace("Adv6(x)", "x'").split())
    assert plain == " ".join(of_file.split())


def test_a_fraction_of_a_grey_level_is_kept_as_it_is_and_then_rounded(tmp_path, network):
    text = told(network, write_image(tmp_path / "clean.png"), epsilons=[0.4])
    assert "largest change 0.4 grey levels" in text
    first, rounded, *_ = text.split("Adv0.4(x) - x")[1].split("modification")[1].splitlines()[1:]
    assert first.startswith("Adv0.4(x) ")
    assert rounded.startswith("round(Adv0.4(x)) ")


def test_rounding_a_small_fraction_gives_the_image_back(network):
    x = noise(3, CROP, CROP)
    sign = attacks.gradient_sign(network, x[None])[0]
    assert torch.equal(inspection.move(x, sign, epsilon=0.4).round().to(torch.uint8), x)
    assert torch.equal(
        inspection.move(x, sign, epsilon=1.4).round().to(torch.uint8), attacks.perturb(x, sign, epsilon=1)
    )


def test_a_scaled_pair_is_measured_after_the_scaling_and_that_is_said(tmp_path, network):
    pair = [write_image(tmp_path / f"{seed}.png", seed=seed) for seed in (0, 1)]
    assert "values changed" in told(network, *pair)
    assert "measured after the scaling" in told(network, *pair)


@pytest.mark.parametrize("epsilon", [-1, 256, float("nan"), True, "1"])
def test_an_epsilon_that_is_none_is_refused(tmp_path, network, epsilon):
    with pytest.raises(BadInput, match=r"epsilon is .*; wanted a number of grey levels from 0 to 255"):
        told(network, write_image(tmp_path / "clean.png"), epsilons=[epsilon])


def test_a_pair_of_two_sizes_is_refused(tmp_path, network):
    pair = [write_image(tmp_path / "a.png", size=(40, 30)), write_image(tmp_path / "b.png", size=(CROP, CROP))]
    with pytest.raises(BadInput, match=r"a.png is 40 x 30 and b.png is 24 x 24; wanted a pair of one size"):
        told(network, *pair)


def test_a_network_that_does_not_take_the_size_is_told_of(tmp_path, strict):
    path = write_image(tmp_path / "photo.png", size=(40, 30))
    with pytest.raises(BadInput, match=r"network 'strict' does not take 40 x 30 images: .*; its own size is 24 x 24"):
        told(strict, path, whole=True)
    assert "JPG25(x)" in told(strict, path)
