import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from jpegstudy import networks
from jpegstudy.errors import BadInput
from tests.conftest import noise


def loaded(name, state, folder):
    """The network of that name with the state_dict, by way of a file."""
    torch.save(state, folder / "weights.pth")
    return networks.load(name, str(folder / "weights.pth"), device="cpu")


def logits(network, module):
    """Those of the network, and those of the module that its weights came from, of the same images."""
    images = noise(2, 3, network.crop, network.crop)
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (network.mean, network.deviation))
    with torch.inference_mode():
        return network(images), module.eval()((images / 255 - mean) / deviation)


def trained(name, **settings):
    """One of torchvision's networks as training leaves it: no weight at zero, and what it normalizes by measured, so
    that its logits depend on the image."""
    torch.manual_seed(3)
    module = models.get_model(name, weights=None, **settings)
    for parameter in module.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches, which are one
    if norms:
        side = 299 if name == "inception_v3" else 128
        module.train()(torch.randn(4, 3, side, side))
    return module


# Each with something of its own: a head that is a convolution, a version in its files, the plain case, a scaled input
@pytest.mark.parametrize("name", ["squeezenet1_1", "mnasnet0_5", "regnet_y_400mf", "googlenet"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_head_in_a_file_tells_the_class_count(tmp_path, name, suffix):
    settings = {"init_weights": False, "transform_input": True} if name == "googlenet" else {}
    module = trained(name, num_classes=7, **settings)
    path = tmp_path / f"weights{suffix}"
    save_file(module.state_dict(), path) if suffix == ".safetensors" else torch.save(module.state_dict(), path)
    network = networks.load(name, str(path), device="cpu")
    assert (network.class_count, network.class_names[6]) == (7, "class 6")
    torch.testing.assert_close(*logits(network, module), rtol=1e-3, atol=1e-4)  # another memory layout, other sums


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
@pytest.mark.parametrize("auxiliary", [True, False])
def test_files_with_and_without_the_heads_of_training_are_used_as_torchvision_would(tmp_path, name, auxiliary):
    settings = {"aux_logits": auxiliary, "transform_input": True, "init_weights": False}
    module = trained(name, **settings)
    network = loaded(name, module.state_dict(), tmp_path)
    torch.testing.assert_close(*logits(network, module), rtol=1e-3, atol=1e-4)
    assert not any("aux" in key.lower() for key in network.state_dict())


@pytest.mark.filterwarnings("ignore:A new version of MNASNet")
def test_the_version_in_a_file_is_kept(tmp_path):
    module = models.mnasnet0_5()
    module._load_from_state_dict({}, "", {"version": 1}, False, [], [], [])  # makes it one of the first version
    assert module.state_dict()["layers.0.weight"].shape[0] == 32  # 16 in the second
    assert loaded("mnasnet0_5", module.state_dict(), tmp_path).module.layers[0].out_channels == 32


def test_the_heads_of_training_may_be_of_another_class_count(tmp_path):
    module = trained("googlenet", aux_logits=True, transform_input=True, init_weights=False)
    module.fc = torch.nn.Linear(1024, 7)
    assert loaded("googlenet", module.state_dict(), tmp_path).class_count == 7


@pytest.mark.parametrize(("name", "crop", "shortest_side"), [("inception_v3", 299, 342), ("googlenet", 224, 256)])
def test_the_facts_of_random_networks_come_from_torchvision_too(name, crop, shortest_side):
    network = networks.load(name, "random", device="cpu")
    assert (network.crop, network.shortest_side, network.class_count) == (crop, shortest_side, 1000)
    assert network.mean == pytest.approx((0.485, 0.456, 0.406))
    assert network.class_names[0] == "tench"


@pytest.mark.slow
def test_a_vision_transformers_crop_is_that_of_its_file(tmp_path):
    module = trained("vit_b_32", image_size=96)
    network = loaded("vit_b_32", module.state_dict(), tmp_path)
    assert network.crop == 96
    torch.testing.assert_close(*logits(network, module), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["vit_b_16", "vit_h_14"])
def test_a_random_vision_transformer_takes_the_crop_that_it_states(name):
    with torch.device("meta"):  # one of them is of 2.5 GB
        module, facts = networks.sources.find(name, "random")
    assert module.image_size == facts["crop"] == {"vit_b_16": 224, "vit_h_14": 518}[name]


def test_a_crop_that_a_vision_transformer_does_not_take_is_refused():
    with pytest.raises(BadInput, match=r"'vit_b_32' does not take 96 x 96 images: Wrong image height.*; give its crop"):
        networks.load("vit_b_32", "random", preprocessing={"crop": 96}, device="cpu")


def test_keys_of_the_published_densenets_are_understood(tmp_path):
    module = trained("densenet121")
    old = {}
    for key, tensor in module.state_dict().items():
        for part in ("norm1", "conv1", "norm2", "conv2"):
            key = key.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.") if "denselayer" in key else key
        if not key.endswith("num_batches_tracked"):  # older than torch's counting of batches, too
            old[key] = tensor
    torch.testing.assert_close(*logits(loaded("densenet121", old, tmp_path), module), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("failure", [OSError("no route to host"), EOFError()])
def test_weights_that_cannot_be_downloaded_say_so(monkeypatch, failure):
    def refuse(*args, **kwargs):
        raise failure

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    why = str(failure) or "EOFError"
    with pytest.raises(BadInput, match=rf"IMAGENET1K_V1 of squeezenet1_1 could not be .*\({why}\); .*path of a file"):
        networks.load("squeezenet1_1", "IMAGENET1K_V1", device="cpu")
