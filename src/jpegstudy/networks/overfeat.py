"""OverFeat, the network of the 2016 study, in both models that its authors released, layer by layer.

    overfeat-fast        5 convolutional and 3 fully connected layers, squares of 231 pixels, file net_weight_0
    overfeat-accurate    6 convolutional and 3 fully connected layers, squares of 221 pixels, file net_weight_1

Fully connected layers are convolutions over all that is left of the image. There is no padding but where a layer of
MODELS has it, and no rounding up: convolution and pooling leave floor((side - kernel) / stride) + 1 pixels. Two
departures: the released program's ReLU sets values up to 1e-6 to zero, not up to 0, and its softmax approximates each
exponential, to 3e-5 of the largest.
Source: Sermanet et al. 2013 (arXiv:1312.6229) and the program released with it. The weights are licensed for research
and evaluation and may not be passed on, so none are part of this project; see overfeat_weights.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from jpegstudy.errors import BadInput

MEAN, DEVIATION = 118.380948 / 255, 61.896913 / 255  # of all three colors alike; published in grey levels
CLASS_COUNT = 1000


@dataclass(frozen=True)
class Layer:
    """A convolution; after all but the last a ReLU; then max pooling where ``pool``, its size and stride, is not 0."""

    name: str
    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    pool: int = 0


@dataclass(frozen=True)
class Model:
    """One of the two: its weights' file, the side of its images in pixels, the widest that it takes, its layers."""

    file: str
    crop: int
    widest: int
    layers: tuple


MODELS = {
    "overfeat-fast": Model(
        "net_weight_0",
        231,
        262,
        (
            Layer("conv1", 96, 11, stride=4, pool=2),
            Layer("conv2", 256, 5, pool=2),
            Layer("conv3", 512, 3, padding=1),
            Layer("conv4", 1024, 3, padding=1),
            Layer("conv5", 1024, 3, padding=1, pool=2),
            Layer("fc6", 3072, 6),
            Layer("fc7", 4096, 1),
            Layer("fc8", CLASS_COUNT, 1),
        ),
    ),
    "overfeat-accurate": Model(
        "net_weight_1",
        221,
        256,
        (
            Layer("conv1", 96, 7, stride=2, pool=3),
            Layer("conv2", 256, 7, pool=2),
            Layer("conv3", 512, 3, padding=1),
            Layer("conv4", 512, 3, padding=1),
            Layer("conv5", 1024, 3, padding=1),
            Layer("conv6", 1024, 3, padding=1, pool=3),
            Layer("fc7", 4096, 5),
            Layer("fc8", 4096, 1),
            Layer("fc9", CLASS_COUNT, 1),
        ),
    ),
}


class OverFeat(nn.Module):
    """The model ``name`` of MODELS: images (N, 3, H, W), standardized, to logits (N, 1000) in torchvision's order.

    divisor: all numbers of channels but those of the images and of the classes are divided by it; 1 is OverFeat, and
    more a model of the same form that does not take half a gigabyte.
    Called, it raises BadInput if H or W is one for which it would not give exactly one answer.
    """

    def __init__(self, name, *, divisor=1):
        super().__init__()
        self.name = name
        self.layers = nn.Sequential()
        inputs, last = 3, MODELS[name].layers[-1]
        for layer in MODELS[name].layers:
            outputs = layer.channels if layer is last else layer.channels // divisor
            convolution = nn.Conv2d(inputs, outputs, layer.kernel, stride=layer.stride, padding=layer.padding)
            self.layers.add_module(layer.name, convolution)
            if layer is not last:
                self.layers.add_module(f"{layer.name}_relu", nn.ReLU())
            if layer.pool:
                self.layers.add_module(f"{layer.name}_pool", nn.MaxPool2d(layer.pool))
            inputs = outputs
        # On the CPU by name, for no file of weights holds it: a module that is built on "meta" is filled from one.
        self.register_buffer("order", torch.tensor(class_order(), device="cpu"), persistent=False)

    def forward(self, x):
        for side in x.shape[2:]:
            check_side(self.name, side)
        return self.layers(x).flatten(1).index_select(1, self.order)


def check_side(name, side):
    """Raises BadInput, with the arithmetic, unless the model ``name`` gives one answer for ``side`` pixels."""
    model, left = MODELS[name], []
    takes = f"{name} takes {model.crop} to {model.widest} pixels"
    for layer in model.layers:
        padded = side + 2 * layer.padding
        if padded < layer.kernel:
            before = f"its layers leave {', '.join(left)}, and " if left else ""
            raise BadInput(f"{before}{layer.name} wants {layer.kernel} x {layer.kernel}; {takes}")
        side = (padded - layer.kernel) // layer.stride + 1
        left.append(f"{layer.name} {side}")
        if layer.pool:
            side //= layer.pool
            left.append(f"pool {side}")
    if side != 1:
        raise BadInput(f"its layers leave {', '.join(left)}: {side} x {side} answers in place of one; {takes}")


def class_order():
    """OverFeat's number, from 0, of each class in torchvision's order, which is that of the synsets: 1000 numbers.

    OverFeat's output i is the class whose ILSVRC2012_ID is i + 1: kit fox, English setter, Siberian husky, ...
    """
    with open(Path(__file__).parents[1] / "imagenet_classes.csv", newline="", encoding="utf-8") as file:
        return [int(row["ilsvrc2012_id"]) - 1 for row in csv.DictReader(file)]
