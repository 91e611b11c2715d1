import pandas as pd
import pytest

from jpegstudy import bench, statistics
from jpegstudy.bench import defenses
from jpegstudy.errors import BadInput


def test_the_defenses_bench_times_each_alone_and_in_a_batch(tmp_path, capsys):
    out = tmp_path / "times.csv"
    words = ["defenses", "--defenses", "FD", "JPG50", "--batch-size=2", "--rounds=2", "--pgd-images=0"]
    assert bench.main([*words, "--authors-rounds=0", f"--out={out}"]) == 0
    times = pd.read_csv(out)
    names = ["FD", "JPG50", "DCT and back", "TV, scikit-image"]
    assert times.contender.tolist() == 2 * [f"{name} × {size}" for size in (1, 2) for name in names]
    assert times.images.tolist() == 2 * ([1] * 4 + [2] * 4)
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    printed = capsys.readouterr().out
    wall = times.groupby("contender").wall.median()
    ratio = wall["FD × 2"] / wall["DCT and back × 2"]
    assert f"2 at a time: FD / DCT and back: wall {ratio:.2f} (" in printed
    assert "wanted at most 2:" in printed


def test_the_authors_style_is_timed_in_few_rounds_beside_ours(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(defenses, "SIDE", 32)
    out = tmp_path / "times.csv"
    words = ["defenses", "--defenses", "FD", "TVM", "QUILT", "--batch-size=2", "--rounds=2", "--pgd-images=0"]
    assert bench.main([*words, f"--out={out}"]) == 0
    times = pd.read_csv(out)
    found = times.groupby(["defense", "batch"])[["images", "rounds"]].first()
    for name in defenses.AUTHORS:
        assert found.loc[(name, 1)].tolist() == [1, 1]
        assert (name, 2) not in found.index
    assert found.loc[("QUILT", 2)].tolist() == [2, 2]
    printed = capsys.readouterr().out
    for name, rounds, paper in (("TVM", 2, 259), ("QUILT", 2, 216), (defenses.AUTHORS[0], 1, 259)):
        (line,) = [line for line in printed.splitlines() if line.startswith(f"1 at a time: {name} / FD")]
        assert line.endswith(f", n = {rounds}; by the paper's times {paper}")
    claims = [statistics.judge_speed(times, rival=name) for name in ("TVM", defenses.AUTHORS[0])]
    assert [claim.n.item() for claim in claims] == [2, 1]


def test_the_bars_hold_attacks_against_the_bare_network():
    rows = [("PGD, bare", r, 1, 10.0, 10.0) for r in (1, 2)] + [("PGD, through JPG", r, 1, 12.0, 14.0) for r in (1, 2)]
    times = pd.DataFrame(rows, columns=["contender", "round", "images", "wall", "cpu"])
    assert defenses.bars(times) == [
        "PGD through JPG / bare: wall 1.20 (1.20 to 1.20), wanted at most 1.3: met; CPU 1.40 (1.40 to 1.40)"
    ]


def test_an_unknown_defense_is_refused():
    with pytest.raises(BadInput, match="there is no transform 'FDD'; nearest: FD"):
        bench.main(["defenses", "--defenses", "FDD", "--rounds=1", "--pgd-images=0"])
