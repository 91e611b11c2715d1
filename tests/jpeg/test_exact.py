"""The round trip in torch against Pillow. The whole grid is ``python -m jpegstudy.jpeg.exactness``."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch

from jpegstudy import attacks, decoding, networks
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, exact, libjpeg, quantization, sampling, tables
from jpegstudy.jpeg.exactness import SIZES, compare, contents, through_pillow
from jpegstudy.places import root
from tests.conftest import noise

PHOTOGRAPHS = sorted((root() / "data" / "demo" / "validation").rglob("*.*"))[::50]
LARGE = [size for size in SIZES if size[0] > 100]
SMALL = [size for size in SIZES if size[0] <= 100]
needs_compiler = pytest.mark.skipif(not exact.compiler_at_hand(), reason="there is no C++ compiler, $CXX or g++")


def wrong(comparisons):
    return [comparison for comparison in comparisons if comparison.differing]


def test_every_value_is_pillows_at_sizes_with_every_kind_of_edge():
    found = compare(SMALL, [1, 2, 5, 10, 25, 49, 50, 51, 75, 90, 95, 99, 100], paths=PHOTOGRAPHS)
    assert wrong(found) == []
    assert sum(comparison.values for comparison in found) > 2_000_000


@pytest.mark.parametrize("size", LARGE)
def test_every_value_is_pillows_at_sizes_that_networks_take(size):
    found = compare([size], [10, 75, 100], paths=PHOTOGRAPHS)
    assert wrong(found) == []
    assert sum(comparison.values for comparison in found) > 20_000_000


@pytest.mark.parametrize("subsampling", sampling.FACTORS)
def test_every_value_of_adversarial_images_is_pillows(subsampling):
    network = networks.load("demo", device="cpu")
    photographs = [decoding.center_crop(decoding.decode(path), crop=network.crop) for path in PHOTOGRAPHS[:4]]
    x = torch.from_numpy(np.stack(photographs))
    sign = attacks.gradient_sign(network, x)
    for epsilon, quality in product((1, 5, 10), (1, 25, 75, 95)):
        adversarial = attacks.perturb(x, sign, epsilon=epsilon)
        assert not torch.equal(adversarial, x)
        settings = {"quality": quality, "subsampling": subsampling}
        assert torch.equal(exact.roundtrip(adversarial, **settings), through_pillow(adversarial, **settings))


def repeated(chroma, subsampling, height, width):
    down, across = sampling.FACTORS[subsampling]
    return chroma.repeat_interleave(down, -2).repeat_interleave(across, -1)[..., :height, :width]


def padded_at_full_resolution(chroma, subsampling, downsample=sampling.downsample):
    return downsample(sampling.pad(chroma, 16, 16), subsampling)


def with_padding_as_neighbor(chroma, subsampling, height, width, upsample=sampling.upsample):
    return upsample(chroma, subsampling, 16 * -(-height // 16), 16 * -(-width // 16))[..., :height, :width]


@pytest.mark.parametrize(
    ("module", "rule", "broken"),
    [
        (sampling, "upsample", repeated),
        (sampling, "downsample", padded_at_full_resolution),
        (sampling, "upsample", with_padding_as_neighbor),
        (quantization, "OUTWARD", 1.0),  # ties to even
        (color, "HALVES", (32768, 32768, 32768)),
        (sampling, "HALVES", {"4:2:2": (1 / 2, 1 / 2), "4:2:0": (1 / 8, 1 / 8)}),
    ],
)
def test_a_broken_rule_is_found(monkeypatch, module, rule, broken):
    monkeypatch.setattr(module, rule, broken)
    assert wrong(compare([(18, 18)], [90], layouts=["4:2:0"], ways={"torch": exact.roundtrip}))


def test_images_of_one_batch_may_have_qualities_of_their_own():
    images, qualities = noise(20, 3, 33, 18), torch.randint(1, 101, (20,))
    result = exact.roundtrip(images, quality=qualities, subsampling="4:2:2")
    for image, quality, found in zip(images, qualities.tolist(), result, strict=True):
        assert torch.equal(found, through_pillow(image[None], quality=quality, subsampling="4:2:2")[0])


@pytest.mark.parametrize("channels", [1, 3])
def test_custom_tables_are_pillows_qtables(channels):
    images = contents(33, 18)[:, :channels]
    for seed in range(5):
        steps = torch.randint(1, 256, (2, 64), generator=torch.Generator().manual_seed(seed))
        expected = through_pillow(images, qtables=steps.tolist()[: 1 if channels == 1 else 2])
        assert torch.equal(exact.roundtrip(images, tables=steps), expected)


def test_decoded_samples_far_beyond_the_range_are_clamped():
    """Those of this block, found by trial, reach 598 at quality 1, where libjpeg's code without SIMD wraps at 511."""
    rows = [
        (94, 198, 20, 94, 231, 120, 6, 246),
        (206, 252, 234, 31, 9, 41, 247, 6),
        (20, 140, 20, 113, 156, 3, 250, 230),
        (240, 114, 190, 218, 15, 0, 29, 237),
        (246, 19, 235, 210, 64, 253, 20, 112),
        (63, 7, 171, 240, 3, 161, 31, 87),
        (235, 244, 226, 107, 17, 210, 251, 209),
        (219, 247, 243, 140, 5, 99, 95, 27),
    ]
    block = torch.tensor(rows, dtype=torch.uint8).reshape(1, 1, 8, 8)
    factors = quantization.factors(tables.for_quality(1)[0], 8)
    assert dct.inverse(quantization.lose(dct.forward(block - 128.0), factors)).max() == 598
    assert torch.equal(exact.roundtrip(block, quality=1), through_pillow(block, quality=1))


