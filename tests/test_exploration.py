"""The sliders without a browser: the numbers are the network's own, and what is refused changes nothing."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from jpegstudy import attacks, decoding, exploration, networks
from jpegstudy.errors import BadInput
from jpegstudy.exploration import markup, pictures, spectrum
from jpegstudy.exploration.explorer import KEPT, LARGEST_EPSILON, Explorer
from jpegstudy.exploration.panel import EPSILON_STEP, OWN, Panel
from jpegstudy.exploration.view import file_stem
from tests.conftest import noise, write_image

TINY = "tests.conftest:tiny_network"
CROP = 24
SMALL = {"crop": CROP, "mean": [0.5] * 3, "deviation": [0.2] * 3}
SETTING = {"epsilon": 4, "quality": 75, "subsampling": "4:2:0"}
SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}  # Pillow's numbers


@pytest.fixture
def images(tmp_path):
    """Six images in class folders, one name twice; and a file that is none."""
    for folder, number in ("a1", "a2", "a3", "b1", "b4", "d5"):
        write_image(tmp_path / "images" / folder / f"{number}.png", seed=ord(folder) + int(number))
    (tmp_path / "images" / "c").mkdir()
    (tmp_path / "images" / "c" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    return tmp_path / "images"


@pytest.fixture
def explorer(images, outputs):
    return exploration.Explorer(TINY, preprocessing=SMALL, device="cpu", image_set=str(images), image="2.png")


@pytest.fixture
def panel(explorer):
    return Panel(explorer, **SETTING)


@pytest.fixture(scope="module")
def network():
    """The explorer's network, loaded for itself."""
    return networks.load(TINY, preprocessing=SMALL, device="cpu")


def array_of(path):
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1).copy())


def through_pillow(image, *, quality, subsampling):
    """uint8 (3, H, W) after a JPEG that Pillow wrote and read."""
    buffer = io.BytesIO()
    options = {"quality": quality, "subsampling": SUBSAMPLINGS[subsampling]}
    Image.fromarray(image.numpy().transpose(1, 2, 0)).save(buffer, "JPEG", **options)
    return array_of(buffer)


def pair_of(folder, network, *, epsilon=6):
    """A clean and an adversarial file of the network's size, and what they hold."""
    clean = write_image(folder / "clean.png", size=(CROP, CROP), seed=3)
    adversarial = attacks.fgsm(network, array_of(clean)[None], epsilon=epsilon)[0]
    Image.fromarray(adversarial.numpy().transpose(1, 2, 0)).save(folder / "adversarial.png")
    return clean, folder / "adversarial.png", array_of(clean), adversarial


def state_of(explorer):
    return explorer.source, explorer.network, explorer.about()


def text_of(widget):
    return " ".join(BeautifulSoup(widget.value, "html.parser").get_text(" ").split())


# Choosing


def test_it_begins_with_the_given_image_and_network_and_offers_the_others(explorer):
    assert explorer.image_names == ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/4.png", "c/broken.jpg", "d/5.png"]
    assert explorer.source.name == "a/2.png"
    assert explorer.network_names == [TINY, "demo", "efficientnet_lite0"]
    assert "2.png: 40 x 30, scaled to 256" in explorer.about()


@pytest.mark.parametrize("name", ["b/4.png", "4.png"])
def test_an_image_is_chosen_with_or_without_its_folder(explorer, images, name):
    explorer.choose_image(name)
    wanted = decoding.center_crop(decoding.decode(images / "b" / "4.png"), shortest_side=256, crop=CROP)
    assert np.array_equal(explorer.view(**SETTING).images["x"], wanted)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("1.png", r"image '1.png' is several; there are a/1.png, b/1.png"),
        ("a/22.png", r"image 'a/22.png' is not in the set; there are a/2.png"),
        ("§", r"image '§' is not in the set; there are a/1.png, a/2.png, a/3.png$"),
        ("broken.jpg", r"broken.jpg"),
    ],
)
def test_an_image_that_cannot_be_taken_is_told_of_in_one_line_and_changes_nothing(explorer, name, wanted):
    before = state_of(explorer)
    with pytest.raises(BadInput, match=wanted) as refused:
        explorer.choose_image(name)
    assert "\n" not in str(refused.value)
    assert state_of(explorer) == before


