"""What benches have in common: turns that are told on standard error, bars, and words about the machine."""

import argparse
import importlib.metadata
import os
import platform
import sys
from functools import partial

import torch

from jpegstudy import networks, timing


def take_turns(contenders, rounds, **options):
    """timing.take_turns; a line on standard error tells how each round went."""
    return timing.take_turns(contenders, rounds, say=partial(print, file=sys.stderr, flush=True), **options)


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