@pytest.mark.parametrize("limits", [{"PIXELS_ON_CPU": 1}, {"SAMPLES_ON_CPU": 1}, {"SAMPLES_ON_CPU": 3000}])
@pytest.mark.parametrize("channels", [1, 3])
def test_how_much_is_done_at_once_changes_nothing(monkeypatch, limits, channels):
    images, qualities = noise(5, channels, 40, 57), torch.tensor([5, 75, 100, 30, 90])
    expected = exact.roundtrip(images, quality=qualities)
    for name, value in limits.items():
        monkeypatch.setattr(exact, name, value)
    assert torch.equal(exact.roundtrip(images, quality=qualities), expected)
    assert torch.equal(expected, libjpeg.roundtrip(images, quality=qualities))


@contextlib.contextmanager
def float32_products_may_be_rounded():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def autocast():
    return torch.autocast("cpu", torch.bfloat16)


@pytest.mark.parametrize("state", [torch.inference_mode, torch.enable_grad, autocast, float32_products_may_be_rounded])
def test_no_state_of_torch_changes_a_value(state):
    images = noise(2, 3, 33, 18)
    expected = libjpeg.roundtrip(images)
    with state():
        result = exact.roundtrip(images)
    assert torch.equal(result, expected)
    assert result.is_inference() == (state is torch.inference_mode)


def test_channels_last_images_and_empty_batches_are_taken():
    images = noise(2, 3, 20, 20)
    last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(exact.roundtrip(last), exact.roundtrip(images))
    assert torch.equal(exact.roundtrip(images.flip(0)[:, :, ::2]), libjpeg.roundtrip(images.flip(0)[:, :, ::2]))
    assert exact.roundtrip(images[:0]).shape == (0, 3, 20, 20)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_input_is_left_alone(channels):
    images = noise(1, channels, 16, 16)
    before = images.clone()
    assert not torch.equal(exact.roundtrip(images, quality=10), before)
    assert torch.equal(images, before)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(("subsampling", "channels"), [("4:2:0", 3), ("4:2:2", 3), ("4:2:0", 1)])
def test_the_compiled_form_gives_the_same_values(subsampling, channels):
    images = contents(26, 39)[:, :channels]
    result = exact.roundtrip(images, subsampling=subsampling, compiled=True)
    assert torch.equal(result, libjpeg.roundtrip(images, subsampling=subsampling))


@needs_compiler
@pytest.mark.slow
def test_the_compiled_form_serves_other_tables_threads_and_a_rest(monkeypatch):
    monkeypatch.setattr(exact, "PIXELS_ON_CPU", 4 * 26 * 39)  # 9 images: two batches of four, and one plain
    images = contents(26, 39)
    with ThreadPoolExecutor(2) as pool:
        for quality, result in ((q, pool.submit(exact.roundtrip, images, quality=q, compiled=True)) for q in (1, 75)):
            assert torch.equal(result.result(), libjpeg.roundtrip(images, quality=quality))
    qualities = torch.randint(1, 101, (len(images),))
    with torch.inference_mode():
        result = exact.roundtrip(images, quality=qualities, compiled=True)
    assert torch.equal(result, libjpeg.roundtrip(images, quality=qualities))


def test_without_a_compiler_the_plain_form_is_taken(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    assert not exact.compiler_at_hand()
    monkeypatch.setattr(exact, "_compiled", None)  # calling it would raise
    images = noise(2, 3, 9, 9)
    assert torch.equal(exact.roundtrip(images, compiled=True), libjpeg.roundtrip(images))


def test_large_images_are_not_compiled_for(monkeypatch):
    """They are worked on in strips, which a compiled form is not: it would take more memory than is promised."""
    monkeypatch.setattr(exact, "compiler_at_hand", lambda: True)
    monkeypatch.setattr(exact, "PIXELS_ON_CPU", 9 * 9)
    monkeypatch.setattr(exact, "_compiled", None)  # calling it would raise
    images = noise(2, 3, 9, 10)
    assert torch.equal(exact.roundtrip(images, compiled=True), libjpeg.roundtrip(images))
    with pytest.raises(TypeError):
        exact.roundtrip(noise(2, 3, 9, 9), compiled=True)


def test_a_device_without_float64_is_refused():
    class OnMps(torch.Tensor):
        device = torch.device("mps")

    with pytest.raises(BadInput, match='mps device, which has no float64; take codec="libjpeg"'):
        exact.roundtrip(noise(1, 3, 8, 8).as_subclass(OnMps))
