"""What one pass of JPEG should leave of a perturbation, and the epsilon up to which that gives half of what was lost.

**Gain and energy in one pass.** A coefficient c of the clean image and e of the perturbation, independent of it and
Gaussian with deviation d, are rounded together to multiples of a step Q; s = Q[c + e] - Q[c] survives. By Stein's lemma

    gain = E[s e] / d^2 = Q times the density of c + e at the ties (k + 1/2) Q,

since E[Q[c] e] = 0. A perturbation gets through where attacked coefficients lie at ties, and nowhere else. Two limits:
c = 0 always, which is the closed form of mechanism.survival; and c spread over many steps, where the density is 1 / Q
and the gain 1. Only the phase of c between two levels enters. ``one_pass_of`` takes the phases of given images as they
are. ``one_pass`` knows only their spectrum: it takes c for Laplacian (Lam & Goodman 2000), with the deviation that
images have in that band, wrapped around one step. That puts too much at the ties, for images have smooth places and
rough ones: on two photographs its gain for white signs of 1 to 4 grey levels was 1.2 to 1.5 times the measured one,
while that of ``one_pass_of`` was within 0.01.

**Effective epsilon.** To first order an attack changes the objective by <g(x), delta>, and what JPEG leaves of it acts
at JPG(x): by <g(JPG(x)), s>, which is the sum of what each band adds there (spectra.strengths) times its gain. The
quotient is the share G(epsilon). So an attack of epsilon, compressed, should act like an uncompressed one of G epsilon:

    accuracy(JPG(Adv)) = accuracy(Adv of G epsilon) accuracy(JPG(x)) / accuracy(x)

and the critical epsilon is where that gives back half of what the attack took. With the gradient at x in both places G
is what steps and spectra alone say, and the difference of the two is what the codec's residual does by turning the
gradient. That is no detail: for SqueezeNet's margin on 40 photographs at quality 75 and epsilon 1, the median G was
0.44 with the gradient at x and 0.13 with that at JPG(x); measured, <g(JPG(x)), s> was 0.13 of <g(x), delta> too. What
is assumed, and where it errs:

    1  the objective's change decides the label, and what survives acts in proportion to its product with the gradient.
    2  JPEG's own noise costs an attacked image as much as a clean one. In truth noise alone brings some slightly
       attacked images back (the JPEG noise control).
    3  the perturbation does not know the image's coefficients, and is Gaussian in every band.
    4  accuracy under attack falls with epsilon. Single-step attacks get weaker again at large ones, so the running
       minimum is taken.

The accuracies without JPEG are measured: steps and spectra alone cannot say how much a network bears. Page 11 says
how far the share is off, and how far the recovery that follows from it.
"""

import numpy as np
from scipy.special import ndtr

from jpegstudy.errors import BadInput
from jpegstudy.mechanism import spectra

PHASES = 512  # from a level to the tie beside it
FINEST = 1e-4  # deviations in steps that the phases resolve
REACH = 9.0  # deviations behind which nothing is left of a Gaussian
WIDE = 3.0  # deviations in steps from which on results do not depend on the phase to 10 digits


def one_pass(steps, deviations, image_deviations):
    """``(gain, energy)`` of a Gaussian perturbation of Laplacian coefficients: float64, of the arguments' one shape.

    steps, deviations, image_deviations: arrays that broadcast, such as (3, 8, 8), in grey levels: Q, the perturbation's
    root mean square coefficient and the images', of 0 (always on the lattice) to infinity (every phase as likely).
    Gain and energy are NaN where the perturbation's deviation is 0. Good to 1e-3 of themselves.
    Memory: some 20 kB for each number of the result.
    Raises BadInput for steps that are not above 0, or negative deviations.
    """
    given = np.broadcast_arrays(*(np.asarray(part, float) for part in (steps, deviations, image_deviations)))
    if not (given[0] > 0).all() or not (given[1] >= 0).all() or not (given[2] >= 0).all():
        raise BadInput("steps and deviations in grey levels; wanted steps above 0 and deviations of 0 or more")
    step, deviation, image = (part.reshape(-1, 1) for part in given)
    d = np.maximum(deviation / step, FINEST)  # all in steps from here on
    spread = (np.arange(PHASES) + 0.5)[None] / PHASES  # (1, PHASES)
    phases = (1 - spread**2) / 2  # dense at the tie, where all happens; one half is enough, for both are even
    weights = spread * _wrapped(phases, image / step)
    weights = weights / weights.sum(axis=1, keepdims=True)
    gain, energy = _of_phases(d, phases, weights)
    energy *= (d * step / np.where(deviation > 0, deviation, np.nan))[:, 0]  # crossings are as many as d is wide
    gain = np.where(deviation[:, 0] > 0, gain, np.nan)
    return gain.reshape(given[0].shape), energy.reshape(given[0].shape)


