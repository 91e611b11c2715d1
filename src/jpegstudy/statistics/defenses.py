"""Defenses against perturbations: rates by defense, passes and epsilon, what they cost, and the choice of a table.

A defended attack is named D(A(b)): b is x, one pass, or D(x), two, and D may be the same defense on a shifted grid.
"""

import itertools
import re

import numpy as np
import pandas as pd

from jpegstudy import timing
from jpegstudy.errors import BadInput

from .in_words import verdict
from .outcomes import inner, read_outcomes
from .resampling import RESAMPLES, mean_interval, share_difference_intervals, share_interval, share_intervals

STEMS = ("clean", "attacked", "defended", "cost", "given_back")
ALLOWED = 0.01  # of clean accuracy: what Feature Distillation claims to lose at most
WORDS = {1: "one pass", 2: "two passes"}
FASTER = 259  # times: 38.89 s for an image by total variation over .15 s by Feature Distillation, says its paper
HALVES = ("chosen on", "reported on")


def restricted(predictions, names):
    """The predictions of these modifications, for the images that have all of them.

    Raises BadInput if a modification is not there.
    """
    part = predictions[predictions["modification"].isin(names)]
    if missing := [name for name in names if name not in set(part["modification"])]:
        raise BadInput(f"predictions lack {missing[0]}; they come from a run with other parameters")
    counts = part.groupby("image")["modification"].nunique()
    return part[part["image"].isin(counts.index[counts == len(set(names))])]


def defense_rates(predictions, *, resamples=RESAMPLES, seed=0):
    """Every defended attack of a table of predictions, on the same images.

    Columns: modification, defense, passes, attack, epsilon, n, then clean (rate of the defended base), attacked (of the
    attacked base, undefended) and defended, each with its _low and _high; cost (clean - rate of x) and given_back
    (defended - attacked), paired differences with their _low and _high; kept (of the images right under clean, the
    share right under the attack: the accuracy of the papers that take only such images), kept_low, kept_high, kept_n;
    probability (mean top-label probability under the attack, behind the defense), probability_low, probability_high;
    destroyed (of the images right on the base and wrong under the attack alone, the share that the defense makes right
    again: Kurakin et al. 2016), destroyed_low, destroyed_high, destroyed_n; measure.
    Raises BadInput if there is no defended attack, or one without its base, attack and x.
    """
    data = read_outcomes(predictions)
    defended = data.modifications[data.modifications["attack"].notna() & data.modifications["transform"].notna()]
    if defended.empty:
        raise BadInput(
            f"predictions hold {', '.join(data.names[:5])} ...; wanted a defended attack, such as FD(Adv1(x))"
        )
    options, rows = {"files": data.files, "resamples": resamples, "seed": seed}, []
    for row in defended.itertuples():
        defense, attacked = row.modification.partition("(")[0], inner(row.modification)
        base = inner(attacked)
        names = [f"{defense}({base})", attacked, row.modification, "x", base]
        clean, wrong, right, x, before = (data.hits[data.place(name)] for name in names)
        found = share_intervals([clean, wrong, right], **options)
        found += share_difference_intervals([clean, right], [x, wrong], **options)
        kept = _share_among(clean, right, options)
        probability = mean_interval(data.probability[data.place(row.modification)], **options)
        destroyed = _share_among(before & ~wrong, right, options)
        passes = 1 + base.count("(")
        head = (row.modification, defense, passes, row.attack, row.epsilon, data.files.size)
        rows.append((*head, *itertools.chain(*found), *kept, *destroyed, *probability, data.measure))
    columns = ["modification", "defense", "passes", "attack", "epsilon", "n"]
    columns += [f"{stem}{end}" for stem in STEMS for end in ("", "_low", "_high")]
    columns += [f"{stem}{end}" for stem in ("kept", "destroyed") for end in ("", "_low", "_high", "_n")]
    columns += ["probability", "probability_low", "probability_high"]
    table = pd.DataFrame(rows, columns=[*columns, "measure"])
    return table.sort_values(["passes", "defense", "attack", "epsilon"], kind="stable", ignore_index=True)


def _share_among(images, hits, options):
    """(share of hits among some images, low, high, how many these are); NaN where there are none."""
    count = int(images.sum())
    if not count:
        return (np.nan, np.nan, np.nan, 0)
    part = {**options, "files": options["files"][images]}
    return (*share_interval(hits[images], **part), count)


