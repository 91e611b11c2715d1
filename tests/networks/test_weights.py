import os

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import mnasnet0_5, squeezenet1_1

from jpegstudy import networks
from jpegstudy.errors import BadInput


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(3)
    return squeezenet1_1().state_dict()


def load(path, name="squeezenet1_1"):
    return networks.load(name, str(path), device="cpu")


def saved(content, path):
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


def prefixed(state, prefix):
    return {prefix + key: tensor for key, tensor in state.items()}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_from_a_file(tmp_path, state, suffix):
    path = saved(state, tmp_path / f"weights{suffix}")
    network = load(path)
    assert network.weights == str(path)
    held = network.module.state_dict()
    assert list(held) == list(state)
    assert all(torch.equal(held[key], state[key]) for key in state)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_what_training_wraps_around_weights_is_taken_off(tmp_path, state, wrapper, prefix):
    path = saved({"epoch": 3, wrapper: prefixed(state, prefix)}, tmp_path / "checkpoint.pth")
    assert load(path).weights_hash == load(saved(state, tmp_path / "bare.pth")).weights_hash


def test_a_version_is_found_behind_a_prefix(tmp_path):  # MNASNet refuses files without one
    module = mnasnet0_5()
    assert load(saved(torch.nn.DataParallel(module).state_dict(), tmp_path / "w.pth"), "mnasnet0_5").class_count == 1000


def test_a_prefix_of_some_keys_is_a_part_of_them(tmp_path, state):
    some = {("module." if number else "") + key: tensor for number, (key, tensor) in enumerate(state.items())}
    with pytest.raises(BadInput, match=r"unexpected \(module\."):
        load(saved(some, tmp_path / "weights.pth"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_other_precisions_are_used_in_single(tmp_path, state, dtype):
    converted = {key: tensor.to(dtype) for key, tensor in state.items()}
    held = load(saved(converted, tmp_path / "weights.safetensors")).module.state_dict()
    assert {tensor.dtype for tensor in held.values()} == {torch.float32}
    assert all(torch.equal(held[key], converted[key].float()) for key in state)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_nothing_but_tensors_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"cannot be read \(not a file of tensors\); wanted a state_dict"):
        load(saved({"weight": Harmful()}, tmp_path / "harm.pth"))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 half an archive", b"\x80\x02\x8a\nhalf a pickle"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_broken_file_is_refused(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"^weights '.*' cannot be read \([^\n]+\); wanted a state_dict[^\n]*$"):
        load(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([torch.zeros(2)], "it holds one list"),
        (torch.zeros(2), "it holds one Tensor"),
        ({}, "it is empty"),
        ({"state_dict": {}}, "it is empty"),
        ({"features.0.weight": torch.zeros(2), "epoch": 3}, "its 'epoch' is of type int"),
        ({"model": {"weight": torch.zeros(2), "lr": 0.1}}, "its 'lr' is of type float"),
        ({"model_ema": {"weight": torch.zeros(2)}}, "its 'model_ema' is of type dict"),
        ({0: torch.zeros(2)}, "its 0 is of type Tensor"),
        ({"weight": torch.eye(3).to_sparse()}, "its 'weight' is a sparse, quantized or complex tensor"),
        ({"weight": torch.zeros(2, dtype=torch.complex64)}, "its 'weight' is a sparse, quantized or complex tensor"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch's of sparse tensors in a file
def test_what_is_no_state_dict_is_told_by_its_key(tmp_path, content, why):
    with pytest.raises(BadInput, match=rf"^weights '.*' cannot be read \({why}\); wanted a state_dict[^\n]*$"):
        load(saved(content, tmp_path / "weights.pth"))


def without(state, *keys, **more):
    return {key: tensor for key, tensor in state.items() if key not in keys} | more


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda state: without(state, "features.0.bias", extra=torch.zeros(1)),
            r"1 missing \(features.0.bias\); 1 unexpected \(extra\); classes: 1000, in the file: 1000",
        ),
        (
            lambda state: {"fc.a": torch.zeros(7, 3), "fc.b": torch.zeros(7), "fc.c": torch.zeros(1)},
            r"52 missing \(features.0.weight; features.0.bias; ...\); 3 unexpected \(fc.a; fc.b; ...\); "
            "classes: 1000, in the file: unknown",
        ),
        (
            lambda state: {**state, "features.0.weight": torch.zeros(2, 2)},
            r"1 of another shape \(features.0.weight is \[2, 2\], wanted \[64, 3, 3, 3\]\); classes: 1000, in .*: 1000",
        ),
        (
            lambda state: {**state, "classifier.1.bias": torch.tensor(1.0)},
            r"1 of another shape \(classifier.1.bias is \[\], wanted \[1000\]\); classes: 1000, in the file: unknown",
        ),
        (
            lambda state: {**state, "features.0.weight": state["features.0.weight"].to(torch.int8)},
            r"features.0.weight is torch.int8, wanted torch.float32",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_of_another_network_are_told_apart(tmp_path, state, change, problem, suffix):
    path = saved(change(state), tmp_path / f"weights{suffix}")
    with pytest.raises(BadInput, match=rf"^weights '.*' do not fit squeezenet1_1: {problem}$"):
        load(path)


def test_counts_of_batches_which_older_files_lack_are_not_missed(tmp_path):
    older = {key: tensor for key, tensor in mnasnet0_5().state_dict().items() if not key.endswith("batches_tracked")}
    assert load(saved(older, tmp_path / "weights.pth"), "mnasnet0_5").class_count == 1000
    with pytest.raises(BadInput, match=r"do not fit mnasnet0_5: 1 missing \(layers.0.weight\); classes"):
        load(saved(without(older, "layers.0.weight"), tmp_path / "weights.pth"), "mnasnet0_5")


def test_a_network_of_fixed_classes_names_both_counts(tmp_path):
    other = networks.sources.find("demo", "random")[0].state_dict()
    last = list(other)[-1]
    other[last] = torch.zeros(7)
    with pytest.raises(BadInput, match=r"do not fit demo: .* is \[7\], wanted \[12\]\); classes: 12, in the file: 7"):
        load(saved(other, tmp_path / "weights.pth"), "demo")


@pytest.mark.parametrize("weights", ["nowhere.pth", "x" * 300, "~nobody-of-that-name/weights.pth", "."])
def test_a_file_that_is_not_there_is_refused(weights):
    with pytest.raises(BadInput, match=r"no weights '.*'; wanted DEFAULT, random, IMAGENET1K_V1, or the path of a"):
        load(weights)
