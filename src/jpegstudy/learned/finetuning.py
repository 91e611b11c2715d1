"""Fine-tuning of a codec on adversarial examples made against what it is at that update.

Part of each batch is attacked, the rest stays clean, and the codec shall code both as they are. A weak codec gets
better by any further training, so what attacks gain shows only beside a control: the same updates, all of them clean.
"""

import torch

from jpegstudy.attacks.contract import check_count
from jpegstudy.errors import BadInput
from jpegstudy.learned.attack import l2_pgd
from jpegstudy.learned.budget import check_budget_itself, most_squares
from jpegstudy.learned.training import fit


def finetune(
    codec, images, *, steps, trade_off, checkpoint, mse_budget, mix=0.5, ramp=30, attack_steps=8, linf=16,
    distortion="mse", crop=64, batch=8, rate=2e-4, last_rate=None, seed=0, report=100,
):  # fmt: skip
    """Fit ``codec`` in place to clean images and adversarial examples; a generator of rows, as ``training.train``.

    codec, images, steps, trade_off, checkpoint, distortion, crop, batch, rate, last_rate, seed, report: see there.
    mix: share of each batch that is attacked, 0 to 1. 0 is the control: the same crops and the same noise, all clean;
    1 is the paper's code.
    mse_budget, linf: of the attack, each image's own. The budget grows over the first ``ramp`` updates.
    attack_steps: of L2-PGD on the distortion, from a random start, against the weights of that update in eval mode.
    A row has "attacked" too: what attacks reach, the mean squared error between reconstructions of crops before and
    after them; where there are any.
    Raises BadInput as ``training.train`` and the attacks.
    Source: Chen and Ma 2023, section on adversarial training; clean images among them, per-image budgets and the
    cheaper attack are ours.
    """
    if isinstance(mix, bool) or not isinstance(mix, int | float) or not 0 <= mix <= 1:
        raise BadInput(f"mix is {mix!r}; wanted a share of the batch from 0 to 1")
    check_budget_itself(mse_budget, linf)
    check_count("ramp", ramp)
    check_count("attack_steps", attack_steps)
    settings = {
        "steps": steps, "trade_off": trade_off, "distortion": distortion, "crop": crop, "batch": batch, "rate": rate,
        "last_rate": last_rate, "seed": seed, "report": report, "mse_budget": mse_budget, "mix": mix, "ramp": ramp,
        "attack_steps": attack_steps, "linf": linf,
    }  # fmt: skip
    count = attacked_of(mix, batch)

    def harden(codec, crops, update):
        budget = ramped(mse_budget, update, ramp)
        if most_squares(budget, crops[0].numel()) < 1:  # so early that not one value could change
            return crops, {"attacked": 0.0}
        result = l2_pgd(
            codec, crops[:count], mse_budget=budget, linf=linf, steps=attack_steps, objective=distortion, seed=seed,
            indices=[update * batch + i for i in range(count)], every=attack_steps,
        )  # fmt: skip
        return torch.cat([result.images, crops[count:]]), {"attacked": result.reached.mean().item()}

    yield from fit(codec, images, settings, checkpoint, harden if count else None)


def attacked_of(mix, batch):
    """How many of a batch are attacked: the share rounded, but at least one where it is not 0."""
    return max(1, round(mix * batch)) if mix else 0


def ramped(mse_budget, update, ramp):
    """The budget at an update: a straight line up over the first ``ramp``, then all of it."""
    return mse_budget * min(1, (update + 1) / ramp)
