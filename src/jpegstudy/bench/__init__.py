"""Speed and memory, side by side with what a user would run instead: ``jpegstudy bench NAME``.

A bench is a module of this package with ``main(arguments) -> int`` and one line in BENCHES.
"""

import argparse
import importlib

BENCHES = {
    "jpeg": "time and memory of the JPEG round trip, beside other codecs",
    "study": "time of steps 02 to 04, beside the bare network and other libraries",
    "memory": "peak memory of steps 01 to 04 at two numbers of images",
    "readings": "time of step 06, beside the bare passes in which the readings of the paper differ",
    "explore": "time that a slider of the notebook explore takes to answer",
    "defenses": "time per image of each defense, and of an attack through the exact JPEG",
    "networks": "time of a forward pass and of a gradient in each of several networks",
    "learned": "time of a learned codec, and of an attack on it, beside its bare layers",
    "compressai": "learned codecs of published shapes beside CompressAI's own: what comes out, and time",
}


def main(arguments):
    """Run the bench that the first of ``arguments`` (words of a command line) names; the rest are its own.

    Returns the exit status: 0, or 1 where numbers that must agree do not. A missed bar of speed or memory is printed
    and leaves the status 0, for it may be the machine's. argparse exits with 2 for a wrong command line.
    """
    parser = argparse.ArgumentParser(
        prog="jpegstudy bench",
        description="Measure the study on this machine.",
        epilog="\n".join(f"{name:12}{what}" for name, what in BENCHES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=BENCHES, help="which bench; each has its own --help")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what that bench takes")
    chosen = parser.parse_args(arguments)
    return importlib.import_module(f"jpegstudy.bench.{chosen.name}").main(chosen.arguments)
