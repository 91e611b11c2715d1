"""DeepFool and Carlini-Wagner: attacks that look for the smallest perturbation."""

import warnings

import pytest
import torch

from jpegstudy.attacks import carlini_wagner, deepfool, strength
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import pictures, small_network


def foolboxs(attack, images, labels):
    """L2 norms in grey levels of what foolbox finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foolbox imports warns of its own future
        import foolbox

        class Module(torch.nn.Module):
            def forward(self, x):
                return small_network()(x * 255)

        model = foolbox.PyTorchModel(Module().eval(), bounds=(0, 1), device="cpu")
        _, clipped, success = attack(foolbox.attacks)(model, images.float() / 255, labels, epsilons=None)
    assert success.all()
    return (clipped * 255 - images.float()).flatten(1).norm(dim=1)


def test_deepfool_finds_boundaries_as_near_as_foolboxs():
    images, labels = pictures(24)
    found = deepfool.attack(small_network(), images.float(), labels)
    assert found.success.all()
    ours = strength.measure(images, found.images).l2
    theirs = foolboxs(lambda library: library.L2DeepFoolAttack(), images, labels)
    assert float(ours.median()) == pytest.approx(float(theirs.median()), rel=0.1)
    behind = torch.gather(found.curve, 1, found.steps[:, None])
    assert (behind < 0).all()
    assert (found.curve.gather(1, (found.steps - 1)[:, None]) >= 0).all()


def test_carlini_wagner_finds_perturbations_as_small_as_foolboxs():
    images, labels = pictures(12)
    found = carlini_wagner.attack(small_network(), images.float(), labels, steps=300, searches=6, rate=0.002)
    assert found.success.all()
    assert found.curve.shape == (12, 1801)
    ours = strength.measure(images, found.images).l2
    theirs = foolboxs(
        lambda library: library.L2CarliniWagnerAttack(steps=300, binary_search_steps=6, stepsize=0.002), images, labels
    )
    assert float(ours.median()) == pytest.approx(float(theirs.median()), rel=0.1)


@pytest.mark.parametrize(
    "attack",
    [deepfool.attack, lambda *given: carlini_wagner.attack(*given, steps=60, searches=5)],
    ids=["deepfool", "carlini_wagner"],
)
def test_success_is_that_of_the_rounded_image(attack):
    images, labels = pictures(12)
    found = attack(small_network(), images, labels)
    assert found.images.dtype == torch.uint8
    assert torch.equal(found.success, small_network()(found.images).argmax(dim=1) != labels)


def test_carlini_wagner_survives_rounding_for_it_looks_at_the_rounded():
    images, labels = pictures(8)
    found, exact = (
        carlini_wagner.attack(small_network(), given, labels, steps=80, searches=5)
        for given in (images, images.float())
    )
    assert found.success.all()
    assert (small_network()(exact.images.round()).argmax(dim=1) == labels).any()  # it rounds some back to nothing


def test_deepfool_lengthens_what_rounding_takes_back():
    images, labels = pictures(24)
    exact = deepfool.attack(small_network(), images.float(), labels).images
    rounded = small_network()(exact.round()).argmax(dim=1) != labels
    found = deepfool.attack(small_network(), images, labels)
    assert (~rounded).sum() >= 3
    assert found.success.all()
    assert torch.equal(found.images[rounded].float(), exact[rounded].round())
    longer = strength.measure(images, found.images).l2 > strength.measure(images.float(), exact.round()).l2
    assert longer[~rounded].all()


def test_the_judge_has_the_last_word():
    images, labels = pictures(4)

    def stubborn(given):
        return torch.nn.functional.one_hot(labels[: len(given)], 10).float()

    found = carlini_wagner.attack(small_network(), images[:1], labels[:1], steps=20, searches=2, judge=stubborn)
    assert not found.success.any()
    assert torch.equal(found.images, images[:1])
    assert not deepfool.attack(small_network(), images, labels, judge=stubborn).success.any()


def test_wrong_answers_need_no_perturbation():
    images, labels = pictures(3)
    others = (labels + 1) % 10
    for found in (
        deepfool.attack(small_network(), images, others),
        carlini_wagner.attack(small_network(), images, others, steps=5, searches=1),
    ):
        assert torch.equal(found.images, images)
        assert found.success.all()


@pytest.mark.parametrize(
    "attack",
    [deepfool.attack, lambda *given: carlini_wagner.attack(*given, steps=40, searches=3)],
    ids=["deepfool", "carlini_wagner"],
)
def test_an_image_does_not_depend_on_the_others(attack):
    images, labels = pictures(5)
    together = attack(small_network(), images.float(), labels).images
    alone = torch.cat([attack(small_network(), images[k : k + 1].float(), labels[k : k + 1]).images for k in range(5)])
    torch.testing.assert_close(together, alone, atol=0.05, rtol=0)


BAD = [
    (deepfool.attack, {"steps": 0}, "steps is 0"),
    (deepfool.attack, {"candidates": 1}, "candidates are 1"),
    (deepfool.attack, {"overshoot": -1}, "overshoot is -1"),
    (carlini_wagner.attack, {"searches": 0}, "searches is 0"),
    (carlini_wagner.attack, {"rate": 0}, "rate is 0; wanted a number above 0"),
    (carlini_wagner.attack, {"first": -1}, "first is -1"),
]


@pytest.mark.parametrize(("attack", "wrong", "message"), BAD, ids=[message for *_, message in BAD])
def test_settings_that_mean_nothing_are_refused(attack, wrong, message):
    with pytest.raises(BadInput, match=message):
        attack(small_network(), *pictures(1), **wrong)
