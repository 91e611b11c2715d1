"""What a user would write instead with another library: the same eleven modifications, classified.

Each rival follows its library's documentation: images in a batch (N, 3, H, W), torch's own threads, Pillow for JPEG
one image at a time, numpy for the permutation. Where its user would save work (one JPEG for JPG and JPGnoise), it does.
"""

import copy
import importlib.util
import io

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import Normalize

from jpegstudy.bench.sources import EPSILONS, QUALITY, SEED


class Rival:
    """One library, around a copy of a Network's module: contiguous (N, 3, H, W), its weights not frozen.

    ``top`` is the value that its images have for white, 1 or 255. A subclass gives ``probabilities`` and ``attack``.
    """

    name = module = package = None
    top = 1

    def __init__(self, network):
        self.classifier = copy.deepcopy(network.module).to(memory_format=torch.contiguous_format).requires_grad_(True)
        self.mean, self.deviation = network.mean, network.deviation
        self.classes, self.crop = network.class_count, network.crop

    @classmethod
    def installed(cls):
        """True where its package can be imported."""
        return importlib.util.find_spec(cls.module) is not None

    def probabilities(self, images):
        """p(c | image), float32 (N, classes), of float images in the rival's range."""
        raise NotImplementedError

    def attack(self, images, labels, epsilons):
        """Adv of every epsilon (grey levels): a list of images like ``images``."""
        raise NotImplementedError

    def compress(self, images):
        """JPG(images), by Pillow."""
        return self.floats(torch.stack([_through_pillow(image) for image in self.levels(images)]))

    def floats(self, images):
        """uint8 images in the rival's range."""
        return images.float() * (self.top / 255)

    def levels(self, images):
        """The rival's images as uint8."""
        return (images * (255 / self.top)).round().to(torch.uint8)

    def study(self, images):
        """The eleven modifications of uint8 images (N, 3, H, W), classified: top-label probabilities (11, N)."""
        rng = np.random.default_rng(SEED)
        x = self.floats(images)
        clean = self.probabilities(x)
        labels = clean.argmax(dim=1)
        adversarial = self.attack(x, labels, EPSILONS)
        through_jpeg = [self.compress(f) for f in (x, *adversarial)]
        noisy = [self._with_noise(*pair, rng) for pair in zip(adversarial, through_jpeg[1:], strict=True)]
        found = [clean] + [self.probabilities(f) for f in (*adversarial, *through_jpeg, *noisy)]
        return torch.stack([p.gather(1, labels[:, None])[:, 0] for p in found])

    def _with_noise(self, images, compressed, rng):
        residuals = (compressed - images).flatten(1).numpy()
        shuffled = np.stack([rng.permutation(residual) for residual in residuals])
        return (images + torch.from_numpy(shuffled).reshape(images.shape)).clamp(0, self.top)


def _through_pillow(image):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=QUALITY)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


class Foolbox(Rival):
    """foolbox: LinfFastGradientAttack over a PyTorchModel with preprocessing."""

    name = module = package = "foolbox"

    def __init__(self, network):
        super().__init__(network)
        import foolbox

        preprocessing = {"mean": self.mean, "std": self.deviation, "axis": -3}
        self.model = foolbox.PyTorchModel(self.classifier, bounds=(0, 1), device="cpu", preprocessing=preprocessing)
        self.method = foolbox.attacks.LinfFastGradientAttack()

    def probabilities(self, images):
        return self.model(images).softmax(dim=1)

    def attack(self, images, labels, epsilons):
        _, clipped, _ = self.method(self.model, images, labels, epsilons=[epsilon / 255 for epsilon in epsilons])
        return clipped


class Torchattacks(Rival):
    """torchattacks: one FGSM for each epsilon, normalization as the network's first layer."""

    name = module = package = "torchattacks"

    def __init__(self, network):
        super().__init__(network)
        import torchattacks

        self.model = nn.Sequential(Normalize(self.mean, self.deviation), self.classifier).eval()
        self.method = torchattacks.FGSM

    def probabilities(self, images):
        with torch.no_grad():
            return self.model(images).softmax(dim=1)

    def attack(self, images, labels, epsilons):
        return [self.method(self.model, eps=epsilon / 255)(images, labels) for epsilon in epsilons]


class Art(Rival):
    """The Adversarial Robustness Toolbox: FastGradientMethod over a PyTorchClassifier, and its JpegCompression."""

    name, module, package = "ART", "art", "adversarial-robustness-toolbox"
    top = 255  # its JpegCompression rounds images of 0 to 1 down, and loses a grey level here and there

    def __init__(self, network):
        super().__init__(network)
        from art.attacks.evasion import FastGradientMethod
        from art.defences.preprocessor import JpegCompression
        from art.estimators.classification import PyTorchClassifier

        scale = np.float32(255)
        self.model = PyTorchClassifier(
            self.classifier,
            nn.CrossEntropyLoss(),
            (3, self.crop, self.crop),
            self.classes,
            clip_values=(0, self.top),
            preprocessing=(np.float32(self.mean) * scale, np.float32(self.deviation) * scale),
            device_type="cpu",
        )
        self.method = FastGradientMethod
        self.jpeg = JpegCompression((0, self.top), quality=QUALITY, channels_first=True)

    def probabilities(self, images):
        return torch.from_numpy(self.model.predict(images.numpy(), batch_size=len(images))).softmax(dim=1)

    def attack(self, images, labels, epsilons):
        pixels, truth = images.numpy(), labels.numpy()
        return [
            torch.from_numpy(self.method(self.model, eps=epsilon, batch_size=len(pixels)).generate(pixels, truth))
            for epsilon in epsilons
        ]

    def compress(self, images):
        return torch.from_numpy(self.jpeg(images.numpy())[0])


RIVALS = (Foolbox, Art, Torchattacks)
