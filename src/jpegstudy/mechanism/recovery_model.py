"""Which images JPEG brings back: a model of their numbers, fitted on one half of the images and scored on the other.

Logistic regression with standardized predictors: the chance that an attacked image gets its label back. It describes
what goes along with recovery on images of this kind; it does not show what causes it.

Which predictors matter is a rule, stated before the data: they are chosen on the half that fits, one after the other,
always the one that raises the likelihood most, until it does so by less than a likelihood-ratio test asks for, at 5 %
divided by the number of candidates. So of two that say the same, one is chosen, and in 19 of 20 studies where nothing
matters, none. The other half only scores: the model with all of them, with those chosen, each alone, and all but each.

Images cut from one file stay in one half, are resampled together, and count as one in the test.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

from jpegstudy.errors import BadInput
from jpegstudy.statistics import Interval

FEWEST = 20  # images that recover, and that do not, in each half
ERROR = 0.05  # of the rule that chooses, over all candidates
REFITS, RESAMPLES = 200, 1000  # bootstrap draws: of coefficients, each of which is a fit, and of scores
BLOCK = 2**22  # drawn counts held at once
PENALTY = 1.0  # scikit-learn's C: next to none for hundreds of images, and enough where two halves could be told apart
BINS = 10


class RecoveryModel(NamedTuple):
    """What ``fit_recovery`` found. Areas are under the ROC curve, on the half that scores; intervals are of 95 %.

    images: rows of the fitting half and of the scoring half.  recovered: the share that does, in each.
    auc, chosen_auc: Interval of the model with all predictors, with the chosen ones.
    brier: mean squared error of the predicted chances, of all predictors.  brier_constant: of the fitting half's share.
    calibration_slope, calibration_intercept: of the outcome's log odds over the predicted ones; 1 and 0 are perfect,
    a slope below 1 says that the chances are too extreme.
    chosen: the predictors that matter, the first chosen first.  chosen_areas: what they reach on the
    scoring half, with each more of them.
    predictors: a row a predictor: predictor, mean, deviation (of the fitting half), alone_auc, drop, drop_low,
    drop_high (what the area loses without it), coefficient, low, high (of log odds per deviation), chosen.
    calibration: a row a tenth of the scoring half by predicted chance: predicted, recovered, n.
    chances: of the scoring half, a row an image: row (its place in the table given), recovered, predicted.
    """

    images: tuple[int, int]
    recovered: tuple[float, float]
    auc: Interval
    chosen_auc: Interval
    brier: Interval
    brier_constant: float
    calibration_slope: float
    calibration_intercept: float
    chosen: list[str]
    chosen_areas: list[float]
    predictors: pd.DataFrame
    calibration: pd.DataFrame
    chances: pd.DataFrame


def fit_recovery(table, recovered, *, predictors=None, files=None, seed=0):
    """Fit and score the model: a RecoveryModel.

    table: a row an image, of those that could recover: right before the attack, and wrong after it.
    predictors: its columns that are used, all of them if None; numbers, such as the clean margin, the attacked one,
    log_texture, gain, and shares of the spectrum. What is only known once JPEG was applied, as the gain is, makes it
    less of a prediction and more of a description.
    recovered: bool (N,), whether JPEG brings the label back.  files: of each image, None for one each.
    seed: of the halves and the bootstrap; equal ones give equal results.
    Raises BadInput if fewer than FEWEST images of a half recover or do not, for predictors that are missing, not finite
    or the same for all images, and for lengths that differ.
    """
    names = list(table.columns) if predictors is None else list(predictors)
    values, recovered, files = _checked(table, recovered, names, files)
    rng = np.random.default_rng([seed, len(values)])
    first = _half(files, rng)
    for name, half in (("fit", first), ("score", ~first)):
        counts = int(recovered[half].sum()), int((~recovered[half]).sum())
        if min(counts) < FEWEST:
            raise BadInput(
                f"of the {half.sum()} images to {name} with, {counts[0]} get their label back and {counts[1]} do not; "
                f"wanted {FEWEST} of each: take more images, or another quality or epsilon"
            )
    mean, deviation = values[first].mean(axis=0), values[first].std(axis=0)
    same = np.ptp(values[first], axis=0) == 0
    if same.any():
        raise BadInput(f"{names[int(same.argmax())]} is the same for all images to fit with; leave it out")
    scaled = (values - mean) / deviation
    fitting, scoring = (scaled[first], recovered[first]), (scaled[~first], recovered[~first])
    places = _choose(*fitting, len(np.unique(files[first])))
    counts = _draws(files[~first], rng, RESAMPLES)
    about, scores = _each_predictor(fitting, scoring, counts)
    about.insert(0, "predictor", names)
    about.insert(1, "mean", mean)
    about.insert(2, "deviation", deviation)
    about["coefficient"] = _fit(*fitting).coef_[0]
    about["low"], about["high"] = _coefficient_ends(*fitting, files[first], rng)
    about["chosen"] = [k in places for k in range(len(names))]
    growing = [_log_odds(*fitting, scoring[0], places[: k + 1]) for k in range(len(places))]
    of_chosen = growing[-1] if places else np.zeros(len(scores))
    areas = _areas(np.stack([scores, of_chosen]), scoring[1], counts)
    chances = expit(scores)
    errors = (chances - scoring[1]) ** 2
    slope, intercept = _calibration_line(scores, scoring[1])
    return RecoveryModel(
        images=(int(first.sum()), int((~first).sum())),
        recovered=(float(fitting[1].mean()), float(scoring[1].mean())),
        auc=_interval(area_under_roc(scores, scoring[1]), areas[:, 0]),
        chosen_auc=_interval(area_under_roc(of_chosen, scoring[1]), areas[:, 1]),
        brier=_interval(errors.mean(), counts @ errors / counts.sum(axis=1)),
        brier_constant=float(((fitting[1].mean() - scoring[1]) ** 2).mean()),
        calibration_slope=slope,
        calibration_intercept=intercept,
        chosen=[names[k] for k in places],
        chosen_areas=[area_under_roc(part, scoring[1]) for part in growing],
        predictors=about,
        calibration=_calibration(chances, scoring[1]),
        chances=pd.DataFrame({"row": np.flatnonzero(~first), "recovered": scoring[1], "predicted": chances}),
    )


def area_under_roc(scores, outcomes):
    """The chance that an image that recovers has the higher score than one that does not, ties counting half: a float.

    scores: (n,).  outcomes: bool (n,), with both kinds among them.
    """
    weights = np.ones((1, len(scores)))
    return float(_areas(np.asarray(scores, float)[None], np.asarray(outcomes, bool), weights)[0, 0])


def _checked(table, recovered, names, files):
    """Values (N, K), recovered (N,) bool, and file numbers (N,). Raises BadInput for what cannot be used."""
    recovered = np.asarray(recovered, bool)
    if len(recovered) != len(table) or (files is not None and len(files) != len(table)):
        raise BadInput(f"{len(table)} images have {len(recovered)} outcomes; give an outcome and a file for each")
    missing = [name for name in names if name not in table]
    if missing or not names:
        raise BadInput(f"the table has no {', '.join(missing) or 'predictors'}; it has {', '.join(table.columns)}")
    values = table[names].to_numpy(float)
    bad = ~np.isfinite(values)
    if bad.any():
        name = names[int(bad.any(axis=0).argmax())]
        raise BadInput(f"{name} is no finite number in {bad.any(axis=1).sum()} of {len(table)} images; leave those out")
    return values, recovered, np.unique(np.arange(len(table)) if files is None else files, return_inverse=True)[1]


def _half(files, rng):
    """Bool (N,): the images of a random half of the files."""
    count = files.max(initial=-1) + 1
    chosen = np.zeros(count, bool)
    chosen[rng.permutation(count)[: count // 2]] = True
    return chosen[files]


def _fit(values, outcomes, weights=None):
    return LogisticRegression(C=PENALTY, max_iter=1000).fit(values, outcomes, sample_weight=weights)


def _log_odds(values, outcomes, others, subset):
    """Of ``others``, by the model of those predictors; all the same without any."""
    if not subset:
        return np.full(len(others), np.log(outcomes.mean() / (1 - outcomes.mean())))
    return _fit(values[:, subset], outcomes).decision_function(others[:, subset])


def _choose(values, outcomes, n_files):
    """Predictors by the module's rule: their numbers in the order of choice."""
    chosen, before = [], _log_likelihood(values, outcomes, [])
    while len(chosen) < values.shape[1]:
        others = [k for k in range(values.shape[1]) if k not in chosen]
        found = {k: _log_likelihood(values, outcomes, [*chosen, k]) for k in others}
        k = max(found, key=found.get)
        if 2 * (found[k] - before) * n_files / len(values) < chi2.isf(ERROR / len(others), 1):
            break
        chosen.append(k)
        before = found[k]
    return chosen


