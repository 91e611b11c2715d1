import math

import pytest

from jpegstudy import parameters
from jpegstudy.errors import BadInput

CONSTANTS = {"mean": [0, 0.5, 1], "deviation": [1 / 255, 0.2, 1]}


@pytest.mark.parametrize("value", [{}, {"crop": 4096}, CONSTANTS, {"crop": 1, **CONSTANTS}])
def test_preprocessing_is_a_mapping_of_sensible_numbers(value):
    parameters.check({"preprocessing": value})


@pytest.mark.parametrize(
    "value",
    [
        None,
        [224],
        {"size": 224},
        {"crop": 0},
        {"crop": 224.0},
        {"crop": True},
        {"mean": 0.5},
        {"mean": [0.5, 0.5]},
        {"mean": [0.5, 0.5, "0.5"]},
        {"mean": [0.5, 0.5, math.nan]},
        {"mean": [0.5, 0.5, math.inf]},
        {"mean": [123.7, 116.3, 103.5]},  # grey levels
        {"mean": [0.5, 0.5, 10**400]},  # more than a float holds
        {"deviation": [0.2, 0.2, 0]},
        {"deviation": [0.2, 0.2, -0.2]},
        {"deviation": [0.2, 0.2, math.nan]},
        {"deviation": [0.2, 0.2, math.inf]},
        {"deviation": [58.4, 57.1, 57.4]},
        {"deviation": [1e-300] * 3},
    ],
)
def test_other_preprocessing_is_refused(value):
    with pytest.raises(BadInput, match=r"^preprocessing is .*; wanted: a mapping with some of crop, mean[^\n]*$"):
        parameters.check({"preprocessing": value})


@pytest.mark.parametrize(
    ("name", "value", "kind"), [("preprocessing", "{crop: 96}", "mapping"), ("epsilons", "[1, 5]", "list")]
)
def test_a_structure_given_as_text_is_told_how_to_be_given(name, value, kind):
    with pytest.raises(BadInput, match=rf"-p passes a {kind} as text: use -y '{name}: \.\.\.'"):
        parameters.check({name: value})


def test_the_hint_is_for_text_only():
    with pytest.raises(BadInput) as refused:
        parameters.check({"preprocessing": {"crop": 0}})
    assert "-y" not in str(refused.value)
