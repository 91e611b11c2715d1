"""Steps 02 to 04: classify modifications of every image, shard by shard.

Batches go through a few threads, each of which modifies its batch (JPEG releases Python's lock) and then classifies
it, so that the codec works while the network does and no core waits for another at a barrier.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch

from jpegstudy import attacks, modifications, networks
from jpegstudy.atomic import replacing
from jpegstudy.jpeg import fingerprint
from jpegstudy.modifications import Modification, adversarial, named
from jpegstudy.progress import Bar
from jpegstudy.run import check_same_codec
from jpegstudy.steps.allocation import keep_freed_memory
from jpegstudy.steps.sources import load_network


def attack(stage):
    """02: the gradient's sign of every image, and the predictions for x and Adv of every epsilon."""
    _do_shards(stage, _attack_shard, "02 attack")


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
        return [Modification(), *map(adversarial, given["epsilons"])]
    attacked = list(map(adversarial, stage.run.entry("02_attack")["parameters"]["epsilons"]))
    settings = {"subsampling": given["subsampling"]}
    if stage.name == "03_compression":
        inner = [Modification(), *attacked]
        return [named("JPG", f, quality=quality, **settings) for quality in given["qualities"] for f in inner]
    return [named("JPGnoise", f, quality=given["quality"], **settings) for f in attacked]


def _do_shards(stage, work_on, label):
    keep_freed_memory()
    network = load_network(stage.run, stage.parameters["device"])
    wanted = modifications_of(stage)
    facts = {}
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
        return clean.argmax(dim=1), [clean, *map(network.probabilities, modified)]

    answers = _in_batches(work, stage, len(images), network.device)
    with replacing(stage.run.path / f"gradient_sign/{shard:05d}.npy") as path, open(path, "wb") as file:
        np.save(file, signs)
    _write_predictions(stage, shard, network.name, wanted, answers)


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
        return top_labels[rows], list(map(network.probabilities, modified))

    _write_predictions(stage, shard, network.name, wanted, _in_batches(work, stage, len(images), network.device))


def _in_batches(work, stage, count, device):
    """``work`` of each batch's rows: for each batch, the top labels and four numbers an image for each modification.

    On a CPU each core has a worker whose network runs on one thread; a GPU has a few workers that feed it.
    """
    size = stage.parameters["batch_size"]
    before = torch.get_num_threads()

    def answer(start):
        top_labels, probabilities = work(slice(start, start + size))
        return [_summary(p, top_labels) for p in probabilities]

    workers = before if device.type == "cpu" else 4
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(answer, range(0, count, size)))
        finally:
            torch.set_num_threads(before)


def _write_predictions(stage, shard, network, wanted, answers):
    table = stage.run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    parts = [_rows(table, f, [batch[place] for batch in answers], network) for place, f in enumerate(wanted)]
    with replacing(stage.last_file(shard)) as path:
        pd.concat(parts, ignore_index=True).to_parquet(path, index=False)


def _summary(probabilities, top_labels):
    """Of each image: its top label, that label's probability, the predicted label and its probability."""
    highest, predicted = probabilities.max(dim=1)
    return top_labels, probabilities.gather(1, top_labels[:, None])[:, 0], predicted, highest


def _rows(table, modification, batches, network):
    """The predictions of one modification of a shard, in the columns that every figure and table reads."""
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
            "reading": pd.Series(None, index=table.index, dtype="string"),
            "top_label": top_label.astype("int64"),
            "top_label_probability": top_label_probability.astype("float32"),
            "predicted": predicted.astype("int64"),
            "predicted_probability": predicted_probability.astype("float32"),
        }
    )
    frame["correct"] = (frame.predicted == frame.label).astype("boolean")  # null where there is no label
    return frame
