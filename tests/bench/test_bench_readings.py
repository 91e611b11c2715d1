import pandas as pd
import pytest
import torch

from jpegstudy import bench, steps
from jpegstudy.bench import readings


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, tmp_path):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))  # no demo set
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_readings_bench_counts_the_passes_and_times_both(tmp_path, monkeypatch, capsys):
    done, work = [], steps.read_otherwise
    monkeypatch.setattr(steps, "read_otherwise", lambda stage: (done.append(stage.missing()), work(stage)))
    words = [
        "readings",
        "--network=tests.conftest:tiny_network",
        "--images=2",
        "--rounds=2",
        "--out",
        str(tmp_path / "times.csv"),
    ]
    assert bench.main(words) == 0
    times = pd.read_csv(tmp_path / "times.csv")
    assert list(times.contender) == ["ours", "bare"] * 2
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    assert done == [[0], [0]]  # in each round the whole of it
    printed = capsys.readouterr().out
    assert f"{times.gradients[0]} gradients and {times.passes[0]} more passes of each of 2 images" in printed
    assert "ours / bare: wall " in printed
    assert "wanted at most 1.15: " in printed


def test_the_ratio_is_of_medians_and_judged():
    rows = [
        ("ours", 1, 1, 30.0, 33.0),
        ("bare", 1, 1, 20.0, 30.0),
        ("ours", 2, 1, 22.0, 33.0),
        ("bare", 2, 1, 20.0, 30),
    ]
    times = pd.DataFrame(rows, columns=["contender", "round", "images", "wall", "cpu"])
    assert readings.report(times).splitlines()[-1] == (
        "ours / bare: wall 1.30 (1.10 to 1.50), wanted at most 1.15: missed; CPU 1.10 (1.10 to 1.10)"
    )
