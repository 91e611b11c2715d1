import io

import numpy as np
import pytest
import torch
from PIL import Image

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import tables


def in_pillows_file(quality):
    """The two tables that Pillow writes for a quality, (2, 64) in natural order."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=quality)
    written = Image.open(buffer).quantization
    return torch.tensor([list(written[0]), list(written[1])])


def test_the_tables_of_every_quality_are_those_in_pillows_files():
    for quality in range(1, 101):
        assert torch.equal(tables.for_quality(quality).reshape(2, 64), in_pillows_file(quality))


def test_quality_50_is_the_standards_and_100_is_ones():
    assert torch.equal(tables.for_quality(50), torch.tensor((tables.LUMA, tables.CHROMA)))
    assert (tables.for_quality(100) == 1).all()
    assert tables.for_quality(50).dtype == torch.int32


def test_a_tensor_of_qualities_gives_a_pair_of_tables_for_each():
    qualities = torch.tensor([1, 75, 100], dtype=torch.uint8)  # 8 bits: the percentage has more
    found = tables.for_quality(qualities)
    assert found.shape == (3, 2, 8, 8)
    for quality, pair in zip(qualities.tolist(), found, strict=True):
        assert torch.equal(pair, tables.for_quality(quality))


@pytest.mark.parametrize("form", [torch.tensor, np.array, lambda rows: rows])
def test_custom_tables_are_taken_as_tensor_array_or_list(form):
    rows = [list(range(1, 65)), list(range(192, 256))]
    assert torch.equal(tables.custom(form(rows)), torch.tensor(rows, dtype=torch.int32).reshape(2, 8, 8))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.ones(64, dtype=torch.int32), r"torch.int32 \(64,\); wanted integers \(2, 8, 8\) or \(2, 64\)"),
        (torch.ones(2, 8, 8), r"tables are torch.float32 \(2, 8, 8\); wanted integers"),
        (torch.ones(2, 8, 8, dtype=torch.bool), "tables are torch.bool"),
        (torch.arange(128).reshape(2, 64), "tables hold 0 to 127; wanted steps of 1 to 255"),
        (torch.arange(129, 257).reshape(2, 64), "tables hold 129 to 256"),
        ([[1] * 64, [1] * 63], "tables are a list that is no array of numbers"),
        ("75", "tables are a str that is no array of numbers"),
    ],
)
def test_other_tables_are_refused(given, message):
    with pytest.raises(BadInput, match=message):
        tables.custom(given)
