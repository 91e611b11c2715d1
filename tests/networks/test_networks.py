import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file

from jpegstudy import networks
from jpegstudy.errors import BadInput
from jpegstudy.places import root
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


@pytest.mark.parametrize("name", ["squeezenet1_1", "efficientnet_lite0", "demo"])
def test_random_weights_are_the_same_each_time(name):
    hashes = {networks.load(name, "random", device="cpu").weights_hash for _ in range(2)}
    assert len(hashes) == 1


def test_the_installed_efficientnet_has_its_own_constants():
    network = networks.load("efficientnet_lite0", device="cpu")
    assert network.crop == 224
    assert network.mean == pytest.approx((127 / 255,) * 3)
    assert network.deviation == pytest.approx((128 / 255,) * 3)
    assert network.class_names[665] == "moped"


def test_the_demo_network_is_the_projects_own():
    network = networks.load("demo", device="cpu")
    own = load_file(root() / "data/demo/network.safetensors")
    assert {key: tensor.tolist() for key, tensor in network.module.state_dict().items()} == {
        key: tensor.float().tolist() for key, tensor in own.items()
    }
    facts = json.loads((root() / "data/demo/network.json").read_text())
    assert network.class_names == facts["classes"]
    assert (network.crop, network.class_count) == (221, len(facts["classes"]))


@pytest.mark.parametrize(("run", "name"), [("demo", "demo"), ("photos", "efficientnet_lite0")])
def test_weights_have_the_hash_that_published_runs_record(run, name):
    record = json.loads((root() / "outputs/report" / run / "run.json").read_text())
    published = record["stages"]["01_preprocessing"]["network"]
    network = networks.load(name, device="cpu")
    assert (network.name, network.weights_hash) == (published["name"], published["weights_hash"])


def test_the_demo_network_is_missed_outside_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    with pytest.raises(BadInput, match=r"'demo' is not in .*; .*set JPEGSTUDY_ROOT"):
        networks.load("demo", device="cpu")


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
        (":tiny_network", "DEFAULT", "cannot be imported .Empty module name"),
        ("tests.conftest:noise", "DEFAULT", "its factory failed"),
        ("os:getpid", "DEFAULT", "its factory failed"),
        ("tests.conftest:tiny_network", "nowhere.pth", "no weights 'nowhere.pth'"),
    ],
)
def test_what_cannot_be_loaded_says_why(name, weights, message):
    with pytest.raises(BadInput, match=message):
        networks.load(name, weights, preprocessing={"crop": 24}, device="cpu")


