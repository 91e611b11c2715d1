"""Steps 02 to 04: classify modifications of every image, shard by shard.

Batches go through a few threads, each of which modifies its batch (JPEG releases Python's lock) and then classifies
it, so that the codec works while the network does and no core waits for another at a barrier.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch

from jpegstudy import attacks, modifications, networks
from jpegstudy.modifications import Modification, adversarial, named
from jpegstudy.progress import Bar
from jpegstudy.run import replacing
from jpegstudy.steps.sources import load_network


def attack(stage):
    """02: the gradient's sign of every image, and the predictions for x and Adv of every epsilon."""
    wanted = [Modification(), *(adversarial(epsilon) for epsilon in stage.parameters["epsilons"])]
    _do_shards(stage, wanted, "02 attack")


def compress(stage):
    """03: the predictions for JPG of x and of Adv of every epsilon, at every quality."""
    inner = [Modification(), *map(adversarial, _epsilons(stage.run))]
    given = stage.parameters
    wanted = [
        named("JPG", f, quality=quality, subsampling=given["subsampling"])
        for quality in given["qualities"]
        for f in inner
    ]
    _do_shards(stage, wanted, "03 compress")


def add_jpeg_noise(stage):
    """04: the predictions for JPGnoise of Adv of every epsilon."""
    given = stage.parameters
    settings = {"quality": given["quality"], "subsampling": given["subsampling"]}
    wanted = [named("JPGnoise", adversarial(epsilon), **settings) for epsilon in _epsilons(stage.run)]
    _do_shards(stage, wanted, "04 add noise")


def _epsilons(run):
    return run.entry("02_attack")["parameters"]["epsilons"]


def _do_shards(stage, wanted, label):
    network = load_network(stage.run, stage.parameters["device"])
    stage.begin(modifications=[str(f) for f in wanted], machine=networks.device_in_words(network.device))
    done = set(stage.run.shards) - set(stage.missing())
    with Bar(stage.run.entry("01_preprocessing")["images"], label) as bar:
        for shard in stage.run.shards:
            if shard in done:
                bar.advance(len(stage.run.images(shard)))
            else:
                predict_shard(stage, shard, network, wanted, bar.advance)
    stage.finish()


def predict_shard(stage, shard, network, wanted, advance=lambda count: None):
    """One shard of 02, 03 or 04: classify every modification of ``wanted`` and write the shard's predictions.

    Where x itself is wanted, the gradient's sign is computed on the way and written first; else it is read.
    """
    run, batch = stage.run, stage.parameters["batch_size"]
    images = run.images(shard)
    table = run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    seed = stage.parameters.get("seed")
    makes_signs = Modification() in wanted
    if makes_signs:
        signs, top_labels = np.empty(images.shape, np.int8), None
    else:
        signs = run.gradient_sign(shard)
        clean = run.predictions("02_attack", shard)
        top_labels = torch.from_numpy(clean.top_label[clean.modification == "x"].to_numpy())

    def work(start):
        rows = slice(start, start + batch)
        x = torch.from_numpy(np.array(images[rows]))
        known = None if makes_signs else top_labels[rows]
        sign, clean = None, None
        if makes_signs:
            gradient, logits = attacks.loss_gradient(network, x.to(network.device))
            sign, clean = gradient.sign().to(torch.int8).cpu(), logits.float().softmax(dim=1).cpu()
            known = clean.argmax(dim=1)
            signs[rows] = sign.numpy()
        else:
            sign = torch.from_numpy(np.array(signs[rows]))
        others = [f for f in wanted if f != Modification()] if makes_signs else wanted
        modified = modifications.apply_all(others, x, sign, seed=seed, indices=table.image[rows].tolist())
        found = [clean] * makes_signs + [network.probabilities(f_of_x) for f_of_x in modified]
        advance(len(x))
        return [_summary(probabilities, known) for probabilities in found]

    batches = list(_in_threads(work, range(0, len(images), batch), network.device))
    if makes_signs:
        with replacing(run.path / f"gradient_sign/{shard:05d}.npy") as path, open(path, "wb") as file:
            np.save(file, signs)
    order = [f for f in wanted if f == Modification()] + [f for f in wanted if f != Modification()]
    parts = [_rows(table, f, [batch[place] for batch in batches], network.name) for place, f in enumerate(order)]
    with replacing(stage.last_file(shard)) as path:
        pd.concat(parts, ignore_index=True).to_parquet(path, index=False)


def _in_threads(work, items, device):
    """``work`` of each item, in order: on a CPU a single-threaded worker for each core, on a GPU a few that feed it."""
    before = torch.get_num_threads()
    workers = before if device.type == "cpu" else 4
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield from pool.map(work, items)
        finally:
            torch.set_num_threads(before)


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
            "epsilon": pd.Series(parts["epsilon"], index=table.index, dtype="Float64"),
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
