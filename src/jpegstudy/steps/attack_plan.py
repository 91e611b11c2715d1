"""Which attacks a study of defenses makes, and which modifications it then measures."""

import dataclasses
from dataclasses import dataclass, field

from jpegstudy import modifications
from jpegstudy.errors import BadInput
from jpegstudy.modifications import Attack, Modification
from jpegstudy.transforms import FeatureDistillation, Jpeg

OBLIVIOUS, KNOWING = "oblivious", "knowing"  # of the network alone, or of the network behind its defense
UNROUNDED, ROUNDED = "unrounded", "rounded"  # readings: the attack's floats, and these saved in 8 bits


@dataclass
class Plan:
    """made: attacks whose images are kept, as (Modification, reading) that ends in one.  rows: what is measured.

    The reading is None, or UNROUNDED for attacks that leave floats; rows of ROUNDED are made from these.
    """

    made: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    def add(self, *wanted, reading=None):
        """Measure these Modifications, and make the attacks that they need: all but Adv, which costs one gradient."""
        for f in wanted:
            last = [place for place, each in enumerate(f.operations) if isinstance(each, Attack)]
            attacked = Modification(f.operations[: last[0] + 1]) if last else None
            kept = UNROUNDED if reading else None
            if attacked and (reading or attacked.attack.name != "Adv") and (attacked, kept) not in self.made:
                self.made.append((attacked, kept))
            if (f, reading) not in self.rows:
                self.rows.append((f, reading))


def plan_of(given):
    """The Plan of 09's parameters. Raises BadInput for an attack or a defense that cannot stand where it is named."""
    plan, clean = Plan(), Modification()
    attacks = [_attack(text) for text in given["attacks"]]
    defenses = {text: modifications.transform(text) for text in given["defenses"]}
    for name in ("twice", "crossed"):
        if others := [text for text in given[name] if text not in defenses]:
            raise BadInput(f"{name} names {others[0]}, which is not among the defenses {', '.join(defenses)}")
    plan.add(clean)
    for text, defense in defenses.items():
        bases = [clean]
        if text in given["twice"]:
            if defense.resizes:
                raise BadInput(f"{text} changes the image's size; it cannot be done twice")
            bases.append(Modification((defense,)))
        for base in bases:
            plan.add(_after(base, defense))
            for attack in attacks:
                for who in given["protocols"]:
                    if _makes_sense(attack, defense, base, who):
                        made = _after(base, _knowing(attack, text) if who == KNOWING else attack)
                        plan.add(made, _after(made, defense))
    for text in given["crossed"]:
        for attack in attacks:
            if _makes_sense(attack, defenses[text], clean, KNOWING):
                made = _after(clean, _knowing(attack, text))
                plan.add(*(_after(made, defenses[other]) for other in given["crossed"]))
    _add_dormant(plan, given["dormant"])
    for attack in map(_attack, given["unrounded"]):
        made = Modification((attack,))
        plan.add(made, reading=UNROUNDED)
        plan.add(made, *(_after(made, defense) for defense in defenses.values()), reading=ROUNDED)
    return plan


def _attack(text):
    operations = modifications.parse(f"{text}(x)").operations
    attack = operations[0] if len(operations) == 1 else None
    if not isinstance(attack, Attack) or attack.through or attack.source:
        raise BadInput(
            f"{text!r} is no attack by itself; wanted such as Adv2, PGD2 or CW: the study adds who knows what"
        )
    return attack


def _makes_sense(attack, defense, base, who):
    """DCT aims at a table that the image went through already; what minimizes does not average a random defense."""
    if attack.name == "DCT":
        return who == KNOWING and isinstance(defense, FeatureDistillation) and bool(base.operations)
    return not (who == KNOWING and defense.stochastic and (attack.name in ("DF", "CW") or ":" in attack.name))


def _knowing(attack, text):
    return dataclasses.replace(attack, through=text)


def _after(modification, operation):
    return Modification((*modification.operations, operation))


def _add_dormant(plan, wanted):
    """Images that are dormant until each of the qualities aimed at, and through each quality."""
    for aimed in wanted.get("aimed", ()):
        aim = Jpeg(quality=aimed)
        made = Modification((Attack("DORM", epsilon=wanted["epsilon"], through=f"{aim.name}{aim.settings}"),))
        plan.add(made)
        for quality in dict.fromkeys((aimed, *wanted["qualities"])):
            jpeg = Jpeg(quality=quality)
            plan.add(Modification((jpeg,)), _after(made, jpeg))
