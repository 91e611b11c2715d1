"""A run: the folder ``outputs/runs/<run>`` of an executed study, and the only way data passes between notebooks.

    run.json                          per stage: parameters, versions, device, hashes; marked complete last
    images/00000.npy                  x, uint8 (n, 3, H, W), memory-mapped; beside it 00000.parquet with image, file,
                                      label, view and, for what was left out, the reason
    gradient_sign/00000.npy           int8 -1, 0 or 1, one for each entry of x: serves every epsilon
    predictions/<stage>/00000.parquet one row per image and modification
    rejected.csv  table1.csv          what was left out and why; the paper's Table 1

A comparison lies in such a folder too: run.json says which runs it read, and beside it are its tables.

A shard is a block of consecutive images, and done for a stage when the stage's last file for it exists. Files appear
by atomic rename, so whatever exists is whole, and a run that was killed goes on where it stopped.
"""

import collections
import datetime
import functools
import importlib.metadata
import json
import platform
import re
import subprocess

import numpy as np
import pandas as pd

from jpegstudy import parameters
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.places import outputs, root, shown
from jpegstudy.record import COMPARISONS, codec_of, read_record

STAGES = ("01_preprocessing", "02_attack", "03_compression", "04_jpeg_noise")
# That a study may have: their predictions are no rows of its Table 1.
LATER_STAGES = (
    "06_reading_the_paper", "08_feature_distillation", "09_adaptive_attacks", "10_learned_codecs", "11_why",
)  # fmt: skip
LAST_FILE = {
    "01_preprocessing": "images/{:05d}.npy",
    **{stage: f"predictions/{stage}/{{:05d}}.parquet" for stage in (*STAGES[1:], *LATER_STAGES)},
}
PACKAGES = ("jpegstudy", "torch", "torchvision", "pillow", "imagecodecs", "numpy", "pandas", "scipy")


def all_runs():
    """Every run there is, in the order of their names; a folder whose name no run can have is none."""
    names = [path.parent.name for path in sorted((outputs() / "runs").glob("*/run.json"))]
    return [Run(name) for name in names if parameters.PARAMETERS["run"].accepts(name)]


