import warnings

import pytest
import torch

from jpegstudy import attacks, networks
from jpegstudy.errors import BadInput
from tests.conftest import noise


@pytest.fixture(scope="module")
def network():
    return networks.load("tests.conftest:tiny_network", preprocessing={"crop": 24}, device="cpu")


def linear_network(weight):
    """Logits (0, w·x): the gradient of the loss at label 0 is p(1) * w, at label 1 it is -p(0) * w."""
    return lambda images: torch.stack([torch.zeros(len(images)), (images.flatten(1) * weight.flatten()).sum(1)], dim=1)


def test_gradient_sign_is_the_known_one_of_a_linear_network():
    weight = torch.tensor([1e-3, -1e-3, 0.0]).view(3, 1, 1).expand(3, 4, 4)
    sign = attacks.gradient_sign(linear_network(weight), noise(5, 3, 4, 4), torch.tensor([0, 1, 0, 1, 0]))
    assert sign.dtype == torch.int8
    assert (sign[0::2] == weight.sign()).all()
    assert (sign[1::2] == -weight.sign()).all()


def test_without_labels_the_attack_moves_away_from_the_top_label(network):
    images = noise(6, 3, 24, 24)
    top_label = network.probabilities(images).argmax(dim=1)
    gradient, logits = attacks.loss_gradient(network, images)
    assert torch.equal(logits.argmax(dim=1), top_label)
    assert torch.equal(gradient.sign().to(torch.int8), attacks.gradient_sign(network, images, top_label))


def test_the_gradient_of_an_image_does_not_depend_on_the_others(network):
    images = noise(4, 3, 24, 24)
    together, _ = attacks.loss_gradient(network, images)
    alone = torch.cat([attacks.loss_gradient(network, image[None])[0] for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-9)  # sums in another order


def test_no_gradient_of_a_weight_is_computed(network):
    attacks.loss_gradient(network, noise(2, 3, 24, 24))
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())


def test_the_loss_rises_along_the_sign(network):
    images = noise(20, 3, 24, 24)
    p, labels = network.probabilities(images).max(dim=1)
    attacked = network.probabilities(attacks.fgsm(network, images, epsilon=1))[range(20), labels]
    assert (attacked <= p).all()
    assert (attacked < p).sum() >= 15


@pytest.mark.parametrize("epsilon", [1, 5, 10, 255])
def test_the_perturbation_is_epsilon_and_stays_in_eight_bits(epsilon):
    images, sign = noise(2, 3, 9, 7), torch.randint(-1, 2, (2, 3, 9, 7), dtype=torch.int8)
    result = attacks.perturb(images, sign, epsilon=epsilon)
    assert result.dtype == torch.uint8
    expected = (images.double() + epsilon * sign.double()).clamp(0, 255)  # independent of the integer path
    assert torch.equal(result.double(), expected)
    unclipped = images.int() + epsilon * sign.int()
    inside = (unclipped >= 0) & (unclipped <= 255)
    assert ((result.int() - images.int()).abs()[inside & (sign != 0)] == epsilon).all()
    assert (result == images)[sign == 0].all()


@pytest.mark.parametrize("epsilon", [-1, 0.5, 256])
def test_epsilons_that_leave_eight_bits_are_refused(epsilon):
    with pytest.raises(BadInput, match="wanted a whole number of grey levels"):
        attacks.perturb(noise(1, 3, 4, 4), torch.ones(1, 3, 4, 4, dtype=torch.int8), epsilon=epsilon)


def test_float_images_stay_float_and_take_any_epsilon():
    images, sign = 255 * torch.rand(2, 3, 8, 8), torch.randint(-1, 2, (2, 3, 8, 8), dtype=torch.int8)
    result = attacks.perturb(images, sign, epsilon=1.5)
    assert torch.equal(result, (images + 1.5 * sign).clamp(0, 255))


def test_images_of_other_types_are_refused():
    with pytest.raises(BadInput, match=r"images are torch.int64; wanted uint8 or floating"):
        attacks.perturb(torch.ones(1, 3, 4, 4).long(), torch.ones(1, 3, 4, 4, dtype=torch.int8), epsilon=1)


def foolbox_perturbation(network, images, labels):
    """The step that foolbox's FGSM makes at epsilon one grey level, in grey levels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foolbox imports warns of its own future
        import foolbox

        model = foolbox.PyTorchModel(network, bounds=(-1000.0, 1255.0), device="cpu")  # so wide that nothing is clipped
        attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
        _, clipped, _ = attack(model, images, labels, epsilons=[1.0])
    return clipped[0] - images


def squeezenet():
    return networks.load("squeezenet1_1", "random", device="cpu")


@pytest.mark.parametrize(
    ("dtype", "least"), [(torch.float64, 1.0), (torch.float32, 0.9995)], ids=["float64", "float32"]
)
def test_the_sign_is_foolboxs(dtype, least):
    network = squeezenet().to(dtype)
    images = noise(4, 3, 224, 224).to(dtype)
    gradient, logits = attacks.loss_gradient(network, images)
    theirs = foolbox_perturbation(network, images, logits.argmax(dim=1)).sign()
    relative = gradient.abs() / gradient.abs().amax(dim=(1, 2, 3), keepdim=True)
    if dtype == torch.float64:
        clear = relative > 1e-9  # below, the two orders of summation may differ in sign
        assert clear.float().mean() > 0.9
        assert torch.equal(gradient.sign()[clear], theirs[clear])
    else:
        differ = gradient.sign() != theirs
        largest = relative[differ].max() if differ.any() else 0
        print(f"{int(differ.sum())} of {differ.numel()} signs differ, their relative size up to {largest:.1e}")
        assert 1 - differ.float().mean() >= least
        assert largest < 1e-3
