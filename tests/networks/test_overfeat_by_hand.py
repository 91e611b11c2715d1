"""OverFeat held against itself written down a second time, with nothing of the project's but the order of classes.

A table has a row for each layer: where its weights begin in the file, their shape, and where its biases begin, counted
in floats. FULL are the released models, NARROW the same with a sixteenth of the channels.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from jpegstudy import attacks, networks
from jpegstudy.networks import overfeat, overfeat_weights
from tests.conftest import noise

CROPS = {"overfeat-fast": 231, "overfeat-accurate": 221}
BYTES = {"overfeat-fast": 583_683_488, "overfeat-accurate": 578_625_952}

FULL = {
    "overfeat-fast": [
        (0, (96, 3, 11, 11), 34_848),
        (34_944, (256, 96, 5, 5), 649_344),
        (649_600, (512, 256, 3, 3), 1_829_248),
        (1_829_760, (1024, 512, 3, 3), 6_548_352),
        (6_549_376, (1024, 1024, 3, 3), 15_986_560),
        (15_987_584, (3072, 1024, 6, 6), 129_233_792),
        (129_236_864, (4096, 3072, 1, 1), 141_819_776),
        (141_823_872, (1000, 4096, 1, 1), 145_919_872),
    ],
    "overfeat-accurate": [
        (0, (96, 3, 7, 7), 14_112),
        (14_208, (256, 96, 7, 7), 1_218_432),
        (1_218_688, (512, 256, 3, 3), 2_398_336),
        (2_398_848, (512, 512, 3, 3), 4_758_144),
        (4_758_656, (1024, 512, 3, 3), 9_477_248),
        (9_478_272, (1024, 1024, 3, 3), 18_915_456),
        (18_916_480, (4096, 1024, 5, 5), 123_774_080),
        (123_778_176, (4096, 4096, 1, 1), 140_555_392),
        (140_559_488, (1000, 4096, 1, 1), 144_655_488),
    ],
}
NARROW = {
    "overfeat-fast": [
        (0, (6, 3, 11, 11), 2_178),
        (2_184, (16, 6, 5, 5), 4_584),
        (4_600, (32, 16, 3, 3), 9_208),
        (9_240, (64, 32, 3, 3), 27_672),
        (27_736, (64, 64, 3, 3), 64_600),
        (64_664, (192, 64, 6, 6), 507_032),
        (507_224, (256, 192, 1, 1), 556_376),
        (556_632, (1000, 256, 1, 1), 812_632),
    ],
    "overfeat-accurate": [
        (0, (6, 3, 7, 7), 882),
        (888, (16, 6, 7, 7), 5_592),
        (5_608, (32, 16, 3, 3), 10_216),
        (10_248, (32, 32, 3, 3), 19_464),
        (19_496, (64, 32, 3, 3), 37_928),
        (37_992, (64, 64, 3, 3), 74_856),
        (74_920, (256, 64, 5, 5), 484_520),
        (484_776, (256, 256, 1, 1), 550_312),
        (550_568, (1000, 256, 1, 1), 806_568),
    ],
}


def write(path, table):
    """A file of random weights, as large as keeps values from layer to layer, each layer put where the table says."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for at, shape, biases_at in table:
            weights = rng.random(shape, np.float32)
            weights -= np.float32(0.5)
            weights *= np.float32(np.sqrt(24 / np.prod(shape[1:])))  # their variance is 2 / inputs
            file.seek(4 * at)
            weights.astype("<f4", copy=False).tofile(file)
            file.seek(4 * biases_at)
            (rng.standard_normal(shape[0], np.float32) / 10).astype("<f4").tofile(file)
    return path


def logits(path, table, images, name):
    """What the model with the weights in the file says of images (N, 3, H, W) in grey levels, in OverFeat's order."""
    floats = torch.from_numpy(np.memmap(path, "<f4", "c"))
    layers = [
        (floats[at:biases_at].reshape(shape), floats[biases_at : biases_at + shape[0]])
        for at, shape, biases_at in table
    ]
    x = (images.float() - 118.380948) / 61.896913
    return {"overfeat-fast": fast, "overfeat-accurate": accurate}[name](x, *layers).reshape(len(images), 1000)


