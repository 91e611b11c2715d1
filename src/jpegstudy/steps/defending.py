"""Step 09: defended networks under attackers who know the defense and who do not."""

import numpy as np
import pandas as pd
import torch

from jpegstudy import modifications, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.attacks import strength
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.steps import attacked, knowing, making, protocols
from jpegstudy.steps.answers import as_table, summary
from jpegstudy.steps.attack_plan import ROUNDED, UNROUNDED, plan_of
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.codec_trials import check_same_codecs, codec_in_words
from jpegstudy.steps.sources import load_network

MEASURES = ("linf", "l2", "psnr", "bits")


def defend(stage):
    """09: every attack of the plan on the run's first images, then predictions behind every defense.

    The predictions have columns of their own: linf, l2 (grey levels) and psnr (dB), of a row that ends in an attack
    what the attack changed, of one without an attack what the defense changed; and bits, of a codec's file.
    Raises BadInput for a plan that cannot be, for more images than the run has, and if the run's perturbations were
    made against another network.
    """
    keep_freed_memory()
    run, given = stage.run, stage.parameters
    if "source" in run.entry("02_attack"):
        raise BadInput(f"run {run.name!r} has another network's perturbations; attackers want the network's own")
    plan = plan_of(given)
    images = run.entry("01_preprocessing")["images"]
    if given["images"] > images:
        raise BadInput(f"images is {given['images']}; run {run.name!r} has {images}, wanted at most that")
    network = load_network(run, given["device"])
    codec = fingerprint.of_codec()
    check_same_codec({f"run {run.name!r}": run.codec, "this environment": codec})
    learned = {text: modifications.transform(text) for text in given["defenses"]}
    learned = {text: codec_in_words(each.model("cpu")) for text, each in learned.items() if hasattr(each, "model")}
    stage.begin(
        codecs=learned,
        modifications=[str(f) for f, reading in plan.rows if not reading],
        attacks=[str(f) for f, reading in plan.made if not reading],
        unrounded=[str(f) for f, reading in plan.made if reading],
        effort={**making.EFFORT, **given["effort"]},
        ways={text: knowing.way(modifications.transform(text)) for text in given["defenses"]},
        machine=networks.device_in_words(network.device),
        codec=codec,
    )
    check_same_codecs(run, stage.name, learned)
    count = given["images"] or images
    with Bar(count * (len(plan.made) + 1), "09 attack") as bar:
        for shard in run.shards:
            _do_shard(stage, shard, network, plan, _table(run, shard, count), bar.advance)
    stage.finish()


def _table(run, shard, count):
    """The rows of a shard's image table that are in and among the run's first ``count`` images."""
    table = run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    return table[table.image.isin(run.image_numbers()[:count])]


def _do_shard(stage, shard, network, plan, table, advance):
    last = stage.last_file(shard)
    for modification, reading in plan.made:
        if last.exists() or not len(table) or attacked.is_made(stage.run, modification, reading, shard):
            advance(len(table))
        else:
            given = stage.parameters
            attacked.make_shard(stage.run, network, modification, reading, shard, table, given=given, advance=advance)
    if not last.exists():
        frame = _predict(stage, shard, network, plan, table)
        with replacing(last) as path:
            frame.to_parquet(path, index=False)
    advance(len(table))


def _predict(stage, shard, network, plan, table):
    run, given = stage.run, stage.parameters
    x, signs = run.images(shard), run.gradient_sign(shard)
    clean = run.predictions("02_attack", shard)
    tops = clean[clean.modification == "x"].set_index("image").top_label
    top_labels = torch.tensor(tops.loc[table.image].to_numpy())
    places, numbers = table.index.to_numpy(), table.image.tolist()
    made = {each: attacked.images(run, *each, shard) for each in plan.made} if len(table) else {}

    def work(rows):
        mine, sign = (_tensor(part[places[rows]], network) for part in (x, signs))
        known = {"seed": given["seed"], "indices": numbers[rows]}
        found = {
            reading: {f: _tensor(part[rows], network) for (f, of), part in made.items() if bool(of) == bool(reading)}
            for reading in (None, UNROUNDED)
        }
        found[ROUNDED] = {f: part.round().to(torch.uint8) for f, part in found[UNROUNDED].items()}
        shared = {
            reading: protocols.Shared(network, mine, sign=sign, images=images, **known)
            for reading, images in found.items()
        }
        return [_answer(network, shared[reading], f, mine, top_labels[rows]) for f, reading in plan.rows]

    answers = in_batches(work, len(table), size=given["batch_size"], device=network.device)
    frames, rows = [], table.reset_index(drop=True)
    for place, (f, reading) in enumerate(plan.rows):
        frame = as_table(rows, f, [batch[place][0] for batch in answers], network.name, reading)
        measured = [torch.stack(batch[place][1]) for batch in answers]
        columns = torch.cat(measured, dim=1).numpy() if measured else np.empty((len(MEASURES), 0))
        frames.append(frame.assign(**dict(zip(MEASURES, columns, strict=True))))
    return pd.concat(frames, ignore_index=True)


def _answer(network, shared, modification, x, top_labels):
    """The summary of what the network says, and the measures of what was changed: float64 (4, N)."""
    images = shared.image(modification)
    nothing = torch.full((len(x),), torch.nan, dtype=torch.float64)
    bits, changed = nothing, (nothing, nothing, nothing)
    defense = modification.defense
    before = None
    if defense is None and modification.attack:
        before = shared.image(modification.base)
    elif modification.attack is None and not (defense and defense.resizes):
        before = x
        if hasattr(defense, "bits"):
            bits = defense.bits(shared.image(modification.inner)).double().cpu()
    if before is not None:
        found = strength.measure(before, images)
        changed = found.linf, found.l2, found.psnr
    return summary(network.probabilities(images), top_labels), [*changed, bits]


def _tensor(part, network):
    return torch.from_numpy(np.array(part)).to(network.device)
