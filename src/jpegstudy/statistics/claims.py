"""What the 2016 paper says in words, as differences that any run can be held against."""

import re

import pandas as pd

from .in_words import verdict

# claim, modification, against, what is compared, the direction that the paper tells; section 4 and the conclusion
PAPER = [
    ("accuracy drops dramatically after the perturbation", "Adv1(x)", "x", "rate", -1),
    ("JPEG alone already affects the top-label probability negatively", "JPG(x)", "x", "mean", -1),
    ("JPEG increases the accuracy substantially for small perturbations", "JPG(Adv1(x))", "Adv1(x)", "rate", 1),
    ("it falls short of the level of compressed clean images", "JPG(Adv1(x))", "JPG(x)", "mean", -1),
    ("at epsilon 5 it improves the top-label probability, only slightly", "JPG(Adv5(x))", "Adv5(x)", "mean", 1),
    ("at epsilon 10 it improves the top-label probability, only slightly", "JPG(Adv10(x))", "Adv10(x)", "mean", 1),
    ("under JPEG noise the probability is even lower than without", "JPGnoise(Adv1(x))", "Adv1(x)", "mean", -1),
]
VERDICTS = {1: "the same direction", -1: "the opposite direction", 0: "not decided by these images"}


def judge(differences):
    """Hold a run against the paper's claims.

    differences: from ``paired_differences``. Returns a row for each claim whose two modifications were measured, with
    columns claim, modification, against, compared (top1, agreement or mean_top_label_probability), difference, low,
    high, paper (1 rises, -1 falls), verdict. A perturbation made against another network is judged as one made against
    the network itself, and keeps its name.
    """
    plain = differences[["modification", "against"]].map(lambda name: re.sub(r"\[[^\]]*\]", "", name))
    rows = []
    for claim, modification, against, compared, direction in PAPER:
        pair = (plain["modification"] == modification) & (plain["against"] == against)
        for row in differences[pair].itertuples():
            if compared == "rate":
                name, numbers = row.measure, (row.difference, row.low, row.high)
            else:
                name, numbers = "mean_top_label_probability", (row.mean_difference, row.mean_low, row.mean_high)
            told = VERDICTS[verdict(*numbers[1:]) * direction]
            rows.append((claim, row.modification, row.against, name, *numbers, direction, told))
    columns = ["claim", "modification", "against", "compared", "difference", "low", "high", "paper", "verdict"]
    return pd.DataFrame(rows, columns=columns)