def test_a_network_that_does_not_exist_is_told_of_in_one_line_and_changes_nothing(explorer):
    before = state_of(explorer)
    with pytest.raises(BadInput, match="there is no network 'demos'; nearest: demo") as refused:
        explorer.choose_network("demos")
    assert "\n" not in str(refused.value)
    assert state_of(explorer) == before


def test_another_network_sees_the_same_file_in_its_own_size(explorer):
    explorer.choose_network("demo")
    view = explorer.view(**SETTING)
    assert view.images["x"].shape == (3, 221, 221)
    assert view.class_names == networks.load("demo").class_names
    explorer.choose_network(TINY)
    assert explorer.view(**SETTING).images["x"].shape == (3, CROP, CROP)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"image": "7.png"}, "image '7.png' is not in the set"),
        ({"network": "resnet"}, "there is no network 'resnet'"),
        ({"network": 3}, "network is 3; wanted"),
        ({"device": "gpu"}, "device is 'gpu'; wanted"),
        ({"image_set": "nowhere"}, "nowhere"),
        ({"preprocessing": {"size": 3}}, "preprocessing is"),
    ],
)
def test_what_it_cannot_begin_with_is_refused(images, given, wanted):
    right = {"network": TINY, "preprocessing": SMALL, "image_set": str(images), "image": "2.png"}
    with pytest.raises(BadInput, match=wanted):
        Explorer(**{**right, **given})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"epsilon": -0.5}, r"epsilon is -0.5; wanted a number of grey levels from 0 to 20"),
        ({"epsilon": LARGEST_EPSILON + 0.25}, r"epsilon is 20.25"),
        ({"epsilon": math.nan}, "epsilon is nan"),
        ({"epsilon": "1"}, "epsilon is '1'"),
        ({"quality": 0}, "quality is 0"),
        ({"quality": 75.0}, "quality is 75.0"),
        ({"subsampling": "4:1:1"}, "subsampling is '4:1:1'"),
    ],
)
def test_a_setting_out_of_range_is_refused(explorer, given, wanted):
    with pytest.raises(BadInput, match=wanted):
        explorer.view(**{**SETTING, **given})


# What a view holds


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [1, 75, 100])
@pytest.mark.parametrize("epsilon", [0, 1, 7, 20])
def test_the_numbers_are_the_networks_own_on_images_made_independently(
    explorer, network, images, epsilon, quality, subsampling
):
    view = explorer.view(epsilon=epsilon, quality=quality, subsampling=subsampling)
    settings = {"quality": quality, "subsampling": subsampling}
    path = images / "a" / "2.png"
    x = torch.from_numpy(decoding.center_crop(decoding.decode(path), shortest_side=256, crop=CROP))
    adversarial = attacks.fgsm(network, x[None], epsilon=epsilon)[0]
    wanted = [x, adversarial, through_pillow(x, **settings), through_pillow(adversarial, **settings)]
    assert view.names[:2] == ("x", f"Adv{epsilon}(x)")
    assert view.names[3] == view.names[2].replace("x", view.names[1])
    for name, image in zip(view.names, wanted, strict=True):
        assert torch.equal(view.images[name], image)
        p = network.probabilities(image[None])[0]
        assert torch.allclose(view.probabilities[name], p, atol=1e-6)  # of one image, or of four in a batch
        ranking = sorted(zip(p.tolist(), network.class_names, strict=True), reverse=True)
        assert [label for label, _ in view.highest(3)[name]] == [label for _, label in ranking[:3]]
        assert view.label(name) == ranking[0][1]
    assert torch.equal(view.perturbation.int(), adversarial.int() - x.int())
    assert torch.equal(view.residual.int(), wanted[3].int() - adversarial.int())
    assert torch.equal(view.remainder.int(), wanted[3].int() - wanted[2].int())


def test_the_paper_names_its_own_setting_without_numbers(explorer):
    assert explorer.view(**SETTING).names == ("x", "Adv4(x)", "JPG(x)", "JPG(Adv4(x))")
    names = explorer.view(epsilon=0.5, quality=50, subsampling="4:4:4").names
    assert names == ("x", "Adv0.5(x)", "JPG50-444(x)", "JPG50-444(Adv0.5(x))")


