"""Turns, ratios and spreads of times; no time itself is held to anything."""

import pandas as pd
import pytest

from jpegstudy import timing
from jpegstudy.errors import BadInput
from jpegstudy.timing import Contender


def test_all_take_turns_and_slow_ones_stop_earlier():
    done, lines = [], []
    contenders = [
        Contender("a", 2, lambda: done.append("a"), prepare=lambda: done.append("before a")),
        Contender("b", 1, lambda: done.append("b"), rounds=1),
    ]
    times = timing.take_turns(contenders, 3, say=lines.append)
    assert done == ["before a", "a", "b", "before a", "a", "before a", "a"]
    assert times.contender.tolist() == ["a", "b", "a", "a"]
    assert times["round"].tolist() == [1, 1, 2, 3]
    assert times.images.tolist() == [2, 1, 2, 2]
    assert [line.startswith(f"round {number} of 3, ") for number, line in enumerate(lines, start=1)] == 3 * [True]
    assert "ms per image: a " in lines[0]
    assert " · b " in lines[0]
    assert " · b " not in lines[1]
    assert len(timing.take_turns(contenders, 1)) == 2  # nobody need be told


def test_ratios_are_of_medians_and_range_over_rounds():
    times = pd.DataFrame(
        {"contender": list("aabb"), "round": [1, 2, 1, 2], "images": 1, "wall": [2.0, 6.0, 1.0, 4.0], "cpu": 1.0}
    )
    assert timing.ratio(times, "a", "b") == timing.Ratio(4 / 2.5, 1.5, 2.0, 2)
    assert timing.ratio(times, "a", "b", "cpu").value == 1


def test_short_work_is_done_again_until_the_turn_is_long_enough(monkeypatch):
    clock = {"wall": 0.0, "cpu": 0.0}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(timing.time, "process_time", lambda: clock["cpu"])

    def spend(wall, cpu):
        clock["wall"] += wall
        clock["cpu"] += cpu

    contenders = [
        Contender("short", 2, lambda: spend(0.25, 0.5), prepare=lambda: spend(9, 9)),
        Contender("long", 1, lambda: spend(4, 2)),
    ]
    times = timing.take_turns(contenders, 1, shortest=0.6)
    assert clock["wall"] == 3 * 9.25 + 4  # short was done three times, each prepared
    assert times.wall.tolist() == [125, 4000]
    assert times.cpu.tolist() == [250, 2000]


def test_a_ratio_is_of_the_rounds_that_both_took_part_in():
    times = pd.DataFrame(
        {"contender": list("aabbb"), "round": [1, 2, 1, 2, 3], "images": 1, "wall": [2.0, 6.0, 1.0, 4.0, 9.0]}
    )
    assert timing.ratio(times, "a", "b") == timing.Ratio(4 / 2.5, 1.5, 2.0, 2)
    for table, name in ((times, "c"), (times[times["round"] == 3], "a")):
        with pytest.raises(BadInput, match=f"no round has times of both {name} and b"):
            timing.ratio(table, name, "b")


def test_a_spread_is_median_and_range():
    assert timing.spread(pd.Series([1.0, 2.04, 9.0])) == "2.0 (1.0 to 9.0)"
