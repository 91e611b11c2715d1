"""Timing of contenders that take turns, so that a busy moment of the machine falls on all of them.

Wall time is what a user waits for; CPU time (of all threads) says what the work costs and suffers less from neighbors.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from jpegstudy.errors import BadInput


@dataclass(frozen=True)
class Contender:
    """One way to do the work: ``work`` is timed, ``prepare`` before it is not.

    images: what the time is divided by.  rounds: it takes part in that many, the first ones; None is all of them.
    """

    name: str
    images: int
    work: Callable
    prepare: Callable = lambda: None
    rounds: int | None = None


def take_turns(contenders, rounds, say=lambda line: None, *, shortest=0):
    """Time every contender once a round.

    say: gets a line that tells how each round went.  shortest: seconds for which a turn lasts at least; short work is
    done again until then, so that no single call decides, and the time is the mean.
    Returns a table with columns contender, round (from 1), images, wall, cpu: the last two in milliseconds per image.
    """
    found = []
    began = time.perf_counter()
    for number in range(1, rounds + 1):
        words = []
        for contender in contenders:
            if contender.rounds is not None and number > contender.rounds:
                continue
            wall, cpu, times = _turn(contender, shortest)
            per_image = [1000 * seconds / (times * contender.images) for seconds in (wall, cpu)]
            found.append((contender.name, number, contender.images, *per_image))
            words.append(f"{contender.name} {per_image[0]:.1f}")
        left = (time.perf_counter() - began) / number * (rounds - number)
        say(f"round {number} of {rounds}, {left:.0f} s left; ms per image: {' · '.join(words)}")
    return pd.DataFrame(found, columns=["contender", "round", "images", "wall", "cpu"])


def _turn(contender, shortest):
    """(wall, cpu, times): seconds of the work, and how often it was done."""
    wall = cpu = times = 0
    while not times or wall < shortest:
        contender.prepare()
        began = time.perf_counter(), time.process_time()
        contender.work()
        wall += time.perf_counter() - began[0]
        cpu += time.process_time() - began[1]
        times += 1
    return wall, cpu, times


@dataclass(frozen=True)
class Ratio:
    """How much longer one contender takes than another: the ratio of medians, and the range over the n rounds."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self):
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(times, above, below, clock="wall"):
    """The Ratio of contender ``above`` to contender ``below`` in a table of ``take_turns``; clock: wall or cpu.

    Of the rounds in which both took part. Raises BadInput if there is none.
    """
    both = times[times["contender"].isin([above, below])]
    rounds = both.pivot(index="round", columns="contender", values=clock).dropna()
    if not {above, below} <= set(rounds.columns) or rounds.empty:
        raise BadInput(f"no round has times of both {above} and {below}; time them together")
    quotients = rounds[above] / rounds[below]
    medians = rounds.median()
    return Ratio(medians[above] / medians[below], quotients.min(), quotients.max(), len(rounds))


def spread(values):
    """``median (low to high)`` of milliseconds, as the printed tables show it."""
    return f"{values.median():.1f} ({values.min():.1f} to {values.max():.1f})"
