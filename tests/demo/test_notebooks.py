"""The two notebooks that make data/demo, at tiny settings and into a folder of their own."""

import json

import numpy as np
import pytest

from jpegstudy import notebooks
from jpegstudy.places import root

HERE = root() / "notebooks" / "demo"


@pytest.mark.slow
def test_notebooks_make_images_and_a_network_elsewhere(tmp_path, outputs):
    kept = (root() / "data" / "demo" / "network.safetensors").read_bytes()
    folder = str(tmp_path / "made")
    drawing = {"validation_images": 13, "output": folder}
    notebooks.run(HERE / "draw_images.ipynb", tmp_path / "draw.ipynb", drawing)
    training = {"training_images": 16, "passes": 2, "device": "cpu", "images": folder, "output": folder}
    notebooks.run(HERE / "train_network.ipynb", tmp_path / "train.ipynb", training)
    facts = json.loads((tmp_path / "made" / "network.json").read_text())
    assert facts["validation"]["images"] == 13
    assert facts["passes"] == 2
    assert (tmp_path / "made" / "network.safetensors").stat().st_size <= 6e6
    assert np.load(tmp_path / "made" / "training_patches.npy").shape == (20_000, 3, 5, 5)
    assert (root() / "data" / "demo" / "network.safetensors").read_bytes() == kept
    with pytest.raises(notebooks.NotebookError, match="which holds a network trained on images stored as 'files'"):
        notebooks.run(HERE / "train_network.ipynb", tmp_path / "over.ipynb", {**training, "stored": "lossless"})
    notebooks.run(HERE / "draw_images.ipynb", tmp_path / "draw.ipynb", {**drawing, "also": ["lossless"]})
    other = {**training, "stored": "lossless", "seed": 1, "output": str(tmp_path / "other")}
    notebooks.run(HERE / "train_network.ipynb", tmp_path / "lossless.ipynb", other)
    facts = json.loads((tmp_path / "other" / "network.json").read_text())
    assert (facts["stored"], facts["seed"], facts["image_seed"]) == ("lossless", 1, 0)
    assert facts["validation"]["images"] == 13
    assert not (tmp_path / "other" / "training_patches.npy").exists()
