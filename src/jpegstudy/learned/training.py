"""Training of a learned codec, resumable: the loop that fine-tuning shares.

Each update draws its crops, flips and quantization noise from (seed, update) alone, and the learning rate follows from
the update, so training that goes on from a checkpoint ends with the weights of training that was never stopped.
"""

import contextlib
import hashlib
import math
import os

import numpy as np
import torch
from torch import nn

from jpegstudy.allocation import keep_freed_memory
from jpegstudy.attacks.contract import check_count
from jpegstudy.errors import BadInput, one_line
from jpegstudy.learned.distances import LEAST_SIDE, ms_ssim
from jpegstudy.learned.pixels import check_images, from_grey
from jpegstudy.progress import Bar

DISTORTIONS = ("mse", "ms-ssim")
AUXILIARY_RATE = 1e-3  # of the quantiles' own Adam
LARGEST_GRADIENT = 1.0  # L2 norm over all parameters


def train(
    codec, images, *, steps, trade_off, checkpoint, distortion="mse", crop=64, batch=8, rate=1e-3, last_rate=None,
    seed=0, report=100,
):  # fmt: skip
    """Fit ``codec`` in place to the trade-off of rate and distortion; a generator that yields a row now and then.

    codec: a Codec, on the device that it is to be trained on.  images: uint8 (N, 3, H, W), grey levels.
    steps: updates, each on ``batch`` crops of ``crop`` pixels a side, mirrored and turned at random.
    trade_off: lambda of lambda * 255**2 * MSE + bits per pixel, or of lambda * (1 - MS-SSIM) + bits per pixel.
    distortion: "mse" or "ms-ssim", which wants crops of at least 161 pixels.
    rate, last_rate: Adam's, at the first update and, along half a cosine, at the last; None is a rate that stays.
    checkpoint: file that is written with each row. If it is there, training goes on from it, and what it yielded
    before is yielded again.
    Yields, every ``report`` updates and after the last, {"step", "loss", "distortion", "bits_per_pixel"}: means since
    the row before. At its end the codec is in eval mode and its tables are those of its weights.
    Raises BadInput for other images and settings, if the file comes from other settings, images or weights, or if the
    loss is not finite any more.
    Source: Balle et al. 2018, arXiv 1802.01436; the auxiliary loss and clipping as in CompressAI's examples.
    """
    settings = {
        "steps": steps, "trade_off": trade_off, "distortion": distortion, "crop": crop, "batch": batch, "rate": rate,
        "last_rate": last_rate, "seed": seed, "report": report,
    }  # fmt: skip
    yield from fit(codec, images, settings, checkpoint)


