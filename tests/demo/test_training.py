"""The demo network: small, trained resumably, published without batch normalization, as good as its record says."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from jpegstudy.demo import image_files, scenes, training
from jpegstudy.errors import BadInput
from jpegstudy.networks import demo
from jpegstudy.places import root

DEMO = root() / "data" / "demo"
SETTINGS = {"crop": 12, "mean": (0.5,) * 3, "deviation": (0.2,) * 3, "passes": 4, "seed": 5, "batch": 8}


def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(16, 2)
    )


@pytest.fixture
def two_classes():
    """Dark and bright noise: uint8 (32, 16, 16, 3) and labels."""
    labels = np.arange(32) % 2
    noise = np.random.default_rng(0).integers(0, 120, (32, 16, 16, 3), dtype=np.uint8)
    return noise + 120 * labels.astype(np.uint8)[:, None, None, None], labels


def test_training_goes_on_to_the_same_weights(tmp_path, two_classes):
    whole, stopped, resumed = small(), small(), small(seed=9)  # the last one's own weights must not matter
    history = list(training.train(whole, *two_classes, checkpoint=tmp_path / "whole.pt", **SETTINGS))
    begun = training.train(stopped, *two_classes, checkpoint=tmp_path / "stopped.pt", **SETTINGS)
    next(begun), next(begun)
    begun.close()
    again = list(training.train(resumed, *two_classes, checkpoint=tmp_path / "stopped.pt", **SETTINGS))
    assert again == history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_training_learns_what_is_easy(tmp_path, two_classes):
    network = small()
    settings = SETTINGS | {"passes": 15, "rate": 0.02}
    history = list(training.train(network, *two_classes, checkpoint=tmp_path / "c.pt", **settings))
    assert history[-1]["loss"] < history[0]["loss"]
    view = {name: SETTINGS[name] for name in ("crop", "mean", "deviation")}
    guesses = training.predict(network, two_classes[0], **view).argmax(1).numpy()
    assert (guesses == two_classes[1]).mean() > 0.9


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, two_classes):
    next(training.train(small(), *two_classes, checkpoint=tmp_path / "c.pt", **SETTINGS))
    with pytest.raises(BadInput, match="delete it"):
        next(training.train(small(), *two_classes, checkpoint=tmp_path / "c.pt", **SETTINGS | {"passes": 9}))


def test_learning_rate_rises_then_falls_to_nothing():
    shares = [training.share(step, 100) for step in range(100)]
    assert max(shares) == pytest.approx(1)
    assert np.argmax(shares) in (9, 10)
    assert shares[-1] < 0.001


def test_folding_batch_normalization_changes_no_logit():
    torch.manual_seed(0)
    network = demo.build(12, batch_norm=True)
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):  # as if trained: nothing is 0 or 1
            for values in (layer.weight.data, layer.bias.data, layer.running_mean, layer.running_var):
                values.uniform_(0.5, 1.5)
    images = torch.randn(4, 3, demo.CROP, demo.CROP)
    plain = demo.build(12)
    plain.load_state_dict(training.folded(network).state_dict())
    with torch.no_grad():
        expected, got = network.eval()(images), plain.eval()(images)
    assert (expected - got).abs().max() < 1e-4
    assert expected.std() > 0.01  # logits that are all the same would prove nothing


def test_network_is_small_and_of_five_and_three_layers():
    network, products = demo.build(12), []
    layers = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, _, out: products.append(out[0].numel() * layer.weight[0].numel()))
    assert network(torch.zeros(1, 3, demo.CROP, demo.CROP)).shape == (1, 12)
    for layer, product in zip(layers, products, strict=True):  # a linear output has one place, a convolution's many
        assert product >= layer.weight.numel()
    assert [type(layer).__name__ for layer in layers] == ["Conv2d"] * 5 + ["Linear"] * 3
    assert 0.065e9 < sum(products) < 0.075e9  # multiplications and additions, as networks/demo.py says


def test_published_network_is_as_good_as_recorded():
    facts = json.loads((DEMO / "network.json").read_text())
    weights = DEMO / "network.safetensors"
    assert weights.stat().st_size <= 6e6
    assert facts["classes"] == list(scenes.CLASSES)
    network = demo.build(len(facts["classes"]))
    network.load_state_dict(load_file(weights))
    images, labels = image_files.validation_images(DEMO)
    logits = training.predict(network, images, crop=demo.CROP, mean=demo.MEAN, deviation=demo.DEVIATION)
    right = int((logits.argmax(1).numpy() == labels).sum())
    assert facts["validation"]["images"] == len(labels)
    assert abs(right - facts["validation"]["right"]) <= 1  # another processor may round a tie differently
    assert 0.75 <= right / len(labels) <= 0.97
