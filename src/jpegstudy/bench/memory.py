"""Does a study's memory grow with the number of images? ``jpegstudy bench memory``.

The peak of a fresh process that does steps 01 to 04, once for many images and once for few: they must agree. The
network is the demo's, or before it exists squeezenet1_1 with random weights.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from jpegstudy.bench import measure, sources
from jpegstudy.places import root

BAR = 1.10  # peak at many images / peak at few
PACKAGES = ("torch", "torchvision", "pillow", "numpy", "pandas", "pyarrow")


def main(arguments):
    """Measure and print; see ``bench.main``."""
    options = _options(arguments)
    machine = measure.machine(PACKAGES)
    print("\n".join(machine.values()), flush=True)
    network, weights = "squeezenet1_1", "random"
    if (root() / "data" / "demo" / "network.safetensors").exists():
        network, weights = "demo", "DEFAULT"
    print(f"network {network}, batches of {options.batch_size}\n\n{'images':>6}  peak after each step, MiB", flush=True)
    counts = sorted((options.few, options.images))
    peaks = [_peak_of(count, network, weights, options.batch_size) for count in counts]
    ratio = peaks[-1] / peaks[0]
    print(f"\nmany / few: {ratio:.3f}, {measure.verdict(ratio, BAR)}")
    if options.out:
        table = pd.DataFrame({"images": counts, "peak_mib": peaks, "network": network, **machine})
        table.to_csv(options.out, index=False)
    return 0


def _options(arguments):
    parser = argparse.ArgumentParser(prog="jpegstudy bench memory", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=measure.count, default=1000, metavar="N", help="the larger number (1000)")
    parser.add_argument("--few", type=measure.count, default=200, metavar="N", help="the smaller number (200)")
    parser.add_argument("--batch-size", type=measure.count, default=8, metavar="N", help="images in a batch (8)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the two peaks there")
    return parser.parse_args(arguments)


def _peak_of(count, network, weights, batch_size):
    """The peak in MiB of a fresh process that does steps 01 to 04 for ``count`` images."""
    with tempfile.TemporaryDirectory(prefix="jpegstudy-bench-") as folder:
        sources.fill_folder(Path(folder) / "images", count)
        words = [sys.executable, "-m", "jpegstudy.bench.memory", folder, network, weights, str(batch_size)]
        answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    peaks = json.loads(answer.stdout)
    print(f"{count:6}  " + ", ".join(f"{step} {peak:.0f}" for step, peak in peaks.items()), flush=True)
    return list(peaks.values())[-1]


def _work(folder, network, weights, batch_size):
    """In the fresh process: the steps, and on standard output the peak after each."""
    folder = Path(folder)
    peaks = {"import": peak()}
    sources.prepare(folder / "outputs", folder / "images", network, weights)
    peaks["01"] = peak()
    for name, step in sources.later_steps(folder / "outputs", int(batch_size)):
        step()
        peaks[name] = peak()
    print(json.dumps(peaks))


def peak():
    """The most memory that this process has had resident, MiB.

    Linux hands getrusage's number down from the process that started this one, so there the kernel's other is read.
    """
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
    except OSError:
        unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, others KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    _work(*sys.argv[1:])
