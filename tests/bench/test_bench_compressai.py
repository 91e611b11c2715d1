import sys

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import bench, learned, run
from jpegstudy.bench import compressai
from jpegstudy.bench.learned import smooth_images
from jpegstudy.errors import BadInput
from jpegstudy.learned.pixels import from_grey


class Pretended:
    """Answers as a process would with our codec, whose reconstruction is ``off`` or a latent ``turned``."""

    def __init__(self, codec, off=0.0, turned=0):
        self.codec, self.off, self.turned = codec, off, turned

    @torch.no_grad()
    def ask(self, what, images, results):
        assert what == "measure"
        images = torch.from_numpy(np.load(images))
        coded = self.codec(from_grey(images))
        latents = torch.cat([self.codec.analysis(each) for each in from_grey(images).split(1)])
        quantized = torch.cat([self.codec.rounded(each) for each in latents.split(1)])
        quantized[0, 0, 0, 0] += self.turned
        shown = torch.cat([self.codec.synthesis(each, images.shape[2:]) for each in quantized.split(1)])
        lengths = [len(data) for data in self.codec.encode(images)]
        told = {"latents": latents, "quantized": quantized, "reconstruction": shown + self.off, "bits": coded.bits}
        np.savez(results, **{name: values.numpy() for name, values in told.items()}, bytes=lengths)


def test_what_differs_is_told(tmp_path):
    codec, images = learned.build(learned.shape_of("small")), smooth_images(2, 64)
    same = compressai.differences(Pretended(codec), codec, images, tmp_path)
    spread = same.pop("spread")
    assert spread == pytest.approx(codec.analysis(from_grey(images)).std().item(), rel=1e-4)
    assert same == {"latents": 0, "reconstruction": 0, "bits": 0, "turned": 0, "bytes": 1}
    assert "the same;" in compressai.in_words(same)
    turned = compressai.differences(Pretended(codec, turned=1), codec, images, tmp_path)
    assert turned["turned"] == 1 / (2 * 48 * 8 * 8)  # which the reconstruction of these latents is held apart from
    assert turned["reconstruction"] == 0
    off = compressai.differences(Pretended(codec, off=0.01), codec, images, tmp_path)
    assert off["reconstruction"] == pytest.approx(0.01, abs=1e-6)
    assert "NOT THE SAME" in compressai.in_words(off)


def test_a_python_without_it_is_refused():
    with pytest.raises(BadInput, match=r"does not run CompressAI .*compressai.*make compressai"):
        bench.main(["compressai", "--python", sys.executable])


def test_a_python_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"there is no Python '.*none'; wanted one with CompressAI: make compressai"):
        bench.main(["compressai", "--python", str(tmp_path / "none")])


def test_a_side_that_the_other_cannot_take_is_refused():
    with pytest.raises(BadInput, match=r"--side is 100; .* a multiple of 64"):
        bench.main(["compressai", "--python", sys.executable, "--side", "100"])


def test_its_own_forward_is_ours(tmp_path, capsys):
    python = run.root() / ".compressai-venv/bin/python"
    if not python.exists():
        pytest.skip("make compressai sets up the environment that this needs")
    out = tmp_path / "times.csv"
    words = ["--python", str(python), "--batch-size=2", "--side=128", "--steps=1", "--rounds=1", f"--out={out}"]
    assert bench.main(["compressai", *words]) == 0
    table = pd.read_csv(out)
    assert set(table.model) == set(compressai.MODELS)
    assert (table.spread > 1).all()  # latents that all round to 0 would compare nothing
    assert capsys.readouterr().out.count("the same;") == 3
