"""Step 10: learned codecs, and JPEG at the same rate, under attacks on what comes out of them.

coded/<trial>/00000.npy                 the attacked images of one trial, uint8 (n, 3, H, W): made once, kept
predictions/10_learned_codecs/00000.parquet

The latter has a row for each image, trial, and codec that coded the trial's images: image, made_against, coded_by,
attack, objective, budget, targeted, of targeted ones and of noise at their budget target_psnr_clean and target_psnr_adv
(dB, how near C(x) and C(x*) are to the target's reconstruction), and learned.vulnerability's columns.
"""

import numpy as np
import pandas as pd
import torch

from jpegstudy import learned, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.learned import vulnerability
from jpegstudy.learned.attack import ATTACKS
from jpegstudy.learned.jpeg_codec import Jpeg, quantizer_flip
from jpegstudy.progress import Bar
from jpegstudy.steps import codec_trials
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.codec_trials import CRAFTED, FLIP, STRAIGHT

MATCHED = 64  # images at most, from the first on, on which a JPEG of a codec's rate is looked for


def attack_codecs(stage):
    """10: every trial on the run's first images, and what each codec makes of them.

    Raises BadInput for codecs, attacks or more images than there are, and, which names the image, for a budget that an
    attack cannot keep.
    """
    run, given = stage.run, stage.parameters
    images = run.entry("01_preprocessing")["images"]
    if given["images"] > images:
        raise BadInput(f"images is {given['images']}; run {run.name!r} has {images}, wanted at most that")
    device = networks.pick_device(given["device"])
    numbers = run.image_numbers()[: given["images"] or images]
    if given["targeted"] and len(numbers) < 2:
        raise BadInput("targeted is true with one image; wanted two at least, for each one's target is another of them")
    rivals = codec_trials.jpegs_of_equal_rate(some_images(run, numbers[:MATCHED]), given["codecs"], device)
    codecs = codec_trials.codecs_of(given, rivals, device)
    trials = codec_trials.trials_of(given, codecs)
    told = {name: codec_trials.codec_in_words(codec) for name, codec in codecs.items()}
    stage.begin(
        codecs=told,
        jpeg_of_equal_rate=rivals,
        machine=networks.device_in_words(device),
        codec=fingerprint.of_codec(),
    )
    codec_trials.check_same_codecs(run, stage.name, told)
    keep_freed_memory()
    with Bar(len(numbers) * (len(trials) + 1), "10 learned codecs") as bar:
        for shard in run.shards:
            _do_shard(stage, shard, codecs, trials, numbers, bar.advance)
    stage.finish()


def some_images(run, numbers):
    """x of image numbers: uint8 (N, 3, H, W)."""
    return torch.from_numpy(run.look_up(numbers)[0])


def images_of(run, trial, shard):
    """The attacked images of a trial, memory-mapped: uint8 (n, 3, H, W)."""
    return np.load(_file(run, trial, shard), mmap_mode="r")


def _file(run, trial, shard):
    return run.path / "coded" / trial.folder / f"{shard:05d}.npy"


def _do_shard(stage, shard, codecs, trials, wanted, advance):
    last, table = stage.last_file(shard), stage.run.image_table(shard)
    numbers = [number for number in table.image if number in wanted]
    if last.exists() or not numbers:
        if not last.exists():
            _write(last, pd.DataFrame({"image": pd.Series(dtype="int64"), "targeted": pd.Series(dtype=bool)}))
        advance(len(numbers) * (len(trials) + 1))
        return
    x = some_images(stage.run, numbers)
    before = [wanted[wanted.index(number) - 1] for number in numbers]  # whose reconstruction is an image's target
    target = some_images(stage.run, before)
    for trial in trials:
        if not _file(stage.run, trial, shard).exists():
            _make(stage, shard, codecs[trial.codec], trial, x, target, numbers)
        advance(len(numbers))
    made = {trial: torch.from_numpy(np.array(images_of(stage.run, trial, shard))) for trial in trials}
    rows = []
    for name, codec in codecs.items():
        met = [trial for trial in trials if trial.codec == name or codec_trials.goes_round(trial, stage.parameters)]
        rows += [_measured(stage, name, codec, trial, x, target, made[trial], numbers) for trial in met]
    _write(last, pd.concat(rows, ignore_index=True))
    advance(len(numbers))


def _make(stage, shard, codec, trial, x, target, numbers):
    """Attack a shard's images and keep what comes of it."""
    given, steps = stage.parameters, stage.parameters["codec_attacks"]

    def work(rows):
        what = {"mse_budget": trial.budget}
        if trial.attack == FLIP:
            return quantizer_flip(codec, x[rows], indices=numbers[rows], **what).images.cpu().numpy()
        attacked = codec
        name = trial.attack
        if name == STRAIGHT:
            attacked, name = Jpeg(codec.quality, codec.subsampling, gradient="straight-through"), CRAFTED
        what |= {"objective": trial.objective, "seed": given["seed"], "indices": numbers[rows], "steps": steps[name]}
        what |= {"every": max(1, steps[name] // 20), "target": target[rows] if trial.targeted else None}
        return ATTACKS[name](attacked, x[rows], **what).images.cpu().numpy()

    parts = in_batches(work, len(x), size=given["batch_size"], device=getattr(codec, "device", x.device))
    with replacing(_file(stage.run, trial, shard)) as path, open(path, "wb") as file:
        np.save(file, np.concatenate(parts))


def _measured(stage, name, codec, trial, x, target, attacked, numbers):
    """The rows of one trial's images through one codec."""

    def work(rows):
        found = vulnerability.measure(codec.reconstruct, x[rows], attacked[rows], bits=codec.bits).columns()
        if trial.codec == name and (trial.targeted or codec_trials.stands_beside_targets(trial, stage.parameters)):
            wanted = codec.reconstruct(target[rows])
            for which, images in {"clean": x[rows], "adv": attacked[rows]}.items():
                found[f"target_psnr_{which}"] = learned.psnr(codec.reconstruct(images), wanted).tolist()
        return pd.DataFrame(found)

    size = stage.parameters["batch_size"]
    parts = in_batches(work, len(x), size=size, device=getattr(codec, "device", x.device))
    told = {
        "image": numbers,
        "made_against": trial.codec,
        "coded_by": name,
        "attack": trial.attack,
        "objective": trial.objective,
        "budget": trial.budget,
        "targeted": trial.targeted,
    }
    return pd.DataFrame(told).join(pd.concat(parts, ignore_index=True))


def _write(path, frame):
    with replacing(path) as part:
        frame.to_parquet(part, index=False)