class Run:
    """A run by its name. Making one touches no file; the folder appears with the first stage."""

    def __init__(self, name):
        parameters.check({"run": name})
        self.name = name
        self.path = outputs() / "runs" / name

    def __repr__(self):
        return f"Run({self.name!r})"

    @property
    def record(self):
        """The contents of run.json: ``{"run": name, "stages": {stage: entry}}``.

        Raises BadInput if the file is there and holds something else.
        """
        path = self.path / "run.json"
        return read_record(path) if path.exists() else {"run": self.name, "stages": {}}

    def entry(self, stage):
        """A stage's entry in run.json, or an empty dict."""
        return self.record["stages"].get(stage, {})

    def is_complete(self, stage):
        """True when every shard of the stage is done."""
        return self.entry(stage).get("complete", False)

    def stage(self, name, **given):
        """Check a notebook's parameters, hold them against what the run already has, and return the Stage.

        Raises BadInput if a parameter is wrong, if an earlier stage is missing, or if the run was made with others.
        """
        parameters.check({**given, "run": self.name})
        given.pop("run", None)
        earlier = [stage for stage in STAGES if stage < name and name not in COMPARISONS]
        if missing := [stage for stage in earlier if not self.is_complete(stage)]:
            raise BadInput(
                f"run {self.name!r} has no finished {missing[0]}; run that notebook first (run: {self.name})"
            )
        stage = Stage(self, name, given)
        stage.compare()
        return stage

    def write_table(self, name, table, *, unless=()):
        """Keep a table of the analysis as ``<name>.csv`` in the run's folder.

        unless: stages that write another table of that name in its place; what is there stays once one is complete.
        """
        target = self.path / f"{name}.csv"
        if target.exists() and any(self.is_complete(stage) for stage in unless):
            return
        with replacing(target) as path:
            table.to_csv(path, index=False, float_format="%.6g")

    def facts(self):
        """What a reader wants to know of the run first, in words: image set, images, network, machine, versions."""
        first = self.entry("01_preprocessing")
        images, network, versions = first["image_set"], first["network"], first["versions"]
        rejected = f"; files left out: {first['rejected_files']}" if first["rejected"] else ""
        return {
            "image set": f"{images['name']}, {'labeled' if images['labeled'] else 'not labeled'}",
            "images": f"{first['images']} of {network['crop']} x {network['crop']} pixels{rejected}",
            "network": f"{network['name']}, {network['classes']} classes",
            "weights": f"{network['weights']} (SHA-256 {network['weights_hash'][:12]})",
            "precision": first["parameters"]["precision"],
            "seed": first["parameters"]["seed"],
            "machine": self.machines(),
            "versions": ", ".join(f"{name} {versions[name]}" for name in ("jpegstudy", "torch", "pillow")),
        }

    def machines(self):
        """The machines that the run's stages were made on, in words."""
        entries = [part for entry in self.record["stages"].values() for part in (entry, *entry.get("continued", []))]
        return "; ".join(dict.fromkeys(part["machine"] for part in entries if part.get("machine")))

    @property
    def codec(self):
        """What the run recorded of its JPEG codec, see ``codec_of``."""
        return codec_of(self.record)

    # What the shards hold

    @property
    def shards(self):
        """The numbers of the run's shards, known once 01 has begun."""
        return range(self.entry("01_preprocessing")["shards"])

    def image_table(self, shard=None):
        """Columns image, file, label, view, reason for one shard or all; ``reason`` is null for images that are in."""
        shards = self.shards if shard is None else [shard]
        tables = [pd.read_parquet(self._part("images", shard, "parquet", "01_preprocessing")) for shard in shards]
        return pd.concat(tables, ignore_index=True)

    def images(self, shard):
        """x of a shard, memory-mapped: uint8 (n, 3, H, W), the accepted rows of ``image_table(shard)`` in order."""
        return np.load(self._part("images", shard, "npy", "01_preprocessing"), mmap_mode="r")

    def gradient_sign(self, shard):
        """The sign of the loss gradient of a shard, memory-mapped: int8 (n, 3, H, W)."""
        return np.load(self._part("gradient_sign", shard, "npy", "02_attack"), mmap_mode="r")

    def _part(self, folder, shard, ending, notebook):
        """The path of a shard's file. Raises BadInput that names the notebook that writes it if it is not there."""
        path = self.path / folder / f"{shard:05d}.{ending}"
        if not path.exists():
            raise BadInput(f"run {self.name!r} lacks {folder}/{path.name}; run {notebook} first (run: {self.name})")
        return path

    def image_numbers(self):
        """The numbers of the images that are in, in order."""
        table = self.image_table()
        return table.image[table.reason.isna()].tolist()

    def look_up(self, indices):
        """``(images, signs)`` of image numbers, in their order; ``signs`` is None before 02.

        Raises BadInput for a number that the run does not hold.
        """
        shard_size = self.entry("01_preprocessing")["parameters"]["shard_size"]
        images, signs = [], []
        for index in indices:
            shard = int(index) // shard_size
            accepted = self._accepted(shard) if shard in self.shards else []
            if index not in accepted:
                raise BadInput(f"run {self.name!r} has no image {index}; its image_table() lists those it has")
            row = accepted.index(index)
            images.append(self.images(shard)[row])
            if self.is_complete("02_attack"):
                signs.append(self.gradient_sign(shard)[row])
        return np.stack(images), np.stack(signs) if signs else None

    @functools.lru_cache(maxsize=8)  # noqa: B019 - a Run is small and lives as long as its notebook
    def _accepted(self, shard):
        table = self.image_table(shard)
        return table.image[table.reason.isna()].tolist()

    def predictions(self, stage=None, shard=None):
        """The predictions of one stage or of all that are complete, as one table: one row per image and modification.

        Raises BadInput if there are none yet.
        """
        stages = [stage] if stage else [name for name in STAGES[1:] if self.is_complete(name)]
        shards = "[0-9]*" if shard is None else f"{shard:05d}"
        files = [
            path for name in stages for path in sorted((self.path / "predictions" / name).glob(f"{shards}.parquet"))
        ]
        if not files:
            raise BadInput(f"run {self.name!r} has no predictions yet; run 02_attack with run: {self.name}")
        return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


