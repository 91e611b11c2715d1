"""What the readings of the paper show, in tables to read and in sentences that follow the numbers."""

import pandas as pd

from .in_words import change, verdict

INTERVAL_ENDS = ("difference", "difference_low", "difference_high")
ENDS_OF_MEAN = ("probability_difference", "probability_low", "probability_high")


def choices(readings, own):
    """A line for each reading: what it changes. readings: ``{name: {field: value}}``.  own: the study's fields."""
    return [
        f"{name}: {', '.join(f'{field} {_told(value)}'.replace('_', ' ') for field, value in (fields or own).items())}"
        for name, fields in readings.items()
    ]


def _told(value):
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def changed_rows(changes, modifications, default):
    """reading_changes as a table to read: the study's own rates, and by reading the changes from them."""
    measure = changes["measure"].iloc[0]
    cells = {}
    for row in changes[changes["modification"].isin(modifications)].to_dict("records"):
        if row["reading"] == default:
            told = f"{row[measure]:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        else:
            told = "the same" if row["same"] else _signed(*(row[name] for name in INTERVAL_ENDS))
        cells.setdefault(row["modification"], {})[row["reading"]] = told
    return _by_reading(cells, modifications)


def changed_means(changes, modifications, default):
    """As changed_rows, of the top label's mean probability; the study's own stands without an interval."""
    cells = {}
    for row in changes[changes["modification"].isin(modifications)].to_dict("records"):
        told = "the same" if row["same"] else _signed(*(row[name] for name in ENDS_OF_MEAN))
        told = f"{row['probability']:.3f}" if row["reading"] == default else told
        cells.setdefault(row["modification"], {})[row["reading"]] = told
    return _by_reading(cells, modifications)


def _by_reading(cells, modifications):
    return pd.DataFrame({name: cells[name] for name in modifications}).rename_axis("reading")


def moved(changes, modification, default):
    """Sentences: how far the choices alone move one row, and which of them do so beyond their interval."""
    rows = changes[changes["modification"] == modification]
    measure = rows["measure"].iloc[0]
    own = rows[rows["reading"] == default].iloc[0]
    others = rows[rows["reading"] != default]
    low, high = (rows.loc[rows[measure].idxmin()], rows.loc[rows[measure].idxmax()])
    others = others[~others["same"]]
    beyond = others[[bool(verdict(row.difference_low, row.difference_high)) for row in others.itertuples()]]
    lines = [
        f"{modification}: from {low[measure]:.3f} ({low.reading}) to {high[measure]:.3f} ({high.reading}); "
        f"{own[measure]:.3f} as the study reads it."
    ]
    lines += [
        f"- {row.reading}: {change(row.difference, row.difference_low, row.difference_high)} "
        f"({row.gained} images gained, {row.lost} lost)."
        for row in beyond.itertuples()
    ]
    if len(beyond) < len(others):
        lines.append(f"- {len(others) - len(beyond)} others change images, but not the rate beyond its interval.")
    return lines


def fitted(nearest):
    """nearest_readings as a table to read."""
    return pd.DataFrame(
        {
            "row": nearest["modification"],
            "the paper's, of x": nearest["paper_left"].map("{:.2f}".format),
            "all readings here": [f"{row.lowest:.2f} to {row.highest:.2f}" for row in nearest.itertuples()],
            "nearest": [f"{row.left:.2f}, {row.nearest}" for row in nearest.itertuples()],
            "within the range": ["yes" if row.explained else "no" for row in nearest.itertuples()],
        }
    ).set_index("row")


def nearest_in_words(nearest, distances):
    """Sentences: the reading that is nearest to the paper but for noise, and the rows that no reading reaches."""
    best, worst = distances.iloc[0], distances.iloc[-1]
    missed = nearest[~nearest["explained"]]
    lines = [
        f"Over the rows without noise the nearest is “{best.reading}” (root mean square distance {best.rms:.2f} of x's "
        f"rate), the farthest “{worst.reading}” ({worst.rms:.2f})."
    ]
    if len(missed):
        lines.append(f"No reading reaches the paper's {', '.join(missed['modification'])}.")
    else:
        lines.append("Each of the paper's rows lies within the range of the readings.")
    return lines


def effects(table):
    """noise_effects as a table to read."""
    return pd.DataFrame(
        {
            "noise": table["reading"],
            "added to": table["f"],
            "from → to": [f"{row.before:.3f} → {row.after:.3f}" for row in table.itertuples()],
            "change": [_signed(row.difference, row.difference_low, row.difference_high) for row in table.itertuples()],
            "gained, lost": [f"{row.gained}, {row.lost}" for row in table.itertuples()],
            "p": [f"{row.p:.1g}" for row in table.itertuples()],
        }
    ).set_index("noise")


def signs(table):
    """Sentences: under which noise the attacked images get better, and under which worse."""
    attacked = table[table["f"] != "x"]
    found = {1: [], -1: [], 0: []}
    for row in attacked.itertuples():
        found[verdict(row.difference_low, row.difference_high)].append(row.reading)
    told = {1: "raises", -1: "lowers", 0: "does not change beyond its interval"}
    f = attacked["f"].iloc[0]
    return [f"The noise {told[sign]} the rate of {f} under {_listed(names)}." for sign, names in found.items() if names]


def by_factor(effects, factors):
    """A sentence for each image: where noise of growing power leaves most, and from where on less than without.

    effects: from noise_effects.  factors: ``{reading's name: the noise's factor}``.
    """
    rows = effects[effects["reading"].isin(factors)]
    rows = rows.assign(factor=rows["reading"].map(factors)).sort_values("factor")
    lines = []
    for f, part in rows.groupby("f", sort=False):
        best = part.loc[part["after"].idxmax()]
        told = f"Of {f} most is right with noise of factor {best.factor:g}, {best.after:.3f}"
        told += f", and {best.before:.3f} without"
        below = [verdict(row.difference_low, row.difference_high) < 0 for row in part.itertuples()]
        first = next((n for n in range(len(below)) if all(below[n:])), None)
        if first is not None:
            told += f"; from factor {part['factor'].iloc[first]:g} on the noise takes more than it gives"
        lines.append(f"{told}.")
    return lines


def _listed(names):
    return f"{len(names)}: {'; '.join(names)}"


def _signed(value, low, high):
    """ "+0.03 [-0.01, +0.06]"."""
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
