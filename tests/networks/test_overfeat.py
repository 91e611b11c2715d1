"""OverFeat's shapes, its order of classes, and what is refused; test_overfeat_by_hand.py has its numbers."""

import hashlib
from functools import partial

import numpy as np
import pytest
import torch

from jpegstudy import networks
from jpegstudy.errors import BadInput
from jpegstudy.networks import overfeat, overfeat_weights

FAST, ACCURATE = "overfeat-fast", "overfeat-accurate"
NARROW_BYTES = {FAST: 4 * 813_632, ACCURATE: 4 * 807_568}  # with a sixteenth of the channels


@pytest.fixture
def narrow(monkeypatch):
    """Makes both models have a sixteenth of their channels, in whatever way they are loaded."""
    monkeypatch.setattr(overfeat, "OverFeat", partial(overfeat.OverFeat, divisor=16))
    monkeypatch.setattr(overfeat_weights, "load", partial(overfeat_weights.load, divisor=16))


@pytest.fixture
def holey(tmp_path):
    """A function that makes a file of so many zero bytes, which takes no space, and some floats in it."""

    def make(size, floats=None):
        path = tmp_path / "net_weight"
        with open(path, "wb") as file:
            file.truncate(size)
            for at, value in (floats or {}).items():
                file.seek(4 * at)
                file.write(np.array(value, "<f4").tobytes())
        return str(path)

    return make


SHAPES = {  # after each convolution and each pooling, channels and side
    FAST: [
        (96, 56), (96, 28), (256, 24), (256, 12), (512, 12), (1024, 12), (1024, 12), (1024, 6),
        (3072, 1), (4096, 1), (1000, 1),
    ],
    ACCURATE: [
        (96, 108), (96, 36), (256, 30), (256, 15), (512, 15), (512, 15), (1024, 15), (1024, 15), (1024, 5),
        (4096, 1), (4096, 1), (1000, 1),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "side", "file", "floats", "bytes_in_file"),
    [
        (FAST, 231, "net_weight_0", 145_920_872, 583_683_488),
        (ACCURATE, 221, "net_weight_1", 144_656_488, 578_625_952),
    ],
)
def test_layers_and_sizes_are_those_of_the_released_models(name, side, file, floats, bytes_in_file):
    with torch.device("meta"):  # shapes only
        module, facts = networks.sources.find(name, "random")
        x, found = torch.empty(1, 3, side, side), []
        for layer in module.layers:
            x = layer(x)
            if not isinstance(layer, torch.nn.ReLU):
                assert x.shape[2] == x.shape[3]
                found.append(tuple(x.shape[1:3]))
    assert found == SHAPES[name]
    kinds = "".join(type(layer).__name__[0] for layer in module.layers)
    assert kinds == {FAST: "CRMCRMCRCRCRMCRCRC", ACCURATE: "CRMCRMCRCRCRCRMCRCRC"}[name]
    assert sum(parameter.numel() for parameter in module.parameters()) == floats
    assert overfeat_weights.byte_count(name) == bytes_in_file
    assert (facts["crop"], overfeat.MODELS[name].file) == (side, file)


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_grey_levels_are_standardized_by_the_released_constants(narrow, name):
    network = networks.load(name, "random", device="cpu")
    levels = torch.arange(256.0)
    expected = (levels.double() - 118.38095092773438) / 61.89691162109375
    found = levels * network.scale + network.shift
    assert (found - expected).abs().max() < 1e-6


def test_the_map_of_classes_is_the_published_one():
    order = overfeat.class_order()
    assert sorted(order) == list(range(1000))
    published = [order.index(number) for number in range(1000)]
    digest = hashlib.sha256(",".join(map(str, published)).encode()).hexdigest()
    assert digest.startswith("26cfcece3d40ca3f")
    assert published[:5] == [278, 212, 250, 193, 217]
    assert published[-2:] == [959, 543]


@pytest.mark.parametrize(
    ("number", "class_name"),
    [(0, "kit fox"), (1, "English setter"), (2, "Siberian husky"), (448, "tench"), (449, "goldfish")],
)
def test_outputs_get_the_names_of_their_classes(narrow, holey, number, class_name):
    biases_at = 812_632  # of the last layer
    path = holey(NARROW_BYTES[FAST], {biases_at + number: 1})
    network = networks.load(FAST, path, device="cpu")
    assert network.in_words(torch.zeros(1, 3, 231, 231)) == [f"{class_name}\n0.00"]
    assert (network.weights, network.class_count) == (path, 1000)


@pytest.mark.parametrize(("name", "low", "high"), [(FAST, 231, 262), (ACCURATE, 221, 256)])
def test_the_sides_that_give_one_answer(narrow, name, low, high):
    network = networks.load(name, "random", device="cpu")
    assert network(torch.zeros(2, 3, low, high)).shape == (2, 1000)
    for shape in ((low, low - 1), (high + 1, high)):
        with pytest.raises(BadInput, match=f"; {name} takes {low} to {high} pixels$"):
            network(torch.zeros(1, 3, *shape))
    taken = []
    for side in range(1, 600):
        try:
            overfeat.check_side(name, side)
        except BadInput:
            continue
        taken.append(side)
    assert taken == [*range(low, high + 1)]


