"""Step 11: why JPEG undoes perturbations. Every measurement of ``mechanism`` on a run's images, kept by shard.

mechanism/geometry/00000.parquet   a row for each image, epsilon and quality: mechanism.geometry's numbers, and the
                                   shares of the first order that should survive
mechanism/from_jpeg/00000.parquet  the same geometry at the study's quality, of images that begin as JPG(x)
mechanism/orders/00000.parquet     a row for each image, epsilon and objective: mechanism.decomposition's parts
mechanism/images/00000.parquet     a row for each image: its texture, its gradient's spectrum, what its file keeps
mechanism/spectra/00000.npz        sums over images of squared coefficients by plane and band, see ``measured_spectra``
predictions/11_why/00000.parquet   the ladder's rungs, JPEG at every quality and epsilon, and attacks in floats

What a shard lacks is made, and what it has is kept: predictions, which take most of the time, and all others together.
"""

import numpy as np
import pandas as pd
import torch

from jpegstudy import modifications, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.mechanism import ladder
from jpegstudy.modifications import Attack, Modification
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.steps import measuring
from jpegstudy.steps.answers import as_table
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_network

PARTS = ("geometry", "from_jpeg", "orders", "images")
FLOATS = "unrounded"  # reading: attacks by fractions of a grey level, which no file holds


def explain(stage):
    """11: geometry, first orders, spectra and the ladder, for every image of the run.

    Raises BadInput if the run's perturbations were made against another network or a shard of them is missing, for
    more images than it has, and for parameters that do not fit each other.
    """
    keep_freed_memory()
    run, given = stage.run, stage.parameters
    _check(run, given)
    images = run.entry("01_preprocessing")["images"]
    network = load_network(run, given["device"])
    codec = fingerprint.of_codec()
    check_same_codec({f"run {run.name!r}": run.codec, "this environment": codec})
    rows = rows_of(given)
    wanted = run.image_numbers()[: given["images"] or images]
    lacking = {shard for shard in run.shards if _lacks(stage, shard, wanted)}
    stage.begin(
        goes_on=bool(lacking),
        modifications=[str(f) for f, reading in rows if not reading],
        unrounded=[str(f) for f, reading in rows if reading],
        machine=networks.device_in_words(network.device),
        codec=codec,
    )
    with Bar(len(wanted), "11 why") as bar:
        for shard in run.shards:
            table = _images_of(run, shard, wanted)
            if shard in lacking:
                _do_shard(stage, shard, network, rows, table, bar.advance)
            else:
                bar.advance(len(table))
    stage.finish()


def _images_of(run, shard, wanted):
    """The rows of the shard's images that are wanted; its index are their places in the shard's arrays."""
    table = run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    return table[table.image.isin(wanted)]


def _lacks(stage, shard, wanted):
    answered, measured = stage.last_file(shard).exists(), _is_measured(stage.run, shard)
    return not answered or (not measured and len(_images_of(stage.run, shard, wanted)) > 0)


def _check(run, given):
    if "source" in run.entry("02_attack"):
        raise BadInput(
            f"run {run.name!r} has another network's perturbations; this page wants the network's own: run 02_attack "
            "without source_run, in another run"
        )
    images = run.entry("01_preprocessing")["images"]
    if given["images"] > images:
        raise BadInput(f"images is {given['images']}; run {run.name!r} has {images}, wanted at most that")
    if given["quality"] not in given["qualities"]:
        raise BadInput(f"quality is {given['quality']}; wanted one of the qualities {given['qualities']}")
    if given["ladder"] and given["ladder"]["epsilon"] not in given["epsilons"]:
        raise BadInput(f"ladder's epsilon is {given['ladder']['epsilon']}; wanted one of epsilons {given['epsilons']}")
    for name in given["attacks"]:
        measuring.attack_of(name)