def fast(x, one, two, three, four, five, six, seven, eight):
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *one, stride=4)), 2, 2)
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *two)), 2, 2)
    x = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *three))
    x = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *four))
    x = functional.max_pool2d(functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *five)), 2, 2)
    x = functional.relu(functional.conv2d(x, *six))
    x = functional.relu(functional.conv2d(x, *seven))
    return functional.conv2d(x, *eight)


def accurate(x, one, two, three, four, five, six, seven, eight, nine):
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *one, stride=2)), 3, 3)
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *two)), 2, 2)
    x = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *three))
    x = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *four))
    x = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *five))
    x = functional.max_pool2d(functional.relu(functional.conv2d(functional.pad(x, (1, 1, 1, 1)), *six)), 3, 3)
    x = functional.relu(functional.conv2d(x, *seven))
    x = functional.relu(functional.conv2d(x, *eight))
    return functional.conv2d(x, *nine)


def in_torchvisions_order(logits):
    """Scattered by the published map, of which the project holds the inverse."""
    result = torch.empty_like(logits)
    for torchvision_index, overfeat_index in enumerate(overfeat.class_order()):
        result[:, torchvision_index] = logits[:, overfeat_index]
    return result


@pytest.mark.parametrize("name", CROPS)
def test_logits_and_gradients_are_those_of_the_same_file_by_hand(tmp_path, name):
    path = write(tmp_path / "weights", NARROW[name])
    module = overfeat_weights.load(name, path, divisor=16)
    constants = {"mean": (overfeat.MEAN,) * 3, "deviation": (overfeat.DEVIATION,) * 3}
    network = networks.Network(module, name=name, weights="w", crop=CROPS[name], **constants)
    images = noise(3, 3, CROPS[name], CROPS[name])
    by_hand = in_torchvisions_order(logits(path, NARROW[name], images, name))
    torch.testing.assert_close(network(images), by_hand, rtol=1e-4, atol=1e-4)
    assert by_hand.std() > 0.1  # or all would agree

    def other(x):
        return in_torchvisions_order(logits(path, NARROW[name], x, name))

    (gradient, _), (expected, _) = (attacks.loss_gradient(f, images) for f in (network, other))
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


READ = """
import json, sys, torch
from jpegstudy import networks
from jpegstudy.bench.memory import peak
from jpegstudy.networks import overfeat_weights
from tests.conftest import noise

name, path, out = sys.argv[1:]
peaks = [peak()]
read = overfeat_weights.load

def noted(*arguments):
    module = read(*arguments)
    peaks.append(peak())
    return module

overfeat_weights.load = noted
network = networks.load(name, path, device="cpu")
with torch.inference_mode():
    torch.save(network(noise(1, 3, network.crop, network.crop)), out)
print(json.dumps({"peaks": [*peaks, peak()], "crop": network.crop, "weights": network.weights}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", CROPS)
def test_a_file_of_full_size_is_read_as_by_hand_and_little_of_it_is_held_twice(tmp_path, name):
    path = tmp_path / "net_weight"
    try:
        write(path, FULL[name])
        assert path.stat().st_size == BYTES[name]
        words = [sys.executable, "-c", READ, name, str(path), str(tmp_path / "logits.pt")]
        answer = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
        images = noise(1, 3, CROPS[name], CROPS[name])
        by_hand = in_torchvisions_order(logits(path, FULL[name], images, name))
    finally:
        path.unlink(missing_ok=True)
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), by_hand, rtol=1e-3, atol=1e-3)
    assert (answer["crop"], answer["weights"]) == (CROPS[name], str(path))
    before, read, used = answer["peaks"]  # MiB
    whole, largest, rest = BYTES[name] / 2**20, max(4 * np.prod(shape) for _, shape, _ in FULL[name]) / 2**20, 64
    assert read - before < whole + largest + rest  # the file's largest layer, mapped, beside its copy
    assert used - before < whole + 2 * largest + rest  # two copies of that more, while the weights are hashed