@pytest.mark.parametrize("epsilon", [0.25, 0.5, 1.4, 1.5, 2.5, 19.75])
def test_a_fraction_is_added_in_float_and_rounded_once(explorer, network, epsilon):
    view = explorer.view(**{**SETTING, "epsilon": epsilon})
    x = view.images["x"].double().numpy()
    sign = attacks.gradient_sign(network, view.images["x"][None])[0].double().numpy()
    assert np.array_equal(view.images[f"Adv{epsilon}(x)"], np.rint(np.clip(x + epsilon * sign, 0, 255)))
    assert f"ε = {epsilon} is added in float and the sum rounded to 8 bits once" in view.summary()


def test_a_whole_epsilon_is_the_same_however_it_is_written(explorer):
    assert explorer.view(**SETTING).names == explorer.view(**{**SETTING, "epsilon": 4.0}).names
    assert "rounded" not in explorer.view(**{**SETTING, "epsilon": 4.0}).summary()


def test_without_a_perturbation_nothing_is_left_and_nothing_breaks(explorer):
    view = explorer.view(**{**SETTING, "epsilon": 0})
    assert not view.perturbation.any()
    assert "has an rms of 0.00 grey levels, Adv0(x) − x one of 0.00." in view.remainder_in_words()
    assert "0 of 1,728 values changed" in view.summary()


def test_an_answer_that_is_kept_is_not_made_again(explorer):
    calls = []
    explorer.network.register_forward_hook(lambda module, given, answer: calls.append(len(given[0])))
    for epsilon, quality, images in (
        (4, 75, 1 + 4),  # the gradient's own, and the four
        (4, 75, 0),
        (5, 75, 2),  # Adv and its JPEG; x and JPG(x) are kept
        (5, 20, 2),  # the two JPEGs
        (4, 75, 0),
    ):
        explorer.view(epsilon=epsilon, quality=quality)
        assert sum(calls) == images
        calls.clear()


def test_torch_has_as_many_threads_afterwards_as_before(panel):
    before = torch.get_num_threads()
    try:
        for count in (3, 1):
            torch.set_num_threads(count)
            panel.quality.value = 10 + count
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


def test_no_more_is_kept_than_meant(explorer):
    for name in ("a/1.png", "a/3.png", "b/1.png", "b/4.png", "a/2.png", "a/1.png"):
        explorer.choose_image(name)
        assert explorer.subject.picture.name == name[2:]
    assert len(explorer._subjects) == KEPT
    for epsilon in range(LARGEST_EPSILON):
        for quality in (10, 20, 30):
            view = explorer.view(epsilon=epsilon, quality=quality)
    assert len(explorer.subject._kept) == 64
    assert view.names == ("x", "Adv19(x)", "JPG30(x)", "JPG30(Adv19(x))")


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("aaaa", "The label withstands the perturbation."),
        ("aaba", "The label withstands the perturbation."),
        ("aaab", "The perturbation needs JPEG to change the label."),
        ("abaa", "JPEG brings the label back."),
        ("abab", "JPEG does not bring the label back."),
        ("abac", "JPEG does not bring the label back."),
    ],
)
def test_the_summary_says_what_becomes_of_the_label(explorer, labels, wanted):
    names = ("x", "Adv1(x)", "JPG(x)", "JPG(Adv1(x))")
    answers = {name: torch.eye(3)["abc".index(label)] for name, label in zip(names, labels, strict=True)}
    picture = dict.fromkeys(names, noise(3, 8, 8))
    view = exploration.View(picture, answers, ["a", "b", "c"], 1, 75, "4:2:0")
    assert view.summary().endswith(wanted)
    assert f"The probability of a: 1.00 in x, {float(labels[1] == 'a'):.2f} in Adv1(x)" in view.summary()


def test_what_jpeg_leaves_of_the_direction_is_a_cosine(explorer):
    view = explorer.view(**SETTING)
    before, after = (each.double().flatten().numpy() for each in (view.perturbation, view.remainder))
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    sizes = [np.sqrt((each**2).mean()) for each in (after, before)]
    assert view.remainder_in_words() == (
        f"JPG(Adv4(x)) − JPG(x) has an rms of {sizes[0]:.2f} grey levels, Adv4(x) − x one of {sizes[1]:.2f}; the "
        f"cosine of the angle between the two is {cosine:.2f}."
    )


