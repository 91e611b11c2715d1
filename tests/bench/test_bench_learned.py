import pandas as pd
import pytest

from jpegstudy import bench
from jpegstudy.errors import BadInput


def test_codecs_and_attacks_are_held_against_their_bare_layers(tmp_path, capsys):
    out = tmp_path / "times.csv"
    words = ["learned", "--batch-size=2", "--side=32", "--steps=2", "--rounds=3", f"--out={out}"]
    assert bench.main(words) == 0
    times = pd.read_csv(out)
    names = [
        f"{shape}, {what}"
        for shape in ("small", "small_mean")
        for what in ("codec", "layers", "whole streams", "attack", "passes")
    ]
    assert times.contender.tolist() == 3 * names
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    wall = times.groupby("contender").wall.median()
    told = [line for line in capsys.readouterr().out.splitlines() if "wanted at most" in line]
    assert len(told) == 4
    assert told[0].startswith("small: codec / layers: wall ")
    assert told[0].split()[5] == f"{wall['small, codec'] / wall['small, layers']:.2f}"


def test_an_unknown_shape_is_refused():
    with pytest.raises(BadInput, match="there is no codec 'large'"):
        bench.main(["learned", "--shapes", "large"])
