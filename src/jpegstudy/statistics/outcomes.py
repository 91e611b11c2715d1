"""A predictions table, checked and laid out so that every modification is measured on the same images in one order."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

NEEDED = [
    "image",
    "file",
    "label",
    "modification",
    "attack",
    "epsilon",
    "transform",
    "quality",
    "top_label",
    "top_label_probability",
    "predicted",
    "predicted_probability",
]
PARTS = ["modification", "attack", "epsilon", "transform", "quality"]


class Outcomes(NamedTuple):
    """M modifications on the same n images; rows of the arrays follow ``modifications``, columns the image numbers."""

    modifications: pd.DataFrame  # M rows in the paper's order: modification and its parts
    hits: np.ndarray  # bool (M, n): the label that ``measure`` counts was predicted
    probability: np.ndarray  # float (M, n): top-label probability
    confidence: np.ndarray  # float (M, n): probability of the predicted label
    files: np.ndarray  # int (n,): equal where images were cut from one file
    measure: str  # "top1" where images are labeled, else "agreement" with the label of the clean image

    @property
    def names(self):
        return list(self.modifications["modification"])

    def place(self, name):
        """The row of a modification. Raises BadInput if it was not measured."""
        if name not in self.names:
            raise BadInput(f"predictions lack {name}; they have {', '.join(self.names)}")
        return self.names.index(name)


def read_outcomes(predictions):
    """Check ``predictions`` (the tidy table, one row per image and modification) and return its Outcomes.

    Raises BadInput if columns, values or rows are missing, if there are several networks or readings, if only some
    images are labeled, or if the modifications were not measured on the same images.
    """
    _check(predictions)
    modifications = in_paper_order(predictions[PARTS].drop_duplicates("modification"))
    rank = dict(zip(modifications["modification"], range(len(modifications)), strict=True))
    ordered = predictions.assign(rank=predictions["modification"].map(rank)).sort_values(["rank", "image"])
    sizes = ordered.groupby("rank").size()
    if sizes.nunique() > 1 or len(ordered) != ordered["image"].nunique() * len(rank):
        images = ordered["image"].nunique()
        short = modifications["modification"][int(sizes.argmin())]
        raise BadInput(f"{short} has {sizes.min()} of {images} images; finish the run, all rows need the same images")
    shape = (len(rank), int(sizes.iloc[0]))
    labeled = ordered["label"].notna().all()
    wanted = ordered["label" if labeled else "top_label"]
    return Outcomes(
        modifications=modifications,
        hits=(ordered["predicted"].to_numpy(np.int64) == wanted.to_numpy(np.int64)).reshape(shape),
        probability=ordered["top_label_probability"].to_numpy(float).reshape(shape),
        confidence=ordered["predicted_probability"].to_numpy(float).reshape(shape),
        files=pd.factorize(ordered["file"].iloc[: shape[1]])[0],
        measure="top1" if labeled else "agreement",
    )


def _check(predictions):
    missing = [name for name in NEEDED if name not in predictions]
    if missing:
        raise BadInput(f"predictions lack the column {', '.join(missing)}; give the table that a run stores")
    if predictions.empty:
        raise BadInput("predictions hold no rows; run the prediction stages first")
    for name in ("network", "reading"):
        if name in predictions and predictions[name].nunique(dropna=False) > 1:
            several = ", ".join(map(str, predictions[name].unique()))
            raise BadInput(f"predictions hold several values of {name}: {several}; choose one")
    for name in ("file", "top_label", "top_label_probability", "predicted", "predicted_probability"):
        if predictions[name].isna().any():
            raise BadInput(f"predictions have {predictions[name].isna().sum()} rows without {name}; all rows need one")
    unlabeled = predictions["label"].isna()
    if unlabeled.any() and not unlabeled.all():
        some = predictions.loc[unlabeled, "image"].nunique()
        raise BadInput(f"{some} of {predictions['image'].nunique()} images have no label; label all of them or none")
    if predictions.duplicated(["image", "modification"]).any():
        raise BadInput("predictions hold an image twice under one modification; give each image its own number")


def in_paper_order(modifications):
    """Sort rows (modification and its parts) as the paper lists them, and number them anew.

    x, JPG(x), the attacked, JPG of the attacked, JPG noise of the attacked, then other transforms; within these by
    epsilon, then by quality from the mildest.
    """
    rows = sorted(modifications.itertuples(index=False), key=_paper_place)
    return pd.DataFrame(rows, columns=list(modifications.columns))


def _paper_place(row):
    attacked = pd.notna(row.attack)
    transform = "" if pd.isna(row.transform) else row.transform
    kind = {"": 0, "JPG": 1, "JPGnoise": 2}.get(transform, 3)
    group = kind + 2 if attacked else min(kind, 1)
    return (
        group,
        kind,
        transform,
        (row.attack != "Adv", row.attack) if attacked else (),
        0.0 if pd.isna(row.epsilon) else float(row.epsilon),
        0 if pd.isna(row.quality) else -int(row.quality),
        row.modification,
    )


def inner(modification):
    """What the outermost step was applied to: JPG50(Adv5(x)) -> Adv5(x)."""
    return modification[modification.index("(") + 1 : -1]


def on_clean(modification):
    """The outermost step applied to the clean image: JPG50(Adv5(x)) -> JPG50(x)."""
    return modification[: modification.index("(")] + "(x)"
