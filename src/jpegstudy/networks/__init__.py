"""Classifiers by name: ``network = networks.load("squeezenet1_1"); logits = network(images)``.

A Network takes images in grey levels and standardizes inside, so that nothing else in the study knows means and
deviations. Names: ``demo``, ``efficientnet_lite0`` (an installed package's), ``overfeat-fast`` and
``overfeat-accurate`` (whose weights a user has), any of torchvision's classification
networks, or ``package.module:factory`` for one's own.
"""

import hashlib

import torch

from jpegstudy.errors import BadInput, one_line
from jpegstudy.networks import sources
from jpegstudy.networks.arithmetic import check_precision, set_arithmetic
from jpegstudy.networks.devices import device_in_words, pick_device

__all__ = ["Network", "device_in_words", "load", "pick_device"]


class Network(torch.nn.Module):
    """A classifier of images in grey levels, in eval mode, its weights frozen.

    Called with images (N, 3, H, W), uint8 or floating, grey levels, on any device; returns logits (N, class_count) in
    the precision of its weights. Weights in half precision are used in single, which holds each of them exactly.
    Attributes: name, crop (pixels), shortest_side (pixels to scale to before the crop), mean and deviation (of pixels
    in 0-1), class_names, class_count, weights (in words), weights_hash, device.
    Raises BadInput if weights are quantized, sparse or without values, and if the module gives anything but two or more
    finite logits for an image of ``crop`` pixels; called, if images are of another shape.
    """

    def __init__(self, module, *, name, weights, crop, mean, deviation, class_names=None, precision="float32"):
        super().__init__()
        self.name, self.weights, self.crop, self.precision = name, weights, crop, precision
        self.mean, self.deviation = tuple(mean), tuple(deviation)
        # (x / 255 - mean) / deviation as one multiplication and one addition
        scale = torch.tensor(self.deviation).double().mul(255).reciprocal().view(1, 3, 1, 1)
        shift = torch.tensor(self.mean).double().div(torch.tensor(self.deviation).double()).neg().view(1, 3, 1, 1)
        self.register_buffer("scale", scale.float(), persistent=False)
        self.register_buffer("shift", shift.float(), persistent=False)
        _widen(module)
        self.weights_hash = _hash(module, name)
        self.module = module.eval().requires_grad_(False).cpu()  # where the first image is; a factory may have moved it
        if all(parameter.dim() < 5 for parameter in module.parameters()):  # torch has that layout for images only
            self.module.to(memory_format=torch.channels_last)
        self.eval()
        self.class_count = self._count_classes()
        self.class_names = list(class_names or _class_names(self.class_count))

    @property
    def shortest_side(self):
        """The paper's 256, or for larger crops the same margin in proportion."""
        return 256 if self.crop <= 256 else round(self.crop * 256 / 224)

    @property
    def device(self):
        """Where its weights are."""
        return self.scale.device

    def forward(self, images):
        """Logits (N, class_count) of images (N, 3, H, W) in grey levels."""
        if images.dim() != 4 or images.shape[1] != 3:
            raise BadInput(f"images are {tuple(images.shape)}; wanted (N, 3, H, W)")
        images = images.to(self.scale.device)
        # Standardized before the layout changes: three values that lie side by side would not vectorize.
        x = (images * self.scale + self.shift).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.scale.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.module(x)

    def probabilities(self, images):
        """p(c | image), the softmax of the logits: float32 (N, class_count), on the CPU."""
        with torch.inference_mode():
            return self(images).float().softmax(dim=1).cpu()

    def in_words(self, images):
        """What it makes of each image, for captions: ``["tabby\\n0.53", ...]``, predicted class and its probability."""
        highest, predicted = self.probabilities(images).max(dim=1)
        return [f"{self.class_names[label]}\n{p:.2f}" for p, label in zip(highest, predicted, strict=True)]

    def _count_classes(self):
        try:
            with torch.inference_mode():
                logits = self(torch.zeros(1, 3, self.crop, self.crop, dtype=torch.uint8))
        except Exception as error:  # a user's own module may raise anything
            wide = any(parameter.dtype == torch.float64 for parameter in self.module.parameters())
            fix = "its weights are float64: return module.float()" if wide else "give its crop in preprocessing"
            raise BadInput(
                f"network {self.name!r} does not take {self.crop} x {self.crop} images: {one_line(error)}; {fix}"
            ) from error
        given = f"network {self.name!r} gives"
        if not isinstance(logits, torch.Tensor):
            raise BadInput(f"{given} a {type(logits).__name__}; wanted a tensor (N, C), one row of logits per image")
        if logits.dim() != 2 or len(logits) != 1 or not logits.is_floating_point():
            shape = f"{logits.dtype} {tuple(logits.shape)}"
            raise BadInput(f"{given} {shape} for one image; wanted floats (1, C), one row of logits per image")
        if logits.shape[1] < 2:
            raise BadInput(
                f"{given} {logits.shape[1]} logits per image; wanted two or more: the logit z of a binary classifier "
                "is the two logits (0, z)"
            )
        if not logits.isfinite().all():
            raise BadInput(f"{given} logits that are not finite for a black image; look at its weights")
        return logits.shape[1]


