"""How long a slider of the notebook ``explore`` takes to answer: ``jpegstudy bench explore``.

From setting a slider's value to all of the panel's widgets holding what is shown for it: images made and classified,
pictures and tables written. Every move is to a setting that no answer is kept for; ε and the quality take turns. What
the messages to the browser and the browser itself take comes on top.
"""

import argparse
import time
from pathlib import Path

import pandas as pd

from jpegstudy import timing
from jpegstudy.bench import measure
from jpegstudy.exploration import Explorer
from jpegstudy.exploration.panel import EPSILON_STEP, Panel

BARS = {"demo": 200, "efficientnet_lite0": 400}  # ms, of the median
PACKAGES = ("torch", "torchvision", "pillow", "imagecodecs", "ipywidgets")
SETTING = {"epsilon": 1.0, "quality": 75, "subsampling": "4:2:0"}
MOST_MOVES = 100  # more settings of the same slider come again


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    print(f"{options.moves} moves of a slider\n\n{'network':24}{'wall, ms':28}{'CPU, ms':28}", flush=True)
    tables = []
    for name in options.network:
        tables.append(moves(name, options.moves))
        wall, cpu = (tables[-1][clock] for clock in ("wall", "cpu"))
        told = measure.verdict(wall.median(), BARS[name]) if name in BARS else ""
        print(f"{name:24}{timing.spread(wall):28}{timing.spread(cpu):28}{told}".rstrip(), flush=True)
    if options.out:
        pd.concat(tables).assign(**machine).to_csv(options.out, index=False)
    return 0


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench explore", description=__doc__.split("\n")[0])
    parser.add_argument("--network", nargs="+", default=list(BARS), metavar="NAME", help=f"which ({' '.join(BARS)})")
    parser.add_argument(
        "--moves", type=_moves, default=40, metavar="N", help=f"slider moves of each, to {MOST_MOVES} (40)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every move's time there")
    return parser.parse_args(arguments)


def _moves(text):
    if measure.count(text) > MOST_MOVES:
        raise argparse.ArgumentTypeError(f"{text} is more than the {MOST_MOVES} settings that there are")
    return int(text)


def moves(network, count):
    """Time ``count`` moves of a network's sliders: a table with columns network, slider, value, wall, cpu (ms)."""
    panel = Panel(Explorer(network), **SETTING)
    _move(panel.quality, 99)  # the first call of anything is slow
    _move(panel.epsilon, 0.0)
    found = []
    for number in range(count):
        step = number // 2 + 1
        if number % 2:
            slider, value = "quality", 75 - step
        else:
            slider, value = "epsilon", SETTING["epsilon"] + step * EPSILON_STEP
        found.append((network, slider, value, *_move(getattr(panel, slider), value)))
    return pd.DataFrame(found, columns=["network", "slider", "value", "wall", "cpu"])


def _move(slider, value):
    """Set a slider's value. Returns the wall and the CPU time of it, ms."""
    began = time.perf_counter(), time.process_time()
    slider.value = value
    ended = time.perf_counter(), time.process_time()
    return [1000 * (after - before) for before, after in zip(began, ended, strict=True)]
