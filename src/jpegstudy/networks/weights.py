"""Weights from files: a state_dict is found, read, freed of what training wrapped around it, and put into a module."""

import pickle
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from jpegstudy.errors import BadInput, one_line
from jpegstudy.places import root

WRAPPERS = ("state_dict", "model", "model_state_dict")  # where training scripts keep it in a checkpoint
PREFIXES = ("module.", "_orig_mod.")  # of every key, from DataParallel and torch.compile


def find_file(weights, name, known=()):
    """The path of the file ``weights``, in the project's folder where it is relative.

    Raises BadInput if there is none, saying what else the network ``name`` knows: DEFAULT, random and ``known``.
    """
    try:
        path = root() / Path(weights).expanduser()
        there = path.is_file()
    except (OSError, RuntimeError):  # a name too long, or the home of nobody
        there = False
    if not there:
        words = ", ".join(dict.fromkeys(("DEFAULT", "random", *known)))
        raise BadInput(f"network {name!r} has no weights {str(weights)!r}; wanted {words}, or the path of a file")
    return path


def read_state(weights, name, known=()):
    """A state_dict from a file: safetensors, or a .pth/.pt of tensors (nothing is unpickled else).

    A checkpoint's state_dict is taken out of it, and prefixes that all its keys have are taken off.
    Raises BadInput if there is no such file or it holds something else.
    """
    path = find_file(weights, name, known)
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the bytes of a broken file lead to
        why = "not a file of tensors" if isinstance(error, pickle.UnpicklingError) else one_line(error)
        raise _unreadable(weights, why) from error
    if isinstance(state, dict):
        state = next((state[key] for key in WRAPPERS if isinstance(state.get(key), dict)), state)
    if why := _oddity(state):
        raise _unreadable(weights, why)
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        consume_prefix_in_state_dict_if_present(state, prefix)
    return state


def fill(module, state, weights, name):
    """Put a state_dict, of whatever precision, into a module, whose own is kept; returns ``weights`` in words.

    Raises BadInput with the first keys and shapes that do not fit, and both class counts.
    """
    own = module.state_dict()
    if not hasattr(state, "_metadata"):
        # Some modules (MNASNet) refuse a state of no version, and safetensors hold none: take it for today's. Only
        # for the module itself: batch normalization is lenient to files without versions, which older ones are.
        state = OrderedDict(state)
        state._metadata = {"": own._metadata[""]}
    problems = _not_numbers(own, state)
    if not problems:
        try:
            module.load_state_dict(state)
        except (RuntimeError, ValueError) as error:
            problems = _misfits(own, state) or [one_line(error)]
    if problems:
        raise BadInput(f"weights {str(weights)!r} do not fit {name}: {'; '.join(problems)}")
    return str(weights)


def _unreadable(weights, why):
    return BadInput(
        f"weights {str(weights)!r} cannot be read ({why}); wanted a state_dict as .safetensors, or as .pth that "
        "holds tensors only"
    )


def _oddity(state):
    """What makes something read from a file no state_dict of usable tensors; None if it is one."""
    if not isinstance(state, dict):
        return f"it holds one {type(state).__name__}"
    if not state:
        return "it is empty"
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            return f"its {key!r} is of type {type(value).__name__}"
        if value.layout != torch.strided or value.is_quantized or value.is_complex():
            return f"its {key!r} is a sparse, quantized or complex tensor"
    return None


def _not_numbers(own, state):
    """Whole numbers where weights are wanted: torch would take those of a quantized file for the weights."""
    return [
        f"{key} is {state[key].dtype}, wanted {tensor.dtype}"
        for key, tensor in own.items()
        if key in state and tensor.is_floating_point() and not state[key].is_floating_point()
    ][:1]


def _misfits(own, state):
    """The first missing and unexpected keys and the first other shapes, in words, and both class counts."""
    both = [key for key in own if key in state]
    problems = {
        "missing": [key for key in own if key not in state and not key.endswith("num_batches_tracked")],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [
            f"{key} is {list(state[key].shape)}, wanted {list(own[key].shape)}"
            for key in both
            if state[key].shape != own[key].shape
        ],
    }
    found = [
        f"{len(keys)} {kind} ({'; '.join(keys[:2])}{'; ...' if len(keys) > 2 else ''})"
        for kind, keys in problems.items()
        if keys
    ]
    head = [*own][-1]
    count = state[head].shape[0] if head in both and state[head].dim() else "unknown"
    return [*found, f"classes: {own[head].shape[0]}, in the file: {count}"] if found else []
