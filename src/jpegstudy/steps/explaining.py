"""Step 11: why JPEG undoes perturbations. Every measurement of ``mechanism`` on a run's images, kept by shard.

mechanism/geometry/00000.parquet   a row for each image, epsilon and quality: mechanism.geometry's numbers, and the
                                   shares of the first order that should survive
mechanism/orders/00000.parquet     a row for each image, epsilon and objective: mechanism.decomposition's parts
mechanism/images/00000.parquet     a row for each image: its texture, its gradient's spectrum, what its file keeps
mechanism/spectra/00000.npz        sums over images of squared coefficients by plane and band, see ``measured_spectra``
predictions/11_why/00000.parquet   the ladder's rungs, JPEG at every quality and epsilon, and attacks in floats
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from jpegstudy import attacks, jpeg, modifications, networks
from jpegstudy.allocation import keep_freed_memory
from jpegstudy.atomic import replacing
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint
from jpegstudy.mechanism import decomposition, geometry, ladder, prediction, spectra
from jpegstudy.modifications import Attack, Modification
from jpegstudy.progress import Bar
from jpegstudy.record import check_same_codec
from jpegstudy.steps import protocols
from jpegstudy.steps.answers import as_table, summary
from jpegstudy.steps.batches import in_batches
from jpegstudy.steps.sources import load_network
from jpegstudy.transforms import JpegNoise

PARTS = ("geometry", "orders", "images")
FLOATS = "unrounded"  # reading: attacks by fractions of a grey level, which no file holds
SUBSAMPLING = "4:2:0"


@dataclass(frozen=True)
class Rung:
    """A variant of JPEG on a Modification, as a row of the predictions: "only color(Adv1(x))"."""

    variant: ladder.Variant
    inner: Modification

    def __str__(self):
        return f"{self.variant.name}({self.inner})"

    @property
    def columns(self):
        """As of a Modification."""
        return {**self.inner.columns, "transform": self.variant.name, "quality": None}


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
    stage.begin(
        modifications=[str(f) for f, reading in rows if not reading],
        unrounded=[str(f) for f, reading in rows if reading],
        machine=networks.device_in_words(network.device),
        codec=codec,
    )
    wanted = run.image_numbers()[: given["images"] or images]
    with Bar(len(wanted), "11 why") as bar:
        for shard in run.shards:
            table = run.image_table(shard)
            table = table[table.reason.isna()].reset_index(drop=True)
            table = table[table.image.isin(wanted)]
            if stage.last_file(shard).exists():
                bar.advance(len(table))
            else:
                _do_shard(stage, shard, network, rows, table, bar.advance)
    stage.finish()


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
        _of_attack(name)


def _of_attack(name):
    """The Modification of an attack of the network itself, by its name such as PGD1. Raises BadInput for another."""
    f = modifications.parse(f"{name}(x)")
    if f.attack is None or f.defense is not None or f.attack.through or f.attack.source:
        raise BadInput(f"attacks names {name!r}; wanted attacks on the network itself, such as PGD1 or DF")
    return f


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
        rows += [(Rung(variant, base), None) for base in bases for variant in rungs]
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
            found.append(stage.run.path / "mechanism" / part / f"{shard:05d}.{ending}")
    if missing := [path.name for path in found if not path.exists()]:
        raise BadInput(
            f"run {stage.run.name!r} lacks mechanism/{part}/{missing[0]}; delete predictions/{stage.name}/"
            f"{missing[0].partition('.')[0]}.parquet and run {stage.name} again"
        )
    return found


def _do_shard(stage, shard, network, rows, table, advance):
    run, given = stage.run, stage.parameters
    clean = run.predictions("02_attack", shard)
    tops = clean[clean.modification == "x"].set_index("image").top_label.loc[table.image]
    top_labels, numbers = torch.tensor(tops.to_numpy()), table.image.tolist()
    images, signs, places = run.images(shard), run.gradient_sign(shard), table.index.to_numpy()
    others = set(run.image_numbers()[: given["attacked_images"]])

    def work(some):
        x, sign = (torch.from_numpy(np.array(part[places[some]])).to(network.device) for part in (images, signs))
        batch = _Batch(network, given, x, sign, top_labels[some].to(network.device), numbers[some], others)
        found = {"answers": [batch.answer(f, reading) for f, reading in rows], **batch.measure()}
        advance(len(x))
        return found

    found = in_batches(work, len(table), size=given["batch_size"], device=network.device)
    if found:
        for part in PARTS:
            with replacing(run.path / "mechanism" / part / f"{shard:05d}.parquet") as path:
                pd.concat([batch[part] for batch in found], ignore_index=True).to_parquet(path, index=False)
        sums = {name: sum(batch["spectra"][name] for batch in found) for name in found[0]["spectra"]}
        with replacing(run.path / "mechanism" / "spectra" / f"{shard:05d}.npz") as path, open(path, "wb") as file:
            np.savez(file, **sums)
    tidy = table.reset_index(drop=True)
    frames = [
        as_table(tidy, f, [batch["answers"][place] for batch in found], network.name, reading)
        for place, (f, reading) in enumerate(rows)
    ]
    with replacing(stage.last_file(shard)) as path:
        pd.concat(frames, ignore_index=True).to_parquet(path, index=False)


class _Batch:
    """One batch of images and what is made of it: each perturbed and each compressed image once."""

    def __init__(self, network, given, x, sign, labels, numbers, others=()):
        self.network, self.given, self.x, self.labels, self.numbers = network, given, x, labels, numbers
        self.sign, self.others = sign, others
        self.random = {"seed": given["seed"], "indices": numbers}
        self._rungs, self._made, self._gradients, self._noisy = {}, {}, {}, {}

    def attacked(self, epsilon):
        """Adv, uint8 (N, 3, H, W); x itself for 0."""
        return attacks.perturb(self.x, self.sign, epsilon=epsilon) if epsilon else self.x

    def compressed(self, epsilon, quality):
        """JPG(Adv), uint8 (N, 3, H, W)."""
        key = epsilon, quality
        if key not in self._made:
            self._made[key] = jpeg.roundtrip(self.attacked(epsilon), quality=quality, subsampling=SUBSAMPLING)
        return self._made[key]

    def answer(self, f, reading):
        """The summary of what the network says under a Modification or a Rung."""
        if isinstance(f, Rung):
            if (f.variant.name, f.inner) not in self._rungs:
                self._climb(f.inner)
            return self._rungs.pop((f.variant.name, f.inner))
        epsilon = f.attack.epsilon if f.attack else 0
        if reading:
            images = attacks.perturb(self.x.float(), self.sign, epsilon=epsilon)
        else:
            images = self.compressed(epsilon, f.defense.quality) if f.defense else self.attacked(epsilon)
        return self._said(images)

    def _climb(self, inner):
        """Every variant of one base, so that what they share is computed once."""
        base = self.attacked(inner.attack.epsilon if inner.attack else 0)
        chosen = ladder.variants(bands=self.given["ladder"]["bands"])
        for variant, result in ladder.run_variants(base, chosen, quality=self.given["quality"]):
            self._rungs[variant.name, inner] = self._said(result.clamp(0, 255))

    def _said(self, images):
        return summary(self.network.probabilities(images), self.labels.cpu())

    def gradient(self, quality, objective):
        """(value, gradient) of an objective at x, or at JPG(x) of a quality; None is x."""
        if (quality, objective) not in self._gradients:
            where = self.x if quality is None else self.compressed(0, quality)
            found = decomposition.value_and_gradient(self.network, where, self.labels, objective=objective)
            self._gradients[quality, objective] = found
        return self._gradients[quality, objective]

    def noisy(self, epsilon, quality):
        """JPGnoise(Adv), uint8 (N, 3, H, W)."""
        if (epsilon, quality) not in self._noisy:
            self._noisy[epsilon, quality] = JpegNoise(quality=quality)(self.attacked(epsilon), **self.random)
        return self._noisy[epsilon, quality]

    def measure(self):
        """``{part: its table}`` of PARTS, and "spectra": sums over the batch's images."""
        _, gradient = self.gradient(None, "margin")
        rows, sums = [], {"images": np.array(len(self.x))}
        sums["x"] = spectra.band_power(self.x.float() - 128, subsampling=SUBSAMPLING).sum(axis=0)
        power = spectra.sensitivity_power(gradient, subsampling=SUBSAMPLING)
        sums["gradient"] = (power / power.sum(axis=(1, 2, 3), keepdims=True).clip(1e-300)).sum(axis=0)
        for quality in self.given["qualities"]:
            _, turned = self.gradient(quality, "margin")
            for epsilon in self.given["epsilons"]:
                table, parts = self._survival(epsilon, quality, gradient, turned)
                rows.append(table)
                sums |= {f"{epsilon} {quality} {name}": part.sum(axis=0) for name, part in parts.items()}
        orders = [self._orders(epsilon, objective) for epsilon in self.given["epsilons"]
                  for objective in decomposition.OBJECTIVES]  # fmt: skip
        return {
            "geometry": pd.concat(rows, ignore_index=True),
            "orders": pd.concat(orders, ignore_index=True),
            "images": self._about(power),
            "spectra": sums | self._of_attacks(),
        }

    def _of_attacks(self):
        """Sums over some of the batch's images of what other attacks add, and how many images these are."""
        some = [place for place, number in enumerate(self.numbers) if number in self.others]
        sums = {}
        for name in self.given["attacks"]:
            sums |= {name: np.zeros((3, 8, 8)), f"images {name}": np.array(len(some))}
            if some:
                x = self.x[some]
                random = self.random | {"indices": [self.numbers[place] for place in some]}
                made = protocols.Shared(self.network, x, sign=self.sign[some], **random).image(_of_attack(name))
                sums[name] = spectra.band_power(made.float() - x.float(), subsampling=SUBSAMPLING).sum(axis=0)
        return sums

    def _survival(self, epsilon, quality, gradient, turned):
        """Geometry of one epsilon and quality, with the shares of the first order; and the power by band."""
        adv, there, back = self.attacked(epsilon), self.compressed(0, quality), self.compressed(epsilon, quality)
        table = geometry.measure_geometry(self.x, adv, there, back, self.noisy(epsilon, quality))
        delta, left = adv.double() - self.x.double(), back.double() - there.double()
        given, survived, both = (
            spectra.band_power(values, subsampling=SUBSAMPLING) for values in (delta, left, delta + left)
        )
        gains, _ = prediction.one_pass_of(self.x, np.sqrt(given), quality=quality, subsampling=SUBSAMPLING)
        height, width = spectra.whole_sides(delta, SUBSAMPLING)  # what strengths on the file's grid count
        total = spectra.strengths(gradient[..., :height, :width], delta[..., :height, :width]).sum(axis=(1, 2, 3))
        for name, at in (("share_at_x", gradient), ("share_at_compressed", turned)):
            strengths = spectra.strengths(at, delta, subsampling=SUBSAMPLING)
            table[name] = prediction.surviving_share(strengths, total, gains)
        table["first_order"] = total
        table = self._named(table, epsilon=epsilon, quality=quality)
        return table, {"given": given, "left": survived, "both": (both - given - survived) / 2}

    def _orders(self, epsilon, objective):
        """The decomposition at the study's quality, beside controls on Adv and on x."""
        quality = self.given["quality"]
        adv, there, back = self.attacked(epsilon), self.compressed(0, quality), self.compressed(epsilon, quality)
        table = decomposition.decompose(
            self.network, self.labels, self.x, adv, there, back, objective=objective,
            known={"x": self.gradient(None, objective), "compressed": self.gradient(quality, objective)},
        )  # fmt: skip
        controls = {
            "noise": self.noisy(epsilon, quality),
            "gaussian": decomposition.gaussian_control(adv, back.float() - adv.float(), **self.random),
            "signs": decomposition.random_signs(self.x, epsilon=epsilon, **self.random),
            "noise_x": self.noisy(0, quality),
            "gaussian_x": decomposition.gaussian_control(self.x, there.float() - self.x.float(), **self.random),
        }
        beside = decomposition.measure_controls(self.network, self.labels, controls, objective=objective)
        return self._named(pd.concat([table, beside], axis=1), epsilon=epsilon, objective=objective)

    def _about(self, power):
        """What is known of each image without an attack, and what its file keeps of the smallest perturbation."""
        epsilon = min(self.given["epsilons"])
        delta = self.attacked(epsilon).double() - self.x.double()
        table = pd.concat([spectra.texture_table(self.x), spectra.share_table(power)], axis=1)
        table["kept_share"] = geometry.kept_share(self.x, delta, quality=self.given["quality"]).cpu().numpy()
        return self._named(table)

    def _named(self, table, **columns):
        return table.assign(image=self.numbers, **columns)
