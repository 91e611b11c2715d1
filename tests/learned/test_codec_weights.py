"""Files of CompressAI's layout, which stands here a second time, written out."""

import re
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from jpegstudy import learned
from jpegstudy.errors import BadInput
from jpegstudy.learned import Shape, build, load, save, shape_of
from tests.conftest import noise
from tests.learned.conftest import SHAPES


def layout(prior, n, m):
    """Names and shapes of a published file's tensors, but for the tables' sizes."""
    found = {}

    def convolution(name, inputs, outputs, kernel=5, *, transposed=False):
        found[f"{name}.weight"] = (*((inputs, outputs) if transposed else (outputs, inputs)), kernel, kernel)
        found[f"{name}.bias"] = (outputs,)

    for network, widths in (("g_a", (3, n, n, n, m)), ("g_s", (m, n, n, n, 3))):
        for layer in range(4):
            convolution(f"{network}.{2 * layer}", *widths[layer : layer + 2], transposed=network == "g_s")
            if layer < 3:
                gdn = f"{network}.{2 * layer + 1}"
                found |= {f"{gdn}.beta": (n,), f"{gdn}.gamma": (n, n)}
                for each in ("beta", "gamma"):
                    found |= {f"{gdn}.{each}_reparam.{b}": (1,) for b in ("pedestal", "lower_bound.bound")}
    channels = m if prior == "factorized" else n
    for layer, (inputs, outputs) in enumerate([(1, 3), (3, 3), (3, 3), (3, 3), (3, 1)]):
        found[f"entropy_bottleneck._matrix{layer}"] = (channels, outputs, inputs)
        found[f"entropy_bottleneck._bias{layer}"] = (channels, outputs, 1)
        if layer < 4:
            found[f"entropy_bottleneck._factor{layer}"] = (channels, outputs, 1)
    found |= {"entropy_bottleneck.quantiles": (channels, 1, 3), "entropy_bottleneck.target": (3,)}
    densities = ["entropy_bottleneck"]
    if prior != "factorized":
        convolution("h_a.0", m, n, 3)
        convolution("h_a.2", n, n)
        convolution("h_a.4", n, n)
        widths = (n, n, n, m) if prior == "scale" else (n, m, m * 3 // 2, 2 * m)
        convolution("h_s.0", *widths[:2], transposed=True)
        convolution("h_s.2", *widths[1:3], transposed=True)
        convolution("h_s.4", *widths[2:], 3)
        densities.append("gaussian_conditional")
        found |= {f"gaussian_conditional.{name}": (1,) for name in ("scale_bound", "lower_bound_scale.bound")}
        found["gaussian_conditional.scale_table"] = (64,)
    for density in densities:
        found[f"{density}.likelihood_lower_bound.bound"] = (1,)
        found |= {f"{density}.{name}": None for name in ("_quantized_cdf", "_offset", "_cdf_length")}
    return found


PRIORS = ["factorized", "scale", "mean-scale"]


def state_of(prior, n=4, m=6):
    """A codec of four layers, and its tensors as a published file has them: tables included."""
    codec = build(Shape(prior, n, m), seed=7)
    codec.update()
    return codec, {name: value.clone() for name, value in codec.state_dict().items()}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(("n", "m"), [(4, 6), (5, 8)])
def test_names_and_shapes_are_those_of_the_published_files(prior, n, m):
    _, state = state_of(prior, n, m)
    wanted = layout(prior, n, m)
    assert set(state) == set(wanted)
    for name, shape in wanted.items():
        assert shape is None or tuple(state[name].shape) == shape, name
        assert state[name].dtype == (torch.int32 if shape is None else torch.float32)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_tables_in_a_file_are_laid_out_as_published(prior):
    codec, state = state_of(prior)
    for density in ("entropy_bottleneck", "gaussian_conditional")[: 1 + (prior != "factorized")]:
        cdf, offset, length = (state[f"{density}.{name}"] for name in ("_quantized_cdf", "_offset", "_cdf_length"))
        assert len(cdf) == len(offset) == len(length)
        assert cdf.shape[1] == length.max()
        assert (cdf[:, 0] == 0).all()
        assert (cdf.gather(1, length[:, None].long() - 1) == 65536).all()
        assert (offset <= 0).all()
    assert codec.entropy_bottleneck.tables() is codec.entropy_bottleneck.tables()


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("name", ["w.pth.tar", "w.pth", "w.safetensors"])
def test_files_of_the_layout_are_read(tmp_path, prior, name):
    codec, state = state_of(prior)
    (save_file if name.endswith("safetensors") else torch.save)(state, tmp_path / name)
    read, images = load(tmp_path / name), noise(1, 3, 40, 30)
    assert read.shape == codec.shape
    assert not read.training
    assert read.digest() == codec.digest()
    assert read.encode(images) == codec.encode(images)


@pytest.mark.parametrize("prior", PRIORS)
def test_what_older_files_and_training_scripts_call_it_is_understood(tmp_path, prior):
    codec, state = state_of(prior)
    plural = {"matrix": "matrices", "bias": "biases", "factor": "factors"}
    older = {
        re.sub(r"_(matrix|bias|factor)(\d)$", lambda found: f"_{plural[found[1]]}.{found[2]}", name): value
        for name, value in state.items()
    }
    assert "entropy_bottleneck._matrices.0" in older
    assert "entropy_bottleneck._biases.4" in older
    assert "entropy_bottleneck._factors.3" in older
    newer = {re.sub(r"\._(matrices|biases|factors)\.", r".\1.", name): value for name, value in older.items()}
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in older.items()}, "best": None}
    without = {n: v for n, v in state.items() if not n.endswith(("scale_bound", "target", "_offset", "_cdf_length"))}
    empty = {n: v[:0] if n.endswith(("_quantized_cdf", "_offset", "_cdf_length")) else v for n, v in state.items()}
    for each in (older, newer, wrapped, without, empty):
        torch.save(each, tmp_path / "w.pth.tar")
        assert load(tmp_path / "w.pth.tar").digest() == codec.digest()


