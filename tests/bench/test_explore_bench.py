import pandas as pd
import pytest

from jpegstudy import bench
from jpegstudy.bench import explore


def test_the_explore_bench_times_both_sliders_and_holds_the_median_against_the_bar(tmp_path, capsys):
    words = ["explore", "--network", "demo", "--moves=4", "--out", str(tmp_path / "times.csv")]
    assert bench.main(words) == 0
    times = pd.read_csv(tmp_path / "times.csv")
    assert list(zip(times.slider, times.value, strict=True)) == [
        ("epsilon", 1.25), ("quality", 74), ("epsilon", 1.5), ("quality", 73)
    ]  # fmt: skip
    assert (times.wall > 0).all()
    printed = capsys.readouterr().out
    assert f"demo{'':20}{times.wall.median():.1f} (" in printed
    assert f"wanted at most 200: {'met' if times.wall.median() <= 200 else 'missed'}" in printed


def test_every_move_is_classified_anew(monkeypatch):
    found = []
    answers = explore.Panel._do

    def watched(panel, *arguments):
        kept = set(panel.explorer.subject._kept)
        answers(panel, *arguments)
        found.append(len(set(panel.view.names) - kept))

    monkeypatch.setattr(explore.Panel, "_do", watched)
    explore.moves("demo", explore.MOST_MOVES)
    assert found == [2] * (explore.MOST_MOVES + 2)


@pytest.mark.parametrize("count", ["0", "101", "many"])
def test_no_more_moves_than_there_are_settings(count, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(["explore", "--moves", count])
    assert stopped.value.code == 2
    assert count in capsys.readouterr().err
