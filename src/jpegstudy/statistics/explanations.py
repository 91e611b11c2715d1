"""Why JPEG undoes perturbations, in tables: geometry, the ladder's rungs, first orders, and where recovery ends."""

import numpy as np
import pandas as pd

from jpegstudy.errors import BadInput

from .curves import recovery
from .intervals import Interval
from .outcomes import read_outcomes
from .resampling import RESAMPLES, bca, mean_intervals, share_difference_interval, share_intervals, sums_by_file

GEOMETRY = ("residual_ratio", "survival_ratio", "gain", "projection_gap", "survivor_cosine", "step_cosine")
DISTANCES = ("rms_attacked_x", "rms_compressed_x", "rms_compressed_attacked_x", "rms_noisy_x",
             "rms_attacked_compressed", "rms_compressed_attacked_compressed", "rms_noisy_compressed")  # fmt: skip
CHANGES = {  # whole, and the parts that add up to it
    "attack_change": ("attack_first_order", "attack_remainder"),
    "undone_change": ("moved_change", "taken_change", "overlap_change"),
    "whole_change": ("codec_change", "survivor_first_order", "survivor_remainder"),
}
LEFT = {  # what is left of the attack's effect: the objective before it and after it, where JPEG
    "taking": ("x", "taken"),  # only puts what survives in the place of the perturbation
    "moving": ("compressed", "moved"),  # only puts JPG(x) in the place of x
    "both": ("compressed", "compressed_attacked"),
    "noise": ("noise_x", "noise"),  # is not there, but its change shuffled over the image is
    "gaussian": ("gaussian_x", "gaussian"),  # is not there, but Gaussian noise as strong is
}
SLOPES = {  # the same to first order
    "taking": "taken_first_order",
    "moving": "moved_first_order",
    "both": "survivor_first_order",
}
EFFECT, FIRST_ORDER = "effect", "first order"  # of the attack: as it is measured, and by the slope at x
MOVED, TAKEN = "JPEG's change of x alone", "JPEG's change of δ alone"  # which make JPG(x) + δ and x + s of Adv
NOISE = "JPEG noise on Adv"
CONTROLS = {  # what is done: the objective after it, before it, and what its share is of
    "JPEG on Adv": ("compressed_attacked", "attacked", "JPEG on Adv"),
    MOVED: ("moved", "attacked", "JPEG on Adv"),
    TAKEN: ("taken", "attacked", "JPEG on Adv"),
    NOISE: ("noise", "attacked", "JPEG on Adv"),
    "Gaussian noise on Adv": ("gaussian", "attacked", "JPEG on Adv"),
    "Adv": ("attacked", "x", "Adv"),
    "random signs": ("signs", "x", "Adv"),
    "JPEG on x": ("compressed", "x", "Adv"),
    "JPEG noise on x": ("noise_x", "x", "Adv"),
    "Gaussian noise on x": ("gaussian_x", "x", "Adv"),
}


def geometry_means(geometry, *, columns=(*GEOMETRY, *DISTANCES), files=None, resamples=RESAMPLES, seed=0):
    """Means over images of what mechanism.geometry measured, by epsilon and quality.

    geometry: a row for each image, epsilon and quality.  files: as for mean_intervals, by image number.
    Columns: epsilon, quality, measure, n, value, low, high. Images without a perturbation are left out.
    Raises BadInput for columns that are not there.
    """
    if missing := [name for name in columns if name not in geometry]:
        raise BadInput(f"the table lacks {', '.join(missing)}; it has {', '.join(geometry.columns)}")
    rows = []
    for (epsilon, quality), part in geometry.groupby(["epsilon", "quality"]):
        part = part[part["gain"].notna()]
        found = _means(part, columns, files, resamples, seed)
        rows += [(epsilon, quality, name, len(part), *interval) for name, interval in zip(columns, found, strict=True)]
    return pd.DataFrame(rows, columns=["epsilon", "quality", "measure", "n", "value", "low", "high"])


