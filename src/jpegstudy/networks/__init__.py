"""Classifiers by name: ``network = networks.load("squeezenet1_1"); logits = network(images)``.

A Network takes images in grey levels and standardizes inside, so that nothing else in the study knows means and
deviations. Names: ``demo``, ``efficientnet_lite0`` (an installed package's), any of torchvision's classification
networks, or ``package.module:factory`` for one's own.
"""

import hashlib

import torch

from jpegstudy.errors import BadInput
from jpegstudy.networks import sources

__all__ = ["Network", "device_in_words", "load", "pick_device"]


class Network(torch.nn.Module):
    """A classifier of images in grey levels, in eval mode, its weights frozen.

    Called with images (N, 3, H, W), uint8 or floating, grey levels, on any device; returns logits (N, class_count) in
    the precision of its weights. Attributes: name, crop (pixels), shortest_side (pixels to scale to before the crop),
    mean and deviation (of pixels in 0-1), class_names, class_count, weights (in words), weights_hash, device.
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
        self.weights_hash = _hash(module)
        self.module = module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
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
            raise ValueError(f"images are {tuple(images.shape)}; wanted (N, 3, H, W)")
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
        with torch.inference_mode():
            try:
                logits = self(torch.zeros(1, 3, self.crop, self.crop, dtype=torch.uint8))
            except RuntimeError as error:
                raise BadInput(
                    f"network {self.name!r} does not take {self.crop} x {self.crop} images: {_first_line(error)}; "
                    "give its crop in preprocessing"
                ) from error
        if not isinstance(logits, torch.Tensor) or logits.dim() != 2:
            raise BadInput(f"network {self.name!r} is no classifier: its output is not one row of logits per image")
        return logits.shape[1]


def load(name, weights="DEFAULT", *, preprocessing=None, device="auto", precision="float32"):
    """A Network by name, on ``device`` ("auto": CUDA, then MPS, then CPU).

    weights: "DEFAULT" (the source's own), "random" (seeded, for timing), a name of torchvision's (IMAGENET1K_V1), or
    the path of a state_dict: safetensors, or .pth that holds tensors only.
    preprocessing: crop (pixels), mean and deviation (of pixels in 0-1) in place of the source's own.
    precision: "float32"; "tf32" or "bfloat16" where the device has them.
    Raises BadInput for an unknown name (with the nearest ones) and for weights that don't fit.
    """
    module, facts = sources.find(name, weights or "DEFAULT")
    target = pick_device(device)
    facts = {**facts, **(preprocessing or {})}
    network = Network(module, name=name, precision=precision, **facts)
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.conv.fp32_precision = "tf32"
    return network.to(target)


def pick_device(device="auto"):
    """The torch device of that name; "auto" takes CUDA, then MPS, then the CPU. Raises BadInput if it isn't there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    elif (device.startswith("cuda") and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    ):
        raise BadInput(f"device is {device!r}, which this machine does not have; take auto or cpu")
    return torch.device(device)


def device_in_words(device):
    """The device as a record names it: a GPU's name, or the processor's with the number of threads used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else 'CPU'}, {torch.get_num_threads()} threads"


def _hash(module):
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _class_names(count):
    """ImageNet's for a network of 1,000 classes, which the study takes to be in torchvision's order; else numbers."""
    if count == 1000:
        from torchvision.models import SqueezeNet1_1_Weights

        return SqueezeNet1_1_Weights.DEFAULT.meta["categories"]
    return [f"class {number}" for number in range(count)]


def _first_line(error):
    return str(error).strip().splitlines()[0]
