"""The codecs in data/learned: what is said beside them, what they code, and that attacks tell more than noise does."""

import json

import pytest
import torch

from jpegstudy import run
from jpegstudy.demo import image_files
from jpegstudy.learned import distances, training
from jpegstudy.learned.attack import ATTACKS
from jpegstudy.learned.transform import FOLDER, Nic
from jpegstudy.learned.vulnerability import measure

HARDENED = ("small_hardened", "small_control")
KINDS = {
    "small": ("factorized", "mse"), "small_high": ("factorized", "mse"), "small_mean": ("mean-scale", "mse"),
    "small_mean_high": ("mean-scale", "mse"), "small_msssim": ("factorized", "ms-ssim"),
}  # fmt: skip
FILES = [run.root() / FOLDER / f"{name}.safetensors" for name in (*KINDS, *HARDENED)]  # a user's own may lie beside
MOST_BYTES = 8 << 20  # of all of them
LEAST = 5  # dB of ΔPSNR that an attack at MSE 1e-4 does beyond noise


@pytest.fixture(scope="module")
def images():
    """Four validation images of the demo, of four classes: uint8 (4, 3, H, W)."""
    found = image_files.validation_images(run.root() / "data/demo")[0]
    return torch.from_numpy(found[:: len(found) // 4][:4]).permute(0, 3, 1, 2).contiguous()


def test_two_priors_two_rates_and_two_losses_are_shipped():
    assert sum(file.stat().st_size for file in FILES) <= MOST_BYTES
    told = {name: Nic(name).made_with() for name in KINDS}
    for name, (prior, distortion) in KINDS.items():
        assert Nic(name).model().shape.prior == prior
        assert told[name]["distortion"] == distortion
    assert told["small_high"]["trade_off"] > told["small"]["trade_off"]
    assert told["small_mean_high"]["trade_off"] > told["small_mean"]["trade_off"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_streams_decode_to_what_the_codec_shows(file, images):
    codec = Nic(file.stem).model()
    shown, streams = codec.reconstruct(images), codec.encode(images)
    for image, data in zip(shown, streams, strict=True):
        assert torch.equal(codec.decode(data), image)
    bits, estimated = torch.tensor([8.0 * len(data) for data in streams]), codec.estimated_bits(images)
    assert ((bits - estimated).abs() <= 0.02 * estimated + 200).all()
    assert (distances.psnr(shown, images) > 20).all()  # random weights give half as much


@pytest.mark.parametrize("name", [*KINDS, *HARDENED])
def test_an_attack_does_more_than_noise_of_the_same_power(name, images):
    codec = Nic(name).model()
    budget = {"mse_budget": 1e-4}
    attacked = ATTACKS["L2-PGD"](codec, images[:2], steps=20, every=5, **budget).images
    noisy = ATTACKS["Gaussian"](codec, images[:2], **budget).images
    beyond = [measure(codec.reconstruct, images[:2], each).delta_psnr for each in (attacked, noisy)]
    assert (beyond[0] - beyond[1]).mean() >= LEAST


def test_the_hardened_codec_keeps_more_than_its_control(images):
    left = {}
    for name in HARDENED:
        codec = Nic(name).model()
        attacked = ATTACKS["L2-PGD"](codec, images, mse_budget=1e-3, steps=20, every=5, seed=5).images
        left[name] = measure(codec.reconstruct, images, attacked).psnr_adv_src
    assert (left["small_hardened"] > left["small_control"]).all()


def test_training_is_told_beside_the_weights():
    for file in FILES:
        told = json.loads(file.with_suffix(".json").read_text())
        assert told["distortion"] in training.DISTORTIONS
        assert told["held_out"]["images"] >= 24
    first, *finetuned = (
        json.loads((run.root() / FOLDER / f"{name}.json").read_text()) for name in ("small", *HARDENED)
    )
    for told in finetuned:
        assert told["from"] == "small"
        assert told["trade_off"] == first["trade_off"]
        assert told["seed"] != first["seed"]  # other crops than the first training's
    hardened, control = finetuned
    assert {name for name in hardened if hardened[name] != control[name]} == {"mix", "held_out"}
    assert control["mix"] == 0
