import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import bench
from jpegstudy.bench import measure, sources
from jpegstudy.bench.rivals import Foolbox
from jpegstudy.bench.study import DEMO, OWN_THREADS, WORKERS

TINY = ["study", "--images=4", "--bare-images=2", "--rival-images=2", "--batch-size=2", "--rounds=1"]


@pytest.fixture(autouse=True)
def one_thread():
    """Torch's threads wait for each other by spinning, which takes minutes where the cores have other work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_demo(tmp_path, monkeypatch):
    """A project folder without a demo set, so that the photographs and the untrained network are taken."""
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))


def test_the_study_bench_times_all_and_agrees_with_foolbox(no_demo, outputs, tmp_path, capsys):
    pytest.importorskip("foolbox")
    assert bench.main([*TINY, "--out", str(tmp_path / "times.csv")]) == 0  # 1 if a probability differs by > 1e-5
    times = pd.read_csv(tmp_path / "times.csv").set_index("contender")
    assert {"ours", WORKERS, OWN_THREADS, "foolbox"} <= set(times.index)
    assert times.images["ours"] == 4
    assert times.images["foolbox"] == 2
    assert np.isfinite(times[["wall", "cpu"]]).all(axis=None)
    assert (times.wall > 0).all()
    printed = capsys.readouterr().out
    assert "ours / bare" in printed
    assert "ours / foolbox" in printed
    assert f"{DEMO}ours / bare" in printed
    assert "of their value, wanted at most 1e-05: met" in printed
    assert "its gradient's sign differs from ours in" in printed
    assert not outputs.exists()  # it leaves no run behind


def test_a_rival_whose_probabilities_differ_makes_the_bench_fail(no_demo, monkeypatch, capsys):
    pytest.importorskip("foolbox")
    right = Foolbox.probabilities
    monkeypatch.setattr(Foolbox, "probabilities", lambda self, images: right(self, images) * (1 + 2e-5))
    monkeypatch.setattr("jpegstudy.bench.study.RIVALS", (Foolbox,))
    assert bench.main(TINY) == 1
    assert "wanted at most 1e-05: missed" in capsys.readouterr().out


def test_a_rival_makes_the_eleven_modifications_that_ours_makes(no_demo, tmp_path):
    pytest.importorskip("foolbox")
    from jpegstudy import networks
    from jpegstudy.run import Run

    sources.fill_folder(tmp_path / "images", 2)
    sources.prepare(tmp_path / "out", tmp_path / "images", "squeezenet1_1", "random")
    sources.study(tmp_path / "out", 2)
    with sources.outputs_in(tmp_path / "out"):
        run = Run(sources.RUN)
        table = run.predictions()
        x = torch.from_numpy(run.images(0).copy())
    ours = table.top_label_probability.to_numpy().reshape(11, 2)  # in the order x, Adv, JPG, JPGnoise, as the rivals'
    theirs = Foolbox(networks.load("squeezenet1_1", "random", device="cpu")).study(x).numpy()
    # A few signs are of gradients so near 0 that rounding decides, hence not 1e-5; modifications differ by 5 %.
    np.testing.assert_allclose(theirs[:8], ours[:8], rtol=1e-3)
    np.testing.assert_allclose(theirs[8:], ours[8:], rtol=2e-2)  # another permutation


def test_a_bar_is_met_or_missed_in_words():
    assert measure.verdict(1.15, 1.15) == "wanted at most 1.15: met"
    assert measure.verdict(1.16, 1.15) == "wanted at most 1.15: missed"


@pytest.mark.parametrize("words", [["none"], ["study", "--images", "0"], ["memory", "--few", "x"]])
def test_a_wrong_command_line_is_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(words)