def test_the_tiles_are_the_images_and_the_amplified_changes(explorer):
    view = explorer.view(**SETTING)
    titles, shown, captions = zip(*view.tiles(), strict=True)
    assert [title.split(" × ")[0] for title in titles] == ["x", "perturbation", "Adv4(x)", "JPG(Adv4(x))", "residual"]
    for place, name in ((0, "x"), (2, "Adv4(x)"), (3, "JPG(Adv4(x))")):
        assert torch.equal(shown[place], view.images[name])
        assert captions[place] == f"{view.label(name)} {view.probabilities[name].max():.2f}"
    for place, change in ((1, view.perturbation), (4, view.residual)):
        factor = int(titles[place].split(" × ")[1])
        assert torch.equal(shown[place], (128 + factor * change.int()).clamp(0, 255).to(torch.uint8))


# A person's own files


def test_a_pair_of_files_is_shown_as_it_is(explorer, network, tmp_path):
    clean, saved, x, adversarial = pair_of(tmp_path, network)
    explorer.open(clean, saved)
    assert explorer.is_pair
    view = explorer.view(epsilon=3, quality=40, subsampling="4:2:2")
    settings = {"quality": 40, "subsampling": "4:2:2"}
    assert view.names == ("x", "x'", "JPG40-422(x)", "JPG40-422(x')")
    assert view.epsilon is None
    wanted = [x, adversarial, through_pillow(x, **settings), through_pillow(adversarial, **settings)]
    for name, image in zip(view.names, wanted, strict=True):
        assert torch.equal(view.images[name], image)
        assert torch.allclose(view.probabilities[name], network.probabilities(image[None])[0], atol=1e-6)
    assert "x' − x: largest change 6 grey levels" in view.summary()
    assert explorer.about().startswith("clean.png: 24 x 24, the network's input size")
    assert "adversarial.png: 24 x 24" in explorer.about()
    assert torch.equal(explorer.view(epsilon=9, quality=40, subsampling="4:2:2").images["x'"], adversarial)


@pytest.mark.parametrize("form", [str, lambda path: path, lambda path: ("any/where.png", path.read_bytes())])
def test_a_file_of_ones_own_is_a_path_or_what_was_sent(explorer, network, tmp_path, form):
    path = write_image(tmp_path / "own.png", size=(CROP, CROP), seed=9)
    explorer.open(form(path))
    view = explorer.view(**SETTING)
    assert not explorer.is_pair
    assert torch.equal(view.images["x"], array_of(path))
    assert torch.equal(view.images["Adv4(x)"], attacks.fgsm(network, array_of(path)[None], epsilon=4)[0])


def test_a_relative_path_is_looked_for_here_and_then_in_the_project(explorer, tmp_path, monkeypatch):
    here, project = tmp_path / "here", tmp_path / "project"
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(project))
    write_image(here / "both.png", size=(CROP, CROP), seed=1)
    write_image(project / "both.png", size=(CROP, CROP), seed=2)
    write_image(project / "there.png", size=(CROP, CROP), seed=3)
    monkeypatch.chdir(here)
    for name, folder in (("both.png", here), ("there.png", project)):
        explorer.open(name)
        assert torch.equal(explorer.view(**SETTING).images["x"], array_of(folder / name))


def test_files_that_cannot_be_opened_are_told_of_in_one_line_and_change_nothing(explorer, tmp_path):
    good = write_image(tmp_path / "good.png", size=(CROP, CROP))
    other = write_image(tmp_path / "other.png", size=(CROP + 1, CROP))
    before = state_of(explorer)
    wrong = {
        "which file?": [(None,), ("",), (None, good)],
        "nowhere.png": [(tmp_path / "nowhere.png",), (good, tmp_path / "nowhere.png")],
        "sent.png": [(("sent.png", b"a text"),), (good, ("sent.png", b""))],
        r"good.png is 24 x 24 and other.png is 25 x 24; wanted a pair of one size": [(good, other)],
    }
    for words, attempts in wrong.items():
        for files in attempts:
            with pytest.raises(BadInput, match=words) as refused:
                explorer.open(*files)
            assert "\n" not in str(refused.value)
            assert state_of(explorer) == before


