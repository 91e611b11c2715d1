"""What a network answered, as rows of the predictions that every figure and table reads."""

import numpy as np
import pandas as pd
import torch


def summary(probabilities, top_labels):
    """Of each image: its top label, that label's probability, the predicted label and its probability."""
    highest, predicted = probabilities.max(dim=1)
    return top_labels, probabilities.gather(1, top_labels[:, None])[:, 0], predicted, highest


def as_table(table, modification, batches, network, reading=None):
    """The predictions of one modification of a shard.

    table: of the shard's images that are in, see Run.image_table.  batches: a summary of each.  network: its name.
    reading: the name of a reading of the paper other than the study's own.
    """
    columns = [torch.cat(parts).numpy() for parts in zip(*batches, strict=True)] if batches else [np.empty(0)] * 4
    top_label, top_label_probability, predicted, predicted_probability = columns
    parts = modification.columns
    frame = pd.DataFrame(
        {
            "network": pd.Series(network, index=table.index, dtype="string"),
            "image": table.image.astype("int64"),
            "file": table.file.astype("string"),
            "label": table.label,
            "modification": pd.Series(str(modification), index=table.index, dtype="string"),
            "attack": pd.Series(parts["attack"], index=table.index, dtype="string"),
            "epsilon": pd.Series(parts["epsilon"], index=table.index, dtype="float64"),
            "transform": pd.Series(parts["transform"], index=table.index, dtype="string"),
            "quality": pd.Series(parts["quality"], index=table.index, dtype="Int64"),
            "reading": pd.Series(reading, index=table.index, dtype="string"),
            "top_label": top_label.astype("int64"),
            "top_label_probability": top_label_probability.astype("float32"),
            "predicted": predicted.astype("int64"),
            "predicted_probability": predicted_probability.astype("float32"),
        }
    )
    frame["correct"] = (frame.predicted == frame.label).astype("boolean")  # null where there is no label
    return frame
