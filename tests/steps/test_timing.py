"""What time_defenses times and how it is told; no time is held to anything."""

import pytest
import torch

from jpegstudy import statistics, steps
from jpegstudy.errors import BadInput
from tests.conftest import noise


def test_each_defense_is_timed_alone_and_in_a_batch_in_every_round():
    times = steps.time_defenses(noise(3, 3, 16, 16), ["FD", "TVM"], batches=(1, 5), slow={"TVM": 2}, rounds=2)
    assert list(times) == ["defense", "batch", "images", "round", "wall", "cpu"]
    rows = times[["defense", "batch", "images", "round"]].itertuples(index=False, name=None)
    once = [("FD", 1, 1), ("TVM", 1, 1), ("FD", 5, 5), ("TVM", 5, 2)]
    assert list(rows) == [(*row, number) for number in (1, 2) for row in once]
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    assert len(statistics.judge_speed(times)) == 1


def test_images_come_again_where_the_batch_has_more(monkeypatch):
    images, seen = noise(2, 3, 8, 8), []

    class Watched:
        name = "FD"

        def __call__(self, given, *, seed, indices):
            seen.append((given, seed, indices))

    monkeypatch.setattr("jpegstudy.modifications.transform", lambda name: Watched())
    monkeypatch.setattr("jpegstudy.steps.timing.SHORTEST", 0)
    steps.time_defenses(images, ["FD", "FD"], batches=(3,), slow={"TVM": 1}, rounds=1, seed=7)
    assert len(seen) == 2  # a name given twice counts once: before the rounds, and in one
    assert torch.equal(seen[0][0], images[[0, 1, 0]])
    assert seen[0][1:] == (7, [0, 1, 2])


@pytest.mark.parametrize(
    ("count", "names", "options", "message"),
    [
        (0, ["FD"], {}, "there are 0 images"),
        (1, [], {}, "0 defenses"),
        (1, ["FD"], {"rounds": 0}, "0 rounds"),
        (1, ["FD"], {"batches": (0, 1)}, "batches of 0, 1"),
        (1, ["FDD"], {}, "no transform 'FDD'"),
    ],
)
def test_what_cannot_be_timed_is_refused(count, names, options, message):
    with pytest.raises(BadInput, match=message):
        steps.time_defenses(noise(count, 3, 8, 8), names, **options)
