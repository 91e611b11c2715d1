import warnings

import pytest
import torch

from jpegstudy import attacks
from jpegstudy.attacks import iterated, strength
from jpegstudy.attacks.contract import margins
from jpegstudy.errors import BadInput
from tests.attacks.small_networks import Speckle, pictures, small_network

NUMBERS = range(100, 108)


class LastWins:
    """A judge for whom each iterate is worse than the one before, so that the last is kept; it remembers the first."""

    def __init__(self):
        self.asked, self.start = 0, None

    def __call__(self, images):
        if self.start is None:
            self.start = images.clone()
        self.asked += 1
        return torch.tensor([-float(self.asked)] + [0.0] * 9).expand(len(images), 10)


def foolboxs(name, images, labels, *, start, epsilon, steps, alpha):
    """The last iterate of foolbox's attack from a start of ours, in grey levels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foolbox imports warns of its own future
        import eagerpy
        import foolbox

        class Module(torch.nn.Module):
            def forward(self, x):
                return small_network()(x)

        model = foolbox.PyTorchModel(Module().eval(), bounds=(0, 255), device="cpu")
        attack = getattr(foolbox.attacks, name)(abs_stepsize=alpha, steps=steps, random_start=True)
        attack.get_random_start = lambda x0, epsilon: eagerpy.astensor(start)
        _, clipped, _ = attack(model, images.float(), labels, epsilons=[float(epsilon)])
    return clipped[0]


@pytest.mark.parametrize(
    ("method", "name", "epsilon", "alpha"),
    [
        (iterated.bim, "LinfPGD", 2, 0.7),
        (iterated.bim, "LinfPGD", 5, 0.7),
        (iterated.pgd, "LinfPGD", 5, 0.7),
        (iterated.pgd_l2, "L2PGD", 60, 20.0),
        (iterated.pgd_l2, "L2PGD", 60, 4.0),
    ],
)
def test_the_last_iterate_is_foolboxs(method, name, epsilon, alpha):
    images, labels = pictures(8)
    images[0, :, :4] = 254  # where the range ends, before the ball does
    labels = torch.zeros_like(labels)  # the class that LastWins knows of
    judge = LastWins()
    settings = {"epsilon": epsilon, "steps": 7, "alpha": alpha, "seed": 0, "indices": NUMBERS}
    ours = method(small_network(), images.float(), labels, judge=judge, **settings)
    assert (ours.steps == 7).all()
    theirs = foolboxs(name, images, labels, start=judge.start, epsilon=epsilon, steps=7, alpha=alpha)
    assert ((ours.images - theirs).abs() < 2e-3).float().mean() > 0.999  # a sign may turn where a gradient is almost 0
    if method is not iterated.pgd_l2:  # whose rounding has a ball to stay in
        rounded = method(small_network(), images, labels, judge=LastWins(), **settings).images
        assert ((rounded.float() - theirs).abs() <= 0.5 + 2e-3).float().mean() > 0.999


def test_the_worst_iterate_is_kept_and_the_curve_holds_its_margin():
    images, labels = pictures(8)
    network = small_network()
    found = iterated.pgd(network, images, labels, epsilon=3, steps=12, seed=0, indices=NUMBERS)
    assert found.images.dtype == torch.uint8
    assert found.curve.shape == (8, 13)
    lowest, at = found.curve.min(dim=1)
    assert torch.equal(at, found.steps)
    torch.testing.assert_close(margins(network(found.images), labels), lowest)
    assert torch.equal(found.success, network(found.images).argmax(dim=1) != labels)
    assert (lowest < margins(network(images), labels)).all()


@pytest.mark.parametrize("epsilon", [1, 2.5, 8])
@pytest.mark.parametrize("method", ["Adv", "BIM", "PGD"])
def test_the_bound_holds_exactly_after_rounding(method, epsilon):
    images, labels = pictures(8)
    images[0], images[1] = 0, 255
    found = attacks.find(method)(small_network(), images, labels, epsilon=epsilon, seed=0, indices=NUMBERS)
    strength.check_epsilon(images, found.images, epsilon, NUMBERS)
    assert strength.measure(images, found.images).linf.max() == int(epsilon)


def test_float_images_stay_floats_within_epsilon():
    images, labels = pictures(8)
    base = images.float() + 0.3
    for method in ("Adv", "BIM", "PGD"):
        found = attacks.find(method)(small_network(), base, labels, epsilon=0.5, seed=0, indices=NUMBERS)
        assert found.images.dtype == torch.float32
        strength.check_epsilon(base, found.images, 0.5, NUMBERS)


@pytest.mark.parametrize("epsilon", [5, 30.5, 200])
def test_l2_balls_hold_the_rounded_image(epsilon):
    images, labels = pictures(8)
    found = iterated.pgd_l2(small_network(), images, labels, epsilon=epsilon, steps=8, seed=0, indices=NUMBERS)
    lengths = strength.measure(images, found.images).l2
    assert (lengths <= epsilon).all()
    if epsilon > 5:  # 768 values share 5 grey levels: most rounds to nothing
        assert (lengths > 0.8 * epsilon).all()


def test_rounding_within_a_ball_leaves_what_fits_as_it_is():
    base = torch.full((2, 3, 4, 4), 100.0)
    x = base + torch.stack([torch.full((3, 4, 4), 0.6), torch.full((3, 4, 4), 3.2)])
    rounded = iterated.round_within(base, x, 22.0)  # the first rounds to 1, length 6.9; the second to 3, length 20.8
    assert torch.equal(rounded, x.round())
    shorter = iterated.round_within(base, x, 14.0)
    assert torch.equal(shorter[0], x[0].round())
    assert torch.equal(shorter[1], base[1] + 2)


@pytest.mark.parametrize("method", ["BIM", "PGD", "PGDL2"])
def test_batches_change_nothing(method):
    images, labels = pictures(6)
    settings = {"epsilon": 4 if method != "PGDL2" else 40, "steps": 5, "seed": 1}
    attack = attacks.find(method)
    together = attack(small_network(), images, labels, indices=range(6), **settings)
    alone = [attack(small_network(), images[k : k + 1], labels[k : k + 1], indices=[k], **settings) for k in range(6)]
    differ = together.images != torch.cat([one.images for one in alone])
    assert differ.float().mean() < 1e-3  # a sign may turn where sums in another order are almost 0


def test_a_restart_is_for_those_that_do_not_mislead_yet_and_only_helps():
    images, labels = pictures(8)
    once, thrice = (
        iterated.pgd(small_network(), images, labels, epsilon=1, steps=3, restarts=r, seed=0, indices=NUMBERS)
        for r in (1, 3)
    )
    assert (~once.success).any()
    assert torch.equal(once.images[once.success], thrice.images[once.success])
    assert (thrice.curve.amin(dim=1) <= once.curve.amin(dim=1)).all()
    assert (thrice.curve.amin(dim=1) < once.curve.amin(dim=1))[~once.success].any()


def test_a_larger_ball_misleads_more_often():
    images, labels = pictures(8)
    shares = [
        iterated.bim(small_network(), images, labels, epsilon=epsilon).success.float().mean() for epsilon in (1, 4, 30)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_judge_is_shown_what_would_be_saved():
    images, labels = pictures(4)
    seen = []

    def judge(given):
        seen.append(given.dtype)
        return small_network()(given)

    iterated.bim(small_network(), images, labels, epsilon=2, steps=2, judge=judge)
    assert set(seen) == {torch.uint8}


def test_the_expectation_is_the_mean_of_fresh_draws():
    images, labels = pictures(4)
    network = attacks.adaptive.through(small_network(), Speckle(), "bpda", seed=5)
    asked = []

    class Counting:
        stochastic = True

        def __call__(self, x, *, indices, draw):
            asked.append(draw)
            return network(x, indices=indices, draw=draw)

    found = iterated.bim(
        Counting(), images, labels, epsilon=2, steps=3, indices=range(4), expectation=4, judge=small_network()
    )
    assert asked == list(range(12))
    again = iterated.bim(
        network, images, labels, epsilon=2, steps=3, indices=range(4), expectation=4, judge=small_network()
    )
    assert torch.equal(found.images, again.images)


BAD = [
    ({"epsilon": -1}, "epsilon is -1; wanted a number of grey levels, 0 or more"),
    ({"epsilon": 0.5}, "8-bit images move by whole grey levels"),
    ({"epsilon": True}, "epsilon is True"),
    ({"steps": 0}, "steps is 0; wanted a whole number from 1"),
    ({"alpha": 0}, "alpha is 0; wanted a number of grey levels above 0"),
    ({"restarts": 0}, "restarts is 0"),
    ({"expectation": 0}, "expectation is 0"),
    ({"seed": None}, "the attack is random: it needs a seed"),
    ({"indices": [1]}, "it needs the index of each image"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_what_cannot_be_attacked_is_refused_in_one_line(wrong, message):
    images, labels = pictures(2)
    settings = {"epsilon": 2, "steps": 2, "seed": 0, "indices": range(2)} | wrong
    with pytest.raises(BadInput, match=message) as caught:
        iterated.pgd(small_network(), images, labels, **settings)
    assert "\n" not in str(caught.value)


IMAGES, LABELS = pictures(2)
ODD = [
    (IMAGES.double(), LABELS, "images are torch.float64; wanted a tensor of uint8 or float32"),
    (IMAGES[0], LABELS, r"images are \(3, 16, 16\)"),
    (IMAGES[:0], LABELS[:0], r"images are \(0, 3, 16, 16\)"),
    (IMAGES.float() * 3, LABELS, "wanted grey levels from 0 to 255"),
    (IMAGES.float() * torch.nan, LABELS, "images go from nan to nan"),
    (IMAGES, LABELS[:1], r"wanted int64 \(2,\), one for each image"),
    (IMAGES, LABELS.float(), "labels are torch.float32"),
    (IMAGES, LABELS + 20, "wanted 0 to 9, the logits'"),
]


@pytest.mark.parametrize(("images", "labels", "message"), ODD, ids=[message[:30] for *_, message in ODD])
@pytest.mark.parametrize("method", ["Adv", "BIM", "SQ"])
def test_odd_images_and_labels_are_refused(method, images, labels, message):
    with pytest.raises(BadInput, match=message):
        attacks.find(method)(small_network(), images, labels, epsilon=2, seed=0, indices=range(len(images)))
