"""The notebook that trains codecs, at tiny settings and into a folder of its own."""

import json

import pytest
import torch

from jpegstudy import learned, notebooks
from jpegstudy.places import root


@pytest.mark.slow
def test_the_notebook_trains_a_codec_that_codes(tmp_path, outputs):
    settings = {"name": "tiny", "updates": 4, "batch": 2, "training_images": 4, "device": "cpu"}
    path = root() / "notebooks" / "learned" / "train_codec.ipynb"
    notebooks.run(path, tmp_path / "trained.ipynb", {**settings, "output": str(tmp_path / "made")})
    facts = json.loads((tmp_path / "made" / "tiny.json").read_text())
    assert facts["updates"] == 4
    assert facts["held_out"]["images"] == 24
    codec = learned.load(tmp_path / "made" / "tiny.safetensors")
    image = torch.randint(0, 256, (1, 3, 32, 40), dtype=torch.uint8)
    assert torch.equal(codec.decode(codec.encode(image)[0]), codec.reconstruct(image)[0])
