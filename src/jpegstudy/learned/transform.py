"""A learned codec as a transform, by the protocol of the package ``transforms``, which lies beside this one."""

import functools
import re
from dataclasses import dataclass

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import check_images
from jpegstudy.learned import weights
from jpegstudy.places import root

DEFAULT = "small"
FOLDER = "data/learned"  # of shipped weights, in the project's folder
WANTED = "the name of a shipped codec after a hyphen, such as NIC-small, a file of weights in brackets, or nothing"


@dataclass(frozen=True)
class Nic:
    """NIC: the round trip through a learned codec (neural image compression), as images come out of its decoder.

    shipped: the name of a codec in data/learned, by its file there without .safetensors.
    path: a file of weights in its place, see weights.load; relative to the project's folder.
    Weights are looked for when it is first used. Raises BadInput then, if there are none.
    Source: the codecs of Balle et al. 2017 and 2018 and Minnen et al. 2018; as a transform before a classifier: ours.
    """

    shipped: str = DEFAULT
    path: str | None = None
    name = "NIC"
    differentiable = True
    stochastic = False
    resizes = False
    output = torch.uint8

    @property
    def settings(self):
        """The file in brackets, or the name after a hyphen; nothing for the default."""
        if self.path is not None:
            return f"[{self.path}]"
        return "" if self.shipped == DEFAULT else f"-{self.shipped}"

    @classmethod
    def of(cls, settings):
        """The transform with these ``settings``. Raises BadInput that says what is wanted."""
        found = re.fullmatch(r"(?:-(?P<shipped>\w+))?|\[(?P<path>[^\[\](){}]+)\]", settings)
        if not found:
            raise BadInput(f"{cls.name}'s setting is {settings!r}; wanted {WANTED}")
        return cls(found["shipped"] or DEFAULT, found["path"])

    def __call__(self, images, *, seed=None, indices=None):
        """See transforms.Transform; nothing is random here."""
        check_images(images)
        return self.model(images.device).reconstruct(images)

    def smooth(self, images, *, seed=None, indices=None):
        """The same of floating images in grey levels, neither quantized, rounded nor clipped; gradients flow."""
        return 255 * self.model(images.device).soft(images.float() / 255).to(images.dtype)

    def encode(self, images):
        """The stream of each image, uint8 (N, 3, H, W): a list of N bytes."""
        return self.model(images.device).encode(images)

    def bits(self, images):
        """Bits of each image's whole stream: int64 (N,)."""
        return self.model(images.device).bits(images)

    def made_with(self):
        """What is written beside its weights on how they were trained, in a .json of the same name; else {}."""
        return weights.made_with(self._file())

    def model(self, device="cpu"):
        """The Codec, on that device, its weights frozen. Loaded once, and again when its file changes."""
        path = self._file()
        file = weights.find_file(path).stat()
        return _model(str(path), str(root()), file.st_mtime_ns, file.st_size, str(device))

    def _file(self):
        path = self.path
        if path is None:
            folder = root() / FOLDER
            path = folder / f"{self.shipped}.safetensors"
            if not path.is_file():
                names = sorted(each.stem for each in folder.glob("*.safetensors"))
                raise BadInput(
                    f"no codec {self.shipped!r} is shipped; there are: {', '.join(names) or 'none yet'}; your own goes "
                    f"by its file, such as {self.name}[my/weights.safetensors]"
                )
        return path


@functools.lru_cache(maxsize=16)  # more than a study has, or each trial loads anew
def _model(path, *what_it_depends_on):
    """The codec of a file, frozen: attacks want the gradient of images, not that of weights."""
    return weights.load(path).requires_grad_(False).to(what_it_depends_on[-1])