def one_pass_of(images, deviations, *, quality=75, subsampling="4:2:0"):
    """``(gain, energy)`` that a Gaussian perturbation should have in each image, whose coefficients are known.

    images: uint8 (N, 3, H, W), grey levels.  deviations: the perturbation's, that broadcast to (N, 3, 8, 8), grey
    levels, on the grid of the file's chroma; such as the root of spectra.band_power.
    Returns float64 arrays (N, 3, 8, 8); NaN where the deviation is 0. JPEG's color and sampling are not rounded here.
    Raises BadInput as ``one_pass``, and as spectra.band_power.
    """
    steps = spectra.steps_of(quality)
    deviations = np.broadcast_to(np.asarray(deviations, float), (len(images), 3, 8, 8))
    if not (deviations >= 0).all():
        raise BadInput("deviations in grey levels; wanted 0 or more")
    gain, energy = np.full(deviations.shape, np.nan), np.full(deviations.shape, np.nan)
    for plane, coefficients in enumerate(spectra.coefficients(images, subsampling)):
        if plane == 0:
            coefficients[..., 0, 0] -= 8 * 128  # the shift, which moves the phase of the mean
        in_steps = (coefficients.cpu().numpy() / steps[plane]).transpose(0, 2, 3, 1)  # (N, 8, 8, blocks)
        phases = np.abs(in_steps - np.round(in_steps))
        d = deviations[:, plane] / steps[plane]
        moved = d > 0
        here, there = _of_phases(np.maximum(d[moved], FINEST)[:, None], phases[moved], 1 / phases.shape[-1])
        gain[:, plane][moved], energy[:, plane][moved] = here, there * np.maximum(FINEST / d[moved], 1)
    return gain, energy


