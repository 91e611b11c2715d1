"""The notebooks that train and harden codecs, at tiny settings and into a folder of their own."""

import json

import pytest
import torch

from jpegstudy import learned, notebooks
from jpegstudy.places import root

HERE = root() / "notebooks" / "learned"


@pytest.mark.slow
def test_a_codec_is_trained_and_hardened_and_codes(tmp_path, outputs):
    shared = {"name": "tiny", "training_images": 4, "held_out": 2, "device": "cpu", "output": str(tmp_path / "made")}
    notebooks.run(HERE / "train_codec.ipynb", tmp_path / "trained.ipynb", {**shared, "updates": 4, "batch": 2})
    hardening = {**shared, "updates": 4, "attack_steps": 2, "ramp": 1}
    notebooks.run(HERE / "harden_codec.ipynb", tmp_path / "hardened.ipynb", hardening)
    codecs = {}
    for name in ("tiny", "tiny_hardened", "tiny_control"):
        facts = json.loads((tmp_path / "made" / f"{name}.json").read_text())
        assert facts["updates"] == 4
        assert facts["held_out"]["images"] == 2
        codecs[name] = learned.load(tmp_path / "made" / f"{name}.safetensors")
    assert len({codec.digest() for codec in codecs.values()}) == 3
    image = torch.randint(0, 256, (1, 3, 32, 40), dtype=torch.uint8)
    for codec in codecs.values():
        assert torch.equal(codec.decode(codec.encode(image)[0]), codec.reconstruct(image)[0])
