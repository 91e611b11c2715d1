import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import bench
from jpegstudy.bench import codecs
from jpegstudy.bench import jpeg as bench_jpeg
from jpegstudy.jpeg import exact

PEAKS = bench_jpeg._peaks
TINY = ["jpeg", "--batch=2", "--rounds=1"]


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path):
    """No demo set, nothing compiled (its pixels are tested in tests/jpeg), torch on one thread, no other process."""
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    monkeypatch.setattr(exact, "compiler_at_hand", lambda: False)
    monkeypatch.setattr(bench_jpeg, "_peaks", lambda shape: {codecs.PLAIN: shape[0] + 0.5})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_jpeg_bench_times_all_and_counts_what_differs(tmp_path, capsys):
    assert bench.main([*TINY, "--out", str(tmp_path / "times.csv")]) == 0
    times = pd.read_csv(tmp_path / "times.csv").set_index("contender")
    assert {"Pillow, threads", "imagecodecs, threads", "ours, as the study calls it"} <= set(times.index)
    assert np.isfinite(times[["wall", "cpu"]]).all(axis=None)
    assert (times.wall > 0).all()
    ours = times.index.str.startswith("ours")
    assert ours.sum() >= 4
    assert (times.differing[ours] == 0).all()
    assert (times.differing[times.index.str.contains("Pillow|torchvision|imagecodecs")] == 0).all()
    printed = capsys.readouterr().out
    assert "0 of 301,056" in printed
    assert "ours, as the study calls it / " in printed
    assert "wanted at most 1.1: " in printed
    assert "not measured: there is no C++ compiler" in printed
    assert "peak memory, 2 of 224 x 224, ours in torch, all threads: 2.5 bytes a pixel, wanted at most 40" in printed
    assert "peak memory, 1 of 1536 x 2048, ours in torch, all threads: 1.5 bytes a pixel" in printed
    assert (times.peak.dropna() == 2.5).all()
    assert times.peak.dropna().index.unique() == codecs.PLAIN
    assert (times["values"] == 301056).all()


def test_every_batch_has_a_table_of_its_own(tmp_path, capsys):
    assert bench.main(["jpeg", "--batch", "1", "2", "--rounds=1", "--out", str(tmp_path / "times.csv")]) == 0
    times = pd.read_csv(tmp_path / "times.csv")
    assert set(times.batch) == {1, 2}
    assert (times.groupby("batch")["values"].first() == [150528, 301056]).all()
    printed = capsys.readouterr().out
    assert printed.index("\n1 images") < printed.index("\n2 images")


def test_on_a_gpu_it_says_what_was_not_measured(capsys):
    assert bench.main(TINY) == 0
    printed = capsys.readouterr().out
    if not torch.cuda.is_available():
        assert "on a GPU: not measured: no GPU" in printed


def test_a_way_of_ours_with_other_pixels_makes_the_bench_fail(monkeypatch, capsys):
    right = exact.roundtrip
    monkeypatch.setattr(exact, "roundtrip", lambda images, **settings: right(images, **settings) ^ 1)
    assert bench.main(TINY) == 1
    assert "301,056 of 301,056" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["kornia", "diff_jpeg"])
def test_what_is_not_installed_is_said(module, capsys):
    try:
        __import__(module)
    except ImportError:
        assert bench.main(TINY) == 0
        name = {"kornia": "kornia", "diff_jpeg": "diff-jpeg"}[module]
        assert any(line.split() == [name, "not", "installed"] for line in capsys.readouterr().out.splitlines())
    else:
        pytest.skip(f"{module} is installed")


def times_of(**walls):
    """A table of two rounds, CPU a half of wall."""
    rows = [(name.replace("_", " "), number, 1, wall, wall / 2) for name, wall in walls.items() for number in (1, 2)]
    return pd.DataFrame(rows, columns=["contender", "round", "images", "wall", "cpu"])


def test_the_bar_is_the_fastest_rival_whose_pixels_are_right():
    times = pd.concat(
        [
            times_of(fast=1.0, slow=2.0),
            times_of(x=2.1).replace("x", codecs.STUDY),
            times_of(x=1).replace("x", "other"),
        ]
    )
    (first, *_) = bench_jpeg._bars(times, {"fast": 3, "slow": 0}, ["fast", "slow"])
    assert first == "ours, as the study calls it / slow: wall 1.05 (1.05 to 1.05), wanted at most 1.1: met"
    (first, *_) = bench_jpeg._bars(times, {"fast": 0, "slow": 0}, ["fast", "slow"])
    assert first.endswith("fast: wall 2.10 (2.10 to 2.10), wanted at most 1.1: missed")


def test_on_a_gpu_ours_is_held_against_every_other():
    names = ["GPU: a copy of the batch", "GPU: kornia", "GPU: ours in torch"]
    times = pd.concat([times_of(x=number).replace("x", name) for number, name in enumerate([codecs.STUDY, *names], 1)])
    lines = bench_jpeg._bars(times, {codecs.STUDY: 0}, [codecs.STUDY])
    assert lines[1:] == [
        "GPU: ours in torch / GPU: a copy of the batch: wall 2.00 (2.00 to 2.00)",
        "GPU: ours in torch / GPU: kornia: wall 1.33 (1.33 to 1.33)",
    ]


def test_peak_memory_is_told_by_a_process_of_its_own():
    peaks = PEAKS((4, 3, 128, 128))
    if peaks:  # systems without Linux's /proc don't tell
        assert list(peaks) == [codecs.PLAIN]
        assert 3 <= peaks[codecs.PLAIN] < 1000
