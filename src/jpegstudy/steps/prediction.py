"""Steps 02 to 04: classify modifications of every image, shard by shard."""

import numpy as np
import pandas as pd
import torch

from jpegstudy import attacks, modifications, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.jpeg import fingerprint
from jpegstudy.modifications import Modification, adversarial, named
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.steps.answers import as_table, summary
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_network
from jpegstudy.steps.transfer import check_images, source_in_record, source_of, source_signs


def attack(stage):
    """02: the gradient's sign of every image, and the predictions for x and Adv of every epsilon.

    With a source_run the signs are that run's, made against its network; see transfer.source_of for what it must be.
    """
    source = source_of(stage)
    if source is None:
        _do_shards(stage, _attack_shard, "02 attack")
    else:
        check_images(stage, source)
        _do_shards(stage, _transfer_shard, "02 transfer", source=source_in_record(source))


def compress(stage):
    """03: the predictions for JPG of x and of Adv of every epsilon, at every quality."""
    _do_shards(stage, _transform_shard, "03 compress")


def add_jpeg_noise(stage):
    """04: the predictions for JPGnoise of Adv of every epsilon."""
    _do_shards(stage, _transform_shard, "04 add noise")


def modifications_of(stage):
    """The modifications that a stage predicts, in the order of its tables."""
    given = stage.parameters
    if stage.name == "02_attack":
        source = source_of(stage)
        network = source and source_in_record(source)["network"]
        return [Modification(), *(adversarial(epsilon, network) for epsilon in given["epsilons"])]
    entry = stage.run.entry("02_attack")
    network = entry.get("source", {}).get("network")
    attacked = [adversarial(epsilon, network) for epsilon in entry["parameters"]["epsilons"]]
    settings = {"subsampling": given["subsampling"]}
    if stage.name == "03_compression":
        inner = [Modification(), *attacked]
        return [named("JPG", f, quality=quality, **settings) for quality in given["qualities"] for f in inner]
    return [named("JPGnoise", f, quality=given["quality"], **settings) for f in attacked]


def _do_shards(stage, work_on, label, **facts):
    keep_freed_memory()
    network = load_network(stage.run, stage.parameters["device"])
    wanted = modifications_of(stage)
    if "codec" in stage.parameters:
        facts["codec"] = fingerprint.of_codec(stage.parameters["codec"], network.device)
        check_same_codec({f"run {stage.run.name!r}": stage.run.codec, "this environment": facts["codec"]})
    stage.begin(modifications=[str(f) for f in wanted], machine=networks.device_in_words(network.device), **facts)
    missing = stage.missing()
    with Bar(stage.run.entry("01_preprocessing")["images"], label) as bar:
        for shard in stage.run.shards:
            if shard in missing:
                work_on(stage, shard, network, wanted, bar.advance)
            else:
                bar.advance(len(stage.run.images(shard)))
    stage.finish()


def _attack_shard(stage, shard, network, wanted, advance):
    """One shard of 02. The pass that gives the gradient gives the prediction for x too."""
    images = stage.run.images(shard)
    signs = np.empty(images.shape, np.int8)

    def work(rows):
        x = torch.from_numpy(np.array(images[rows]))
        gradient, logits = attacks.loss_gradient(network, x.to(network.device))
        sign = gradient.sign().to(torch.int8).cpu()
        signs[rows] = sign.numpy()
        clean = logits.float().softmax(dim=1).cpu()
        modified = modifications.apply_all(wanted[1:], x, sign)
        advance(len(x))
        top_labels = clean.argmax(dim=1)
        return [summary(p, top_labels) for p in (clean, *map(network.probabilities, modified))]

    answers = in_batches(work, len(images), size=stage.parameters["batch_size"], device=network.device)
    _write_signs(stage, shard, signs)
    _write_predictions(stage, shard, network.name, wanted, answers)


def _transfer_shard(stage, shard, network, wanted, advance):
    """One shard of 02 with the signs of another run, kept here too: what follows needs that run no more."""
    images, numbers = stage.run.images(shard), _accepted(stage, shard).image.tolist()
    signs = source_signs(stage, numbers) if numbers else np.empty(images.shape, np.int8)

    def work(rows):
        x = torch.from_numpy(np.array(images[rows]))
        clean = network.probabilities(x)
        modified = modifications.apply_all(wanted[1:], x, torch.from_numpy(signs[rows]))
        advance(len(x))
        top_labels = clean.argmax(dim=1)
        return [summary(p, top_labels) for p in (clean, *map(network.probabilities, modified))]

    answers = in_batches(work, len(images), size=stage.parameters["batch_size"], device=network.device)
    _write_signs(stage, shard, signs)
    _write_predictions(stage, shard, network.name, wanted, answers)


def _write_signs(stage, shard, signs):
    with replacing(stage.run.path / f"gradient_sign/{shard:05d}.npy") as path, open(path, "wb") as file:
        np.save(file, signs)


def _accepted(stage, shard):
    """The rows of the images of a shard that are in."""
    table = stage.run.image_table(shard)
    return table[table.reason.isna()].reset_index(drop=True)


def _transform_shard(stage, shard, network, wanted, advance):
    """One shard of 03 or 04: images, signs and top labels are what 02 left."""
    images, signs = stage.run.images(shard), stage.run.gradient_sign(shard)
    clean = stage.run.predictions("02_attack", shard)
    clean = clean[clean.modification == "x"]
    top_labels, numbers = torch.tensor(clean.top_label.tolist()), clean.image.tolist()

    def work(rows):
        x, sign = (torch.from_numpy(np.array(part[rows])).to(network.device) for part in (images, signs))
        settings = {"seed": stage.parameters.get("seed"), "indices": numbers[rows]}
        settings["codec"] = stage.parameters["codec"]
        modified = modifications.apply_all(wanted, x, sign, **settings)
        advance(len(x))
        return [summary(p, top_labels[rows]) for p in map(network.probabilities, modified)]

    answers = in_batches(work, len(images), size=stage.parameters["batch_size"], device=network.device)
    _write_predictions(stage, shard, network.name, wanted, answers)


def _write_predictions(stage, shard, network, wanted, answers):
    table = _accepted(stage, shard)
    parts = [as_table(table, f, [batch[place] for batch in answers], network) for place, f in enumerate(wanted)]
    with replacing(stage.last_file(shard)) as path:
        pd.concat(parts, ignore_index=True).to_parquet(path, index=False)