def test_a_file_that_has_changed_is_read_again(explorer, tmp_path):
    path = write_image(tmp_path / "own.png", size=(CROP, CROP), seed=1)
    for name in ("demo", TINY):  # which see the file as it was
        explorer.open(path)
        explorer.choose_network(name)
    write_image(path, size=(CROP, CROP), seed=2)
    explorer.open(path)
    assert torch.equal(explorer.view(**SETTING).images["x"], array_of(path))
    wanted = decoding.center_crop(decoding.decode(path), shortest_side=256, crop=221)
    explorer.choose_network("demo")
    assert np.array_equal(explorer.view(**SETTING).images["x"], wanted)


def test_a_file_that_has_become_none_leaves_what_it_was(explorer, tmp_path):
    path = write_image(tmp_path / "own.png", size=(CROP, CROP), seed=1)
    before = array_of(path)
    explorer.open(path)
    path.write_text("a text")
    with pytest.raises(BadInput, match=r"own.png"):
        explorer.open(path)
    assert torch.equal(explorer.view(**SETTING).images["x"], before)
    assert "own.png" in explorer.about()


# Saving


def test_what_is_saved_as_png_has_the_same_pixels(explorer, outputs):
    view = explorer.view(epsilon=2.5, quality=30, subsampling="4:2:2")
    stems = ["2-x", "2-Adv2.5", "2-JPG30-422", "2-JPG30-422-Adv2.5"]
    for name, stem in zip(view.names, stems, strict=True):
        path = explorer.save(view, name)
        assert path == outputs / "explore" / "tests.conftest_tiny_network" / f"{stem}.png"
        assert path.read_bytes().startswith(b"\x89PNG")
        assert torch.equal(array_of(path), view.images[name])
    assert sorted(path.stem for path in path.parent.iterdir()) == sorted(stems)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_what_is_saved_as_jpeg_decodes_to_the_jpeg_that_is_shown(explorer, subsampling):
    view = explorer.view(epsilon=3, quality=60, subsampling=subsampling)
    x, adversarial, compressed, both = view.names
    for first, second in ((x, compressed), (adversarial, both)):
        path = explorer.save(view, first, "JPEG")
        assert path.read_bytes().startswith(b"\xff\xd8")
        assert torch.equal(array_of(path), view.images[second])
        contents = path.read_bytes()
        assert explorer.save(view, second, "JPEG") == path  # named after what it decodes to
        assert path.read_bytes() == contents


def test_what_is_saved_of_a_pair_is_named_after_it(explorer, network, tmp_path):
    explorer.open(*pair_of(tmp_path, network)[:2])
    view = explorer.view(**SETTING)
    assert [explorer.save(view, name).name for name in view.names] == [
        "clean-x.png", "clean-adversarial.png", "clean-JPG.png", "clean-JPG-adversarial.png"
    ]  # fmt: skip


def test_a_name_that_no_folder_can_have_is_made_one(explorer, tmp_path):
    contents = write_image(tmp_path / "own.png", size=(CROP, CROP)).read_bytes()
    explorer.open((f"../a b/ü:{'long' * 50}.png", contents))
    view = explorer.view(**SETTING)
    path = explorer.save(view, "Adv4(x)")
    assert path.parent.name == "tests.conftest_tiny_network"
    assert path.name.startswith("ü_long")
    assert len(path.name) < 100
    assert path.name.endswith("-Adv4.png")


@pytest.mark.parametrize(("name", "kind"), [("Adv9(x)", "PNG"), ("x", "GIF"), ("", "JPEG")])
def test_what_cannot_be_saved_is_refused(explorer, outputs, name, kind):
    with pytest.raises(BadInput, match=r"cannot save .*; there are x, Adv4\(x\), .* and PNG, JPEG"):
        explorer.save(explorer.view(**SETTING), name, kind)
    assert not outputs.exists()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("x", "x"),
        ("x'", "adversarial"),
        ("Adv0.5(x)", "Adv0.5"),
        ("JPG(x)", "JPG"),
        ("JPG(x')", "JPG-adversarial"),
        ("JPG50-444(Adv1(x))", "JPG50-444-Adv1"),
    ],
)
def test_a_modification_as_part_of_a_files_name(name, stem):
    assert file_stem(name) == stem


# Frequencies