def _log_likelihood(values, outcomes, subset):
    log_odds = _log_odds(values, outcomes, values, subset)
    return -np.logaddexp(0, np.where(outcomes, -log_odds, log_odds)).sum()


def _each_predictor(fitting, scoring, counts):
    """What each predictor is worth on the scoring half, alone and beside the others; and all predictors' log odds."""
    everything = list(range(fitting[0].shape[1]))
    whole = _log_odds(*fitting, scoring[0], everything)
    rows = []
    for k in everything:
        without = _log_odds(*fitting, scoring[0], [other for other in everything if other != k])
        pair = np.stack([whole, without])
        drop = area_under_roc(whole, scoring[1]) - area_under_roc(without, scoring[1])
        drawn = _areas(pair, scoring[1], counts)
        interval = _interval(drop, drawn[:, 0] - drawn[:, 1])
        alone = area_under_roc(_log_odds(*fitting, scoring[0], [k]), scoring[1])
        rows.append({"alone_auc": alone, "drop": drop, "drop_low": interval.low, "drop_high": interval.high})
    return pd.DataFrame(rows), whole


def _draws(files, rng, how_many):
    """How often each image is in each of ``how_many`` resamples of the files: float (how_many, n)."""
    _, numbers = np.unique(files, return_inverse=True)
    count = numbers.max() + 1
    of_files = [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(how_many)]
    return np.stack(of_files)[:, numbers].astype(float)


