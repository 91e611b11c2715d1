"""How the objective changes from x to Adv to JPG(Adv), and how much of each change the first order explains.

With J the objective of one image, g its gradient, delta = Adv - x, s = JPG(Adv) - JPG(x):

    attack   J(Adv) - J(x)             = g(x).delta + remainder
    whole    J(JPG(Adv)) - J(x)        = [J(JPG(x)) - J(x)] + g(JPG(x)).s + remainder
    undone   J(JPG(Adv)) - J(Adv)      = [J(JPG(x) + delta) - J(Adv)]   its change of x alone: it moves the image
                                       + [J(x + s) - J(Adv)]            its change of delta alone: it takes from it
                                       + overlap                        both together, less each by itself

Each line is an identity: its parts add up to the measured change, whatever the network. What is a finding is the size
of the remainders, and of the overlap.

JPG(Adv) = JPG(x) + s, so JPEG does two things: it puts JPG(x) in the place of x, and s in that of delta. What the
attack does, J(Adv) - J(x), is J(x + s) - J(x) if JPEG only takes from delta, J(JPG(x) + delta) - J(JPG(x)) if it only
moves the image, and J(JPG(Adv)) - J(JPG(x)) as it does both; to first order g(x).delta, g(x).s, g(JPG(x)).delta and
g(JPG(x)).s. No order of the two has to be chosen.

The first order of the cross-entropy explains little of an image that the network is sure of: its loss is flat at x and
straight further out. The margin is not flat there; take both.
"""

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from jpegstudy.attacks import gradient_of
from jpegstudy.errors import BadInput

GAUSSIAN, SIGNS = 21, 22  # kinds of drawings, so that no two of one image share their numbers
OBJECTIVES = ("cross-entropy", "margin")


def decompose(
    network, labels, x, attacked, compressed, compressed_attacked, *, objective="cross-entropy", known=None
):  # fmt: skip
    """One row per image of the changes and their parts, float64: the module's docstring says what adds up to what.

    network: images -> logits (N, K), for floating images (N, 3, H, W) in grey levels, in eval mode.
    labels: int64 (N,), the class that was attacked: x's own top label in the 2016 study.
    x, attacked, compressed, compressed_attacked: x, Adv, JPG(x) and JPG(Adv), uint8 or floating (N, 3, H, W), grey
    levels. The network is given float64 if x is float64, and float32 otherwise; products are summed in float64.
    objective: "cross-entropy", natural logarithms, or "margin", the highest other logit less the label's: above 0 where
    the network is misled. Both rise where the attack succeeds.
    known: what ``value_and_gradient`` gave at x or at compressed before, ``{"x": ..., "compressed": ...}``, or some.
    Columns: x, attacked, compressed, compressed_attacked, moved (at JPG(x) + delta) and taken (at x + s), which are not
    clipped to 0-255, the objective's six values;
    attack_change = attack_first_order + attack_remainder;
    whole_change = codec_change + survivor_first_order + survivor_remainder;
    undone_change = moved_change + taken_change + overlap_change;
    taken_first_order, g(x).s, and moved_first_order, g(JPG(x)).delta;
    gradient_l1_x, gradient_l2_x and gradient_l2_compressed, norms of g(x) and g(JPG(x)) in objective per grey level;
    gradient_cosine, of the two, NaN where one of them is 0.
    Two forward and backward passes, less those known, and four forward ones. Raises BadInput for an unknown objective,
    other shapes, labels without a logit, or a network without gradients.
    """
    images = [x, attacked, compressed, compressed_attacked]
    if len({tuple(each.shape) for each in images}) != 1 or len(labels) != len(x):
        shapes = ", ".join(str(tuple(each.shape)) for each in images)
        raise BadInput(f"images are of shapes {shapes} and there are {len(labels)} labels; wanted one shape (N, ...)")
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    x, attacked, compressed, back = (each.detach().to(dtype) for each in images)
    known = known or {}

    def found_at(name, where):
        return known.get(name) or value_and_gradient(network, where, labels, objective=objective)

    (at_x, g_x), (at_compressed, g_compressed) = found_at("x", x), found_at("compressed", compressed)
    moved, taken = compressed + (attacked - x), x + (back - compressed)
    at_attacked, at_back, at_moved, at_taken = (
        values(network, images, labels, objective=objective) for images in (attacked, back, moved, taken)
    )
    delta, survivor = _less(attacked, x), _less(back, compressed)
    found = {"x": at_x, "attacked": at_attacked, "compressed": at_compressed, "compressed_attacked": at_back}
    attack, whole, codec = at_attacked - at_x, at_back - at_x, at_compressed - at_x
    first, survived = _product(g_x, delta), _product(g_compressed, survivor)
    l2_x, l2_compressed = (gradient.double().flatten(1).norm(dim=1) for gradient in (g_x, g_compressed))
    found |= {
        "moved": at_moved,
        "taken": at_taken,
        "attack_change": attack,
        "attack_first_order": first,
        "attack_remainder": attack - first,
    }
    found |= {
        "whole_change": whole,
        "codec_change": codec,
        "survivor_first_order": survived,
        "survivor_remainder": whole - codec - survived,
        "undone_change": at_back - at_attacked,
        "moved_change": at_moved - at_attacked,
        "taken_change": at_taken - at_attacked,
        "overlap_change": at_back - at_moved - at_taken + at_attacked,
        "taken_first_order": _product(g_x, survivor),
        "moved_first_order": _product(g_compressed, delta),
        "gradient_l1_x": g_x.double().flatten(1).norm(p=1, dim=1),
        "gradient_l2_x": l2_x,
        "gradient_l2_compressed": l2_compressed,
        "gradient_cosine": _product(g_x, g_compressed) / (l2_x * l2_compressed),
    }
    return pd.DataFrame({name: numbers.cpu().numpy() for name, numbers in found.items()})


