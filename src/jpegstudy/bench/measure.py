"""Timing of contenders that take turns, so that a busy moment of the machine falls on all of them.

Wall time is what a user waits for; CPU time (of all threads) says what the work costs and suffers less from neighbors.
"""

import argparse
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch

from jpegstudy import networks


@dataclass(frozen=True)
class Contender:
    """One way to do the work: ``work`` is timed, ``prepare`` before it is not."""

    name: str
    images: int
    work: Callable
    prepare: Callable = lambda: None


def take_turns(contenders, rounds):
    """Time every contender once a round; a line on standard error tells how each round went.

    Returns a table with columns contender, round, images, wall, cpu: the last two in milliseconds per image.
    """
    found = []
    began = time.perf_counter()
    for number in range(1, rounds + 1):
        for contender in contenders:
            contender.prepare()
            wall, cpu = time.perf_counter(), time.process_time()
            contender.work()
            spent = (time.perf_counter() - wall, time.process_time() - cpu)
            per_image = [1000 * seconds / contender.images for seconds in spent]
            found.append((contender.name, number, contender.images, *per_image))
        words = " · ".join(f"{row[0]} {row[3]:.1f}" for row in found[-len(contenders) :])
        left = (time.perf_counter() - began) / number * (rounds - number)
        print(f"round {number} of {rounds}, {left:.0f} s left; ms per image: {words}", file=sys.stderr, flush=True)
    return pd.DataFrame(found, columns=["contender", "round", "images", "wall", "cpu"])


@dataclass(frozen=True)
class Ratio:
    """How much longer one contender takes than another: the ratio of medians, and the range over the rounds."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(times, above, below, clock="wall"):
    """The Ratio of contender ``above`` to contender ``below`` in a table of ``take_turns``; clock: wall or cpu."""
    rounds = times.pivot(index="round", columns="contender", values=clock)
    quotients = rounds[above] / rounds[below]
    medians = rounds.median()
    return Ratio(medians[above] / medians[below], quotients.min(), quotients.max())


def spread(values):
    """``median (low to high)`` of milliseconds, as the printed tables show it."""
    return f"{values.median():.1f} ({values.min():.1f} to {values.max():.1f})"


def verdict(value, bar):
    """What a bar says of a value: ``wanted at most 1.15: met``."""
    return f"wanted at most {bar:g}: {'met' if value <= bar else 'missed'}"


def count(text):
    """A command line's whole number from 1 up, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def machine(packages):
    """Where a measurement is made: ``machine`` and ``versions``, in words. Absent ``packages`` are left out."""
    load = os.getloadavg()[0]
    busy = (
        ", which is busy: torch's own threads and the rivals suffer most, see jpegstudy.bench.study"
        if load > 0.5
        else ""
    )
    found = [("Python", platform.python_version()), *((name, version(name)) for name in packages)]
    return {
        "machine": f"{networks.device_in_words(torch.device('cpu'))}; load {load:.1f} at the start{busy}",
        "versions": ", ".join(f"{name} {number}" for name, number in found if number),
    }


def version(package):
    """The installed version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
