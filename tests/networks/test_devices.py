import pytest
import torch

from jpegstudy import networks
from jpegstudy.errors import BadInput


@pytest.fixture
def machine(monkeypatch):
    """A function that makes this machine one with so many CUDA devices, and with MPS or without."""

    def have(gpus=0, mps=False):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return have


@pytest.mark.parametrize(
    ("device", "gpus", "mps", "picked"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 0, True, "mps"),
        ("auto", 2, True, "cuda"),
        ("cuda", 1, False, "cuda"),
        ("cuda:0", 1, False, "cuda:0"),
        ("cuda:1", 2, False, "cuda:1"),
        ("cuda:01", 2, False, "cuda:1"),
        ("mps", 0, True, "mps"),
        ("cpu", 1, True, "cpu"),
        (torch.device("cpu"), 0, False, "cpu"),
    ],
)
def test_a_device_goes_by_its_name(machine, device, gpus, mps, picked):
    machine(gpus, mps)
    assert networks.pick_device(device) == torch.device(picked)


@pytest.mark.parametrize(
    ("device", "gpus", "message"),
    [
        ("cuda", 0, "device is 'cuda', .* has no CUDA device; take auto or cpu"),
        ("cuda:0", 0, "device is 'cuda:0', .* has no CUDA device; take auto or cpu"),
        ("cuda:9", 0, "device is 'cuda:9', .* has no CUDA device; take auto or cpu"),
        ("cuda:2", 2, "device is 'cuda:2', .* has cuda:0 to cuda:1; take one of them or cpu"),
        ("mps", 1, "device is 'mps', which this machine does not have; take auto or cpu"),
        ("gpu", 1, "device is 'gpu'; wanted auto, cpu, cuda, cuda:N or mps"),
        ("cuda:x", 1, "device is 'cuda:x'; wanted"),
        ("cuda:" + 5000 * "1", 1, "; wanted auto"),
        (None, 1, "device is 'None'; wanted"),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, device, gpus, message):
    machine(gpus)
    with pytest.raises(BadInput, match=message):
        networks.pick_device(device)


def test_a_network_is_not_built_for_a_device_that_is_not_there(machine):
    machine(1)
    with pytest.raises(BadInput, match="device is 'cuda:9'"):
        networks.load("tests.conftest:tiny_network", preprocessing={"crop": 24}, device="cuda:9")


def test_the_device_in_words_names_the_processor():
    assert networks.device_in_words(torch.device("cpu")).endswith(" threads")
