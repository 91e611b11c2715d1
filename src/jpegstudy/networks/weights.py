"""Networks' weights from files, put into a module."""

from collections import OrderedDict

from jpegstudy import state_files
from jpegstudy.errors import BadInput, one_line


def find_file(weights, name, known=()):
    """The path of the file ``weights``, in the project's folder where it is relative.

    Raises BadInput if there is none, saying what else the network ``name`` knows: DEFAULT, random and ``known``.
    """
    path = state_files.find(weights)
    if path is None:
        words = ", ".join(dict.fromkeys(("DEFAULT", "random", *known)))
        raise BadInput(f"network {name!r} has no weights {str(weights)!r}; wanted {words}, or the path of a file")
    return path


def read_state(weights, name, known=()):
    """The state_dict of the file ``weights``. Raises BadInput as ``find_file`` and ``state_files.read``."""
    return state_files.read(find_file(weights, name, known), weights)[0]


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
