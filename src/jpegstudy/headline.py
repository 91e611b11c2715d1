"""A run's result in three numbers: the rate on clean images, under the smallest attack, and after JPEG on top of it."""

import math
import re
from pathlib import Path

import pandas as pd

from jpegstudy.errors import BadInput
from jpegstudy.places import shown

HEADS = ("clean", "attacked", "after JPEG")
RATES = {"top1": "top-1 accuracy", "agreement": "agreement with the clean image's label"}
SHORT = {"top1": "top-1 accuracy", "agreement": "agreement"}


def read(folder):
    """Of the table1.csv in a run's folder: (which of RATES it holds, {modification: its row}); (None, {}) without one.

    Raises BadInput if the file is there and holds something else.
    """
    path = Path(folder) / "table1.csv"
    if not path.exists():
        return None, {}
    try:
        table = pd.read_csv(path)
        rate = next(rate for rate in RATES if rate in table)
        rows = {row["modification"]: row for row in table.to_dict("records")}
        return rate, {"x": rows["x"], **rows}
    except (ValueError, KeyError, StopIteration) as error:  # pandas' own errors are kinds of ValueError
        raise BadInput(f"{shown(path)} is no table of results; run 05_analysis again") from error


def rates(folder):
    """``(rate, [(modification, percent, interval), ...])`` of a run's folder, for as many of HEADS as were measured.

    The smallest attack is the one with the smallest epsilon; JPEG is the study's 75 where it was measured, else the
    first quality. Without a table the rate is None and the list empty.
    """
    rate, rows = read(folder)
    attacked = next((name for name in rows if re.fullmatch(r"Adv\d+(\[[^\]]*\])?\(x\)", name)), None)
    after = [name for name in rows if attacked and re.fullmatch(rf"JPG[\d-]*\({re.escape(attacked)}\)", name)]
    names = ["x", attacked, f"JPG({attacked})" if f"JPG({attacked})" in after else next(iter(after), None)]
    return rate, [(name, *percent(rows[name], rate)) for name in names if name in rows]


def percent(row, rate):
    """A rate of a row of table1 and its interval, as two texts in percent."""
    value, low, high = (100 * row[column] for column in (rate, f"{rate}_low", f"{rate}_high"))
    return f"{value:.1f} %", "" if math.isnan(low) else f"[{low:.1f}, {high:.1f}]"