def test_the_energy_in_the_bands_is_that_of_the_luma_difference():
    before, after = noise(3, 24, 40, seed=1).double(), noise(3, 24, 40, seed=2).double()
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).view(3, 1, 1)  # ITU-R BT.601
    wanted = ((after - before) * luma).sum(0).square().mean()
    rms = spectrum.band_rms((after - before).short())
    assert rms.shape == (8, 8)
    assert rms.dtype == torch.float64
    assert rms.square().mean().item() == pytest.approx(wanted.item(), rel=1e-4)  # libjpeg's weights have 16 bits


@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 3), (5, 0), (7, 7)])
def test_a_wave_lies_in_its_own_band(down, across):
    places = (2 * np.arange(8) + 1) * np.pi / 16
    wave = 16 * np.outer(np.cos(down * places), np.cos(across * places))
    rms = spectrum.band_rms(torch.from_numpy(np.tile(wave, (3, 2, 3))))
    assert rms[down, across].item() == pytest.approx(8 * np.sqrt((wave**2).mean()), rel=1e-4)
    rms[down, across] = 0
    assert rms.max() < 1e-9


def test_an_edge_that_is_no_whole_block_is_repeated():
    change = noise(3, 10, 13).short() - 100
    padded = torch.nn.functional.pad(change.double(), (0, 3, 0, 6), mode="replicate")
    assert torch.allclose(spectrum.band_rms(change), spectrum.band_rms(padded))


@pytest.mark.parametrize("quality", [1, 50, 75, 100])
def test_the_bands_of_a_view_and_jpegs_own_steps(explorer, quality):
    view = explorer.view(**{**SETTING, "quality": quality})
    before, after, steps = view.bands().values()
    assert torch.equal(before, spectrum.band_rms(view.perturbation))
    assert torch.equal(after, spectrum.band_rms(view.remainder))
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    assert steps.flatten().tolist() == Image.open(file).quantization[0]  # in natural order
    both = view.names[3]
    assert list(view.bands()) == ["Adv4(x) − x", f"{both} − {view.names[2]}", f"JPEG's steps, quality {quality}"]
    assert f"JPEG's steps, quality {quality}: {steps[0, 1]:.2f} in the first horizontal" in view.bands_in_words()


# Pictures


@pytest.mark.parametrize(
    ("largest", "factor"), [(1, 64), (2, 32), (3, 32), (4, 16), (20, 4), (64, 1), (127, 1), (255, 1)]
)
def test_a_change_is_amplified_by_the_power_of_two_that_fits(largest, factor):
    change = torch.full((3, 8, 8), largest, dtype=torch.int16)
    change[:, ::2] *= -1
    picture, found = pictures.amplified(change)
    assert found == factor
    assert picture.dtype == torch.uint8
    assert picture[0, 1, 0] == min(255, 128 + factor * largest)
    assert picture[0, 0, 0] == max(0, 128 - factor * largest)


def test_no_change_is_middle_grey_and_few_large_ones_hide_no_small_ones():
    assert (pictures.amplified(torch.zeros(3, 8, 8, dtype=torch.int16))[0] == 128).all()
    change = torch.ones(3, 10, 10, dtype=torch.int16)
    change[0, 0, 0] = -200
    picture, factor = pictures.amplified(change)
    assert factor == 64
    assert picture[0, 0, 0] == 0
    assert picture[0, 0, 1] == 192
    alone = torch.zeros(3, 20, 20, dtype=torch.int16)
    alone[0, 0, 0] = 5
    assert pictures.amplified(alone)[0][0, 0, 0] == 128 + 16 * 5


@pytest.mark.parametrize(("size", "factor"), [(24, 9), (112, 2), (221, 1), (224, 1), (300, 1)])
def test_what_is_shown_has_the_images_pixels(size, factor):
    image = noise(3, size, size)
    shown = array_of(io.BytesIO(pictures.png(image)))
    assert torch.equal(shown, image.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2))


# HTML

NASTY = "<b onclick='x'>\"R&D\"</b>"


