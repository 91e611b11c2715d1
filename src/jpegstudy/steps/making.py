"""One attack of the notation, made: on the bare network, or through a defense that its maker knows."""

from jpegstudy import attacks, modifications
from jpegstudy.attacks import adapters, strength
from jpegstudy.errors import BadInput
from jpegstudy.steps import knowing

EFFORT = {"steps": 20, "restarts": 1, "draws": 10, "queries": 500, "searches": 4, "search_steps": 100}
LATTICE_STEPS = 4
STEPPED = {"BIM": ("steps",), "PGD": ("steps", "restarts"), "PGDL2": ("steps", "restarts"), "DORM": ("steps",)}
DRAWING = ("Adv", "BIM", "PGD", "PGDL2", "DCT")  # take the mean over draws of a random defense


def make(network, attack, images, labels, *, effort=None, seed=None, indices=None):
    """The Attacked of ``attack``, a modifications.Attack, on images uint8 or float32 (N, 3, H, W), as attacks.contract
    has it. What it changed is measured again: the attack's word is not taken for it.

    effort: steps and restarts of the iterated attacks, draws of a random defense for each gradient, queries of Square,
    searches of Carlini and Wagner's with search_steps each. DeepFool takes its 50 steps, DCT 4; other libraries'
    attacks take their own. What is not given is EFFORT's.
    Raises BadInput for DCT through a defense without a table, for an attack that a defense's randomness or the attack's
    source rules out, and for a result outside epsilon, which names the image.
    """
    if attack.source:
        raise BadInput(f"{attack} is made against another network; wanted an attack on the run's own")
    effort = {**EFFORT, **(effort or {})}
    target, settings = network, {"seed": seed, "indices": indices}
    defense = attack.through and modifications.transform(attack.through)
    if defense and attack.name != "DORM":  # which looks at the network with and without its JPEG by itself
        target = knowing.stand_in(network, defense, seed=seed, rounded=not images.is_floating_point())
        settings["judge"] = knowing.judge(network, defense, seed=seed)
        if defense.stochastic and attack.name in DRAWING:
            settings["expectation"] = effort["draws"]
    if attack.name == "SQ":
        target = settings.pop("judge", network)  # it asks for answers only
    settings |= _own_settings(attack, defense, effort)
    size = attack.epsilon if attack.radius is None else attack.radius
    if ":" in attack.name:
        method = adapters.find(attack.name, ball="linf" if attack.radius is None else "l2")
        settings["epsilon"] = size
    else:
        method = attacks.find(attack.name)
        settings |= {} if size is None else {"epsilon": size}
    made = method(target, images, labels, **settings)
    _check(attack, images, made.images, indices)
    return made


def _own_settings(attack, defense, effort):
    """What an attack takes beside what all take."""
    found = {name: effort[name] for name in STEPPED.get(attack.name, ())}
    if attack.name == "SQ":
        found = {"queries": effort["queries"]}
    elif attack.name == "CW":
        found = {"searches": effort["searches"], "steps": effort["search_steps"]}
    elif attack.name == "DORM":
        found |= {"quality": defense.quality, "subsampling": defense.subsampling}
    elif attack.name == "DCT":
        if not hasattr(defense, "steps"):
            raise BadInput(f"{attack} aims at a table of quantization; wanted it through FD or FD8, such as DCT2{{FD}}")
        found = {"steps": LATTICE_STEPS, "steps_table": defense.steps}
    return found


def _check(attack, before, after, numbers):
    if attack.epsilon is not None:
        strength.check_epsilon(before, after, attack.epsilon, numbers)
    if attack.radius is not None:
        lengths = strength.measure(before, after).l2
        worst = int(lengths.argmax())
        if not float(lengths[worst]) <= attack.radius + strength.FLOAT_TOLERANCE:
            found = f"image {int(numbers[worst])} changed by {float(lengths[worst]):g} in L2"
            raise BadInput(f"{found}; wanted at most {attack.radius:g}")
