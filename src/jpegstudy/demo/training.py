"""Training of a small image network on images held as uint8, resumable after every pass.

Each pass draws its order, crops and flips from (seed, pass) alone, and the learning rate follows from the step, so
training that goes on from a checkpoint ends with the weights of training that was never stopped.
"""

import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import fusion

from jpegstudy.allocation import keep_freed_memory
from jpegstudy.errors import BadInput
from jpegstudy.progress import Bar


def train(
    network, images, labels, *, crop, mean, deviation, passes, seed, checkpoint, batch=64, rate=2e-3, device="cpu"
):
    """Fit ``network`` in place; a generator that yields {"pass", "loss", "accuracy"} after each pass.

    images: uint8 (N, H, W, 3), labels: int64 (N,), numpy.  crop: side in pixels of the random crop it is shown.
    mean, deviation: three floats each, of colors from 0 to 1.  rate: highest learning rate of AdamW.
    checkpoint: file that is written after each pass. If it is there, training goes on from it, and what it
    yielded before is yielded again. Raises BadInput if the file comes from other settings.
    """
    settings = {"images": len(images), "crop": crop, "passes": passes, "seed": seed, "batch": batch, "rate": rate}
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    history = restore(checkpoint, settings, network, optimizer) if checkpoint.exists() else []
    yield from history
    keep_freed_memory()
    steps = len(images) // batch or 1
    for number in range(len(history), passes):
        rng = np.random.default_rng([seed, number])
        order = rng.permutation(len(images))
        network.train()
        loss_sum = right = seen = 0
        with Bar(steps, f"pass {number + 1} of {passes}", "batch") as bar:
            for step in range(steps):
                optimizer.param_groups[0]["lr"] = rate * share(number * steps + step, passes * steps)
                chosen = order[step * batch : (step + 1) * batch]
                x = standardized(crops(images, chosen, crop, rng), mean, deviation, device)  # (B, 3, crop, crop)
                y = torch.from_numpy(labels[chosen]).to(device)
                logits = network(x)
                loss = F.cross_entropy(logits, y, label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss_sum += loss.item() * len(y)
                right += (logits.argmax(1) == y).sum().item()
                seen += len(y)
                bar.advance()
        history.append({"pass": number + 1, "loss": loss_sum / seen, "accuracy": right / seen})
        save(checkpoint, settings, network, optimizer, history)
        yield history[-1]


def check_output(folder, stored):
    """Raise BadInput if ``folder`` holds a network that was trained on images stored otherwise: it would be lost."""
    facts = folder / "network.json"
    there = json.loads(facts.read_text()).get("stored", "files") if facts.exists() else stored
    if there != stored:
        raise BadInput(
            f"output is {folder.name}, which holds a network trained on images stored as {there!r}, and stored is "
            f"{stored!r}; give another folder"
        )


def share(step, total):
    """Share of the highest learning rate at ``step`` of ``total``: a quick rise, then half a cosine down to 0."""
    rise = max(1, total // 10)
    return (step + 1) / rise if step < rise else 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, total - rise))


def crops(images, chosen, crop, rng):
    """A random square of each chosen image, the whole batch mirrored or turned alike: uint8 (B, crop, crop, 3)."""
    room = images.shape[1] - crop + 1, images.shape[2] - crop + 1
    corners = rng.integers(0, room, (len(chosen), 2))
    cut = np.stack([images[i, y : y + crop, x : x + crop] for i, (y, x) in zip(chosen, corners, strict=True)])
    turns, mirrored = rng.integers(0, 4), rng.integers(0, 2)
    cut = np.rot90(cut, turns, axes=(1, 2))
    return np.ascontiguousarray(cut[:, :, ::-1] if mirrored else cut)


def standardized(pixels, mean, deviation, device="cpu"):
    """uint8 (B, H, W, 3) numpy to float32 (B, 3, H, W), channels last in memory, mean 0 and deviation 1 or so."""
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float()
    mean, deviation = (torch.tensor(values, device=device)[:, None, None] * 255 for values in (mean, deviation))
    return (x - mean) / deviation


@torch.no_grad()
def predict(network, images, *, crop, mean, deviation, device="cpu", batch=64):
    """Logits for the middle ``crop`` pixels of ``images`` (uint8 (N, H, W, 3), numpy): float32 (N, K)."""
    network.eval()
    top, left = (images.shape[1] - crop) // 2, (images.shape[2] - crop) // 2
    middle = images[:, top : top + crop, left : left + crop]
    parts = [standardized(middle[i : i + batch].copy(), mean, deviation, device) for i in range(0, len(middle), batch)]
    return torch.cat([network(part).cpu() for part in parts])


def folded(network):
    """Copy of a trained nn.Sequential without its batch normalizations: they are folded into the convolutions.

    In evaluation mode the two compute the same. The copy is on the CPU, in evaluation mode, contiguous.
    """
    layers = []
    for layer in network.eval().cpu():
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = fusion.fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers).to(memory_format=torch.contiguous_format).eval()


def save(checkpoint, settings, network, optimizer, history):
    """Write everything that training needs to go on; the old file stays until the new one is whole."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    part = checkpoint.with_suffix(".part")
    state = {"settings": settings, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"history": history}, part)
    part.replace(checkpoint)


def restore(checkpoint, settings, network, optimizer):
    """Put a checkpoint's state into ``network`` and ``optimizer``; returns the history it carries."""
    state = torch.load(checkpoint, weights_only=True)
    if state["settings"] != settings:
        raise BadInput(f"{checkpoint.name} is of {state['settings']}, wanted is {settings}; delete it to start anew")
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return state["history"]
