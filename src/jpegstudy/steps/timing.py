"""What defenses cost per image: transforms by their names in the notation, which take turns."""

from functools import partial

import torch

from jpegstudy import modifications, timing
from jpegstudy.errors import BadInput
from jpegstudy.progress import Bar

SLOW = {"TVM": 4, "QUILT": 4}  # at most so many images of a batch, by the transform's name without settings
SHORTEST = 0.2  # seconds that a turn lasts at least


def time_defenses(images, names, *, batches=(1, 64), slow=SLOW, rounds=5, seed=0):
    """Time transforms on the same images, in batches of each size; all take a turn in every round.

    images: uint8 (N, 3, H, W), grey levels; the first ones of a batch are taken, some again where it has more.
    names: of transforms, in the notation, such as FD or QUILT[patches.npy].
    slow: at most how many images a batch of a slow transform gets, by its name without settings.
    seed: of random transforms.
    Columns: defense, batch (the size asked for), images (the size it had), round (from 1), wall, cpu (milliseconds per
    image; cpu is of all threads). Each has been through its work once before the first round, and does it again and
    again in a round until 0.2 s have passed; the times are means of these.
    Raises BadInput for other images, no images or names, a number of rounds or a size of batches below 1, and for names
    that are no transform's.
    """
    if min(len(images), len(names), rounds, *batches) < 1:
        raise BadInput(
            f"there are {len(images)} images, {len(names)} defenses, {rounds} rounds and batches of "
            f"{', '.join(map(str, batches))}; wanted at least 1 of each"
        )
    wanted, found = {}, []
    for batch in dict.fromkeys(batches):
        some = contenders(images, names, batch, slow=slow, seed=seed)
        wanted |= {each.name: (name, batch) for each, name in zip(some, dict.fromkeys(names), strict=True)}
        found += some
    for contender in found:
        contender.work()  # the first call is slow
    with Bar(rounds, "timing", unit="round") as bar:
        times = timing.take_turns(found, rounds, say=lambda line: bar.advance(), shortest=SHORTEST)
    defense, batch = zip(*times["contender"].map(wanted), strict=True)
    return times.assign(defense=defense, batch=batch)[["defense", "batch", "images", "round", "wall", "cpu"]]


def contenders(images, names, batch, *, slow=SLOW, seed=0):
    """The transforms with one batch as a list of timing.Contender, named such as "FD × 64"; see ``time_defenses``."""
    found = []
    for name in dict.fromkeys(names):
        transform = modifications.transform(name)
        count = min(batch, slow.get(transform.name, batch))
        some = images[torch.arange(count) % len(images)]
        work = partial(transform, some, seed=seed, indices=list(range(count)))
        found.append(timing.Contender(f"{name} × {batch}", count, work))
    return found
