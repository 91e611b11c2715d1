"""Torchvision's classification networks by their names, and the files of their weights."""

import math
import re

import torch

from jpegstudy.errors import BadInput, one_line
from jpegstudy.networks.weights import fill, read_state
from jpegstudy.progress import foreign_bars

# Heads that only training uses.
AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}


def names():
    """All of them."""
    from torchvision import models

    return models.list_models(module=models)


def build(name, weights):
    """``(module, facts)``, the module in the architecture that ``weights`` are for; facts are Network's arguments.

    weights: the name of torchvision's ("DEFAULT" too), "random", or the path of a file: one of torchvision's own, or
    of another class count. Raises BadInput if they cannot be had or don't fit.
    """
    from torchvision import models

    choices = models.get_model_weights(name)
    chosen = choices[weights] if weights in choices.__members__ else choices.DEFAULT
    transforms = chosen.transforms()
    facts = {"crop": transforms.crop_size[0], "mean": transforms.mean, "deviation": transforms.std}
    if weights in choices.__members__:
        return _published(name, chosen), {**facts, "weights": f"torchvision {chosen}"}
    if weights == "random":
        settings = {"aux_logits": False, "init_weights": True} if name in AUXILIARY else {}
        if name.startswith("vit_"):
            settings["image_size"] = facts["crop"]
        return _untrained(name, settings), {**facts, "weights": "random"}
    state = read_state(weights, name, known=choices.__members__)
    settings = _adapt(name, state)
    module = _untrained(name, settings)
    head = [*module.state_dict()][-1]  # the file may have another order: safetensors are in alphabetical order
    if head in state and state[head].dim() and state[head].shape[0] != module.state_dict()[head].shape[0]:
        module = _untrained(name, {**settings, "num_classes": state[head].shape[0]})
    facts["crop"] = settings.get("image_size", facts["crop"])
    return module, {**facts, "weights": fill(module, state, weights, name)}


def _published(name, chosen):
    from torchvision import models

    try:
        with foreign_bars():
            return models.get_model(name, weights=chosen)
    except Exception as error:  # a download fails in many ways, and so does reading half a file that one left
        raise BadInput(
            f"weights {chosen.name} of {name} could not be downloaded ({one_line(error)}); give the path of a file "
            "instead"
        ) from error


def _adapt(name, state):
    """The settings of the architecture that a state_dict is of; what the module does not hold is taken out of it."""
    settings = {}
    if name in AUXILIARY:
        # The scaling of the input is no weight, so no file tells of it. Torchvision switches it on with its own
        # weights, and files are those or were trained from them; without it, a network is a case for a factory.
        settings |= {"transform_input": True, "aux_logits": False, "init_weights": False}
        for key in [key for key in state if key.startswith(AUXILIARY[name])]:
            del state[key]
    if name.startswith("densenet"):
        # torchvision's published files have keys of before module names could not hold dots
        for key in list(state):
            state[re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key)] = state.pop(key)
    if name.startswith("vit_") and (size := _image_size(name, state)):
        settings["image_size"] = size
    return settings


def _image_size(name, state):
    """Pixels of a side of the images that a vision transformer's file is for, which its positions tell; 0 if not."""
    positions = state.get("encoder.pos_embedding", torch.empty(0))
    patch = int(name.rpartition("_")[2])
    return math.isqrt(positions.shape[1] - 1) * patch if positions.dim() == 3 and positions.shape[1] else 0


def _untrained(name, settings):
    from torchvision import models

    return models.get_model(name, weights=None, **settings)
