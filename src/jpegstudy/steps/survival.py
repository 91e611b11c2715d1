"""What survives of a perturbation through a defense: the run's images through one pass or two, band by band."""

import torch

from jpegstudy import modifications
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.mechanism import Survival
from jpegstudy.modifications import Modification
from jpegstudy.progress import Bar
from jpegstudy.steps import protocols

BATCH = 8


def measure_survival(stage, network, wanted, *, images=100):
    """The Survival of each modification's perturbation through its last transform: ``{name: Survival}``.

    stage: whose run's images and gradient signs are taken.  wanted: modifications such as "FD(Adv4(x))", one pass, and
    "FD(Adv4(FD(x)))", two; what is left is the defense's result with the perturbation less that without.
    images: how many of the run's first.  Raises BadInput for a modification that is no defended attack.
    """
    parsed = {text: modifications.parse(text) for text in wanted}
    for text, f in parsed.items():
        if f.attack is None or f.defense is None:
            raise BadInput(f"{text} is no transform of an attack; wanted one such as FD(Adv4(FD(x)))")
    numbers = stage.run.image_numbers()[:images]
    found = {text: Survival() for text in wanted}
    with Bar(len(numbers), "survival") as bar:
        for start in range(0, len(numbers), BATCH):
            mine = numbers[start : start + BATCH]
            x, sign = (torch.from_numpy(part).to(network.device) for part in stage.run.look_up(mine))
            made = protocols.Shared(network, x, sign=sign, seed=0, indices=mine)
            for text, f in parsed.items():
                found[text].add(*_given_and_left(made, f))
            bar.advance(len(mine))
    return found


def _given_and_left(made, modification):
    place = modification.operations.index(modification.attack)
    after = modification.operations[place + 1 :]
    attacked, unattacked = Modification(modification.operations[: place + 1]), modification.base
    given = made.image(attacked).float() - made.image(unattacked).float()
    without = Modification((*unattacked.operations, *after))
    return given, made.image(modification).float() - made.image(without).float()


def count_moved_blocks(stage, network, wanted, *, images=100):
    """How many 8x8 blocks a perturbation moves through its defense, by whether the attacked image touches 0 or 255.

    Arguments as for ``measure_survival``. Returns ``{name: {"blocks", "moved", "blocks clipped", "moved clipped"}}``:
    blocks of one color; moved by more than a thousandth of a grey level; clipped where the base has a value at an end
    of the range, since clipping took such blocks off the lattice. The last block of a row or column that is not whole
    does not count.
    """
    numbers = stage.run.image_numbers()[:images]
    found = {text: dict.fromkeys(("blocks", "moved", "blocks clipped", "moved clipped"), 0) for text in wanted}
    with Bar(len(numbers), "blocks") as bar:
        for start in range(0, len(numbers), BATCH):
            mine = numbers[start : start + BATCH]
            x, sign = (torch.from_numpy(part).to(network.device) for part in stage.run.look_up(mine))
            made = protocols.Shared(network, x, sign=sign, seed=0, indices=mine)
            for text in wanted:
                f = modifications.parse(text)
                _, left = _given_and_left(made, f)
                base = made.image(f.base)
                moved = _in_blocks(left.abs() > 1e-3)
                clipped = _in_blocks((base == 0) | (base == 255))
                counts = found[text]
                counts["blocks"] += moved.numel()
                counts["moved"] += int(moved.sum())
                counts["blocks clipped"] += int(clipped.sum())
                counts["moved clipped"] += int((moved & clipped).sum())
            bar.advance(len(mine))
    return found


def _in_blocks(values):
    """Whether any value of a block is true: bool (N, 3, H/8, W/8)."""
    height, width = (size - size % dct.BLOCK for size in values.shape[-2:])
    return dct.blocks(values[..., :height, :width]).flatten(-2).any(dim=-1)