def surviving_share(strengths, total, gains):
    """G, the share of the first order that survives: sum of each band's strength times its gain, over the whole.

    strengths: float (..., 3, 8, 8) of spectra.strengths, on the grid of the file's chroma, of the gradient at JPG(x),
    or at x for what steps and spectra alone say.  gains: likewise, from ``one_pass`` or ``one_pass_of`` with the file's
    steps; bands without perturbation may be NaN.
    total: <gradient at x, perturbation> before JPEG, (...), over the blocks that the strengths count. Where chroma is
    halved the strengths add up to less than it.
    NaN where the total is 0.
    """
    left = (np.asarray(strengths) * np.nan_to_num(gains)).sum(axis=(-3, -2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(total) != 0, left / total, np.nan)


def predicted_recovery(epsilons, shares, *, attack_epsilons, attack_accuracies, compressed_accuracy):
    """The recovery that the effective epsilon predicts at each of ``epsilons``: float64, like them.

    Recovery is (accuracy(JPG(Adv)) - accuracy(Adv)) / (accuracy(x) - accuracy(Adv)).
    It is NaN where the attack takes nothing.
    epsilons: grey levels, above 0.  shares: G at each of them, see ``surviving_share``.
    attack_epsilons, attack_accuracies: measured without JPEG, in rising order from epsilon 0, the clean accuracy.
    They are joined by straight lines, and hold their last value beyond.
    compressed_accuracy: of JPG(x).
    Raises BadInput unless the attack's curve begins at 0 and rises in epsilon.
    """
    attack_epsilons, attack_accuracies = np.asarray(attack_epsilons, float), np.asarray(attack_accuracies, float)
    if (
        attack_epsilons.shape != attack_accuracies.shape
        or attack_epsilons[0] != 0
        or (np.diff(attack_epsilons) <= 0).any()
    ):
        raise BadInput("accuracies under attack want an epsilon each, rising from 0, the clean image")
    falling = np.minimum.accumulate(attack_accuracies)
    epsilons, shares = np.asarray(epsilons, float), np.asarray(shares, float)
    clean, attacked = falling[0], np.interp(epsilons, attack_epsilons, falling)
    compressed = np.interp(shares * epsilons, attack_epsilons, falling) * compressed_accuracy / clean
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(clean > attacked, (compressed - attacked) / (clean - attacked), np.nan)


def predicted_critical_epsilon(epsilons, shares, *, level=0.5, points=400, **measured):
    """The epsilon at which the predicted recovery falls through ``level``: as ``critical_epsilon`` tells it.

    epsilons, shares: as for ``predicted_recovery``, rising; shares are interpolated on the logarithm of epsilon between
    them at ``points`` epsilons, and the crossing is looked for inside their range.  measured: its other arguments.
    """
    logs = np.log(np.asarray(epsilons, float))
    fine = np.unique(np.linspace(logs[0], logs[-1], points))  # one, if there is but one
    recovery = predicted_recovery(np.exp(fine), np.interp(fine, logs, shares), **measured)
    return critical_epsilon(np.exp(fine), recovery, level=level)


def critical_epsilon(epsilons, recovery, *, level=0.5):
    """The epsilon at which a curve of recovery falls through ``level``: a float, 0 where the curve begins below it,
    infinite where it lies above as far as it was measured, NaN where nothing is known.

    epsilons: rising, above 0, grey levels.  recovery: at each of them; those that are NaN, where the attack took
    nothing, are left out. The first crossing counts, on a straight line between the neighbors over the logarithm of
    epsilon.
    Raises BadInput for epsilons that do not rise from above 0, or lists of different lengths.
    """
    epsilons, recovery = np.asarray(epsilons, float), np.asarray(recovery, float)
    if epsilons.shape != recovery.shape or not (epsilons > 0).all() or (np.diff(epsilons) <= 0).any():
        raise BadInput("a curve of recovery wants epsilons above 0 in rising order, and a recovery for each")
    known = np.isfinite(recovery)
    logs, heights = np.log(epsilons[known]), recovery[known]
    if not len(heights):
        return float("nan")
    below = np.flatnonzero(heights < level)
    if not len(below):
        return float("inf")
    if below[0] == 0:
        return 0.0
    k = below[0] - 1
    along = (heights[k] - level) / (heights[k] - heights[k + 1])
    return float(np.exp(logs[k] + along * (logs[k + 1] - logs[k])))


def _wrapped(phases, deviations):
    """A Laplacian's density wrapped around one step, at phases in steps: (M, PHASES), but for a factor a row."""
    rate = np.sqrt(2) / np.clip(deviations, 1e-4, 1e6)  # per step; beyond these on the lattice, or uniform
    others = (np.exp(-rate * (1 - phases)) + np.exp(-rate * (1 + phases))) / -np.expm1(-rate)
    return np.exp(-rate * phases) + others


def _of_phases(d, phases, weights):
    """Gain and energy, each (M,), of deviations d (M, 1) by phases with their weights, (1 or M, P), all in steps."""
    phases, weights = (np.broadcast_to(part, (len(d), phases.shape[-1])) for part in (phases, weights))
    gain, energy = np.empty(len(d)), np.empty(len(d))
    wide = d[:, 0] >= WIDE  # what comes out is e, less the clean image's rounding, plus one that is independent of it
    gain[wide] = 1
    energy[wide] = 1 + (1 / 12 + (weights * phases**2).sum(axis=1)[wide]) / d[wide, 0] ** 2
    if not wide.all():
        gain[~wide], energy[~wide] = _over_ties(d[~wide], phases[~wide], weights[~wide])
    return gain, energy


def _over_ties(d, phases, weights):
    """Gain and energy, each (M,), of deviations d (M, 1) in steps: sums over the ties in reach.

    The survivor's square k^2 is the sum of 2j - 1 over the ties j = 1 ... k that e crosses, so each tie adds by itself,
    and rows of small deviations stop at the first ones.
    """
    order = np.argsort(-d[:, 0])
    d, phases, weights = d[order], phases[order], weights[order]
    gain, energy = np.zeros(len(d)), np.zeros(len(d))
    for crossed in range(int(REACH * d.max()) + 1):
        reached = np.searchsorted(-d[:, 0], -crossed / REACH, side="right")
        for side in (-1, 1):
            tie = (crossed + 0.5 + side * phases[:reached]) / d[:reached]
            gain[:reached] += (weights[:reached] * np.exp(-(tie**2) / 2)).sum(axis=1)
            energy[:reached] += (2 * crossed + 1) * (weights[:reached] * ndtr(-tie)).sum(axis=1)
    gain /= np.sqrt(2 * np.pi) * d[:, 0]
    energy /= d[:, 0] ** 2
    back = np.argsort(order)
    return gain[back], energy[back]