def rung_recoveries(predictions, epsilon, *, resamples=RESAMPLES, seed=0):
    """What each rung of the ladder gives back of what the attack took, beside all of JPEG.

    predictions: of x, the attack, and "<variant>(x)", "<variant>(Adv(x))" for every variant.
    Columns: variant, kind ("only", "all but", "only band", "all but band", "grid", "ends"), n, recovery,
    clean and attacked (accuracy of the variant on x and on Adv), cost (clean less the accuracy of x), and less
    (recovery less that of all of JPEG; paired, over the same resamples), each of these five with _low and _high.
    Where the attack may have taken nothing, recovery is missing, as in ``curves.recovery``.
    Raises BadInput if the ladder was not measured.
    """
    attack = f"Adv{epsilon:g}(x)"
    pairs = predictions["modification"].str.extract(r"^([a-z][^()]*)\((.*)\)$").dropna()
    names = [name for name in dict.fromkeys(pairs[0]) if f"{name}({attack})" in set(predictions["modification"])]
    if "all" not in names:
        raise BadInput(f"predictions hold no ladder at {attack}; ask for it by the parameter ladder of page 11")
    wanted = ["x", attack, *(f"{name}({base})" for name in names for base in ("x", attack))]
    data = read_outcomes(predictions[predictions["modification"].isin(wanted)])
    x, attacked = (data.hits[data.place(name)] for name in ("x", attack))
    clean, back = ([data.hits[data.place(f"{name}({base})")] for name in names] for base in ("x", attack))
    taken = share_difference_interval(x, attacked, files=data.files, resamples=resamples, seed=seed)
    found = _recoveries(x, attacked, dict(zip(names, back, strict=True)), data.files, resamples, seed)
    if not taken.low > 0:
        found = [(np.nan, np.nan, np.nan)] * len(found)
    kept = [share_intervals(hits, files=data.files, resamples=resamples, seed=seed) for hits in (clean, back)]
    rows = []
    for place, name in enumerate(names):
        cost = share_difference_interval(clean[place], x, files=data.files, resamples=resamples, seed=seed)
        rows.append((name, _kind(name), x.size, *found[place], *kept[0][place], *kept[1][place], *cost,
                     *found[len(names) + place]))  # fmt: skip
    stems = ("recovery", "clean", "attacked", "cost", "less")
    columns = ["variant", "kind", "n", *(name for stem in stems for name in (stem, f"{stem}_low", f"{stem}_high"))]
    return pd.DataFrame(rows, columns=columns)


def _recoveries(x, attacked, back, files, resamples, seed):
    """Intervals of every variant's recovery, then of each less that of all of JPEG.

    back: ``{variant: hits}``. Where no resample differs from the next the bootstrap would claim certainty, and it is
    the interval of the paired difference of shares over what the attack took; but a variant that is the same by its
    making has the same answers on any images.
    """
    sums, _ = sums_by_file(np.stack([x, attacked, *back.values()]), files)
    whole = list(back).index("all")

    def ratios(totals):
        back_again = (totals[..., 2:] - totals[..., [1]]) / (totals[..., [0]] - totals[..., [1]])
        return np.concatenate([back_again, back_again - back_again[..., [whole]]], axis=-1)

    found = bca(sums, ratios, resamples=resamples, seed=seed)
    pairs = [(hits, attacked, name == "none") for name, hits in back.items()]
    pairs += [(hits, back["all"], name in ("all", "grid 0 0")) for name, hits in back.items()]
    taken = x.mean() - attacked.mean()
    for place, (after, before, same) in enumerate(pairs):
        if found[place].low == found[place].high and not same:
            step = share_difference_interval(after, before, files=files, resamples=resamples, seed=seed)
            found[place] = Interval(found[place].value, step.low / taken, step.high / taken)
    return found


def _kind(name):
    if name in ("all", "none"):
        return "ends"
    return next(kind for kind in ("only band", "all but band", "only", "all but", "grid") if name.startswith(kind))


def mean_parts(orders, *, files=None, resamples=RESAMPLES, seed=0):
    """Means over images of the changes of the objective and of their parts, by epsilon and objective.

    orders: a row for each image, epsilon and objective, from mechanism.decomposition.
    Columns: epsilon, objective, change, part (the change itself, or one of its parts), n, value, low, high. The parts
    of a change add up to it, in the means as in each image. Rows with change "x" have the objective of x itself.
    """
    rows = []
    for (epsilon, objective), part in orders.groupby(["epsilon", "objective"]):
        (level,) = _means(part, ("x",), files, resamples, seed)
        rows.append((epsilon, objective, "x", "x", len(part), *level))
        for change, parts in CHANGES.items():
            found = _means(part, (change, *parts), files, resamples, seed)
            rows += [
                (epsilon, objective, change, name, len(part), *interval)
                for name, interval in zip((change, *parts), found, strict=True)
            ]
    return pd.DataFrame(rows, columns=["epsilon", "objective", "change", "part", "n", "value", "low", "high"])


