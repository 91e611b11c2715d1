"""What the trials of steps.masking say: is a defense robust, or are its gradients only hidden?

The checks are those of Carlini et al. 2019, On Evaluating Adversarial Robustness, section 5, held against counts of
images. A check that does not hold proves nothing by itself: it says that an attack was too weak, and that what the
defense kept is not yet its own doing. A violation by an image or two is told with the test that goes with it.
"""

import math

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .intervals import Z, mcnemar_p, rate_interval

LITTLE = 0.02  # share of the images: what may change where a check says that little changes, or that no image is left
BEYOND = 0.05  # p below which two counts on the same images are told apart
MOSTLY = 0.5
WITHIN = ["noise", "transfer", "single step", "half", "as given", "twice the steps", "three restarts", "square"]
NEEDED = ["none", *WITHIN, "double", "large", "undefended"]


def judge_masking(outcomes, *, chance, diagnostics=None):
    """Every check of every defense, with what was found.

    outcomes: from steps.masking.outcomes, of one defense or several; each has every trial on the same images.
    chance: the accuracy of guessing, 1 / number of classes.  diagnostics: from steps.masking.diagnostics, if measured;
    its rows of the defense "none" are the yardstick that is told beside.
    Returns columns defense, check, found (in words, with counts), held (True, False, or None where a check was not
    measured, and for 10 and 11, which report). A check holds where:

     1  PGD leaves no more images right than a single step       7  nor more than the Square Attack
     2  a larger epsilon never leaves more right                 8  one frozen draw leaves no more right than fresh ones
     3  at 64 grey levels the interval's lower end is at chance or at 0.02, whichever is more: nearly none is left
     4  twice the steps, 5 three restarts: the count falls by at most 0.02 of the images, or by no more than an exact
        McNemar test lets pass (p >= 0.05)
     6  image by image: what a transferred perturbation breaks, knowing the defense breaks too, and what noise breaks, a
        transferred one does; exceptions are 0.02 of the images at most
     9  the same attack leaves fewer than half right without the defense
    10  reports the accuracy without an attack
    11  reports the images that are right under every attack within epsilon
    12  less than half of the gradient's entries are 0, on average
    13  the gradient tells the slope of the defense's loss: the mean cosine of each kind lies above 0 with its interval
    Counts compare as they are, without a margin: the same images, and of a random defense the same draw, are judged.
    Raises BadInput if a trial is missing, if trials are of different images, and for a chance that is no share.
    """
    if not 0 < chance < 1:
        raise BadInput(f"chance is {chance!r}; wanted the accuracy of guessing, such as 0.001 for 1,000 classes")
    rows = []
    for defense, part in outcomes.groupby("defense", sort=False):
        right = _by_trial(defense, part)
        found = [*_checks(right, chance), *_of_gradients(defense, diagnostics)]
        rows += [(defense, check, told, held) for check, told, held in found]
    table = pd.DataFrame(rows, columns=["defense", "check", "found", "held"])
    return table.astype({"held": object})  # None is not False


def _by_trial(defense, part):
    """Whether each image is right, bool, a column for each trial."""
    missing = [name for name in NEEDED if name not in set(part["trial"])]
    if missing:
        raise BadInput(f"outcomes of {defense} lack the trial {missing[0]!r}; they come from steps.masking.outcomes")
    right = part.pivot(index="image", columns="trial", values="right")
    if right.isna().any(axis=None):
        raise BadInput(f"outcomes of {defense} have trials of different images; wanted each trial on all of them")
    return right.astype(bool)


