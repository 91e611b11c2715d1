"""Step 08: tables made for networks, one pass and two, against the Fast Gradient Sign; and the choice of a table."""

import dataclasses
import itertools

import pandas as pd
import torch

from jpegstudy import modifications, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.modifications import Modification
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.steps import protocols
from jpegstudy.steps.answers import as_table, summary
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_network
from jpegstudy.transforms import FeatureDistillation, distillation_tables

CALIBRATION_BATCH = 16  # images whose coefficients are held at once


def distill(stage):
    """08: predictions for every defense under both protocols, and for the tables of the sweep on its images.

    The bands are ranked on the images of the run that the sweep leaves out, or on all where there is no sweep.
    Raises BadInput for a defense that is none, for more images in the sweep than the run has, and if the run's
    perturbations were made against another network.
    """
    keep_freed_memory()
    run, given = stage.run, stage.parameters
    if "source" in run.entry("02_attack"):
        raise BadInput(f"run {run.name!r} has another network's perturbations; the two passes want the network's own")
    network = load_network(run, given["device"])
    plan = {"protocols": plan_of(given), "sweep": sweep_of(given), "lattice": lattice_of(given)}
    counts = check_counts(stage)
    codec = fingerprint.of_codec()
    check_same_codec({f"run {run.name!r}": run.codec, "this environment": codec})
    ranking = stage.run.entry(stage.name).get("ranking") or rank(stage)
    stage.begin(
        modifications={part: [str(f) for f in rows] for part, rows in plan.items()},
        ranking=ranking,
        machine=networks.device_in_words(network.device),
        codec=codec,
    )
    plan = {part: [_ranked(f, tuple(ranking)) for f in rows] for part, rows in plan.items()}
    missing = stage.missing()
    with Bar(sum(counts.values()), "08 distill") as bar:
        for shard in run.shards:
            tables = _tables(stage, shard, counts)
            if shard in missing:
                _do_shard(stage, shard, network, plan, tables, bar.advance)
            else:
                bar.advance(sum(map(len, tables.values())))
    stage.finish()


def plan_of(given):
    """The Modifications of both protocols, each once: x and its perturbations, and for every defense D, in the order

    D(x), D(Adv(x)): one pass;  D(D(x)), Adv(D(x)), D(Adv(D(x))): two passes. A defense on the 8x8 grid of Feature
    Distillation stands also with its second grid 4 pixels off.
    """
    clean = Modification()
    attacked = [modifications.adversarial(epsilon) for epsilon in given["epsilons"]]
    rows = [clean, *attacked]
    for text in given["defenses"]:
        defense = modifications.transform(text)
        once = Modification((defense,))
        perturbed = [Modification((defense, *f.operations)) for f in attacked]
        rows += [once, *(_under(f, defense) for f in attacked)]
        rows += [_under(once, defense), *perturbed, *(_under(f, defense) for f in perturbed)]
        if text in given["shifted"]:
            off = dataclasses.replace(_with_a_grid(defense), offset=4)
            rows += [_under(f, off) for f in (once, *perturbed)]
    return list(dict.fromkeys(rows))


def sweep_of(given):
    """The Modifications of the sweep: every table under both protocols, at its one epsilon."""
    if not given["sweep"]:
        return []
    attack = modifications.adversarial(given["sweep"]["epsilon"])
    rows = [Modification(), attack]
    for table in tables_of(given):
        defense = FeatureDistillation(table)
        twice = Modification((defense, *attack.operations, defense))
        rows += [Modification((defense,)), _under(attack, defense), Modification((defense, defense)), twice]
    return rows


def lattice_of(given):
    """The Modifications of the attack in DCT space on two passes, beside two that take gradients straight through."""
    if not given["attackers"]:
        return []
    rows = [Modification()]
    whole = [epsilon for epsilon in given["attackers"]["epsilons"] if epsilon == int(epsilon)]
    for text, epsilons in (("FD", given["attackers"]["epsilons"]), ("FD8", whole)):
        rows += [modifications.parse(f"{text}(x)"), modifications.parse(f"{text}({text}(x))")]
        for epsilon, attack in itertools.product(epsilons, ("Adv{:g}", "PGD{:g}{{{}}}", "DCT{:g}{{{}}}")):
            attacked = f"{attack.format(epsilon, text)}({text}(x))"
            rows += [modifications.parse(attacked), modifications.parse(f"{text}({attacked})")]
    return rows


