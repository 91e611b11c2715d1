import sys

import numpy as np
import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.transforms import Custom, find
from tests.conftest import noise

MODULE = """
import numpy as np

def negative(images):
    return 255 - images

def mirrored(images):
    return images.numpy()[..., ::-1]

def in_place(images):
    images.zero_()
    return images

def floating(images):
    return images.float()

def floating_array(images):
    return images.numpy().astype(np.float64)

def cropped(images):
    return images[..., 1:]

def nothing(images):
    return None

def failing(images):
    raise RuntimeError("out of order\\nsecond line")

constant = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    """A module of the user's, on the path."""
    (tmp_path / "my_defenses.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_defenses", raising=False)


def test_a_users_function_is_called_on_the_batch():
    images = noise(2, 3, 8, 8)
    assert torch.equal(find("my_defenses:negative")(images), 255 - images)
    assert torch.equal(Custom("my_defenses:negative")(images), 255 - images)


def test_arrays_are_taken_whatever_their_strides():
    images = noise(2, 3, 8, 8)
    assert torch.equal(find("my_defenses:mirrored")(images), images.flip(3))


def test_the_images_are_safe_from_the_function():
    images = noise(2, 3, 8, 8)
    before = images.clone()
    assert find("my_defenses:in_place")(images).max() == 0
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("floating", r"float32 \(2, 3, 8, 8\)"), ("floating_array", r"float64 \(2, 3, 8, 8\)"),
        ("cropped", r"uint8 \(2, 3, 8, 7\)"), ("nothing", "NoneType"),
    ],
)  # fmt: skip
def test_other_results_are_refused(name, given):
    with pytest.raises(BadInput, match=rf"my_defenses:{name} gave {given}; wanted a uint8 .* \(2, 3, 8, 8\)"):
        find(f"my_defenses:{name}")(noise(2, 3, 8, 8))


def test_a_failure_is_told_in_a_line():
    with pytest.raises(BadInput, match=r"my_defenses:failing failed on uint8 \(2, 3, 8, 8\): out of order") as told:
        find("my_defenses:failing")(noise(2, 3, 8, 8))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_defenses:negativ", "my_defenses has no function 'negativ'; nearest: negative"),
        ("my_defenses:constant", "has no function 'constant'"),
        (
            "my_defences:negative",
            "my_defences cannot be imported.*nearest: my_defenses; wanted package",
        ),
        ("jpegstudy.transform:f", "nearest: jpegstudy.transforms"),
        ("nowhere.at.all:f", "nowhere.at.all cannot be imported"),
    ],
)
def test_names_that_lead_nowhere_bring_the_nearest(name, message):
    with pytest.raises(BadInput, match=message):
        find(name)(noise(1, 3, 8, 8))


def test_a_module_that_fails_while_imported_is_told(tmp_path):
    (tmp_path / "broken_defense.py").write_text("import a_package_that_is_missing")
    with pytest.raises(BadInput, match=r"broken_defense cannot be imported.*a_package_that_is_missing") as told:
        find("broken_defense:f")(noise(1, 3, 8, 8))
    assert "nearest" not in str(told.value)


def test_the_module_is_imported_only_when_it_is_called(tmp_path):
    (tmp_path / "lazy_defense.py").write_text("def f(images):\n    return images\n")
    transform = find("lazy_defense:f")
    assert "lazy_defense" not in sys.modules
    transform(noise(1, 3, 8, 8))
    assert "lazy_defense" in sys.modules


def test_arrays_that_may_not_be_written_are_taken(tmp_path):
    (tmp_path / "read_only.py").write_text(
        "def f(images):\n    array = images.numpy()\n    array.flags.writeable = False\n    return array\n"
    )
    images = noise(1, 3, 8, 8)
    result = find("read_only:f")(images)
    assert np.array_equal(result.numpy(), images.numpy())
