"""Which image shows the effect best: the choice behind the figure of one image, made by rule and not by hand."""

import numpy as np

from jpegstudy.errors import BadInput


def attacked_name(predictions, epsilon):
    """The name of the perturbed x at an epsilon, as in the predictions: Adv1(x), or Adv1[resnet50](x).

    Raises BadInput unless there is exactly one.
    """
    rows = predictions[(predictions["epsilon"] == epsilon) & predictions["transform"].isna()]
    names = list(rows["modification"].unique())
    if len(names) != 1:
        raise BadInput(f"predictions hold {', '.join(names) or 'no attack'} at epsilon {epsilon:g}; wanted one")
    return names[0]


def telling_image(predictions, *, epsilon, jpg="JPG"):
    """The number of the image on which the attack, and JPEG after it, do most.

    That is the largest, over images, of the smallest of three probabilities: of the top label under x, of the wrong
    label under Adv (0 if the prediction stays), and of the top label under JPG(Adv). Where no image is attacked away
    and brought back, the one that comes nearest still is the answer, for a tie the first.
    """
    attacked = attacked_name(predictions, epsilon)
    names = ["x", attacked, f"{jpg}({attacked})"]
    rows = {name: predictions[predictions["modification"] == name].set_index("image").sort_index() for name in names}
    clean, attacked, compressed = (rows[name] for name in names)
    moved = (attacked["predicted"] != attacked["top_label"]) * attacked["predicted_probability"]
    scores = [clean["top_label_probability"], moved, compressed["top_label_probability"]]
    least = np.minimum.reduce([score.to_numpy(dtype=float) for score in scores])
    return int(clean.index[least.argmax()])


def example_names(predictions):
    """What the figures of single modifications take from a run with many: ``(epsilon, jpg, noise)``.

    epsilon: the smallest, a whole number of grey levels.  jpg, noise: names of the transforms, such as "JPG" and
    "JPGnoise": of the noise's quality where JPEG was measured at it, else of the quality that is nearest.
    Raises BadInput if the predictions lack an attack, JPEG or JPEG noise.
    """
    first = predictions.drop_duplicates("modification")
    epsilon = first["epsilon"].min()
    attacked = first[first["epsilon"] == epsilon]
    jpegs, noises = (attacked[attacked["transform"] == name] for name in ("JPG", "JPGnoise"))
    if jpegs.empty or noises.empty:
        raise BadInput(f"predictions hold {', '.join(first['modification'])} only; wanted Adv, JPG(Adv), JPGnoise(Adv)")
    noise = noises.iloc[0]
    jpg = jpegs.iloc[int((jpegs["quality"] - noise["quality"]).abs().to_numpy(dtype=float).argmin())]
    return int(epsilon), *(row["modification"].split("(")[0] for row in (jpg, noise))
