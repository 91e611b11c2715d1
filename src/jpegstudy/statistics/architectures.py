"""When each architecture was published: architectures.csv, a row for each, with its source."""

import csv
import functools
from pathlib import Path


@functools.cache
def architectures():
    """The rows of the table, as dicts: begins_with (of a network's name), architecture, year (int), source."""
    with open(Path(__file__).parents[1] / "architectures.csv", newline="", encoding="utf-8") as file:
        return [{**row, "year": int(row["year"])} for row in csv.DictReader(file)]


def year_of(network):
    """The year in which a network's architecture was published, by the network's name; None for one not in the table.

    The longest beginning that fits decides: swin_v2_t is no swin_t.
    """
    fitting = [row for row in architectures() if network.startswith(row["begins_with"])]
    return max(fitting, key=lambda row: len(row["begins_with"]))["year"] if fitting else None