def _areas(scores, outcomes, weights):
    """Weighted areas under the ROC curve, (draws, models), of scores (models, n) and weights (draws, n)."""
    found = np.empty((len(weights), len(scores)))
    for model, score in enumerate(scores):
        order = np.argsort(score, kind="stable")
        starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)  # of each group of equal scores
        for start in range(0, len(weights), max(1, BLOCK // len(score))):
            rows = slice(start, start + max(1, BLOCK // len(score)))
            ordered = weights[rows][:, order]
            of_one = np.add.reduceat(ordered * outcomes[order], starts, axis=1)
            of_other = np.add.reduceat(ordered * ~outcomes[order], starts, axis=1)
            below = np.cumsum(of_other, axis=1) - of_other / 2
            with np.errstate(invalid="ignore"):
                found[rows, model] = (of_one * below).sum(axis=1) / (of_one.sum(axis=1) * of_other.sum(axis=1))
    return found


def _coefficient_ends(values, outcomes, files, rng):
    """Percentile ends of the bootstrap of the coefficients, each (K,)."""
    fits = []
    for weights in _draws(files, rng, REFITS):
        if 0 < (weights * outcomes).sum() < weights.sum():
            fits.append(_fit(values, outcomes, weights).coef_[0])
    return np.quantile(fits, (0.025, 0.975), axis=0)


def _interval(value, drawn):
    low, high = np.nanquantile(drawn, (0.025, 0.975))  # a draw of one kind of image has no area
    return Interval(float(value), float(low), float(high))


def _calibration_line(log_odds, outcomes):
    line = LogisticRegression(C=100.0, max_iter=1000).fit(log_odds[:, None], outcomes)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def _calibration(chances, outcomes):
    order = np.argsort(chances, kind="stable")
    tenths = [part for part in np.array_split(order, BINS) if len(part)]
    return pd.DataFrame(
        {
            "predicted": [chances[part].mean() for part in tenths],
            "recovered": [outcomes[part].mean() for part in tenths],
            "n": [len(part) for part in tenths],
        }
    )
