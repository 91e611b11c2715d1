"""A state_dict in a file: found, read, and freed of what training wrapped around it.

Nothing is unpickled but tensors.
"""

import pickle
from pathlib import Path

import torch
from safetensors import safe_open
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from jpegstudy.errors import BadInput, one_line
from jpegstudy.places import root

WRAPPERS = ("state_dict", "model", "model_state_dict", "network")  # where training scripts keep it in a checkpoint
PREFIXES = ("module.", "_orig_mod.")  # of every key, from DataParallel and torch.compile


def find(weights):
    """The path of the file ``weights``, in the project's folder where it is relative; None if there is none."""
    try:
        path = root() / Path(weights).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError):  # a name too long, or the home of nobody
        return None


def read(path, weights=None):
    """(the state_dict, the metadata) of a file: .safetensors, or .pth, .pt or .pth.tar of tensors.

    A checkpoint's state_dict is taken out of it, and prefixes that all its keys have are taken off. The metadata is
    safetensors' own, texts by name; other files have none.
    weights: how messages name the file; None is its path.
    Raises BadInput if it holds something else.
    """
    weights = path if weights is None else weights
    try:
        state, metadata = _tensors(path)
    except Exception as error:  # torch.load raises whatever the bytes of a broken file lead to
        why = "not a file of tensors" if isinstance(error, pickle.UnpicklingError) else one_line(error)
        raise _unreadable(weights, why) from error
    if isinstance(state, dict):
        state = next((state[key] for key in WRAPPERS if isinstance(state.get(key), dict)), state)
    if why := _oddity(state):
        raise _unreadable(weights, why)
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        consume_prefix_in_state_dict_if_present(state, prefix)
    return state, metadata


def _tensors(path):
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True), {}
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118  it is no dict


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