@pytest.mark.parametrize(
    ("name", "crop", "why"),
    [
        (
            FAST,
            221,
            "its layers leave conv1 53, pool 26, conv2 22, pool 11, conv3 11, conv4 11, conv5 11, pool 5, and fc6 "
            "wants 6 x 6; overfeat-fast takes 231 to 262 pixels",
        ),
        (
            FAST,
            263,
            "its layers leave conv1 64, pool 32, conv2 28, pool 14, conv3 14, conv4 14, conv5 14, pool 7, fc6 2, fc7 "
            "2, fc8 2: 2 x 2 answers in place of one; overfeat-fast takes 231 to 262 pixels",
        ),
        (FAST, 10, "conv1 wants 11 x 11; overfeat-fast takes 231 to 262 pixels"),
        (
            ACCURATE,
            220,
            "its layers leave conv1 107, pool 35, conv2 29, pool 14, conv3 14, conv4 14, conv5 14, conv6 14, pool 4, "
            "and fc7 wants 5 x 5; overfeat-accurate takes 221 to 256 pixels",
        ),
    ],
)
def test_another_crop_is_refused_with_the_arithmetic(narrow, name, crop, why):
    with pytest.raises(BadInput) as error:
        networks.load(name, "random", preprocessing={"crop": crop}, device="cpu")
    assert str(error.value) == (
        f"network '{name}' does not take {crop} x {crop} images: {why}; give its crop in preprocessing"
    )


@pytest.mark.parametrize(("name", "file"), [(FAST, "net_weight_0"), (ACCURATE, "net_weight_1")])
@pytest.mark.parametrize("weights", ["DEFAULT", "nowhere", ".", "~nobody-of-that-name/net_weight_0", "IMAGENET1K_V1"])
def test_without_a_file_it_is_told_which_one_is_wanted(name, file, weights):
    why = "has no weights of its own" if weights == "DEFAULT" else f"there is no file '{weights}'"
    with pytest.raises(BadInput) as error:
        networks.load(name, weights, device="cpu")
    told = str(error.value)
    assert told.startswith(f"network '{name}'")
    assert f"{why}; wanted the path of the file {file} out of the authors' overfeat-weights.tgz" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        (FAST, 0, "0 bytes, so this is cut short, or another file; overfeat-fast's net_weight_0 has 583,683,488"),
        (FAST, 583_683_484, "583,683,484 bytes, so this is cut short, or another file; .* has 583,683,488"),
        (FAST, 583_683_492, "583,683,492 bytes, so this is another file; .* has 583,683,488"),
        (
            FAST,
            578_625_952,
            "578,625,952 bytes, so this is overfeat-accurate's net_weight_1; .* has 583,683,488",
        ),
        (ACCURATE, 583_683_488, "583,683,488 bytes, so this is overfeat-fast's net_weight_0; .* has 578,625,952"),
        (ACCURATE, 1, "1 bytes, so this is cut short, or another file; .*'s net_weight_1 has 578,625,952"),
    ],
)
def test_a_file_of_another_size_is_not_read(holey, monkeypatch, name, size, why):
    monkeypatch.setattr(np, "memmap", None)
    with pytest.raises(BadInput, match=rf"^weights '.*net_weight' have {why}$"):
        networks.load(name, holey(size), device="cpu")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "at", "where"),
    [
        (FAST, 0, "weight of layer conv1"),
        (FAST, 64_663, "bias of layer conv5"),
        (FAST, 64_664, "weight of layer fc6"),
        (FAST, 813_631, "bias of layer fc8"),
        (ACCURATE, 484_519, "weight of layer fc7"),
    ],
)
def test_what_is_not_finite_is_told_by_its_layer(narrow, holey, name, at, where, value):
    path = holey(NARROW_BYTES[name], {at: value})
    with pytest.raises(BadInput, match=rf"^weights '.*net_weight': not every {where} is a finite number$"):
        networks.load(name, path, device="cpu")


def test_a_file_that_cannot_be_read_says_so(narrow, holey, monkeypatch):
    def refuse(*args):
        raise OSError("Input/output error")

    monkeypatch.setattr(np, "memmap", refuse)
    with pytest.raises(BadInput, match=r"^weights '.*net_weight' cannot be read \(Input/output error\)$"):
        networks.load(FAST, holey(NARROW_BYTES[FAST]), device="cpu")


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_random_weights_are_the_same_each_time(narrow, name):
    hashes = {networks.load(name, "random", device="cpu").weights_hash for _ in range(2)}
    assert len(hashes) == 1


def test_a_path_is_relative_to_the_projects_folder(narrow, holey, tmp_path, monkeypatch):
    holey(NARROW_BYTES[ACCURATE])
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    assert networks.load(ACCURATE, "net_weight", device="cpu").weights == "net_weight"