def test_no_text_becomes_markup():
    written = [
        markup.sentence(NASTY),
        markup.sentence(NASTY, wrong=True),
        markup.tile(NASTY, b"", NASTY),
        markup.probabilities({NASTY: [(NASTY, 0.5)]}, NASTY),
        markup.heat_maps({NASTY: torch.ones(8, 8)}),
    ]
    for html in written:
        found = BeautifulSoup(html, "html.parser")
        assert NASTY in found.get_text()
        assert not found.find_all(onclick=True)
    image = BeautifulSoup(written[2], "html.parser").find("img")
    assert image["alt"] == f"{NASTY}: {NASTY}"
    assert BeautifulSoup(written[3], "html.parser").find("td")["title"] == NASTY


def test_a_heat_map_tells_every_number_and_colors_it():
    values = torch.logspace(-2, 3, 64, dtype=torch.float64).reshape(8, 8)
    cells = BeautifulSoup(markup.heat_maps({"a": values}), "html.parser").find_all("td")
    assert len(cells) == 64
    for cell, value in zip(cells, values.flatten().tolist(), strict=True):
        assert float(cell.get_text()) == pytest.approx(value, rel=0.06, abs=0.005)  # in as few digits as fit
    assert cells[0]["style"] != cells[30]["style"] != cells[63]["style"]


def test_the_clean_label_is_green_under_each_modification():
    highest = {"x": [("ant", 0.75), ("bee", 0.25)], "JPG(x)": [("bee", 0.6), ("ant", 0.4)]}
    rows = BeautifulSoup(markup.probabilities(highest, "ant"), "html.parser").find_all("tr")
    told = {(row.get_text(" "), markup.CLEAN_BAR in row["style"]) for row in rows}
    assert told == {("ant 0.750", True), ("bee 0.250", False), ("bee 0.600", False), ("ant 0.400", True)}
    assert "75.0%" in rows[0]["style"]


# The panel


def shown_by(panel):
    """The title and the caption of each tile, and the probabilities, as somebody reads them."""
    return [text_of(tile) for tile in panel.tiles], text_of(panel.probabilities)


def assert_shows(panel, view):
    """The panel shows this view, and no other."""
    for tile, (title, image, caption) in zip(panel.tiles, view.tiles(), strict=True):
        assert tile.value == markup.tile(title, pictures.png(image), caption)
    assert text_of(panel.summary).endswith(" ".join(view.summary().split()))
    assert panel.probabilities.value == markup.probabilities(view.highest(), view.label("x"))
    assert panel.bands.value == markup.heat_maps(view.bands())
    assert text_of(panel.remainder).endswith(view.remainder_in_words())


def test_the_panel_begins_with_the_setting(panel, explorer):
    assert_shows(panel, explorer.view(**SETTING))
    assert (panel.epsilon.value, panel.quality.value, panel.subsampling.value) == (4, 75, "4:2:0")
    assert (panel.image.value, panel.network.value) == ("a/2.png", TINY)
    assert (panel.epsilon.min, panel.epsilon.max, panel.epsilon.step) == (0, LARGEST_EPSILON, EPSILON_STEP)
    assert (panel.quality.min, panel.quality.max) == (1, 100)
    assert panel.message.value == ""


@pytest.mark.parametrize(
    ("control", "value"), [("epsilon", 0), ("epsilon", 7.25), ("quality", 20), ("subsampling", "4:4:4")]
)
def test_moving_a_control_shows_that_setting(panel, explorer, control, value):
    before = shown_by(panel)
    getattr(panel, control).value = value
    assert shown_by(panel) != before
    assert_shows(panel, explorer.view(**{**SETTING, control: value}))


def test_what_does_not_differ_is_not_sent(panel):
    sent = []
    for tile in panel.tiles:
        tile.observe(lambda change: sent.append(change.owner), "value")
    panel.quality.value = 30
    assert sent == [panel.tiles[3], panel.tiles[4]]  # JPG(Adv) and the residual; x, Adv and Adv - x are as they were


def test_another_image_and_another_network(panel, explorer):
    panel.image.value = "b/4.png"
    assert explorer.source.name == "b/4.png"
    assert_shows(panel, explorer.view(**SETTING))
    panel.network.value = "demo"
    assert explorer.network.name == "demo"
    assert "221 x 221 taken" in text_of(panel.summary)
    assert_shows(panel, explorer.view(**SETTING))


