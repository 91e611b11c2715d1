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


def times_of(name, wall, differing=0, rival=False):
    """A table of two rounds, CPU a half of wall."""
    rounds = pd.DataFrame({"round": [1, 2], "images": 1})
    return rounds.assign(contender=name, wall=wall, cpu=wall / 2, differing=differing, rival=rival)


def bars(*rows):
    return bench_jpeg.bars(pd.concat([times_of(*row) for row in rows]))


def test_the_bar_is_the_fastest_rival_whose_pixels_are_right():
    others = [(codecs.STUDY, 2.1), ("one that is faster and no rival", 0.1)]
    (first, *_) = bars(("fast", 1.0, 3, True), ("slow", 2.0, 0, True), *others)
    assert first == "ours, as the study calls it / slow: wall 1.05 (1.05 to 1.05), wanted at most 1.1: met"
    (first, *_) = bars(("fast", 1.0, 0, True), ("slow", 2.0, 0, True), *others)
    assert first.endswith("fast: wall 2.10 (2.10 to 2.10), wanted at most 1.1: missed")


def test_the_compiled_form_is_held_against_pillow_by_cpu_time():
    rows = [(codecs.STUDY, 1.0, 0, True), (codecs.PILLOW, 2.0), (codecs.COMPILED_ONE, 3.4)]
    assert bars(*rows)[1] == (
        "ours in torch, compiled, one thread / Pillow, in turn: CPU 1.70 (1.70 to 1.70), wanted at most 1.6: missed"
    )


def test_on_a_gpu_ours_is_held_against_every_other():
    names = ["GPU: a copy of the batch", "GPU: kornia", "GPU: ours in torch"]
    lines = bars((codecs.STUDY, 1.0, 0, True), *((name, number) for number, name in enumerate(names, 2)))
    assert lines[1:] == [
        "GPU: ours in torch / GPU: a copy of the batch: wall 2.00 (2.00 to 2.00)",
        "GPU: ours in torch / GPU: kornia: wall 1.33 (1.33 to 1.33)",
    ]


def test_peak_memory_is_told_by_a_process_of_its_own():
    peaks = PEAKS((4, 3, 128, 128))
    if peaks:  # systems without Linux's /proc don't tell
        assert list(peaks) == [codecs.PLAIN]
        assert 3 <= peaks[codecs.PLAIN] < 1000
