from itertools import product

import pandas as pd
import pytest
import torch
from PIL import Image

from jpegstudy.jpeg import exactness, libjpeg
from tests.conftest import write_image


@pytest.fixture
def few_sizes(monkeypatch):
    monkeypatch.setattr(exactness, "SIZES", ((2, 3), (18, 18)))
    monkeypatch.setattr(exactness, "SMALL", [(1, 2)])


def test_the_command_says_how_many_values_were_compared(few_sizes, tmp_path, capsys):
    write_image(tmp_path / "a.png")
    assert exactness.main(["--images", str(tmp_path), "--every", "40", "--out", str(tmp_path / "counts.csv")]) == 0
    printed = capsys.readouterr().out
    qualities, images, ways = 3, 9, 2  # 1, 41 and 81; SMALL at one quality only
    values = images * ways * (3 + 3 + 3 + 1) * (qualities * (2 * 3 + 18 * 18) + 1 * 2)
    assert printed.splitlines()[-1].split() == ["all", f"{values:,}", "0"]
    counts = pd.read_csv(tmp_path / "counts.csv")
    assert counts["values"].sum() == values
    assert (counts.differing == 0).all()
    assert set(zip(counts.way, counts.layout, strict=True)) == set(product(exactness.WAYS, exactness.LAYOUTS))
    assert f"Pillow {Image.__version__}, libjpeg_turbo" in printed
    assert f"; 1 photographs in {tmp_path}" in printed


def test_one_value_that_differs_makes_the_command_fail(few_sizes, monkeypatch, tmp_path, capsys):
    def wrong(images, quality, subsampling="4:2:0"):
        result = libjpeg.roundtrip(images, quality=quality, subsampling=subsampling)
        if images.shape[-1] == 18 and quality == 51 and subsampling == "4:2:2":
            result[4, 1, 17, 17] ^= 1
        return result

    monkeypatch.setattr(exactness, "WAYS", {"wrong": wrong})
    assert exactness.main(["--images", str(tmp_path), "--every", "50"]) == 1
    printed = capsys.readouterr().out
    assert "(18, 18) at quality 51: 1\n" in printed
    assert printed.splitlines()[-1].split()[-1] == "1"


def test_contents_reach_what_they_are_for():
    images = exactness.contents(40, 57)
    assert images.shape == (9, 3, 40, 57)
    assert torch.equal(images, exactness.contents(40, 57))  # the same every time
    black_and_white, flat = images[6], images[8]
    assert set(black_and_white.unique().tolist()) == {0, 255}
    assert set(flat.unique().tolist()) <= {0, 128, 255}
    assert (images[2].int() - images[0].int()).abs().max() == 1
    assert (images[4].int() - images[0].int()).abs().max() == 16