def test_half_precision_becomes_single(tmp_path):
    _, state = state_of("factorized")
    torch.save(
        {n: v.half() if v.is_floating_point() and "pedestal" not in n else v for n, v in state.items()},
        tmp_path / "w.pth",
    )
    codec = load(tmp_path / "w.pth")
    assert codec.g_a[0].weight.dtype == torch.float32
    assert torch.allclose(codec.g_a[0].weight, state["g_a.0.weight"], rtol=1e-3)


@pytest.mark.parametrize("shape", [SHAPES["mean-scale"], Shape("scale", 4, 6, kernel=3, stride=3, layers=2)])
def test_saving_keeps_everything_the_stride_too(tmp_path, shape):
    codec, images = build(shape, seed=2), noise(2, 3, 37, 50)
    save(codec, tmp_path / "new" / "w.safetensors")
    again = load(tmp_path / "new" / "w.safetensors", shape)
    assert again.shape == shape
    assert again.encode(images) == codec.encode(images)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["w.safetensors"]


def test_tables_of_a_file_that_lie_are_made_again(tmp_path):
    codec, state = state_of("factorized")
    state["entropy_bottleneck._quantized_cdf"] += 5
    state["entropy_bottleneck._offset"] -= 3
    torch.save(state, tmp_path / "w.pth")
    read, images = load(tmp_path / "w.pth"), noise(1, 3, 20, 20)
    assert read.encode(images) == codec.encode(images)
    assert torch.equal(read.entropy_bottleneck._offset, codec.entropy_bottleneck._offset)


@pytest.mark.parametrize(
    ("prior", "wanted", "said"),
    [
        ("scale", Shape("factorized", 4, 6), "prior is scale, wanted factorized"),
        ("mean-scale", Shape("scale", 4, 6), "prior is mean-scale, wanted scale"),
        ("factorized", Shape("factorized", 8, 6), "n is 4, wanted 8"),
        (
            "factorized",
            Shape("factorized", 4, 12, kernel=3, layers=3),
            "m is 6, wanted 12, kernel is 5, wanted 3, layers is 4",
        ),
        ("factorized", shape_of("bmshj2018_factorized", 3), "n is 4, wanted 128, m is 6, wanted 192"),
    ],
)
def test_another_codec_than_wanted_is_refused_by_what_differs(tmp_path, prior, wanted, said):
    torch.save(state_of(prior)[1], tmp_path / "w.pth")
    with pytest.raises(BadInput, match=f"hold another codec: {said}"):
        load(tmp_path / "w.pth", wanted)


