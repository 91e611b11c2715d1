"""NIC in the notation: the codec's own results, gradients through its soft path, real bits, and what is refused."""

import os

import pytest
import torch

from jpegstudy import modifications, places
from jpegstudy.attacks import adaptive
from jpegstudy.errors import BadInput
from jpegstudy.learned import build, save
from jpegstudy.learned.transform import Nic
from tests.conftest import noise, tiny_network
from tests.learned.conftest import SHAPES, photographs


@pytest.fixture
def file(tmp_path, codecs):
    """A trained codec's file."""
    save(codecs["factorized"], tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_pixels_and_bits_are_the_codecs(file, codecs):
    transform, images = modifications.transform(f"NIC[{file}]"), photographs(40, 50)
    assert torch.equal(transform(images, seed=3, indices=[7, 8]), codecs["factorized"].reconstruct(images))
    assert transform.bits(images).tolist() == [8 * len(each) for each in codecs["factorized"].encode(images)]
    assert transform.bits(images).dtype == torch.int64
    assert torch.equal(modifications.parse(f"NIC[{file}](x)").apply(images, None), transform(images))


def test_it_declares_what_every_transform_does(file):
    transform = Nic(path=str(file))
    assert (transform.name, transform.settings, str(transform.output)) == ("NIC", f"[{file}]", "torch.uint8")
    assert (transform.differentiable, transform.stochastic, transform.resizes) == (True, False, False)
    assert Nic.of(transform.settings) == transform
    assert modifications.named("NIC", path="w.pth").defense == Nic.of("[w.pth]")


def test_gradients_go_through_the_soft_path_to_the_image_only(file, codecs):
    transform, images = Nic(path=str(file)), photographs(40, 50).float().requires_grad_()
    smooth = transform.smooth(images)
    assert torch.allclose(smooth, 255 * codecs["factorized"].soft(images / 255), atol=1e-3)
    smooth.square().sum().backward()
    assert (images.grad != 0).any()
    assert all(parameter.grad is None for parameter in transform.model().parameters())


def test_an_attacker_who_knows_it_takes_its_gradient(file):
    def network(images):
        return tiny_network()(images.float() / 255)

    transform, images = Nic(path=str(file)), photographs(48, 48).float().requires_grad_()
    known = adaptive.through(network, transform, "bpda", geometric=transform.smooth)
    answer = known(images)
    assert torch.allclose(answer, network(transform(images.detach().to(torch.uint8))), atol=1e-4)
    ours = torch.autograd.grad(answer[:, 0].sum(), images)[0]
    blind = torch.autograd.grad(adaptive.through(network, transform, "bpda")(images)[:, 0].sum(), images)[0]
    assert not torch.allclose(ours, blind)


def test_a_file_that_changes_is_loaded_again(file):
    transform, images = Nic(path=str(file)), noise(1, 3, 24, 24)
    before, model = transform(images), transform.model()
    assert transform.model() is model
    save(build(SHAPES["scale"]), file)
    os.utime(file, ns=(1, 1))
    assert transform.model().shape == SHAPES["scale"]
    assert not torch.equal(transform(images), before)


def test_shipped_codecs_go_by_their_names(tmp_path, monkeypatch, codecs):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))
    images = photographs(24, 24)
    with pytest.raises(
        BadInput, match=r"no codec 'small' is shipped; there are: none yet; your own .* NIC\[my/weights"
    ):
        modifications.transform("NIC")(images)
    save(codecs["factorized"], places.root() / "data/learned/small.safetensors")
    save(codecs["scale"], places.root() / "data/learned/hardened.safetensors")
    assert torch.equal(Nic()(images), codecs["factorized"].reconstruct(images))
    assert torch.equal(modifications.transform("NIC-hardened")(images), codecs["scale"].reconstruct(images))
    assert torch.equal(Nic.of("[data/learned/small.safetensors]")(images), Nic()(images))
    with pytest.raises(BadInput, match=r"no codec 'other' is shipped; there are: hardened, small; your own"):
        modifications.transform("NIC-other").bits(images)


@pytest.mark.parametrize("settings", ["5", "-", "[]", "[a](b", "-a-b", "small", "[a]b"])
def test_other_settings_are_refused(settings):
    with pytest.raises(
        BadInput, match=r"NIC's setting is .*; wanted the name of a shipped codec|there is no transform"
    ):
        modifications.transform(f"NIC{settings}")


def test_images_of_another_kind_are_refused_before_weights_are_looked_for():
    with pytest.raises(BadInput, match="images are torch"):
        Nic(path="none.pth")(torch.rand(1, 3, 8, 8))
    with pytest.raises(BadInput, match="there are no weights"):
        Nic(path="none.pth")(noise(1, 3, 8, 8))
