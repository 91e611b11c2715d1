import pandas as pd
import pytest

from jpegstudy import bench
from jpegstudy.errors import BadInput

TINY = "tests.conftest:tiny_network"


def test_the_networks_bench_times_both_passes_and_holds_them_against_alexnet(tmp_path, capsys):
    out = tmp_path / "times.csv"
    words = ["networks", "--networks", TINY, "alexnet", TINY, "--batch-size=2", "--rounds=3", f"--out={out}"]
    assert bench.main(words) == 0
    times = pd.read_csv(out)
    expected = [f"{name}, {what}" for name in (TINY, "alexnet") for what in ("forward", "gradient")]
    assert times.contender.tolist() == 3 * expected
    assert (times[["crop", "images", "batch_size"]] == [224, 2, 2]).all(axis=None)
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    wall = times.groupby("contender").wall.median()
    printed = capsys.readouterr().out
    assert "61,100,840" in printed  # AlexNet's parameters
    ratio = wall[f"{TINY}, gradient"] / wall["alexnet, gradient"]
    (line,) = [line for line in printed.splitlines() if line.startswith(f"{TINY}, gradient") and "224" not in line]
    assert line.split()[2] == f"{ratio:.2f}"


def test_without_alexnet_there_are_no_multiples(capsys):
    assert bench.main(["networks", "--networks", TINY, "--batch-size=1", "--rounds=1"]) == 0
    assert "times alexnet" not in capsys.readouterr().out


def test_an_unknown_network_is_refused():
    with pytest.raises(BadInput, match="there is no network 'alexnot'; nearest: alexnet"):
        bench.main(["networks", "--networks", "alexnot"])