def test_an_image_that_cannot_be_read_is_told_of_and_the_list_goes_back(panel):
    before = shown_by(panel)
    panel.image.value = "c/broken.jpg"
    assert "broken.jpg" in text_of(panel.message)
    assert panel.image.value == "a/2.png"
    assert shown_by(panel) == before
    panel.quality.value = 30
    assert panel.message.value == ""  # the message goes with the next thing that works


def upload(widget, path, contents=None):
    """What the browser sends when a person uploads a file."""
    contents = path.read_bytes() if contents is None else contents
    sent = {"name": path.name, "type": "", "size": len(contents), "last_modified": 0, "content": memoryview(contents)}
    widget.set_state({"value": [sent]})


@pytest.mark.parametrize("way", ["paths", "uploads", "both"])
def test_a_pair_is_opened_and_epsilon_rests(panel, explorer, network, tmp_path, way):
    clean, saved, x, adversarial = pair_of(tmp_path, network)
    if way == "paths":
        panel.paths[0].value = f" {clean} "
    else:
        upload(panel.uploads[0], clean)
    if way == "uploads":
        upload(panel.uploads[1], saved)
    else:
        panel.paths[1].value = str(saved)
    panel.open.click()
    assert panel.message.value == ""
    assert panel.epsilon.disabled
    assert panel.image.value == OWN[1]
    assert torch.equal(panel.view.images["x"], x)
    assert torch.equal(panel.view.images["x'"], adversarial)
    assert_shows(panel, explorer.view(**SETTING))
    panel.image.value = "a/1.png"
    assert not panel.epsilon.disabled
    assert panel.view.names[1] == "Adv4(x)"
    panel.image.value = OWN[1]  # back to the pair
    assert torch.equal(panel.view.images["x'"], adversarial)


def test_what_is_opened_is_what_was_given_last(panel, tmp_path):
    files = [write_image(tmp_path / f"{seed}.png", size=(CROP, CROP), seed=seed) for seed in (1, 2, 3)]
    upload(panel.uploads[0], files[0])
    assert panel.paths[0].value == "1.png"
    upload(panel.uploads[1], files[1])
    panel.open.click()
    assert panel.explorer.is_pair
    panel.paths[1].value = ""  # no adversarial one after all
    panel.open.click()
    assert not panel.explorer.is_pair
    assert torch.equal(panel.view.images["x"], array_of(files[0]))
    panel.paths[0].value = str(files[2])
    panel.open.click()
    assert torch.equal(panel.view.images["x"], array_of(files[2]))


def test_a_wrong_upload_is_told_of_and_keeps_what_there_was(panel):
    before = shown_by(panel)
    upload(panel.uploads[0], Path("notes.png"), b"a text")
    panel.open.click()
    assert "notes.png" in text_of(panel.message)
    assert "jp-error-color" in panel.message.value
    assert shown_by(panel) == before
    assert panel.image.value == "a/2.png"
    assert not panel.epsilon.disabled


def test_one_who_asks_for_a_file_of_ones_own_is_asked_which(panel):
    panel.image.value = OWN[1]
    assert "which file?" in text_of(panel.message)
    assert panel.image.value == "a/2.png"
    assert panel.more.selected_index == 0  # where it can be given


def test_saving_says_where(panel, outputs):
    panel.saved.value, panel.kind.value = 3, "PNG"
    panel.save.click()
    path = outputs / "explore" / "tests.conftest_tiny_network" / "2-JPG-Adv4.png"
    assert text_of(panel.saved_to) == f"saved: {path}"
    assert torch.equal(array_of(path), panel.view.images["JPG(Adv4(x))"])
    panel.saved.value, panel.kind.value = 1, "JPEG"
    panel.save.click()
    assert torch.equal(array_of(path.with_suffix(".jpg")), panel.view.images["JPG(Adv4(x))"])


def test_a_folder_that_cannot_be_written_is_told_of(panel, outputs):
    outputs.write_text("a file where the folder should be")
    panel.save.click()
    assert "cannot write 2-Adv4.png" in text_of(panel.saved_to)
    assert "jp-error-color" in panel.saved_to.value


def test_the_sliders_are_shown_where_somebody_can_move_them(explorer, monkeypatch, capsys):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    exploration.show(explorer, **SETTING)
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("JPY_SESSION_NAME", "explore.ipynb")
    exploration.show(explorer, **SETTING)
    assert "VBox" in capsys.readouterr().out