def test_a_module_that_breaks_while_it_is_imported_says_so(tmp_path, monkeypatch):
    (tmp_path / "broken_factories.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match=r"'broken_factories:make' cannot be imported \(division by zero\)"):
        networks.load("broken_factories:make", device="cpu")


class Answers(torch.nn.Module):
    """Answers with what it was made with, or raises it, whatever the image."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def network_of(module, crop=24):
    return networks.Network(module, name="own", weights="w", crop=crop, mean=[0] * 3, deviation=[1] * 3)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RuntimeError("a size\nmismatch."), "does not take 24 x 24 images: a size mismatch; give its crop"),
        (TypeError("no such argument"), "24 images: no such argument; give its crop"),
        (AssertionError(), "24 images: AssertionError; give its crop"),
        ((torch.zeros(1, 4), None), "gives a tuple; wanted a tensor"),
        ({"logits": torch.zeros(1, 4)}, "gives a dict; wanted a tensor"),
        (torch.zeros(4), r"gives torch.float32 \(4,\) for one image; wanted floats \(1, C\)"),
        (torch.zeros(1, 4, 6, 6), r"\(1, 4, 6, 6\) for one image"),
        (torch.zeros(2, 4), r"\(2, 4\) for one image"),
        (torch.zeros(1, 4, dtype=torch.int64), r"gives torch.int64 \(1, 4\) for one image"),
        (torch.zeros(1, 1), "gives 1 logits per image; wanted two or more"),
        (torch.zeros(1, 0), "gives 0 logits per image; wanted two or more"),
        (torch.tensor([[0, torch.nan]]), "logits that are not finite"),
        (torch.tensor([[0, -torch.inf]]), "logits that are not finite"),
    ],
)
def test_a_module_that_is_no_classifier_of_such_images_is_refused(answer, message):
    with pytest.raises(BadInput, match=rf"^network 'own' .*{message}[^\n]*$"):
        network_of(Answers(answer))


def test_a_crop_that_the_network_does_not_take_is_refused():
    with pytest.raises(BadInput, match=r"does not take 2 x 2 images.*give its crop"):
        networks.load(TINY, preprocessing={"crop": 2}, device="cpu")


def test_double_precision_weights_are_refused_and_told_what_to_do():
    with pytest.raises(BadInput, match=r"does not take .*; its weights are float64: return module.float\(\)"):
        network_of(tiny_network().double())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_used_in_single(dtype):
    half, rounded = tiny_network().to(dtype), tiny_network().to(dtype).float()
    network = network_of(half)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert network.weights_hash == network_of(rounded).weights_hash
    images = noise(2, 3, 24, 24)
    torch.testing.assert_close(network(images), rounded(images / 255), rtol=1e-5, atol=1e-5)


def test_the_hash_is_of_names_and_bytes_of_every_type_of_number():
    module = tiny_network()
    module.register_buffer("count", torch.tensor(3))  # of no dimension
    module.register_buffer("mask", torch.tensor([True, False]))
    module.register_buffer("last", torch.tensor([0.5, 1.5]).to(torch.float8_e5m2))  # NumPy has no such type
    expected = hashlib.sha256()
    for key, tensor in sorted(tiny_network().state_dict().items()):
        expected.update(key.encode() + tensor.numpy().tobytes())
    expected.update(b"count" + (3).to_bytes(8, "little"))
    expected.update(b"last" + b"\x38\x3e")
    expected.update(b"mask" + b"\1\0")
    assert network_of(module).weights_hash == expected.hexdigest()


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.quint8),
        lambda: torch.empty(3, device="meta"),
        torch.nn.parameter.UninitializedBuffer,
    ],
    ids=["sparse", "sparse rows", "quantized", "meta", "lazy"],
)
@pytest.mark.filterwarnings("ignore")  # torch's of its own sparse and quantized tensors
def test_tensors_that_are_no_plain_numbers_are_refused(make):
    module = tiny_network()
    module.register_buffer("odd", make())
    with pytest.raises(
        BadInput, match=r"^network 'own': its state_dict holds more than plain numbers [^\n]*; wanted all"
    ):
        network_of(module)


class Elsewhere(torch.nn.Module):
    """Stands for a module that its factory put on another device."""

    here = False

    def cpu(self):
        self.here = True
        return super().cpu()

    def forward(self, x):
        if not self.here:
            raise RuntimeError("expected all tensors to be on the same device")
        return torch.zeros(len(x), 2)


def test_a_factory_may_leave_its_module_on_another_device():
    assert network_of(Elsewhere()).class_count == 2


@pytest.mark.parametrize("shape", [(3, 24, 24), (1, 1, 24, 24), (1, 24, 24, 3)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(BadInput, match=r"images are \(.*\); wanted \(N, 3, H, W\)"):
        network_of(tiny_network())(noise(*shape))


def test_a_network_may_hold_weights_of_five_dimensions():
    module = torch.nn.Sequential(torch.nn.Unflatten(1, (3, 1)), torch.nn.Conv3d(3, 2, (1, 24, 24)), torch.nn.Flatten())
    assert network_of(module).class_count == 2


@pytest.mark.parametrize(
    "given",
    [
        "224",
        {"size": 24},
        {"name": "other"},
        {"crop": 0},
        {"crop": 24.5},
        {"mean": 0.5},
        {"mean": [0.5, 0.5]},
        {"mean": [0.5, 0.5, "0.5"]},
        {"mean": [0.5, 0.5, float("nan")]},
        {"mean": [0.5, 0.5, 10**400]},
        {"deviation": [0.5, 0.5, float("inf")]},
        {"deviation": [0.5, 0.5, 0]},
    ],
)
def test_preprocessing_that_cannot_be_done_is_refused(given):
    with pytest.raises(BadInput, match=r"^(preprocessing|crop|mean|deviation) is .*; wanted"):
        networks.load(TINY, preprocessing=given, device="cpu")
