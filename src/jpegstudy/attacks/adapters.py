"""Other libraries' attacks, under the same contract: foolbox, the Adversarial Robustness Toolbox (ART), torchattacks.

    attack = adapters.foolbox("LinfPGD", steps=20)
    attack(network, images, labels, epsilon=2, seed=0, indices=numbers)

Each library sees images from 0 to 1 and a network to match; lengths among its own settings are in that unit, epsilon is
in grey levels as everywhere here. What comes back is rounded to 8 bits, if the images were, and held within epsilon.
The libraries draw for a whole batch at once, from states of the whole process: equal batches give equal results, other
batches do not, and those states are as before afterwards. Libraries are imported when an attack is first made.
"""

import contextlib
import difflib
import importlib
import random

import numpy as np
import torch

from jpegstudy.attacks.contract import Attacked, Subject, check_epsilon, flat_norm, linf_ball
from jpegstudy.attacks.iterated import round_within, within
from jpegstudy.errors import BadInput

BALLS = ("linf", "l2")
LIBRARIES = ("foolbox", "art", "torchattacks")


def foolbox(name, *, ball="linf", **settings):
    """The attack foolbox.attacks.<name>(**settings). epsilon=None asks a minimizing attack for its smallest.

    ball: the norm that epsilon is meant in, "linf" or "l2".
    Returns an attack of ``contract``: network must not be random; the curve is the judge's margin before and after.
    Raises BadInput if foolbox is not installed, has no such attack or does not take these settings.
    """
    library, kind = _find("foolbox", "foolbox", "foolbox.attacks", name, ball)
    method = _made(kind, name, settings)

    def run(module, images, labels, epsilon):
        model = library.PyTorchModel(module, bounds=(0, 1), device=images.device)
        _, clipped, _ = method(model, images, labels, epsilons=epsilon)
        return clipped

    return _attack(run, ball)


def art(name, *, ball="linf", **settings):
    """The attack art.attacks.evasion.<name>(classifier, eps=..., **settings), eps left out for epsilon=None.

    See ``foolbox``; ART's own ``norm`` is among the settings, and must be the ball's.
    """
    _, kind = _find("art", "adversarial-robustness-toolbox", "art.attacks.evasion", name, ball)

    def run(module, images, labels, epsilon):
        from art.estimators.classification import PyTorchClassifier

        with torch.no_grad():
            classes = module(images[:1]).shape[1]
        classifier = PyTorchClassifier(
            module,
            torch.nn.CrossEntropyLoss(),
            tuple(images.shape[1:]),
            classes,
            clip_values=(0.0, 1.0),
            device_type="cpu" if images.device.type == "cpu" else "gpu",
        )
        method = _made(kind, name, settings if epsilon is None else {"eps": epsilon, **settings}, classifier)
        return torch.from_numpy(method.generate(images.cpu().numpy(), labels.cpu().numpy()))

    return _attack(run, ball)


def torchattacks(name, *, ball="linf", **settings):
    """The attack torchattacks.<name>(model, eps=..., **settings), eps left out for epsilon=None. See ``foolbox``."""
    _, kind = _find("torchattacks", "torchattacks", "torchattacks", name, ball)

    def run(module, images, labels, epsilon):
        return _made(kind, name, settings if epsilon is None else {"eps": epsilon, **settings}, module)(images, labels)

    return _attack(run, ball)


def find(name, *, ball="linf", **settings):
    """The attack that ``library:class`` names, for example foolbox:LinfPGD. Raises BadInput as ``foolbox`` does."""
    library, _, kind = name.partition(":")
    if library not in LIBRARIES or not kind:
        raise BadInput(
            f"{name!r} is no attack of another library; wanted {', '.join(LIBRARIES)}, a colon and its class"
        )
    return {"foolbox": foolbox, "art": art, "torchattacks": torchattacks}[library](kind, ball=ball, **settings)


class _Unit(torch.nn.Module):
    """The network for images from 0 to 1."""

    def __init__(self, subject):
        super().__init__()
        self.subject = subject
        # Libraries ask a module's parameters where it is; the network may be a function and have none.
        self.place = torch.nn.Parameter(torch.zeros((), device=subject.base.device), requires_grad=False)
        self.eval()

    def forward(self, images):
        return self.subject.logits(images.float() * 255)


def _attack(run, ball):
    def attack(network, images, labels, *, epsilon, judge=None, seed=None, indices=None):
        """See ``contract``. Returns Attacked with the judge's margins before and after as its curve (N, 2)."""
        subject = Subject(network, images, labels, judge=judge, seed=seed, indices=indices, random=True)
        if getattr(network, "stochastic", False):
            raise BadInput("the network is random, whose draws other libraries do not ask for; wanted one that is not")
        if epsilon is not None:
            check_epsilon(epsilon, whole=subject.eight_bit and ball == "linf")
        with _drawing_from(seed, indices):
            unit = None if epsilon is None else epsilon / 255
            found = run(_Unit(subject), subject.base / 255, subject.labels, unit)
        after = _held(subject, found.detach().to(subject.base) * 255, epsilon, ball)
        curve = torch.stack([subject.margins(subject.base, 0), subject.margins(after, 1)], dim=1)
        steps = torch.ones(len(after), dtype=torch.int64, device=after.device)
        return Attacked(subject.typed(after), curve, steps, curve[:, 1] < 0)

    return attack


def _held(subject, x, epsilon, ball):
    """x as it would be saved, within epsilon of the base."""
    if epsilon is None:
        return subject.finished(x)
    if ball == "linf":
        return within(subject.finished(x), linf_ball(subject, epsilon))
    x = x.clamp(0, 255)
    if subject.eight_bit:
        return round_within(subject.base, x, epsilon)
    delta = x - subject.base
    return subject.base + delta * (epsilon / flat_norm(delta).clamp(min=1e-12)).clamp(max=1)


@contextlib.contextmanager
def _drawing_from(seed, indices):
    """Every generator of the whole process seeded, and put back afterwards: it is these that libraries draw from."""
    entropy = np.random.SeedSequence([seed, *(int(index) for index in indices)]).generate_state(1)
    number, python, numpy = int(entropy[0]), random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def _find(module, package, attacks, name, ball):
    """The library, and its attack of that name."""
    if ball not in BALLS:
        raise BadInput(f"ball is {ball!r}; wanted {' or '.join(BALLS)}")
    try:
        library, holder = importlib.import_module(module), importlib.import_module(attacks)
    except ImportError as error:
        raise BadInput(f"{module} is not installed ({error}); pip install {package}") from error
    kind = getattr(holder, name, None)
    if not isinstance(kind, type):
        names = [known for known in dir(holder) if isinstance(getattr(holder, known), type)]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        hint = f"nearest: {', '.join(near)}" if near else f"see {attacks}"
        raise BadInput(f"{module} has no attack {name!r}; {hint}")
    return library, kind


def _made(kind, name, settings, *args):
    try:
        return kind(*args, **settings)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} does not take {settings}: {error}") from error