def shares_left(orders, *, files=None, resamples=RESAMPLES, seed=0):
    """What is left of the attack where JPEG only takes from the perturbation, where it only moves the image, where it
    does both, as it does, and where noise of its strength stands in its place: shares of the attack's effect on the
    objective, and, but for noise, of its first order.

    orders: as for ``mean_parts``, with the objective under controls. What is done to the clean image as well is no part
    of what is left: behind JPEG the attack's effect is counted from JPG(x).
    Columns: epsilon, objective, of (EFFECT or FIRST_ORDER), part (of LEFT), n, value, low, high: quotients of means
    over images.
    """
    heads = [*((EFFECT, part) for part in LEFT), *((FIRST_ORDER, part) for part in SLOPES)]
    rows = []
    for (epsilon, objective), table in orders.groupby(["epsilon", "objective"]):
        effects = [table[after] - table[before] for before, after in LEFT.values()]
        slopes = [table[name] for name in SLOPES.values()]
        wholes = [table["attack_change"], table["attack_first_order"]]
        sums, _ = sums_by_file(np.stack([*effects, *slopes, *wholes]), _files_of(table, files))

        def shares(totals):
            return totals[..., :-2] / np.repeat(totals[..., -2:], [len(LEFT), len(SLOPES)], axis=-1)

        found = bca(sums, shares, resamples=resamples, seed=seed)
        rows += [(epsilon, objective, *head, len(table), *each) for head, each in zip(heads, found, strict=True)]
    return pd.DataFrame(rows, columns=["epsilon", "objective", "of", "part", "n", "value", "low", "high"])


def gradient_change(orders, *, files=None, resamples=RESAMPLES, seed=0):
    """How the objective's gradient at JPG(x) differs from that at x.

    orders: as for ``mean_parts``. Images without a gradient are left out.
    Columns: objective, measure ("cosine" of the two, the mean over images; "length" of that at JPG(x) by that at x, the
    quotient of means), n, value, low, high.
    """
    rows = []
    for objective, part in orders.drop_duplicates(["image", "objective"]).groupby("objective"):
        part = part[part["gradient_cosine"].notna()]
        columns = part[["gradient_cosine", "gradient_l2_compressed", "gradient_l2_x"]].to_numpy(float)
        sums, sizes = sums_by_file(columns.T, _files_of(part, files))
        found = bca(
            np.column_stack([sums, sizes]),
            lambda totals: np.stack([totals[..., 0] / totals[..., 3], totals[..., 1] / totals[..., 2]], axis=-1),
            resamples=resamples, seed=seed,
        )  # fmt: skip
        rows += [(objective, name, len(part), *each) for name, each in zip(("cosine", "length"), found, strict=True)]
    return pd.DataFrame(rows, columns=["objective", "measure", "n", "value", "low", "high"])


def control_changes(orders, *, files=None, resamples=RESAMPLES, seed=0):
    """How JPEG and its controls change the objective, means over images, and each as a share of another's change.

    orders: as for ``mean_parts``, with the objective under controls.
    Columns: epsilon, objective, control (of CONTROLS), n, value, low, high, of (whose change the share is of), share,
    share_low, share_high: a quotient of means, over the same resamples.
    """
    rows = []
    for (epsilon, objective), part in orders.groupby(["epsilon", "objective"]):
        changes = np.stack([(part[after] - part[before]).to_numpy(float) for after, before, _ in CONTROLS.values()])
        sums, sizes = sums_by_file(changes, _files_of(part, files))
        wholes = [list(CONTROLS).index(of) for *_, of in CONTROLS.values()]

        def statistic(totals, wholes=wholes):
            means = totals[..., :-1] / totals[..., -1:]
            return np.concatenate([means, means / means[..., wholes]], axis=-1)

        found = bca(np.column_stack([sums, sizes]), statistic, resamples=resamples, seed=seed)
        for place, (control, (*_, of)) in enumerate(CONTROLS.items()):
            rows.append((epsilon, objective, control, len(part), *found[place], of, *found[len(CONTROLS) + place]))
    shares = ["share", "share_low", "share_high"]
    return pd.DataFrame(rows, columns=["epsilon", "objective", "control", "n", "value", "low", "high", "of", *shares])