def rows_of(given):
    """What is predicted, as (Modification or Rung, reading): see this module's docstring."""
    clean = Modification()
    attacked = [modifications.adversarial(epsilon) for epsilon in given["epsilons"]]
    rows = [(f, None) for f in (clean, *attacked)]
    for quality in given["qualities"]:
        rows += [(modifications.named("JPG", f, quality=quality), None) for f in (clean, *attacked)]
    rows += [(Modification((Attack("Adv", epsilon=epsilon),)), FLOATS) for epsilon in given["fractions"]]
    if given["ladder"]:
        rungs = ladder.variants(bands=given["ladder"]["bands"])
        bases = (clean, modifications.adversarial(given["ladder"]["epsilon"]))
        rows += [(measuring.Rung(variant, base), None) for base in bases for variant in rungs]
    return rows


def measured(stage, part):
    """One of PARTS of all shards: a table. Raises BadInput if a shard's is missing."""
    return pd.concat([pd.read_parquet(file) for file in _files(stage, part, "parquet")], ignore_index=True)


def measured_spectra(stage):
    """Mean squared coefficients by plane and band, ``{name: (3, 8, 8)}``: "x"; "gradient", of the margin with respect
    to each coefficient, as a share of its image's sum; for each of the attacks its name, of what it adds; and for each
    epsilon and quality "<epsilon> <quality> given", "left" and "both": of the perturbation, of what JPEG leaves of it,
    and their product. Raises BadInput if a shard's are missing.
    """
    totals = {}
    for file in _files(stage, "spectra", "npz"):
        with np.load(file) as sums:
            for name in sums.files:
                totals[name] = totals.get(name, 0) + sums[name]
    counts = {name: totals.pop(f"images {name}") for name in stage.parameters["attacks"]}
    count = totals.pop("images")
    return {name: total / counts.get(name, count) for name, total in totals.items()}


def _files(stage, part, ending):
    """The files of a part, those of shards without images left out. Raises BadInput if one is missing."""
    found = []
    for shard in stage.run.shards:
        if len(pd.read_parquet(stage.last_file(shard), columns=["image"])):
            found.append(_file(stage.run, part, shard, ending))
    if missing := [path for path in found if not path.exists()]:
        raise BadInput(
            f"run {stage.run.name!r} lacks mechanism/{part}/{missing[0].name}; run {stage.name}, which makes it again"
        )
    return found


def _file(run, part, shard, ending="parquet"):
    return run.path / "mechanism" / part / f"{shard:05d}.{ending}"


def _is_measured(run, shard):
    return all(file.exists() for file in [*(_file(run, part, shard) for part in PARTS), _spectra(run, shard)])


def _spectra(run, shard):
    return _file(run, "spectra", shard, "npz")


def _do_shard(stage, shard, network, rows, table, advance):
    run, given = stage.run, stage.parameters
    clean = run.predictions("02_attack", shard)
    tops = clean[clean.modification == "x"].set_index("image").top_label.loc[table.image]
    top_labels, numbers = torch.tensor(tops.to_numpy()), table.image.tolist()
    images, signs, places = run.images(shard), run.gradient_sign(shard), table.index.to_numpy()
    others = set(run.image_numbers()[: given["attacked_images"]])
    answered, measured = stage.last_file(shard).exists(), _is_measured(run, shard)

    def work(some):
        x, sign = (torch.from_numpy(np.array(part[places[some]])).to(network.device) for part in (images, signs))
        batch = measuring.Batch(network, given, x, sign, top_labels[some].to(network.device), numbers[some], others)
        found = {} if measured else batch.measure()
        if not answered:
            found["answers"] = [batch.answer(f, reading) for f, reading in rows]
        advance(len(x))
        return found

    found = in_batches(work, len(table), size=given["batch_size"], device=network.device)
    if found and not measured:
        for part in PARTS:
            with replacing(_file(run, part, shard)) as path:
                pd.concat([batch[part] for batch in found], ignore_index=True).to_parquet(path, index=False)
        sums = {name: sum(batch["spectra"][name] for batch in found) for name in found[0]["spectra"]}
        with replacing(_spectra(run, shard)) as path, open(path, "wb") as file:
            np.savez(file, **sums)
    if answered:
        return
    tidy = table.reset_index(drop=True)
    frames = [
        as_table(tidy, f, [batch["answers"][place] for batch in found], network.name, reading)
        for place, (f, reading) in enumerate(rows)
    ]
    with replacing(stage.last_file(shard)) as path:
        pd.concat(frames, ignore_index=True).to_parquet(path, index=False)
