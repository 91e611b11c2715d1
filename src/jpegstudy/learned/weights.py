"""A codec's weights from a file and into one, by CompressAI's names and shapes: its published files, or safetensors.

What codec a file holds is read off its names and shapes. Nothing is unpickled but tensors.
"""

import dataclasses
import json
import os
import re
from pathlib import Path

import torch
from safetensors.torch import save_file

from jpegstudy import state_files
from jpegstudy.errors import BadInput, one_line
from jpegstudy.learned.codec import Shape
from jpegstudy.learned.densities import TABLES
from jpegstudy.learned.named import build, in_words
from jpegstudy.places import root, shown

OLDER = re.compile(
    r"(entropy_bottleneck)\._?(matri|bias|factor)(?:ce|e)?s\.(\d)"
)  # CompressAI's lists, before and after
NEWER = {"matri": "matrix", "bias": "bias", "factor": "factor"}
IGNORED = (*TABLES, "scale_table")  # a file's tables were made for another coder; ours follow from the weights
CONSTANTS = ("pedestal", "bound", "target", *IGNORED)  # a file may lack them
CONTEXT = ("context_prediction.", "entropy_parameters.")


def load(path, shape=None):
    """The codec of a file, on the CPU, in eval mode.

    path: relative to the project's folder, or absolute: .safetensors, or .pth, .pt or .pth.tar of tensors, such as
    those of CompressAI's zoo, older ones too. Of whatever precision; float32 here.
    shape: what it should hold, a Shape; None takes what it holds. A stride other than 2 is known only from the
    shape or from a file that ``save`` wrote.
    Raises BadInput if there is no such file, it cannot be read, or holds another codec: what differs is named.
    """
    state, told = read(path)
    found = told or _shape_in(state, path, stride=shape.stride if shape else 2)
    if shape and found != shape:
        raise BadInput(f"weights {str(path)!r} hold another codec: {_differences(found, shape)}; {in_words(found)}")
    codec = build(found)
    own = codec.state_dict()
    problems = _misfits(own, state)
    if problems:
        raise BadInput(f"weights {str(path)!r} do not fit a codec of {in_words(found)}: {'; '.join(problems)}")
    codec.load_state_dict({name: state.get(name, value) for name, value in own.items()})
    codec.update()
    return codec


def save(codec, path):
    """Write a codec as .safetensors: its weights and tables, by CompressAI's names, and its shape beside them.

    Raises BadInput for a path that ends otherwise: ``load`` reads other files as pickled ones.
    """
    path = root() / Path(path).expanduser()
    if path.suffix != ".safetensors":
        raise BadInput(f"{str(path.name)!r} is no name for weights; wanted one that ends in .safetensors")
    codec.update()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:  # whole or not at all
        state = {name: value.cpu().contiguous() for name, value in codec.state_dict().items()}
        save_file(state, temporary, metadata={"shape": json.dumps(dataclasses.asdict(codec.shape))})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def made_with(path, wanted=()):
    """What train_codec wrote beside a file of weights, in a .json of the same name; {} where nothing is.

    wanted: what it has to tell.  Raises BadInput if there are no such weights, or something wanted is not told.
    """
    beside = find_file(path).with_suffix(".json")
    told = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    if missing := [name for name in wanted if name not in told]:
        raise BadInput(
            f"{shown(beside)!r} does not tell {', '.join(missing)} of the codec's training; write a JSON mapping with "
            "these beside the weights"
        )
    return told


def read(path):
    """(the tensors of a file by today's names, the Shape that ``save`` wrote or None). Raises BadInput: see load."""
    full = find_file(path)
    state, metadata = state_files.read(full, shown(full))
    try:
        told = Shape(**json.loads(metadata["shape"])) if "shape" in metadata else None
    except (TypeError, ValueError, BadInput) as error:
        raise BadInput(f"weights {shown(full)!r} cannot be read (their shape is none: {one_line(error)})") from error
    state = {_renamed(key): value for key, value in state.items()}
    return {key: value for key, value in state.items() if not key.endswith(IGNORED)}, told


def find_file(path):
    """The path of a file, in the project's folder where it is relative. Raises BadInput if there is none."""
    full = state_files.find(path)
    if full is None:
        raise BadInput(f"there are no weights {str(path)!r}; wanted the path of a file of a learned codec's weights")
    return full


def _renamed(key):
    return OLDER.sub(lambda found: f"{found[1]}._{NEWER[found[2]]}{found[3]}", key)


def _shape_in(state, path, stride):
    """The Shape that the names and shapes of tensors tell."""
    if any(key.startswith(CONTEXT) for key in state):
        raise BadInput(
            f"weights {str(path)!r} hold a context model (mbt2018, cheng2020), which is not among the codecs"
        )
    convolutions = []
    while getattr(weight := state.get(f"g_a.{2 * len(convolutions)}.weight"), "ndim", 0) == 4:
        convolutions.append(weight)
    if not convolutions or "entropy_bottleneck._matrix0" not in state:
        first = ", ".join(sorted(state)[:3]) or "nothing"
        raise BadInput(
            f"weights {str(path)!r} hold no learned codec: wanted g_a.0.weight and entropy_bottleneck._matrix0, found "
            f"{len(state)} tensors such as {first}"
        )
    n, m, prior = len(convolutions[0]), len(convolutions[-1]), "factorized"
    if "h_s.4.weight" in state:
        prior = "mean-scale" if len(state["h_s.4.weight"]) == 2 * m else "scale"
    return Shape(prior, n, m, kernel=convolutions[0].shape[-1], stride=stride, layers=len(convolutions))


def _differences(found, wanted):
    names = [field.name for field in dataclasses.fields(Shape)]
    pairs = {name: (getattr(found, name), getattr(wanted, name)) for name in names}
    return ", ".join(f"{name} is {is_}, wanted {want}" for name, (is_, want) in pairs.items() if is_ != want)


def _misfits(own, state):
    """What keeps the tensors of a file from those of a codec, in words: the first few of each kind."""
    both = [key for key in own if key in state]
    problems = {
        "missing": [key for key in own if key not in state and not key.endswith(CONSTANTS)],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [
            f"{key} is {list(state[key].shape)}, wanted {list(own[key].shape)}"
            for key in both
            if state[key].shape != own[key].shape
        ],
        "no floats": [key for key in both if own[key].is_floating_point() and not state[key].is_floating_point()],
        "not finite": [key for key in both if not torch.isfinite(state[key].double()).all()],
    }
    return [
        f"{len(keys)} {kind} ({'; '.join(keys[:2])}{'; ...' if len(keys) > 2 else ''})"
        for kind, keys in problems.items()
        if keys
    ]
