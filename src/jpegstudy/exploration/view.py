"""One setting of the sliders: four images, what the network makes of each, and what is derived from that."""

import re
from dataclasses import dataclass

import torch

from jpegstudy.exploration import pictures, spectrum
from jpegstudy.inspection import size_of
from jpegstudy.jpeg import tables


@dataclass(frozen=True, eq=False)
class View:
    """x, Adv, JPG(x) and JPG(Adv) of one image at one setting, in that order, by their names in the paper's notation.

    images: name -> uint8 (3, H, W), grey levels.  probabilities: name -> float32 (C,), the network's softmax.
    epsilon: grey levels; None where the adversarial image was given as a file.
    """

    images: dict
    probabilities: dict
    class_names: list
    epsilon: float | None
    quality: int
    subsampling: str

    @property
    def names(self):
        """The four names: of x, Adv, JPG(x) and JPG(Adv)."""
        return tuple(self.images)

    @property
    def perturbation(self):
        """Adv - x: int16 (3, H, W)."""
        x, adversarial, *_ = self.images.values()
        return adversarial.short() - x.short()

    @property
    def residual(self):
        """JPG(Adv) - Adv, what JPEG changes in the adversarial image: int16 (3, H, W)."""
        _, adversarial, _, both = self.images.values()
        return both.short() - adversarial.short()

    @property
    def remainder(self):
        """JPG(Adv) - JPG(x), what JPEG leaves of the perturbation: int16 (3, H, W)."""
        *_, compressed, both = self.images.values()
        return both.short() - compressed.short()

    def label(self, name):
        """The name of the class that the network finds most probable in one of the four images."""
        return self.class_names[int(self.probabilities[name].argmax())]

    def highest(self, count=5):
        """The highest probabilities: a dict of name -> [(class name, probability), ...], highest first."""
        result = {}
        for name, p in self.probabilities.items():
            values, labels = p.topk(min(count, len(p)))
            result[name] = [(self.class_names[label], float(v)) for v, label in zip(values, labels, strict=True)]
        return result

    def highest_in_words(self):
        """``highest`` as alternative text: "x: moped 0.62, motor scooter 0.11; Adv1(x): ..."."""
        told = []
        for name, ranking in self.highest().items():
            told.append(f"{name}: {', '.join(f'{label} {p:.2f}' for label, p in ranking)}")
        return "; ".join(told)

    def tiles(self):
        """What to show side by side: a list of (title, uint8 (3, H, W), caption)."""
        x, adversarial, _, both = self.names
        moved, lost = pictures.amplified(self.perturbation), pictures.amplified(self.residual)
        return [
            (x, self.images[x], self._caption(x)),
            (f"perturbation × {moved[1]}", moved[0], f"{adversarial} − x"),
            (adversarial, self.images[adversarial], self._caption(adversarial)),
            (both, self.images[both], self._caption(both)),
            (f"residual × {lost[1]}", lost[0], "what JPEG changed in it"),
        ]

    def bands(self):
        """Title -> float64 (8, 8), grey levels: rms in luma's DCT bands of the perturbation and of the difference that
        JPEG makes of it, and the steps in which JPEG counts each band."""
        x, adversarial, compressed, both = self.names
        return {
            f"{adversarial} − {x}": spectrum.band_rms(self.perturbation),
            f"{both} − {compressed}": spectrum.band_rms(self.remainder),
            f"JPEG's steps, quality {self.quality}": tables.for_quality(self.quality)[0].double(),
        }

    def remainder_in_words(self):
        """A sentence that holds the difference after JPEG against the perturbation: its size and its direction."""
        x, adversarial, compressed, both = self.names
        before, after = (change.double().flatten() for change in (self.perturbation, self.remainder))
        sizes = [change.square().mean().sqrt().item() for change in (before, after)]
        told = (
            f"{both} − {compressed} has an rms of {sizes[1]:.2f} grey levels, {adversarial} − {x} one of {sizes[0]:.2f}"
        )
        if not all(sizes):
            return f"{told}."
        cosine = torch.nn.functional.cosine_similarity(before, after, dim=0).item()
        return f"{told}; the cosine of the angle between the two is {cosine:.2f}."

    def bands_in_words(self):
        """``bands`` as alternative text: of each map a low band, the highest, and the median."""
        told = []
        for title, values in self.bands().items():
            low, high, median = (float(value) for value in (values[0, 1], values[7, 7], values.median()))
            told.append(
                f"{title}: {low:.2f} in the first horizontal frequency, {high:.2f} in the highest, median {median:.2f}"
            )
        return f"{'; '.join(told)} (grey levels)"

    def summary(self):
        """The setting in a few sentences: how large the perturbation is, and what it and JPEG do to the label."""
        x, adversarial, _, both = self.names
        rounded = ""
        if self.epsilon is not None and self.epsilon != int(self.epsilon):
            rounded = f"ε = {self.epsilon:g} is added in float and the sum rounded to 8 bits once. "
        size = f"{adversarial} − x: {size_of(self.images[x], self.images[adversarial])}. "
        own = int(self.probabilities[x].argmax())
        p = ", ".join(f"{self.probabilities[name][own]:.2f} in {name}" for name in (x, adversarial, both))
        return f"{rounded}{size}The probability of {self.label(x)}: {p}. {self._verdict()}"

    def _caption(self, name):
        return f"{self.label(name)} {self.probabilities[name].max():.2f}"

    def _verdict(self):
        x, adversarial, _, both = (self.label(name) for name in self.names)
        if adversarial == x:
            return (
                "The label withstands the perturbation."
                if both == x
                else "The perturbation needs JPEG to change the label."
            )
        if both == x:
            return "JPEG brings the label back."
        return "JPEG does not bring the label back."


def file_stem(name):
    """A modification as part of a file's name: JPG(Adv1(x)) becomes JPG-Adv1, x' adversarial."""
    inner = name.replace("(x')", "(adversarial)").replace("(x)", "")
    return {"x'": "adversarial"}.get(name) or re.sub(r"\(", "-", inner).rstrip(")")
