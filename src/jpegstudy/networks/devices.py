"""Where a network runs: the device by its name, and its name in a record."""

import re

import torch

from jpegstudy.errors import BadInput


def pick_device(device="auto"):
    """The torch device of that name; "auto" takes CUDA, then MPS, then the CPU.

    Raises BadInput if there is no such name, or this machine does not have that device.
    """
    name = str(device)
    gpus = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda" if gpus else "mps" if torch.backends.mps.is_available() else "cpu")
    if not re.fullmatch("cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise BadInput(f"device is {name!r}; wanted auto, cpu, cuda, cuda:N or mps")
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) >= gpus:
        there = f"it has cuda:0 to cuda:{gpus - 1}; take one of them" if gpus else "it has no CUDA device; take auto"
        raise BadInput(f"device is {name!r}, which this machine does not have: {there} or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise BadInput("device is 'mps', which this machine does not have; take auto or cpu")
    return torch.device(kind, int(number)) if number else torch.device(kind)


def device_in_words(device):
    """The device as a record names it: a GPU's name, or the processor's with the number of threads used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else 'CPU'}, {torch.get_num_threads()} threads"
