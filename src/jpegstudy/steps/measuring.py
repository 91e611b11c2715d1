"""One batch of step 11: each perturbed and each compressed image once, and everything that is measured of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from jpegstudy import attacks, jpeg, modifications
from jpegstudy.errors import BadInput
from jpegstudy.mechanism import decomposition, geometry, ladder, prediction, spectra
from jpegstudy.modifications import Modification
from jpegstudy.steps import protocols
from jpegstudy.steps.answers import summary
from jpegstudy.transforms import JpegNoise

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


def attack_of(name):
    """The Modification of an attack of the network itself, by its name such as PGD1. Raises BadInput for another."""
    f = modifications.parse(f"{name}(x)")
    if f.attack is None or f.defense is not None or f.attack.through or f.attack.source:
        raise BadInput(f"attacks names {name!r}; wanted attacks on the network itself, such as PGD1 or DF")
    return f


class Batch:
    """One batch of images and what is made of it: each perturbed and each compressed image once.

    network: images in grey levels -> logits.  given: the stage's parameters.  x: uint8 (N, 3, H, W), grey levels.
    sign: of the loss gradient at x, int8, like x.  labels: int64 (N,), what attacks move away from.  numbers: of the
    images, N.  others: numbers of the images on which the other attacks are made.
    """

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
            "from_jpeg": pd.concat(map(self._from_jpeg, self.given["epsilons"]), ignore_index=True),
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
                made = protocols.Shared(self.network, x, sign=self.sign[some], **random).image(attack_of(name))
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

    def _from_jpeg(self, epsilon):
        """Geometry where the image that is attacked is JPG(x), which the same JPEG hardly changes."""
        quality = self.given["quality"]
        _, gradient = self.gradient(quality, "cross-entropy")
        start = self.compressed(0, quality)
        adv = attacks.perturb(start, gradient.sign().to(torch.int8), epsilon=epsilon)
        there, back = (jpeg.roundtrip(each, quality=quality, subsampling=SUBSAMPLING) for each in (start, adv))
        table = geometry.measure_geometry(start, adv, there, back)
        return self._named(table, epsilon=epsilon, quality=quality)

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
        signs = decomposition.random_signs(self.x, epsilon=epsilon, **self.random).double() - self.x.double()
        for name, change in {"kept_share": delta, "kept_share_of_signs": signs}.items():
            table[name] = geometry.kept_share(self.x, change, quality=self.given["quality"]).cpu().numpy()
        return self._named(table)

    def _named(self, table, **columns):
        return table.assign(image=self.numbers, **columns)
