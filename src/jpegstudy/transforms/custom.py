"""A transform of one's own: any function from images to images that Python can import."""

import difflib
import importlib
import pkgutil
import re
from dataclasses import dataclass

import numpy as np
import torch

from jpegstudy.errors import BadInput, one_line
from jpegstudy.jpeg.arguments import check_images

FORM = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"


@dataclass(frozen=True)
class Custom:
    """A user's ``package.module:function``, which is its name in the notation too.

    function: images uint8 (N, 3, H, W), a tensor on the images' device, to the same shape and type, a tensor or a numpy
    array. It gets a copy, and neither seed nor indices: the same images must give the same results, in any batch.
    It is imported when it is first called. Raises BadInput for a name of another form.
    """

    name: str
    differentiable = False
    stochastic = False
    resizes = False
    output = torch.uint8

    def __post_init__(self):
        if not re.fullmatch(FORM, self.name):
            raise BadInput(f"transform {self.name!r} is no name of a function; wanted package.module:function")

    @property
    def settings(self):
        """Nothing: the name says all."""
        return ""

    @classmethod
    def of(cls, settings):
        """The transform of this ``package.module:function``: it has no name of its own before that."""
        return cls(settings)

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform.

        Raises BadInput if the function is not found, fails, or gives another type or shape; one line that names it.
        """
        check_images(images)
        function = self.load()
        try:
            result = function(images.clone())
        except Exception as error:  # the user's own code may raise anything
            raise BadInput(f"transform {self.name} failed on {described(images)}: {one_line(error)}") from error
        if isinstance(result, np.ndarray) and result.dtype == np.uint8:
            result = torch.from_numpy(result.copy(order="C"))  # torch takes no negative strides, nor what is read-only
        wrong = not isinstance(result, torch.Tensor) or result.dtype != torch.uint8
        if wrong or result.shape != images.shape:
            raise BadInput(
                f"transform {self.name} gave {described(result)}; wanted a uint8 tensor or array "
                f"{tuple(images.shape)}, as it was given"
            )
        return result.to(images.device)

    def load(self):
        """The function. Raises BadInput that lists the nearest names if there is none."""
        where, _, what = self.name.partition(":")
        try:
            module = importlib.import_module(where)
        except Exception as error:  # the user's own code again
            missing = isinstance(error, ModuleNotFoundError) and f"{where}.".startswith(f"{error.name}.")
            near = _nearest(where, _modules_beside(where)) if missing else ""
            raise BadInput(
                f"transform {self.name}: {where} cannot be imported ({one_line(error)}){near}; wanted "
                "package.module:function with the package on PYTHONPATH or installed"
            ) from error
        function = getattr(module, what, None)
        if not callable(function):
            names = [name for name in dir(module) if callable(getattr(module, name))]
            raise BadInput(f"transform {self.name}: {where} has no function {what!r}{_nearest(what, names)}")
        return function


def described(given):
    """What was given, in a few words: type and shape."""
    if isinstance(given, torch.Tensor | np.ndarray):
        return f"{str(given.dtype).removeprefix('torch.')} {tuple(given.shape)}"
    return type(given).__name__


def _nearest(name, names):
    near = difflib.get_close_matches(name, names, n=3)
    return f"; nearest: {', '.join(near)}" if near else ""


def _modules_beside(name):
    """Full names of the modules that lie where ``name`` was looked for; none if its package is not there either."""
    package, _, _ = name.rpartition(".")
    try:
        folders = list(importlib.import_module(package).__path__) if package else None
    except (ImportError, AttributeError):
        return []
    prefix = f"{package}." if package else ""
    return [prefix + module.name for module in pkgutil.iter_modules(folders)]
