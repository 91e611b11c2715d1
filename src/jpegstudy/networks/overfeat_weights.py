"""OverFeat's weights as they were published: a file of little-endian float32 without a header.

For each layer in turn: weights (outputs, inputs, height, width), the last index fastest, then biases; no gaps. There is
nothing in such a file to know it by but its size, so that is checked before anything is read.
Source: the reader in the program released with Sermanet et al. 2013 (arXiv:1312.6229).
"""

import math

import numpy as np
import torch

from jpegstudy.errors import BadInput, one_line
from jpegstudy.networks.overfeat import MODELS, OverFeat
from jpegstudy.networks.weights import find_file

ARCHIVE = "http://cilvr.cs.nyu.edu/lib/exe/fetch.php?media=overfeat:overfeat-weights.tgz"


def wanted(name):
    """What to give as the weights of the model ``name``, in words."""
    return (
        f"wanted the path of the file {MODELS[name].file} out of the authors' overfeat-weights.tgz, published at "
        f"{ARCHIVE} for research and evaluation only, so that it cannot come with this project; or random"
    )


def load(name, weights, *, divisor=1):
    """The OverFeat ``name`` with the weights of the file ``weights``, of which no more than a layer is held twice.

    weights: a path, relative to the project's folder.  divisor: as for OverFeat.
    Raises BadInput if there is no such file, if its size is not the one wanted, and if not all of a layer is finite.
    """
    try:
        path = find_file(weights, name)
    except BadInput as error:
        raise BadInput(f"network {name!r}: there is no file {str(weights)!r}; {wanted(name)}") from error
    module = _hollow(name, divisor)
    try:
        _check_size(name, weights, path.stat().st_size, divisor)
        # The module gets the very tensors that are read: it has no memory of its own yet.
        module.load_state_dict(_read(path, weights, module), assign=True)
    except OSError as error:
        raise BadInput(f"weights {str(weights)!r} cannot be read ({one_line(error)})") from error
    return module


def byte_count(name, divisor=1):
    """Bytes of the file of the model ``name``."""
    return 4 * sum(math.prod(tensor.shape) for tensor in _hollow(name, divisor).state_dict().values())


def _hollow(name, divisor):
    """The module with shapes and without values: neither drawn at random nor given memory."""
    with torch.device("meta"):
        return OverFeat(name, divisor=divisor)


def _check_size(name, weights, size, divisor):
    sizes = {other: byte_count(other, divisor) for other in MODELS}
    if size == sizes[name]:
        return
    has = f"weights {str(weights)!r} have {size:,} bytes"
    wants = f"{name}'s {MODELS[name].file} has {sizes[name]:,}"
    for other in MODELS:
        if size == sizes[other]:
            raise BadInput(f"{has}, so this is {other}'s {MODELS[other].file}; {wants}")
    what = "cut short, or another file" if size < sizes[name] else "another file"
    raise BadInput(f"{has}, so this is {what}; {wants}")


def _read(path, weights, module):
    """The state_dict of a file of the right size, in the order of the module's own."""
    state, offset = {}, 0
    for key, tensor in module.state_dict().items():
        # Mapped one by one: pages of the file that have been read count as this process's memory until unmapped.
        mapped = np.memmap(path, "<f4", "r", offset, tuple(tensor.shape))
        state[key] = torch.from_numpy(np.array(mapped, np.float32))
        offset += mapped.nbytes
        if not torch.stack(torch.aminmax(state[key])).isfinite().all():  # both are NaN if any value is
            layer, _, kind = key.removeprefix("layers.").partition(".")
            raise BadInput(f"weights {str(weights)!r}: not every {kind} of layer {layer} is a finite number")
    return state