def measure_controls(network, labels, controls, *, objective="cross-entropy"):
    """The objective of each image under each control, a column a control: float64.

    controls: ``{name: images}``, such as JPEG noise and what ``gaussian_control`` and ``random_signs`` give.
    network, labels, objective: as for ``decompose``. Raises BadInput as it does.
    """
    found = {name: values(network, images, labels, objective=objective) for name, images in controls.items()}
    return pd.DataFrame({name: numbers.cpu().numpy() for name, numbers in found.items()})


def values(network, images, labels, *, objective="cross-entropy"):
    """The objective of each image, float64 (N,); arguments as for ``decompose``."""
    with torch.no_grad():
        return _objective(network(_floating(images)), labels, objective)


def value_and_gradient(network, images, labels, *, objective="cross-entropy"):
    """The objective, float64 (N,), and its gradient, floating as the network was asked, (N, 3, H, W) per grey level.

    Arguments as for ``decompose``. Images do not affect each other's gradients unless the network lets them.
    """
    at = _floating(images).detach().requires_grad_()
    with torch.enable_grad():
        found = _objective(network(at), labels, objective)
        gradient = gradient_of(found.sum(), at)
    return found.detach(), gradient


def gaussian_control(images, residual, *, seed, indices):
    """Images plus Gaussian noise of the residual's power, one power per image: uint8, rounded and clipped to 0-255.

    images: uint8 (N, 3, H, W), such as Adv.  residual: what JPEG changed there, JPG(Adv) - Adv, floating or a signed
    integer. The noise has the residual's root mean square and mean 0.
    seed, indices: each image draws from the seed and its index, so that batches change nothing.
    Raises BadInput for a residual of uint8, and without one index for each image.
    """
    if residual.dtype == torch.uint8:
        raise BadInput("the residual is 8 bits without a sign; subtract images as floats, or its negative values wrap")
    power = residual.to(torch.float64).square().flatten(1).mean(dim=1).sqrt()
    drawn = _drawn(images, seed, indices, GAUSSIAN, lambda rng, shape: rng.standard_normal(shape))
    return _eight_bit(images.to(torch.float64) + power[:, None, None, None] * drawn)


def random_signs(images, *, epsilon, seed, indices):
    """Images plus epsilon times random signs, independent for each color of each pixel: uint8, clipped to 0-255.

    images: uint8 (N, 3, H, W), such as x.  epsilon: grey levels.  seed, indices: as for ``gaussian_control``; all
    epsilons of an image share its signs.
    """
    drawn = _drawn(images, seed, indices, SIGNS, lambda rng, shape: 2.0 * rng.integers(0, 2, shape) - 1)
    return _eight_bit(images.to(torch.float64) + epsilon * drawn)


def _objective(logits, labels, objective):
    """Float64 (N,)."""
    if objective not in OBJECTIVES:
        raise BadInput(f"objective is {objective!r}; wanted {' or '.join(OBJECTIVES)}")
    logits, labels = logits.to(torch.float64), labels.to(logits.device)
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise BadInput(f"labels reach {labels.min()} to {labels.max()}; the network has {logits.shape[1]} classes")
    if objective == "cross-entropy":
        return functional.cross_entropy(logits, labels, reduction="none")
    own = logits.gather(1, labels[:, None])[:, 0]
    return logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1) - own


def _floating(images):
    return images if images.dtype == torch.float64 else images.to(torch.float32)


def _less(first, second):
    return first.to(torch.float64) - second.to(torch.float64)


def _product(first, second):
    """Float64 (N,), image by image."""
    return (first.to(torch.float64) * second.to(torch.float64)).flatten(1).sum(dim=1)


def _drawn(images, seed, indices, kind, draw):
    if len(indices) != len(images):
        raise BadInput(f"{len(images)} images have {len(indices)} indices; the noise is random and needs one for each")
    drawn = [draw(np.random.default_rng([seed, int(index), kind]), images.shape[1:]) for index in indices]
    return torch.from_numpy(np.stack(drawn)).to(images.device)


def _eight_bit(images):
    return images.round().clamp(0, 255).to(torch.uint8)