class Stage:
    """One stage of a run with the parameters it was given."""

    def __init__(self, run, name, given):
        self.run, self.name, self.parameters = run, name, given

    def compare(self):
        """Raise BadInput if the run already holds this stage with parameters that give other results."""
        recorded = self.run.entry(self.name).get("parameters", {})
        wanted = parameters.affecting(self.parameters)
        if not recorded:
            return
        before = {name: parameters.PARAMETERS[name].before for name in wanted}
        recorded = {**before, **recorded}
        differing = [name for name, value in wanted.items() if recorded.get(name) != value]
        if differing:
            words = "; ".join(f"{name} {recorded.get(name)!r}, not {wanted[name]!r}" for name in differing)
            raise BadInput(
                f"run {self.run.name!r} already holds {self.name} with {words}. "
                f"Take another run name, for example {free_name(self.run.name)}, or delete {shown(self.run.path)}"
            )

    def begin(self, *, goes_on=False, **facts):
        """Write the stage's entry into run.json. ``facts`` are JSON values worth recording.

        An entry that is there stays; work that goes on with other versions, or on another machine, is added to its
        list ``continued``. goes_on: whether there is work to do although every shard's last file exists.
        """
        made_with = _made_with()
        entry = self.run.entry(self.name)
        if not entry:
            entry = {"parameters": self.parameters, **facts, **made_with, "started": now(), "complete": False}
            self._write(entry)
        elif goes_on or self.missing():
            made_with |= {name: facts[name] for name in ("machine", "codec") if name in facts}
            continued = entry.get("continued", [])
            before = collections.ChainMap(*reversed(continued), entry)
            changed = {name: value for name, value in made_with.items() if value != before.get(name)}
            if changed:
                self._write({**entry, "continued": [*continued, {**changed, "started": now()}]})

    def finish(self, **facts):
        """Mark the stage complete. Called last, when every shard's last file exists."""
        entry = self.run.entry(self.name)
        if not entry["complete"]:
            self._write({**entry, **facts, "finished": now(), "complete": True})

    def missing(self):
        """Numbers of the shards that this stage has still to do."""
        return [shard for shard in self.run.shards if not self.last_file(shard).exists()]

    def last_file(self, shard):
        """The file whose existence says that the shard is done."""
        return self.run.path / LAST_FILE[self.name].format(shard)

    def record_anew(self, **facts):
        """Write the stage's entry, complete, in place of what was there: for a comparison, which is made whole each
        time. ``facts`` as in ``begin``."""
        self._write({"parameters": self.parameters, **facts, **_made_with(), "finished": now(), "complete": True})

    def _write(self, entry):
        record = self.run.record
        record["stages"][self.name] = entry
        with replacing(self.run.path / "run.json") as path:
            path.write_text(json.dumps(record, indent=1) + "\n")


def _made_with():
    """The software that a stage's entry names."""
    return {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "commit": commit(),
    }


def free_name(name):
    """A run name like ``name`` that is not taken yet: demo-2, demo-3, ..."""
    stem, number = re.fullmatch(r"(.*?)(?:-(\d+))?", name).groups()
    number = int(number or 1) + 1
    while (outputs() / "runs" / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def now():
    """The time, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def commit():
    """The checkout's commit, with ``+changes`` where files differ from it; None outside a checkout."""
    try:
        words = ["git", "-C", str(root()), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+changes"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