def _checks(right, chance):
    n = len(right)
    count = right.sum()
    given, alone = count["as given"], count["undefended"]
    yield "1 iterated at least as strong as one step", *_no_more(right, ["as given", "single step"])
    yield "2 a larger ε is stronger", *_no_more(right, ["large", "double", "as given", "half"])
    low, high = rate_interval(count["large"], n)[1:]
    told = f"right {count['large']} of {n} [{low:.2f}, {high:.2f}], chance {chance:.2g}"
    yield "3 nearly none left at ε = 64", told, bool(low <= max(chance, LITTLE))
    yield "4 twice the steps change little", *_little(right, "twice the steps")
    yield "5 restarts change little", *_little(right, "three restarts")
    yield "6 knowing breaks what transfer breaks", *_exceptions(right, "transfer", "as given")
    yield "6 transfer breaks what noise breaks", *_exceptions(right, "noise", "transfer")
    yield "7 no weaker than without gradients", *_no_more(right, ["as given", "square"])
    if "frozen" in right:
        yield "8 frozen randomness is broken", *_no_more(right, ["frozen", "as given"])
    else:
        yield "8 frozen randomness is broken", "nothing is random", None
    yield "9 the undefended network is broken", f"right {alone} of {n}", bool(alone < MOSTLY * n)
    clean = rate_interval(count["none"], n)
    yield "10 right without an attack", f"{count['none']} of {n} [{clean.low:.2f}, {clean.high:.2f}]", None
    worst = right[WITHIN].all(axis=1).sum()
    low, high = rate_interval(worst, n)[1:]
    yield "11 right under every attack", f"{worst} of {n} [{low:.2f}, {high:.2f}]; {given} under PGD alone", None


def _no_more(right, trials):
    """Counts that must not fall from each trial to the next; where one does, with the test of that pair."""
    counts = [int(right[name].sum()) for name in trials]
    told, tests = f"right {counts[0]}", []
    for k in range(1, len(trials)):
        broken = counts[k - 1] > counts[k]
        told += f" {'>' if broken else '<='} {counts[k]}"
        if broken:
            tests.append(f"p = {_paired_p(right, trials[k - 1], trials[k]):.2g}")
    return f"{told} of {len(right)}" + (f" ({', '.join(tests)})" if tests else ""), not tests


def _little(right, trial):
    before, after = right["as given"], right[trial]
    fallen, p = int(before.sum() - after.sum()), _paired_p(right, "as given", trial)
    told = f"right {before.sum()} -> {after.sum()} of {len(right)}; {(before != after).sum()} differ, p = {p:.2g}"
    return told, bool(fallen <= LITTLE * len(right) or p >= BEYOND)


def _exceptions(right, weaker, stronger):
    broken = right["none"] & ~right[weaker]  # an image that is wrong by itself needs no attack
    escaped = int((broken & right[stronger]).sum())
    return f"{escaped} of {broken.sum()} escape, n = {len(right)}", bool(escaped <= LITTLE * len(right))


def _paired_p(right, one, other):
    return mcnemar_p(int((right[one] & ~right[other]).sum()), int((~right[one] & right[other]).sum()))


def _of_gradients(defense, diagnostics):
    part = None if diagnostics is None else diagnostics[diagnostics["defense"] == defense]
    checks = ("12 the gradient is not zero", "13 the gradient tells the loss's slope")
    if part is None or part.empty:
        yield from ((check, "not measured", None) for check in checks)
        return
    bare = diagnostics[diagnostics["defense"] == "none"]
    zeros = part["zeros"].mean()
    yield checks[0], f"{zeros:.2f} of the entries are 0 (n = {len(part)})", bool(zeros < MOSTLY)
    told, held = [], True
    for kind in ("fine", "coarse"):
        mean, low, high = _mean_interval(part[kind])
        beside = "" if bare.empty else f", undefended {bare[kind].mean():.2f}"
        told.append(f"{kind} {mean:.2f} [{low:.2f}, {high:.2f}]{beside}")
        held &= bool(low > 0)  # so written, an interval that is not known does not hold
    yield checks[1], f"{'; '.join(told)} (n = {len(part)})", held


def _mean_interval(values):
    """The normal 95 % interval of a mean; its ends are NaN for one value."""
    mean = float(np.mean(values))
    half = Z * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return mean, mean - half, mean + half