def test_another_quality_is_named():
    for name, quality, words in [
        ("bmshj2018_factorized", 3, "bmshj2018_factorized of quality 1 to 5"),
        ("mbt2018_mean", 5, "mbt2018_mean of quality 5 to 8"),
    ]:
        assert words in learned.named.in_words(shape_of(name, quality))


def broken(state, **changes):
    return {**state, **{name.replace("__", "."): value for name, value in changes.items()}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: {"a": torch.zeros(2)}, "hold no learned codec: wanted g_a.0.weight .* found 1 tensors such as a"),
        (lambda s: {}, r"cannot be read \(it is empty\)"),
        (lambda s: {"a": 5}, r"cannot be read \(its 'a' is of type int\)"),
        (lambda s: [1, 2], r"cannot be read \(it holds one list\)"),
        (lambda s: {k: v for k, v in s.items() if k != "g_s.6.bias"}, r"1 missing \(g_s.6.bias\)"),
        (lambda s: broken(s, h_a__0__weight=torch.zeros(3)), r"1 unexpected \(h_a.0.weight\)"),
        (lambda s: broken(s, context_prediction__weight=torch.zeros(3)), "hold a context model"),
        (lambda s: broken(s, g_a__1__gamma=torch.zeros(4, 5)), r"g_a.1.gamma is \[4, 5\], wanted \[4, 4\]"),
        (lambda s: broken(s, g_a__0__bias=s["g_a.0.bias"].int()), r"1 no floats \(g_a.0.bias\)"),
        (lambda s: broken(s, g_a__0__bias=s["g_a.0.bias"] / 0), r"1 not finite \(g_a.0.bias\)"),
        (lambda s: broken(s, g_a__0__weight=torch.zeros(0, 3, 5, 5)), "n is 0"),
        (lambda s: broken(s, g_a__0__weight=torch.zeros(4, 3, 4, 4)), "kernel is 4"),
        (lambda s: broken(s, entropy_bottleneck___matrix0=torch.zeros(())), "of another shape"),
    ],
)
def test_files_that_hold_something_else_are_told_in_one_line(tmp_path, change, said):
    torch.save(change(state_of("factorized")[1]), tmp_path / "w.pth")
    with pytest.raises(BadInput, match=said) as error:
        load(tmp_path / "w.pth")
    assert "\n" not in str(error.value)


def test_files_that_are_none_are_told_in_one_line(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"no weights")
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 5) + b"{}")
    save_file({"a": torch.zeros(1)}, tmp_path / "b.safetensors", metadata={"shape": '{"prior": "scale"}'})
    for name in ("w.pth", "w.safetensors", "b.safetensors"):
        with pytest.raises(BadInput, match=r"cannot be read \(") as error:
            load(tmp_path / name)
        assert "\n" not in str(error.value)
    for name in ("none.pth", "", "a" * 5000):
        with pytest.raises(BadInput, match="there are no weights"):
            load(tmp_path / name if name else tmp_path)


def test_damaged_files_never_crash(tmp_path):
    torch.save(state_of("factorized")[1], tmp_path / "w.pth")
    whole, draw = (tmp_path / "w.pth").read_bytes(), np.random.default_rng(0)
    for length in draw.integers(0, len(whole), 8):
        (tmp_path / "w.pth").write_bytes(whole[:length])
        with pytest.raises(BadInput):
            load(tmp_path / "w.pth")


def test_what_was_told_beside_weights_is_asked_for_by_name(tmp_path):
    path = tmp_path / "mine.safetensors"
    learned.save(learned.build(learned.Shape("factorized", 4, 6, layers=2)), path)
    assert learned.made_with(path) == {}
    with pytest.raises(
        BadInput, match=r"mine.json' does not tell trade_off, crop of the codec's training; write a JSON"
    ):
        learned.made_with(path, wanted=("trade_off", "crop"))
    path.with_suffix(".json").write_text('{"trade_off": 1, "crop": 64}')
    assert learned.made_with(path, wanted=("crop",)) == {"trade_off": 1, "crop": 64}
    with pytest.raises(BadInput, match="there are no weights"):
        learned.made_with(tmp_path / "none.safetensors")


def test_weights_are_saved_under_the_name_that_load_knows_them_by(tmp_path):
    with pytest.raises(BadInput, match=r"'mine.pth' is no name for weights; wanted one that ends in .safetensors"):
        learned.save(learned.build(learned.Shape("factorized", 4, 6, layers=2)), tmp_path / "mine.pth")
    assert list(tmp_path.iterdir()) == []
