"""What several tests stand on: tiny images, a tiny network, and output folders of their own."""

import numpy as np
import pytest
import torch
from PIL import Image

from jpegstudy import steps
from jpegstudy.run import Run


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    """A folder of this test's own in place of outputs/."""
    monkeypatch.setenv("JPEGSTUDY_OUTPUTS", str(tmp_path / "outputs"))
    return tmp_path / "outputs"


def noise(*shape, seed=0):
    """Random grey levels, a uint8 tensor."""
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def write_image(path, *, size=(40, 30), seed=0, mode="RGB", **options):
    """A smooth random image in a file."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(path, **options)
    return path


def tiny_network(weights=None):
    """A factory as a user would write it: standardized images to logits of four classes."""
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, stride=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(128, 4),
    )
    network[-1].weight.data *= 20  # decided answers, so that labels change under attack
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True))
    return network


STAGE_01 = {
    "image_count": 0, "views": 1, "shortest_side": 32, "shard_size": 4, "network": "tests.conftest:tiny_network",
    "weights": "DEFAULT", "preprocessing": {"crop": 24}, "precision": "float32", "seed": 3,
}  # fmt: skip
STAGES = {
    "02_attack": {"epsilons": [1, 5], "batch_size": 3, "device": "cpu"},
    "03_compression": {
        "qualities": [75, 30],
        "subsampling": "4:2:0",
        "codec": "auto",
        "batch_size": 3,
        "device": "cpu",
    },
    "04_jpeg_noise": {
        "quality": 75,
        "subsampling": "4:2:0",
        "codec": "auto",
        "seed": 3,
        "batch_size": 3,
        "device": "cpu",
    },
}


@pytest.fixture
def folder(tmp_path):
    """Ten images in a flat folder, in four class folders, and one file that is no image."""
    for number in range(10):
        write_image(tmp_path / "images" / "abcd"[number % 4] / f"{number}.png", seed=number)
    (tmp_path / "images" / "a" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    return tmp_path / "images"


def studied(folder):
    """The run "test" of a folder's images, with 01 to 04 done."""
    run = Run("test")
    steps.prepare(run.stage("01_preprocessing", image_set=str(folder), **STAGE_01))
    steps.attack(run.stage("02_attack", **STAGES["02_attack"]))
    steps.compress(run.stage("03_compression", **STAGES["03_compression"]))
    steps.add_jpeg_noise(run.stage("04_jpeg_noise", **STAGES["04_jpeg_noise"]))
    return run
