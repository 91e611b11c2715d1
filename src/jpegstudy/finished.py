"""Finished runs by name, for what compares several: a run's folder, else its published copy, and never its images."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from jpegstudy import parameters
from jpegstudy.errors import BadInput, one_line
from jpegstudy.places import outputs, shown
from jpegstudy.record import check_same_codec, codec_of, compared_in, read_record
from jpegstudy.run import STAGES

FOLDERS = ("runs", "report")  # of outputs, in the order in which a name is looked for
COLUMNS = [
    "network", "image", "file", "label", "modification", "attack", "epsilon", "transform", "quality", "reading",
    "top_label", "top_label_probability", "predicted", "predicted_probability",
]  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """A run whose predictions are complete: where it lies, and the contents of its run.json."""

    name: str
    path: Path
    record: dict

    def entry(self, stage):
        """A stage's entry in run.json, or an empty dict."""
        return self.record["stages"].get(stage, {})

    @property
    def network(self):
        """The network's name; of one's own, package.module:factory, the factory's."""
        return self.entry("01_preprocessing")["network"]["name"].rpartition(":")[2]

    @property
    def weights_hash(self):
        """The SHA-256 of the network's weights."""
        return self.entry("01_preprocessing")["network"]["weights_hash"]

    @property
    def images_hash(self):
        """The SHA-256 of the image list: file names, contents, labels."""
        return self.entry("01_preprocessing")["image_set"]["hash"]

    @property
    def epsilons(self):
        """The sizes of the perturbation, in grey levels."""
        return self.entry("02_attack")["parameters"]["epsilons"]

    @property
    def source(self):
        """The run, network and weights_hash that the perturbations were made against; None for the network's own."""
        return self.entry("02_attack").get("source")

    def facts(self):
        """What a reader wants to know of it beside others, in words."""
        first = self.entry("01_preprocessing")
        images, network = first["image_set"], first["network"]
        return {
            "network": network["name"],
            "crop": f"{network['crop']} x {network['crop']}",
            "weights (SHA-256)": network["weights_hash"][:12],
            "images": f"{first['images']} of {images['name']}, {'labeled' if images['labeled'] else 'not labeled'}",
            "read from": shown(self.path),
        }

    def predictions(self):
        """The predictions of 02 to 04 as one table: one row per image and modification.

        Raises BadInput if a file is missing or cannot be read, or if a modification lacks images.
        """
        parts = [part for stage in STAGES[1:] for part in self._read(stage)]
        table = pd.concat(parts, ignore_index=True)
        wanted = self.entry("01_preprocessing")["images"]
        counts = table.groupby("modification")["image"].nunique()
        if short := {name: count for name, count in counts.items() if count != wanted}:
            name, count = next(iter(short.items()))
            raise BadInput(f"the predictions of run {self.name!r} are not whole: {name} has {count} of {wanted} images")
        return table

    def _read(self, stage):
        folder = self.path / "predictions"
        if (folder / stage).is_dir():
            files = sorted((folder / stage).glob("[0-9]*.parquet"))
        else:
            files = [folder / f"{stage}.parquet"]  # as it is published
        try:
            return [pd.read_parquet(file, columns=COLUMNS) for file in files]
        except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of ValueError
            raise BadInput(f"{shown(folder / stage)} cannot be read ({one_line(error)})") from error


def find(name):
    """The finished run of that name, in outputs/runs or else in outputs/report.

    Raises BadInput if it is in neither, or unfinished where it was found.
    """
    parameters.check({"run": name})
    for folder in FOLDERS:
        path = outputs() / folder / name
        if (path / "run.json").exists():
            break
    else:
        raise BadInput(f"there is no run {name!r}; there are {', '.join(all_names()) or 'none yet'}")
    run = Finished(name, path, read_record(path / "run.json"))
    if compared_in(run.record):
        raise BadInput(f"{name!r} is a comparison of runs; name the runs: {', '.join(compared_in(run.record))}")
    if unfinished := [stage for stage in STAGES if not run.entry(stage).get("complete")]:
        raise BadInput(f"run {name!r} is not finished: {shown(path)} has no whole {unfinished[0]}; run its study again")
    return run


def table(name, stem):
    """A table that a page of a finished run wrote, ``<stem>.csv``. Raises BadInput if there is none."""
    path = find(name).path / f"{stem}.csv"
    if not path.exists():
        raise BadInput(
            f"run {name!r} has no {path.name}; wanted a run with the page, and the parameter, that writes it"
        )
    return pd.read_csv(path)


def transfers(runs):
    """The finished runs in which one of these networks classifies perturbations made against another of them.

    runs: from ``comparable``. Returns ``{(source's name, target's name): Finished}``, names out of ``runs``; the first
    by name where there are several. Networks go by their weights, so the source's run may have had another name. Left
    out is what does not compare with ``runs``: other images, other epsilons, another JPEG codec.
    """
    by_weights = {run.weights_hash: run.name for run in reversed(runs)}
    found = {}
    for name in all_names():
        try:
            run = find(name)
        except BadInput:  # unfinished, or broken: no matter of the runs that were asked for
            continue
        if not run.source or (run.images_hash, run.epsilons) != (runs[0].images_hash, runs[0].epsilons):
            continue
        pair = by_weights.get(run.source["weights_hash"]), by_weights.get(run.weights_hash)
        if None not in pair and _same_codec(run, runs[0]):
            found.setdefault(pair, run)
    return found


def _same_codec(one, other):
    try:
        check_same_codec({run.name: codec_of(run.record) for run in (one, other)})
    except BadInput:
        return False
    return True


def all_names():
    """The names of the runs and of the published reports, finished or not, sorted; comparisons are none."""
    paths = [path for folder in FOLDERS for path in (outputs() / folder).glob("*/run.json")]
    found = {path.parent.name for path in paths if not _is_comparison(path)}
    return sorted(name for name in found if parameters.PARAMETERS["run"].accepts(name))


def _is_comparison(path):
    try:
        return bool(compared_in(read_record(path)))
    except BadInput:  # a broken record is named, and its own error is raised when it is asked for
        return False


def in_record(runs):
    """What a comparison records of the runs that it read: name -> network, weights_hash, images_hash, commit."""
    return {
        run.name: {
            "network": run.network,
            "weights_hash": run.weights_hash,
            "images_hash": run.images_hash,
            "commit": run.entry(STAGES[-1]).get("commit"),
        }
        for run in runs
    }


def comparable(names):
    """The finished runs of these names, in their order: a list of Finished on the same images.

    Raises BadInput as ``find`` does, if a run's perturbations were made against another network, if a run has another
    image list or other epsilons than the first, or was made by a JPEG codec that gives other pixels.
    """
    parameters.check({"runs": names})
    first, *others = found = [find(name) for name in names]
    for run in found:
        if run.source:
            raise BadInput(
                f"run {run.name!r} classifies perturbations made against {run.source['network']}; name runs of a "
                "network's own, and it is found where both are named"
            )
    for run in others:
        if run.images_hash != first.images_hash:
            raise BadInput(f"runs {first.name!r} and {run.name!r} have other images, so they cannot be compared")
        if run.epsilons != first.epsilons:
            raise BadInput(
                f"runs {first.name!r} and {run.name!r} have other epsilons, {first.epsilons} and {run.epsilons}, so "
                "they cannot be compared"
            )
    check_same_codec({f"run {run.name!r}": codec_of(run.record) for run in found})
    return found
