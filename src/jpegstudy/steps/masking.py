"""Is a defense robust, or are its gradients only hidden? What the usual checks need to be measured, for one defense.

Carlini et al. 2019 list what an evaluation has to show before its robustness counts. ``outcomes`` runs every attack
that their list compares, on the same images; ``diagnostics`` holds the gradient that the attacker follows against the
loss that the defense really has. statistics.judge_masking compares.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from jpegstudy.attacks import fast_gradient, iterated, square, strength
from jpegstudy.attacks.contract import answer, check_count
from jpegstudy.attacks.gradient import loss_gradient
from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import check_images
from jpegstudy.steps import knowing

LARGE = 64  # grey levels: within it nothing of an image need stay, so that no real defense is right more than by chance
RESTARTS = 3
NOISE, DIRECTIONS = 7, 8  # kinds of drawings, see attacks.contract
CELLS = 8  # a diagnostic direction is of one sign in each of 8 x 8 cells, however large the image


def outcomes(network, defense, x, labels, *, numbers, seed, epsilon=2, steps=20, draws=1, queries=200):
    """Which images are right behind a defense under each trial of the checks, one pass each: D(A(x)).

    network: images -> logits, grey levels; deterministic.  defense: a transform.
    x: uint8 (N, 3, H, W).  labels: int64 (N,), the true ones or the network's own; every attack moves away from them.
    numbers: the images' numbers, (N,), which with the seed decide all that is random: batches change nothing.
    epsilon: L-infinity radius in grey levels, a whole number from 1 to 32.  steps: of PGD.
    draws: of a random defense, that each gradient and each answer an attacker asks for is the mean of; 1 for others.
    queries: of the Square Attack; each is of so many draws.

    Trials, PGD from one random start with ``steps`` steps where nothing else is said:
    "none"             x itself                         "noise"         epsilon with random signs
    "transfer"         PGD on the bare network          "single step"   one signed step through the defense
    "half", "as given", "double", "large"               PGD through the defense with epsilon / 2 (1 at least), epsilon,
                                                        2 epsilon, and 64 grey levels
    "twice the steps", "three restarts"                 PGD through the defense, at epsilon
    "square"           the Square Attack, which asks the defense and follows no gradient
    "frozen"           for random defenses: PGD as given, attacker and judge share one draw
    "undefended"       the images of "transfer", judged without the defense

    An attacker keeps of its iterates the one that its own copy of the defense likes least, with draws of its own. The
    verdict is the real defense's, of one draw that no attacker knew and that all trials share, so that differences
    between trials are the attacks'.
    Returns a row for each image and trial: defense (as in the notation), trial, image (its number), right (whether the
    label is the top one), linf (largest change, grey levels).
    Raises BadInput for settings that mean nothing, and for what the attacks refuse.
    Source: Carlini et al. 2019, On Evaluating Adversarial Robustness, section 5.
    """
    if isinstance(epsilon, bool) or epsilon not in range(1, LARGE // 2 + 1):
        raise BadInput(f"epsilon is {epsilon!r}; wanted a whole number of grey levels from 1 to {LARGE // 2}")
    check_images(x)
    check_count("draws", draws)
    epsilon = int(epsilon)
    real = knowing.judge(network, defense, seed=seed)
    own = knowing.rehearsal(network, defense, seed=seed)
    known = knowing.stand_in(network, defense, seed=seed)
    chance = {"seed": seed, "indices": np.asarray(numbers)}
    through = {"judge": own, "expectation": draws, **chance}
    rows = []

    def pgd(attacked, **settings):
        return iterated.pgd(attacked, x, labels, epsilon=epsilon, steps=steps, **settings).images

    def knowing_pgd(size, count=steps, restarts=1):
        return _until_misled(known, x, labels, epsilon=size, steps=count, restarts=restarts, **through)

    def note(trial, images, size, judge=real):
        strength.check_epsilon(x, images, size, numbers)
        with torch.no_grad():
            right = answer(judge, images, chance["indices"], 0).argmax(dim=1).cpu() == labels.cpu()
        linf = strength.measure(x, images).linf
        rows.append(
            pd.DataFrame({"trial": trial, "image": chance["indices"], "right": right.numpy(), "linf": linf.numpy()})
        )

    note("none", x, 0)
    note("noise", _noise(x, epsilon, **chance), epsilon)
    transferred = pgd(network, **chance)
    note("transfer", transferred, epsilon)
    note("single step", fast_gradient.attack(known, x, labels, epsilon=epsilon, **through).images, epsilon)
    sizes = {"half": max(1, epsilon // 2), "as given": epsilon, "double": 2 * epsilon, "large": LARGE}
    for trial, size in sizes.items():
        note(trial, knowing_pgd(size), size)
    note("twice the steps", knowing_pgd(epsilon, count=2 * steps), epsilon)
    note("three restarts", knowing_pgd(epsilon, restarts=RESTARTS), epsilon)
    asked = _Mean(own, draws) if defense.stochastic else own
    found = square.attack(asked, x, labels, epsilon=epsilon, queries=queries, judge=asked, **chance)
    note("square", found.images, epsilon)
    if defense.stochastic:
        judge = _Frozen(own)  # it has the attacker's seed: the stand-in's draw and this one's are the same
        note("frozen", pgd(_Frozen(known), judge=judge, **chance), epsilon, judge)
    note("undefended", transferred, epsilon, network)
    table = pd.concat(rows, ignore_index=True)
    table.insert(0, "defense", f"{defense.name}{defense.settings}")
    return table


def diagnostics(network, defense, x, labels, *, numbers, seed, draws=1, reach=2, directions=5):
    """How far the gradient that an attacker follows tells the slope of the loss that the defense really has.

    Arguments as for ``outcomes``; defense None measures the bare network, the yardstick: no network is linear, and a
    defense's numbers mean something beside those only.
    reach: grey levels that an image is moved each way along a direction.  directions: of each of the two kinds.

    The loss is the cross-entropy behind the real defense. Along a direction d of signs it is measured at the saved
    images x + reach d and x - reach d: their difference is the loss's slope, smoothed over a segment that is long
    enough to pass the steps at which a quantizer jumps. Predicted is the gradient's product with how far the two images
    lie apart. Both ends share a draw, which the attacker did not know. Noise in all pixels as well would smooth more,
    but would move the network's own gradient, too. In all 150,000 dimensions a few random directions would tell
    nothing; these are constant in sign within 8 x 8 cells:
        fine     the gradient's signs, all of them turned round or none in each cell: what an attack adds to an image
        coarse   a sign for each cell and channel, which no gradient chose: what a defense passes whole
    Returns a row for each image: defense, image, zeros (share of the gradient's entries that are 0), predicted and
    measured (differences of the loss along the gradient's own signs), fine and coarse (cosines of predicted and
    measured differences over the directions of a kind, which is the cosine of the two gradients within what these
    span; 0 where either vanishes). Where the gradient tells nothing a cosine is 0 on average, and 1 / sqrt(directions)
    off in each image: read means over images. It takes a gradient and 4 directions + 2 answers of an image: 22.
    Raises BadInput for settings that mean nothing.
    """
    check_images(x)
    check_count("reach", reach)
    check_count("directions", directions)
    check_count("draws", draws)
    real = network if defense is None else knowing.judge(network, defense, seed=seed)
    known = network if defense is None else knowing.stand_in(network, defense, seed=seed)
    numbers = np.asarray(numbers)
    base = x.float()
    gradient = sum(
        loss_gradient(lambda z, draw=draw: answer(known, z, numbers, draw), base, labels)[0] for draw in range(draws)
    )
    gradient = gradient / draws
    fine, coarse = _cells(x, 2 * directions, numbers, seed).split(directions, dim=1)  # (N, directions, 3, H, W)
    sign = gradient.sign()
    fine = fine[:, :, :1] * sign[:, None]  # one flip for all three channels
    paths = [sign, *fine.unbind(dim=1), *coarse.unbind(dim=1)]
    predicted, measured = zip(
        *(_differences(real, x, labels, gradient, reach * path, numbers, draw) for draw, path in enumerate(paths)),
        strict=True,
    )
    predicted, measured = torch.stack(predicted, dim=1), torch.stack(measured, dim=1)  # (N, 1 + 2 directions)
    kinds = {"fine": slice(1, 1 + directions), "coarse": slice(1 + directions, None)}
    told = {name: _cosine(predicted[:, part], measured[:, part]) for name, part in kinds.items()}
    told = {"zeros": (gradient == 0).flatten(1).float().mean(dim=1), "predicted": predicted[:, 0],
            "measured": measured[:, 0], **told}  # fmt: skip
    name = "none" if defense is None else f"{defense.name}{defense.settings}"
    return pd.DataFrame(
        {"defense": name, "image": numbers, **{key: value.cpu().numpy() for key, value in told.items()}}
    )


@dataclass(frozen=True)
class _Frozen:
    """A random network whose first draw is its only one."""

    network: Any
    stochastic = True  # it wants to know which images it is given

    def __call__(self, images, *, indices=None, draw=0):
        return answer(self.network, images, indices, 0)


@dataclass(frozen=True)
class _Mean:
    """A random network whose every draw is the mean of several: else a search would keep what one draw let pass."""

    network: Any
    draws: int
    stochastic = True

    def __call__(self, images, *, indices=None, draw=0):
        asked = range(draw * self.draws, (draw + 1) * self.draws)
        return sum(answer(self.network, images, indices, number) for number in asked) / self.draws


def _until_misled(network, x, labels, *, epsilon, steps, restarts, judge, indices, **settings):
    """PGD's images, the first quarter of the steps first, and all of them only for images that do not mislead yet.

    Without chance the same steps are taken again, so the verdict is that of all steps, at less than half the cost where
    most images fall early. The verdict on a random defense is another draw's: there each image takes all steps.
    """
    alpha = iterated.step_length(None, epsilon, steps)
    stages = [(steps, restarts)] if judge.stochastic else [(max(1, steps // 4), 1), (steps, restarts)]
    images, left = x.clone(), np.arange(len(x))
    for count, starts in stages:
        settings |= {"epsilon": epsilon, "alpha": alpha, "steps": count, "restarts": starts, "judge": judge}
        found = iterated.pgd(network, x[left], labels[left], indices=indices[left], **settings)
        images[left] = found.images
        left = left[~found.success.cpu().numpy()]
        if not len(left):
            break
    return images


def _noise(x, epsilon, *, seed, indices):
    """x with epsilon added or taken from each value at random: uint8."""
    drawn = [np.random.default_rng([seed, int(index), NOISE]).random(x.shape[1:], np.float32) for index in indices]
    up = torch.from_numpy(np.stack(drawn) < 0.5).to(x.device)
    return torch.where(up, x.int() + epsilon, x.int() - epsilon).clamp(0, 255).to(torch.uint8)


def _cells(x, count, numbers, seed):
    """Random signs, ``count`` for each image, constant within cells: float32 (N, count, 3, H, W)."""
    height, width = x.shape[-2:]
    down, across = (torch.arange(side) * CELLS // side for side in (height, width))
    drawn = [
        np.random.default_rng([seed, int(number), DIRECTIONS]).random((count, 3, CELLS, CELLS), np.float32)
        for number in numbers
    ]
    signs = torch.from_numpy(np.where(np.stack(drawn) < 0.5, np.float32(1), np.float32(-1)))
    return signs[..., down[:, None], across].to(x.device)


def _differences(judge, x, labels, gradient, path, numbers, draw):
    """Predicted and measured difference of the loss between x + path and x - path, as saved: float64 (N,) each.

    Both are on the CPU: Apple's GPUs have no float64.
    """
    up, down = ((x.float() + way).round().clamp(0, 255).to(torch.uint8) for way in (path, -path))
    predicted = (gradient.cpu().double() * (up.cpu().double() - down.cpu().double())).flatten(1).sum(dim=1)
    with torch.no_grad():
        higher, lower = (
            functional.cross_entropy(logits.cpu().double(), labels.cpu(), reduction="none")
            for logits in (answer(judge, images, numbers, draw) for images in (up, down))
        )
    return predicted, higher - lower


def _cosine(one, other):
    """Of each row (N, K) with the other's; 0 where either is all zeros."""
    length = one.norm(dim=1) * other.norm(dim=1)
    return torch.where(length > 0, (one * other).sum(dim=1) / length.clamp(min=1e-300), 0.0)