def tradeoff(predictions, epsilon, *, resamples=RESAMPLES, seed=0):
    """What each table of a sweep costs clean images and saves of attacked ones, on two halves of the images by turns.

    predictions: of the modifications T(x), T(Adv(x)) and T(Adv(T(x))) for tables T named FD-15:1:40, and of x.
    Columns: table, bands, sensitive, others (steps), passes, half, n, clean, defended with _low and _high, cost (clean
    accuracy lost).
    Raises BadInput if there are no such tables, or fewer than two images.
    """
    data = read_outcomes(predictions)
    tables = list(dict.fromkeys(re.findall(r"\bFD-(\d+:\d+:\d+)\(x\)", " ".join(data.names))))
    n = data.files.size
    if not tables or n < 2:
        raise BadInput(f"predictions hold {len(tables)} tables on {n} images; wanted one or more, on two or more")
    rows = []
    halves = {name: np.arange(n) % 2 == place for place, name in enumerate(HALVES)}
    for table, passes, (half, mine) in itertools.product(tables, (1, 2), halves.items()):
        head = f"FD-{table}"
        base = "x" if passes == 1 else f"{head}(x)"
        names = ["x", f"{head}({base})", f"{head}(Adv{epsilon:g}({base}))"]
        x, clean, defended = (data.hits[data.place(name)][mine] for name in names)
        interval = share_interval(defended, files=data.files[mine], resamples=resamples, seed=seed)
        steps = map(int, table.split(":"))
        rows.append((table, *steps, passes, half, int(mine.sum()), clean.mean(), *interval, x.mean() - clean.mean()))
    columns = ["table", "bands", "sensitive", "others", "passes", "half", "n", "clean"]
    return pd.DataFrame(rows, columns=[*columns, "defended", "defended_low", "defended_high", "cost"])


def chosen_tables(swept, allowed=ALLOWED):
    """The table that saves most on one half at the allowed cost there, or else costs least, as it does on the other.

    swept: from ``tradeoff``. Returns its rows of the half that is reported, one for each number of passes, with a
    column ``within`` (the cost was allowed on the half that it was chosen on).
    """
    found = []
    for passes, part in swept[swept["half"] == HALVES[0]].groupby("passes"):
        allowed_ones = part[part["cost"] <= allowed]
        pool = allowed_ones if len(allowed_ones) else part[part["cost"] == part["cost"].min()]
        best = pool.loc[pool["defended"].idxmax(), "table"]
        reported = swept[(swept["half"] == HALVES[1]) & (swept["passes"] == passes) & (swept["table"] == best)]
        found.append(reported.assign(within=bool(len(allowed_ones))))
    return pd.concat(found, ignore_index=True)


def judge_distillation(rates, adaptive, *, epsilon=2):
    """Feature Distillation's claims beside what was measured of the released table.

    rates, adaptive: from ``defense_rates``, of the Fast Gradient Sign and of attackers who know the defense.
    epsilon: at which the claims are held against the study, in grey levels; the authors' was most likely 2.
    Columns: claim, paper, measured, low, high, n, verdict. A share that should be reached is "reached" where its
    interval does not lie below the paper's, a loss is "within" where its interval lies below what is allowed. Claims on
    what was not measured are left out.
    """
    plain = rates[(rates["defense"] == "FD") & (rates["epsilon"] == epsilon)].set_index("passes")
    rows = []
    for passes, paper in ((1, 0.13), (2, 0.92)):
        if passes not in plain.index:
            continue
        row = plain.loc[passes]
        found = (row["kept"], row["kept_low"], row["kept_high"], int(row["kept_n"]))
        claim = f"under the Fast Gradient Sign, {WORDS[passes]}: accuracy on images that are right without it"
        rows.append((claim, paper, *found, _reached(paper, row["kept_low"], row["kept_high"])))
    for row in plain[plain.index == 1].itertuples():
        loss = (-row.cost, -row.cost_high, -row.cost_low)
        told = {-1: "within", 1: "more", 0: "not decided by these images"}
        told = told[verdict(loss[1] - ALLOWED, loss[2] - ALLOWED)]
        rows.append(("accuracy lost on clean images, at most", ALLOWED, *loss, int(row.n), told))
    knowing = adaptive[adaptive["attack"].str.contains("{", regex=False)]
    for row in knowing[(knowing["defense"] == "FD") & (knowing["epsilon"] == epsilon)].itertuples():
        claim = f"under an attacker who knows the defense ({row.attack}, {WORDS[row.passes]})"
        told = _reached(0.6, row.kept_low, row.kept_high)
        rows.append((claim, 0.6, row.kept, row.kept_low, row.kept_high, int(row.kept_n), told))
    return pd.DataFrame(rows, columns=["claim", "paper", "measured", "low", "high", "n", "verdict"])


def judge_speed(times, *, rival="TVM", defense="FD", batch=1, clock="wall"):
    """Feature Distillation's claim to be about 259 times as fast as its rivals, beside how fast it was here.

    times: from ``steps.time_defenses``, or the table that ``jpegstudy bench defenses`` writes.
    rival, defense: what is held against what, by their names there.
    batch: the size of batch whose times are taken.  clock: wall or cpu.
    Columns as of ``judge_distillation``: measured is the ratio of medians, rival over defense, low and high the range
    over the rounds, n their number. The claim is "reached" where the range holds 259, "exceeded" where it lies above.
    Raises BadInput if the two were not timed together in such batches.
    """
    part = times[times["batch"] == batch]
    part = part.assign(contender=part["defense"])
    found = timing.ratio(part, rival, defense, clock)
    how = "one image at a time" if batch == 1 else f"{batch} images at a time"
    claim = f"about {FASTER} times as fast as its rivals ({defense} and {rival}, {how})"
    told = _reached(FASTER, found.low, found.high)
    columns = ["claim", "paper", "measured", "low", "high", "n", "verdict"]
    return pd.DataFrame([(claim, FASTER, found.value, found.low, found.high, found.n, told)], columns=columns)


def _reached(paper, low, high):
    if high < paper:
        return "not reached"
    return "exceeded" if low > paper else "reached"