def load(name, weights="DEFAULT", *, preprocessing=None, device="auto", precision="float32"):
    """A Network by name, on ``device`` ("auto": CUDA, then MPS, then CPU).

    weights: "DEFAULT" (the source's own), "random" (seeded, for timing), a name of torchvision's (IMAGENET1K_V1), or
    the path of a state_dict: safetensors, or .pth that holds tensors only.
    preprocessing: crop (pixels), mean and deviation (of pixels in 0-1) in place of the source's own.
    precision: "float32"; "tf32" or "bfloat16" where the device has them. It holds for the whole process, see
    arithmetic.set_arithmetic.
    Raises BadInput for an unknown name (with the nearest ones), for weights that don't fit, for preprocessing that the
    network does not take, and for a device that is not there.
    """
    check_precision(precision)
    _check_preprocessing(preprocessing or {})
    target = pick_device(device)
    module, facts = sources.find(name, weights or "DEFAULT")
    network = Network(module, name=name, precision=precision, **{**facts, **(preprocessing or {})})
    set_arithmetic(precision)
    return network.to(target)


def _check_preprocessing(given):
    """Refuse what would break on the way; that values are sensible ones is checked of a study's parameters."""
    if not isinstance(given, dict) or not set(given) <= {"crop", "mean", "deviation"}:
        raise BadInput(f"preprocessing is {given!r}; wanted a mapping with some of crop, mean and deviation")
    crop = given.get("crop", 1)
    if not (isinstance(crop, int) and crop > 0):
        raise BadInput(f"crop is {crop!r}; wanted a whole number of pixels")
    for key, low in (("mean", -1e6), ("deviation", 0)):
        values = given.get(key, (1, 1, 1))
        if not (
            isinstance(values, list | tuple)
            and len(values) == 3
            and all(isinstance(value, int | float) and low < value < 1e6 for value in values)
        ):
            raise BadInput(f"{key} is {values!r}; wanted three finite numbers, of pixels in 0-1; deviations above 0")


def _widen(module):
    """Put weights of half precision into float32, in place."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.dtype in (torch.float16, torch.bfloat16):
            tensor.data = tensor.data.float()


def _hash(module, name):
    """SHA-256 of the names and the bytes of all that the module's state_dict holds."""
    digest, key = hashlib.sha256(), ""
    try:
        for key, tensor in sorted(module.state_dict().items()):
            if tensor.is_quantized:
                raise TypeError("it is quantized")
            # As bytes, which every type of number has: NumPy does not know all of torch's.
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(key.encode())
            digest.update(values.numpy())
    except Exception as error:  # torch has one of its own for each of sparse, meta and lazy tensors
        raise BadInput(
            f"network {name!r}: its state_dict holds more than plain numbers ({key}: {one_line(error)}); wanted all "
            "weights as dense tensors, neither quantized nor still without values"
        ) from error
    return digest.hexdigest()


def _class_names(count):
    """ImageNet's for a network of 1,000 classes, which the study takes to be in torchvision's order; else numbers."""
    if count == 1000:
        from torchvision.models import SqueezeNet1_1_Weights

        return SqueezeNet1_1_Weights.DEFAULT.meta["categories"]
    return [f"class {number}" for number in range(count)]
