"""Which codecs a study attacks, and how: the trials of step 10."""

from dataclasses import dataclass

from jpegstudy import modifications
from jpegstudy.errors import BadInput
from jpegstudy.learned import rates
from jpegstudy.learned.attack import ATTACKS, OBJECTIVES
from jpegstudy.learned.jpeg_codec import Jpeg
from jpegstudy.learned.self_ensemble import Ensembled
from jpegstudy.steps.attacked import file_name

FLIP, STRAIGHT = "quantizer flip", "straight-through"  # attacks for JPEG only
NOISE = "Gaussian"
CRAFTED = "L2-PGD"  # whose images go to the other codecs, and which tries other objectives and targets
ENSEMBLE = "8 × "  # before the name of a codec behind the self-ensemble


@dataclass(frozen=True)
class Trial:
    """An attack on a codec: what it makes larger within which budget, or toward another image's reconstruction."""

    codec: str
    attack: str
    objective: str
    budget: float
    targeted: bool = False

    @property
    def folder(self):
        """The name of its folder."""
        goal = f"{self.objective}{' targeted' if self.targeted else ''}"
        return file_name(f"{self.codec} {self.attack} {goal} {self.budget:g}")


def jpegs_of_equal_rate(x, names, device):
    """``{codec: JPEG's name}`` of the quality whose mean rate on x, uint8 (N, 3, H, W), is nearest to the codec's."""
    pixels = x.shape[2] * x.shape[3]
    found = {}
    for name in names:
        mean = float(learned_codec(name, device).bits(x).double().mean()) / pixels
        found[name] = f"JPG{rates.jpeg_of_rate(x, mean).quality}"
    return found


def learned_codec(name, device):
    """The learned codec of a transform's name, NIC... Raises BadInput for another transform."""
    transform = modifications.transform(name)
    if not hasattr(transform, "model"):
        raise BadInput(f"codecs names {name!r}; wanted learned codecs, such as NIC or NIC[my/weights.safetensors]")
    return transform.model(device)


def codecs_of(given, rivals, device):
    """The codecs of 10's parameters by name: the learned ones, those behind the self-ensemble, and their JPEGs."""
    codecs = {name: learned_codec(name, device) for name in given["codecs"]}
    for name in given["ensembled"]:
        if name not in codecs:
            raise BadInput(f"ensembled names {name!r}, which is not among the codecs {', '.join(codecs)}")
    for role, name in given["hardened"].items():
        if role != "run" and name not in codecs:
            raise BadInput(f"hardened names {name!r} as {role}, which is not among the codecs {', '.join(codecs)}")
    codecs |= {ENSEMBLE + name: Ensembled(codecs[name]) for name in given["ensembled"]}
    return codecs | {name: Jpeg(int(name.removeprefix("JPG"))) for name in dict.fromkeys(rivals.values())}


def trials_of(given, codecs):
    """The Trials of 10's parameters. Raises BadInput for an attack or an objective that there is not."""
    if unknown := [name for name in given["codec_attacks"] if name not in ATTACKS]:
        raise BadInput(f"there is no attack on codecs {unknown[0]!r}; known: {', '.join(ATTACKS)}")
    if unknown := [name for name in given["objectives"] if name not in OBJECTIVES]:
        raise BadInput(f"there is no objective {unknown[0]!r}; known: {', '.join(OBJECTIVES)}")
    if missing := [name for name in (CRAFTED, NOISE) if name not in given["codec_attacks"]]:
        raise BadInput(f"codec_attacks lacks {missing[0]}, which the others are held against")
    first, *others = given["objectives"]
    trials = []
    for name, codec in codecs.items():
        own = (FLIP, STRAIGHT) if isinstance(codec, Jpeg) else ()
        behind = isinstance(codec, Ensembled)
        attacks = (CRAFTED, NOISE) if behind else (*given["codec_attacks"], *own)
        for budget in given["budgets"]:
            trials += [Trial(name, attack, first, budget) for attack in attacks]
        if not behind:
            least = min(given["budgets"])
            trials += [
                Trial(name, CRAFTED, goal, least) for goal in others if goal != "rate" or hasattr(codec, "soft_bits")
            ]
            trials += [Trial(name, CRAFTED, first, max(given["budgets"]), targeted=True)] if given["targeted"] else []
    return trials


def kinds_of(names):
    """``{"architecture of the prior": {codec: which}, "loss": ..., "quality scale": ...}`` of learned codecs by name.

    The last two are known of codecs that have a .json beside their weights, as train_codec writes it; the last, of
    those that were trained for the MSE: the weights of other losses are on another scale.
    """
    priors = {name: learned_codec(name, "cpu").shape.prior for name in names}
    made = {name: modifications.transform(name).made_with() for name in names}
    return {
        "architecture of the prior": priors,
        "loss": {name: facts["distortion"] for name, facts in made.items() if "distortion" in facts},
        "quality scale": {
            name: facts["trade_off"]
            for name, facts in made.items()
            if "trade_off" in facts and facts.get("distortion", "mse") == "mse"
        },
    }


def codec_in_words(codec):
    """A codec as run.json has it: what it is, and which."""
    if isinstance(codec, Ensembled):
        return f"self-ensemble of {codec_in_words(codec.codec)}"
    if isinstance(codec, Jpeg):
        return f"JPEG of quality {codec.quality}, {codec.subsampling}"
    return f"{codec.shape.prior} prior, {codec.digest().hex()[:12]}"


def check_same_codecs(run, name, told):
    """Refuse learned codecs that changed since a stage was begun: its attacks were made on those that were there.

    told: ``{codec: what it is}``, as the stage's entry has it in "codecs".  Raises BadInput, which names both.
    """
    for codec, before in run.entry(name).get("codecs", {}).items():
        if told.get(codec) != before:
            raise BadInput(
                f"codec {codec} was {before} when run {run.name!r} was begun, and is {told.get(codec, 'not there')} "
                "now; take another run name"
            )


def stands_beside_targets(trial, given):
    """Whether a trial is the noise that targeted attacks are held against."""
    return given["targeted"] and trial.attack == NOISE and trial.budget == max(given["budgets"])


def goes_round(trial, given):
    """Whether a trial's images are given to the other codecs too."""
    own = FLIP if trial.codec.startswith("JPG") else CRAFTED
    alike = trial.objective == given["objectives"][0] and trial.budget == min(given["budgets"]) and not trial.targeted
    return given["transferred"] and trial.attack == own and alike and not trial.codec.startswith(ENSEMBLE)