def fit(codec, images, settings, checkpoint, harden=None):
    """The loop of ``train`` and of ``finetuning.finetune``; the settings are those of ``train``, and what is more.

    harden: (codec, crops uint8 (B, 3, h, w), update) -> the same, some of them attacked, and numbers by name for the
    rows; None leaves them clean.
    """
    _check(images, settings)
    identity = {**settings, "images": digest_of(images), "start": codec.digest().hex()}
    optimizers = optimizers_of(codec, settings["rate"])
    history = _restore(checkpoint, identity, codec, optimizers) if checkpoint.exists() else []
    yield from history
    keep_freed_memory()
    done, steps, report = history[-1]["step"] if history else 0, settings["steps"], settings["report"]
    while done < steps:
        until = min(steps, (done // report + 1) * report)
        rows = []
        with Bar(until - done, f"update {done + 1} to {until} of {steps}", "update") as bar:
            for update in range(done, until):
                crops = drawn(images, settings["crop"], settings["batch"], settings["seed"], update)
                crops, more = (crops, {}) if harden is None else harden(codec, crops.to(codec.device), update)
                for group in optimizers[0].param_groups:
                    group["lr"] = rate_at(update, steps, settings["rate"], settings["last_rate"])
                with _seeded(codec.device, settings["seed"], update):
                    row = step(codec, optimizers, crops, settings["trade_off"], settings["distortion"])
                if not math.isfinite(row["loss"]):
                    raise BadInput(
                        f"the loss is {row['loss']} at update {update + 1}; give a lower rate than "
                        f"{settings['rate']:g}, and delete {checkpoint.name} to start anew"
                    )
                rows.append(row | more)
                bar.advance()
        done = until
        history.append({"step": done} | {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]})
        _save(checkpoint, identity, codec, optimizers, history)
        yield history[-1]
    codec.eval()
    codec.update()


def step(codec, optimizers, crops, trade_off, distortion="mse"):
    """One update of the weights, and one of the quantiles: {"loss", "distortion", "bits_per_pixel"}, means of floats.

    codec: is put into training mode.  optimizers: of ``optimizers_of``.  crops: uint8 (B, 3, h, w); each shall come
    back as it is, an attacked one too, as in the paper's fine-tuning. The rest: see ``train``.
    """
    main, auxiliary = optimizers
    codec.train()
    loss, row = loss_of(codec, crops, trade_off, distortion)
    main.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(main.param_groups[0]["params"], LARGEST_GRADIENT)
    main.step()
    auxiliary.zero_grad(set_to_none=True)
    codec.quantile_loss().backward()
    auxiliary.step()
    return row


def loss_of(codec, crops, trade_off, distortion="mse"):
    """(the rate-distortion loss, a scalar with a gradient, {"loss", "distortion", "bits_per_pixel"}) of uint8 crops."""
    x = from_grey(crops).to(codec.device, codec.dtype)
    coded = codec(x)
    if distortion == "mse":
        wrong, weight = (coded.reconstruction - x).square().mean(), trade_off * 255**2
    else:
        wrong, weight = 1 - ms_ssim(coded.reconstruction.clamp(0, 1), x).mean(), trade_off
    bits_per_pixel = coded.bits_per_pixel.mean()
    loss = weight * wrong + bits_per_pixel
    return loss, {"loss": loss.item(), "distortion": wrong.item(), "bits_per_pixel": bits_per_pixel.item()}


def optimizers_of(codec, rate):
    """Adam for all parameters but the quantiles, and one for these."""
    main = [value for name, value in codec.named_parameters() if not name.endswith("quantiles")]
    quantiles = [value for name, value in codec.named_parameters() if name.endswith("quantiles")]
    return torch.optim.Adam(main, lr=rate), torch.optim.Adam(quantiles, lr=AUXILIARY_RATE)


def rate_at(update, steps, rate, last_rate):
    """The learning rate of an update: along half a cosine from ``rate`` to ``last_rate``."""
    if last_rate is None:
        return rate
    return last_rate + (rate - last_rate) * (0.5 + 0.5 * math.cos(math.pi * update / max(1, steps - 1)))


def drawn(images, crop, batch, seed, update):
    """Random squares of random images, each mirrored and turned at random: uint8 (batch, 3, crop, crop)."""
    rng = np.random.default_rng([seed, update])
    height, width = images.shape[2:]
    crops = []
    for _ in range(batch):
        image = images[rng.integers(len(images))]
        top, left = rng.integers(height - crop + 1), rng.integers(width - crop + 1)
        cut = image[:, top : top + crop, left : left + crop].rot90(int(rng.integers(4)), (1, 2))
        crops.append(cut.flip(2) if rng.integers(2) else cut)
    return torch.stack(crops)


def digest_of(images):
    """SHA-256 of images, uint8, in hexadecimal digits: what a checkpoint knows them by."""
    return hashlib.sha256(repr(tuple(images.shape)).encode() + images.cpu().contiguous().numpy().tobytes()).hexdigest()


@contextlib.contextmanager
def _seeded(device, seed, update):
    """A context in which torch's random numbers follow from (seed, update); after it, they go on as before."""
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(int(np.random.default_rng([seed, update, 1]).integers(2**62)))
        yield


def _check(images, settings):
    check_images(images)
    for name in ("steps", "crop", "batch", "report"):
        check_count(name, settings[name])
    for name in ("trade_off", "rate"):
        if not isinstance(settings[name], int | float) or not 0 < settings[name] < math.inf:
            raise BadInput(f"{name} is {settings[name]!r}; wanted a number above 0")
    if settings["last_rate"] is not None and not 0 <= settings["last_rate"] < math.inf:
        raise BadInput(f"last_rate is {settings['last_rate']!r}; wanted a number from 0, or None")
    if settings["distortion"] not in DISTORTIONS:
        raise BadInput(f"distortion is {settings['distortion']!r}; wanted {' or '.join(DISTORTIONS)}")
    least = LEAST_SIDE if settings["distortion"] == "ms-ssim" else 1
    if not least <= settings["crop"] <= min(images.shape[2:]):
        raise BadInput(
            f"crop is {settings['crop']}; wanted {least} to {min(images.shape[2:])} pixels, the images' shorter side"
        )


def _save(checkpoint, identity, codec, optimizers, history):
    """Write everything that training needs to go on; the old file stays until the new one is whole."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    part = checkpoint.with_name(f".{os.getpid()}-{checkpoint.name}")
    state = {"settings": identity, "codec": codec.state_dict(), "history": history}
    try:
        with part.open("wb") as file:  # torch takes no path that begins with a dot and has no suffix
            torch.save(state | {"optimizers": [each.state_dict() for each in optimizers]}, file)
        os.replace(part, checkpoint)
    finally:
        part.unlink(missing_ok=True)


def _read(checkpoint, device):
    """What ``_save`` wrote. Raises BadInput for a file that holds something else."""
    try:
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        missing = {"settings", "codec", "history", "optimizers"} - set(state)
    except OSError:
        raise
    except Exception as error:  # torch and pickle raise each their own for bytes that they cannot read
        raise BadInput(f"{checkpoint.name} is no checkpoint ({one_line(error)}); delete it to start anew") from error
    if missing:
        raise BadInput(f"{checkpoint.name} is no checkpoint (it has no {min(missing)}); delete it to start anew")
    return state


def _restore(checkpoint, identity, codec, optimizers):
    """Put a checkpoint's state into the codec and its optimizers; returns the history that it carries."""
    state = _read(checkpoint, codec.device)
    other = [name for name in identity if state["settings"].get(name) != identity[name]]
    other += [name for name in state["settings"] if name not in identity]
    if other:
        raise BadInput(f"{checkpoint.name} is of another {', '.join(other)}; delete it to start anew")
    codec.load_state_dict(state["codec"])
    for optimizer, each in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(each)
    return state["history"]
