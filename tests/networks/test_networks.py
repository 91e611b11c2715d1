import json
import os

import pytest
import torch
from safetensors.torch import save_file

from jpegstudy import networks
from jpegstudy.errors import BadInput
from tests.conftest import noise, tiny_network

TINY = "tests.conftest:tiny_network"


def test_it_standardizes_inside():
    network = networks.load(
        TINY, preprocessing={"crop": 24, "mean": [0.1, 0.2, 0.3], "deviation": [0.4, 0.5, 0.6]}, device="cpu"
    )
    images = noise(2, 3, 24, 24)
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]))
    expected = tiny_network()((images / 255 - mean) / deviation)
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network(images.float()), network(images), rtol=0, atol=0)


def test_its_facts_come_from_torchvision():
    network = networks.load("inception_v3", "random", device="cpu")
    assert (network.crop, network.shortest_side, network.class_count) == (299, 342, 1000)
    assert network.mean == pytest.approx((0.485, 0.456, 0.406))
    assert network.class_names[0] == "tench"


def test_random_weights_are_the_same_each_time():
    hashes = {networks.load("squeezenet1_1", "random", device="cpu").weights_hash for _ in range(2)}
    assert len(hashes) == 1


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_from_a_file_and_their_head_tells_the_class_count(tmp_path, suffix):
    from torchvision.models import squeezenet1_1

    torch.manual_seed(3)
    state = squeezenet1_1(num_classes=7).state_dict()
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    network = networks.load("squeezenet1_1", str(path), device="cpu")
    assert network.class_count == 7
    assert torch.equal(network.module.classifier[1].weight, state["classifier.1.weight"])


def test_half_precision_weights_are_used_in_single():
    module = tiny_network().half().float()
    network = networks.Network(module, name="n", weights="w", crop=24, mean=[0] * 3, deviation=[1] * 3)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_installed_efficientnet_has_its_own_constants():
    network = networks.load("efficientnet_lite0", device="cpu")
    assert network.crop == 224
    assert network.mean == pytest.approx((127 / 255,) * 3)
    assert network.deviation == pytest.approx((128 / 255,) * 3)
    assert network.class_names[665] == "moped"


def test_the_demo_network_is_the_projects_own():
    network = networks.load("demo", device="cpu")
    facts = json.loads((networks.sources.root() / "data/demo/network.json").read_text())
    assert network.crop == 221
    assert network.class_names == facts["classes"]


def test_a_thing_in_words(tmp_path):
    network = networks.load(TINY, preprocessing={"crop": 24}, device="cpu")
    (words,) = network.in_words(noise(1, 3, 24, 24))
    name, p = words.split("\n")
    assert name.startswith("class ")
    assert 0.25 <= float(p) <= 1


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("squeezenet11", "DEFAULT", "no network 'squeezenet11'; nearest: squeezenet1_1"),
        ("squeezenet1_1", "nowhere.pth", "no weights 'nowhere.pth'; wanted DEFAULT, random, IMAGENET1K_V1"),
        ("nothing.there:factory", "DEFAULT", "cannot be imported .*package.module:factory"),
        ("tests.conftest:nothing", "DEFAULT", "cannot be imported"),
        ("tests.conftest:noise", "DEFAULT", "its factory failed"),
        ("os:getpid", "DEFAULT", "its factory failed"),
        ("tests.conftest:tiny_network", "nowhere.pth", "no weights 'nowhere.pth'"),
    ],
)
def test_what_cannot_be_loaded_says_why(name, weights, message):
    with pytest.raises(BadInput, match=message):
        networks.load(name, weights, preprocessing={"crop": 24}, device="cpu")


def test_weights_of_another_network_do_not_fit(tmp_path):
    save_file(tiny_network().state_dict(), tmp_path / "tiny.safetensors")
    with pytest.raises(BadInput, match="do not fit squeezenet1_1"):
        networks.load("squeezenet1_1", str(tmp_path / "tiny.safetensors"), device="cpu")


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_nothing_but_tensors_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Harmful()}, tmp_path / "harm.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("harm.pth", "text.pth", "text.safetensors"):
        with pytest.raises(BadInput, match=r"cannot be read .*wanted a state_dict"):
            networks.load("squeezenet1_1", str(tmp_path / name), device="cpu")
    assert not (tmp_path / "harmed").exists()


def test_weights_that_cannot_be_downloaded_say_so(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(BadInput, match=r"could not be downloaded .*path of a file"):
        networks.load("squeezenet1_1", "IMAGENET1K_V1", device="cpu")


def test_a_crop_that_the_network_does_not_take_is_refused():
    with pytest.raises(BadInput, match=r"does not take 2 x 2 images.*give its crop"):
        networks.load(TINY, preprocessing={"crop": 2}, device="cpu")


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(BadInput, match="device is 'cuda'"):
        networks.load(TINY, preprocessing={"crop": 24}, device="cuda")


def test_the_device_in_words_names_the_processor():
    assert networks.device_in_words(torch.device("cpu")).endswith(" threads")