def tables_of(given):
    """The names of the sweep's tables: so many sensitive bands at S1, the others at S2, S1 never above S2."""
    return [
        f"{bands}:{sensitive}:{others}"
        for bands in given["sweep"]["bands"]
        for sensitive in given["sweep"]["sensitive"]
        for others in given["sweep"]["others"]
        if sensitive <= others
    ]


def check_counts(stage):
    """How many of the run's images each part takes: its first ones. Raises BadInput if the run has fewer."""
    images = stage.run.entry("01_preprocessing")["images"]
    counts = {"protocols": images}
    for part, name in (("sweep", "sweep"), ("lattice", "attackers")):
        counts[part] = stage.parameters[name].get("images", 0)
        if counts[part] > images:
            raise BadInput(
                f"{name} wants {counts[part]} images; run {stage.run.name!r} has {images}, wanted at most that"
            )
    return counts


def rank(stage):
    """The bands by standard deviation over the run's clean images that the sweep leaves out: a list of 64 numbers."""
    numbers = stage.run.image_numbers()
    left_out = numbers[stage.parameters["sweep"].get("images", 0) :] or numbers
    batches = (
        torch.from_numpy(stage.run.look_up(left_out[start : start + CALIBRATION_BATCH])[0])
        for start in range(0, len(left_out), CALIBRATION_BATCH)
    )
    return distillation_tables.rank_bands(distillation_tables.deviations(batches)).tolist()


def _under(modification, defense):
    return Modification((*modification.operations, defense))


def _with_a_grid(defense):
    if not isinstance(defense, FeatureDistillation):
        raise BadInput(f"{defense.name} has no grid to shift; shifted takes FD and FD8, with any table")
    return defense


def _ranked(modification, ranking):
    return Modification(
        tuple(
            dataclasses.replace(each, ranking=ranking) if isinstance(each, FeatureDistillation) else each
            for each in modification.operations
        )
    )


def _tables(stage, shard, counts):
    """The rows of a shard's image table that each part takes."""
    table = stage.run.image_table(shard)
    table = table[table.reason.isna()].reset_index(drop=True)
    numbers = stage.run.image_numbers()
    return {part: table[table.image.isin(numbers[:count])] for part, count in counts.items()}


def _do_shard(stage, shard, network, plan, tables, advance):
    """One shard: every part of the plan for the images that it takes. A row that several parts want is in the first."""
    parts, done = [], set()
    for part, wanted in plan.items():
        rows = [f for f in wanted if f not in done]
        parts += _predict(stage, shard, network, rows, tables[part], advance)
        done |= set(rows)
    with replacing(stage.last_file(shard)) as path:
        pd.concat(parts, ignore_index=True).to_parquet(path, index=False)


def _predict(stage, shard, network, wanted, table, advance):
    """The predictions of some rows of a shard's image table, one table for each Modification."""
    images, signs = stage.run.images(shard), stage.run.gradient_sign(shard)
    clean = stage.run.predictions("02_attack", shard)
    top_labels = torch.tensor(clean[clean.modification == "x"].top_label.tolist())
    places, numbers = table.index.tolist(), table.image.tolist()

    def work(rows):
        mine = places[rows]
        x, sign = (torch.from_numpy(part[mine]).to(network.device) for part in (images, signs))
        known = {"sign": sign, "seed": stage.parameters["seed"], "indices": numbers[rows]}
        answers = [summary(p, top_labels[mine]) for p in protocols.classify(network, wanted, x, **known)]
        advance(len(x))
        return answers

    answers = in_batches(work, len(table), size=stage.parameters["batch_size"], device=network.device)
    rows = table.reset_index(drop=True)
    return [as_table(rows, f, [batch[place] for batch in answers], network.name) for place, f in enumerate(wanted)]