def labels_kept(orders, *, files=None, resamples=RESAMPLES, seed=0):
    """The share of images on which the network still gives the label that it gives x, which was attacked.

    orders: as for ``mean_parts``, of the margin among others.  files: as there.
    Columns: epsilon, control (of CONTROLS), n, value, low, high.
    """
    margin = orders[orders["objective"] == "margin"]
    rows = []
    for epsilon, part in margin.groupby("epsilon"):
        hits = np.stack([part[after].to_numpy() < 0 for after, *_ in CONTROLS.values()])
        found = share_intervals(hits, files=_files_of(part, files), resamples=resamples, seed=seed)
        rows += [(epsilon, name, len(part), *interval) for name, interval in zip(CONTROLS, found, strict=True)]
    return pd.DataFrame(rows, columns=["epsilon", "control", "n", "value", "low", "high"])


def _means(part, columns, files, resamples, seed):
    values = part[list(columns)].to_numpy(float).T
    return mean_intervals(values, files=_files_of(part, files), resamples=resamples, seed=seed)


def _files_of(part, files):
    """For each image of a table the file that it was cut from, or None where each is its own."""
    return None if files is None else part["image"].map(files).to_numpy()


def recovery_curves_of(predictions, *, resamples=RESAMPLES, seed=0):
    """Recovery by quality and epsilon: quality, epsilon, recovery, low, high, n; NaN where nothing was taken."""
    table = recovery(predictions, resamples=resamples, seed=seed)
    parts = predictions.drop_duplicates("modification")[["modification", "epsilon", "quality"]]
    return table.merge(parts, on="modification")[["quality", "epsilon", "recovery", "low", "high", "n"]]


def accuracy_by_epsilon(predictions):
    """Accuracy without JPEG by epsilon, fractions of a grey level among them: a sorted Series that begins at 0."""
    data = predictions[predictions["transform"].isna()]
    wanted = data["label"].fillna(data["top_label"])
    right = data.assign(right=data["predicted"] == wanted, epsilon=data["epsilon"].fillna(0.0))
    return right.groupby("epsilon")["right"].mean().sort_index()


def compressed_accuracy(predictions):
    """Accuracy of JPG(x) by quality: ``{quality: share}``."""
    data = predictions[predictions["attack"].isna() & (predictions["transform"] == "JPG")]
    wanted = data["label"].fillna(data["top_label"])
    right = data.assign(right=data["predicted"] == wanted).groupby("quality")["right"].mean()
    return {int(quality): float(share) for quality, share in right.items()}


def candidates(predictions, images, orders, epsilon, quality):
    """What is known of each image that JPEG could bring back: ``(table, recovered, files)``.

    Those that are right as x and wrong under Adv; recovered (bool) says which are right under JPG(Adv) again.
    predictions: of x, Adv and JPG(Adv).  images, orders: from steps.explaining, a row for each image.
    Columns of the table: clean_margin, attacked_margin (the label's logit less the highest other), slope (the sum of
    the gradient's absolute values), log_texture, fine_share, and the shares of the gradient's spectrum. Its index, and
    that of files, is the image's number.
    """
    wanted = predictions["label"].fillna(predictions["top_label"])
    right = predictions.assign(right=predictions["predicted"] == wanted)
    right = right.pivot(index="image", columns="modification", values="right")
    attack = f"Adv{epsilon:g}(x)"
    jpeg = "JPG" if quality == 75 else f"JPG{quality}"
    turned = right.index[right["x"] & ~right[attack]]
    margins = orders[(orders["objective"] == "margin") & (orders["epsilon"] == epsilon)].set_index("image").loc[turned]
    about = images.set_index("image").loc[turned]
    table = pd.DataFrame(
        {
            "clean_margin": -margins["x"],
            "attacked_margin": -margins["attacked"],
            "slope": margins["gradient_l1_x"],
            "log_texture": about["log_texture"],
            "fine_share": about["fine_share"],
            **{f"gradient_{name}": about[name] for name in ("chroma_share", "low_share", "high_share")},
        }
    )
    files = predictions.drop_duplicates("image").set_index("image")["file"].loc[turned]
    return table, right[f"{jpeg}({attack})"].loc[turned].to_numpy(bool), files.to_numpy()
