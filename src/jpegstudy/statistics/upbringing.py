"""Does it matter on what images a network was trained? Networks of two kinds, several of each, on the same images.

The intervals are over images: they say what other images would change, not what other first weights would. For that
the networks of a kind stand side by side, and two kinds are called apart only where every network of one lies beyond
every network of the other as well.
"""

import math
from collections import Counter

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .in_words import difference, number, rate, verdict
from .outcomes import inner
from .resampling import RESAMPLES, bca, sums_by_file
from .side_by_side import read_networks

RECOVERY, COST = "recovery", "cost"
SENSITIVITY = ("JPEG on x", "JPEG noise on x", "Gaussian noise on x")  # of explanations.CONTROLS
APART = {1: "more", 0: "not told apart", -1: "less"}


def kinds_of(runs, trained_on):
    """``{run: what it was trained on}``. Raises BadInput unless the two lists are equally long."""
    if len(runs) != len(trained_on):
        raise BadInput(
            f"there are {len(runs)} runs and {len(trained_on)} entries of trained_on; wanted one for each run"
        )
    return dict(zip(runs, trained_on, strict=True))


def compare_kinds(predictions, kinds, *, resamples=RESAMPLES, seed=0):
    """What JPEG and its noise do in the networks of two kinds.

    predictions: ``{run: its tidy table}``, as in side_by_side.  kinds: ``{run: the kind of images it was trained on}``.
    Measures: "recovery", the share that a modification such as JPG(Adv1(x)) or JPGnoise(Adv1(x)) gives back of what the
    attack took; "cost", the rate that one such as JPG(x) takes from clean images.
    Returns a row for each measure, modification and what: a run, a kind (the mean over its networks), or the first kind
    less the second. Columns: measure, modification, of ("network", "kind", "difference"), what, n, value, low, high
    (BCa over files, the same files drawn for all networks), apart (of differences: 1 or -1 where the interval leaves
    out 0 and no network of one kind lies among those of the other, else 0; missing elsewhere).
    Where an attack takes nothing from a network's images there is nothing to give back: its recovery, and what is
    compared with it, is NaN.
    Raises BadInput unless there are two kinds, or if a run lacks a modification that another has.
    """
    data = read_networks(predictions)
    names = list(dict.fromkeys(kinds[run] for run in data))
    if len(names) != 2:
        raise BadInput(f"the networks are of {len(names)} kinds ({', '.join(names)}); wanted two kinds, such as jpeg")
    first = next(iter(data))
    wanted = data[first].names
    for run, outcomes in data.items():
        if outcomes.names != wanted:
            odd = sorted(set(outcomes.names) ^ set(wanted))
            raise BadInput(f"runs {first!r} and {run!r} have other modifications ({', '.join(odd)}); compare like runs")
    measured = _measured(wanted)
    of_kind = [np.array([kinds[run] == name for run in data]) for name in names]
    places = [[wanted.index(name) for name in triple] for _, triple in measured]

    def statistic(totals):
        rates = totals[..., :-1].reshape(*totals.shape[:-1], len(data), len(wanted)) / totals[..., -1:, None]
        values = [_value(measure, rates[..., where]) for (measure, _), where in zip(measured, places, strict=True)]
        own = np.stack(values, axis=-2)  # (..., measures, networks)
        means = np.stack([own[..., mask].mean(axis=-1) for mask in of_kind], axis=-1)
        both = np.concatenate([own, means, means[..., :1] - means[..., 1:]], axis=-1)
        return both.reshape(*both.shape[:-2], -1)

    hits = np.concatenate([outcomes.hits for outcomes in data.values()])
    sums, sizes = sums_by_file(hits, data[first].files)
    found = bca(np.column_stack([sums, sizes]), statistic, resamples=resamples, seed=seed)
    heads = [("network", run) for run in data] + [("kind", name) for name in names]
    heads.append(("difference", f"{names[0]} − {names[1]}"))
    n = hits.shape[1]
    rows = []
    for (measure, triple), start in zip(measured, range(0, len(found), len(heads)), strict=True):
        part = found[start : start + len(heads)]
        own = np.array([interval.value for interval in part[: len(data)]])
        for (of, what), interval in zip(heads, part, strict=True):
            apart = _apart(own, of_kind, interval) if of == "difference" else None
            rows.append((measure, triple[-1], of, what, n, *interval, apart))
    columns = ["measure", "modification", "of", "what", "n", "value", "low", "high", "apart"]
    return pd.DataFrame(rows, columns=columns).astype({"apart": "Int64"})


def _measured(names):
    """(measure, the modifications that it compares, the one it is about last) for all that these names allow."""
    found = []
    for name in names:
        if name == "x" or name.startswith("Adv"):
            continue
        if inner(name) == "x":
            found.append((COST, ("x", name)))
        elif inner(name) in names:
            found.append((RECOVERY, ("x", inner(name), name)))
    if not found:
        raise BadInput(f"there is nothing to compare among {', '.join(names)}; run 02 to 04 first")
    return found


def _value(measure, rates):
    """Of rates (..., networks, the modifications): (..., networks)."""
    if measure == COST:
        return rates[..., 0] - rates[..., 1]
    taken = rates[..., 0] - rates[..., 1]
    return (rates[..., 2] - rates[..., 1]) / np.where(taken > 0, taken, np.nan)


def _apart(own, of_kind, interval):
    one, other = (own[mask] for mask in of_kind)
    sign = verdict(interval.low, interval.high)
    beyond = {1: one.min() > other.max(), -1: one.max() < other.min()}
    return sign if sign and beyond[sign] else 0


def kinds_table(rows):
    """compare_kinds as a table to read: a row for each measure and modification, a column for each network, and the
    difference of the two kinds."""
    rows = rows[rows["of"] != "kind"]
    told = rows.assign(
        told=[
            (difference if row.of == "difference" else rate)(row.value, row.low, row.high) for row in rows.itertuples()
        ],
        measured=rows["measure"] + " of " + rows["modification"],
    )
    table = told.pivot(index="measured", columns="what", values="told")
    return table.loc[list(dict.fromkeys(told["measured"])), list(dict.fromkeys(told["what"]))].rename_axis(
        index=None, columns=None
    )


def chance_in_words(rows, kinds):
    """Sentences: how much is apart, and how often networks that do not differ by kind would stand apart all the same.

    rows: of compare_kinds.  kinds: as there.
    """
    found = rows.dropna(subset="apart")
    counts = Counter(kinds.values())
    one, other = counts.values()
    return (
        f"The kinds are told apart in {(found['apart'] != 0).sum()} of these {len(found)}. With {one} and {other} "
        "networks, chance alone puts every one of a kind beyond every one of the other in 2 of "
        f"{math.comb(one + other, one)} orders."
    )


def sensitivities(tables, kinds):
    """How far JPEG's residual moves each network's margin, and that as a share of what the least attack does.

    tables: ``{run: explanations.control_changes}``.  kinds: as for compare_kinds.
    Columns: control (of SENSITIVITY), what (a run), kind, n, value (of the margin), share, low, high (of the share),
    apart (1 or -1 where the interval of every network of the first kind lies above, or below, that of every one of the
    other, else 0).
    Raises BadInput for runs whose least epsilons differ.
    """
    least = {run: table["epsilon"].min() for run, table in tables.items()}
    if len(set(least.values())) > 1:
        told = ", ".join(f"{run}: {epsilon:g}" for run, epsilon in least.items())
        raise BadInput(f"the least epsilons of page 11 differ ({told}); compare like runs")
    rows = []
    for control in SENSITIVITY:
        part = []
        for run, table in tables.items():
            at = (table["epsilon"] == least[run]) & (table["objective"] == "margin") & (table["control"] == control)
            row = table[at].iloc[0]
            part.append((control, run, kinds[run], row["n"], row["value"], *row[["share", "share_low", "share_high"]]))
        lows, highs = (np.array([row[place] for row in part]) for place in (6, 7))
        first = np.array([row[2] == part[0][2] for row in part])
        above, below = lows[first].min() > highs[~first].max(), highs[first].max() < lows[~first].min()
        rows += [(*row, int(above) - int(below)) for row in part]
    return pd.DataFrame(rows, columns=["control", "what", "kind", "n", "value", "share", "low", "high", "apart"])


def sensitivities_table(rows):
    """sensitivities as a table to read: a row for each control, a column for each network."""
    told = rows.assign(told=[rate(row.share, row.low, row.high) for row in rows.itertuples()])
    table = told.pivot(index="control", columns="what", values="told")[list(dict.fromkeys(rows["what"]))]
    return table.loc[list(SENSITIVITY)].rename_axis(index="share of what the attack does", columns=None)


def sensitivities_in_words(rows):
    """A sentence for each control: whether one kind's margins move more."""
    lines = []
    for control, part in rows.groupby("control", sort=False):
        one, other = dict.fromkeys(part["kind"])
        apart = part["apart"].iloc[0]
        verb = f"moves the margin {APART[apart]} with {one} than with {other}" if apart else "does not tell them apart"
        shares, plain = (by_kind(part["kind"], part[name], digits=3) for name in ("share", "value"))
        lines.append(
            f"{control} {verb}: of what the attack does, network by network, {shares} (of margin: {plain}; "
            f"n = {part['n'].max()})."
        )
    return lines


def kinds_in_words(rows, kinds):
    """A sentence for each measure and modification: which kind has more of it, or that they are not told apart.

    rows: of compare_kinds.  kinds: as there.
    """
    lines = []
    for (measure, modification), part in rows.groupby(["measure", "modification"], sort=False):
        one, other = part.loc[part["of"] == "kind", "what"]
        (row,) = part[part["of"] == "difference"].itertuples()
        networks = part[part["of"] == "network"]
        each = by_kind(networks["what"].map(kinds), networks["value"])
        told = f"{APART[row.apart]} with {one} than with {other}" if row.apart else APART[0]
        name = f"{'What JPEG takes from clean images' if measure == COST else 'Recovery'}, {modification}"
        lines.append(
            f"{name}: {told}; {one} less {other} is {difference(row.value, row.low, row.high, row.n)}, network by "
            f"network {each}."
        )
    return lines


def by_kind(kinds, values, digits=2):
    """The values of single networks, kind by kind: "jpeg 0.33, 0.39; lossless 0.33, 0.27"."""
    told = {}
    for kind, value in zip(kinds, values, strict=True):
        told.setdefault(kind, []).append(number(value, digits))
    return "; ".join(f"{kind} {', '.join(each)}" for kind, each in told.items())
