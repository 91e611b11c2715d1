"""CompressAI's side of ``jpegstudy bench compressai``: a process of another environment, which answers line by line.

It is started as a file by that environment's Python, and so imports nothing of jpegstudy. Each line of standard input
is a request in JSON, {"do": ..., ...}; each line of standard output is the answer, {"error": ...} where there is none.

    versions                             the versions of its packages, by name
    open     model, quality, weights     a model of CompressAI's zoo with random weights, which it writes to the file
    measure  images, results             images .npy uint8 (N, 3, H, W) through that model; writes .npz: latents and
                                         quantized float32 (N, M, h, w), before and after they are rounded,
                                         reconstruction float32 (N, 3, H, W), bits float64 (N,) by the likelihoods,
                                         bytes int64 (N,)
    forward                              the images of ``measure`` once more, one call
    attack   steps                       Adam on the first of them, away from its reconstruction
"""

import json
import math
import sys

import numpy as np
import torch
from compressai import zoo

LOUDER = 100


class Side:
    """The model and the images that were asked for last."""

    def versions(self):
        from importlib.metadata import version

        return {name: version(name) for name in ("compressai", "torch", "numpy")}

    def open(self, model, quality, weights):
        torch.manual_seed(0)
        self.model = zoo.models[model](quality=quality, pretrained=False).eval()
        with torch.no_grad():  # else all random latents would round to 0
            self.model.g_a[-1].weight.mul_(LOUDER)
        self.model.update(force=True)
        torch.save(self.model.state_dict(), weights)

    @torch.no_grad()
    def measure(self, images, results):
        self.x = torch.from_numpy(np.load(images)).float() / 255
        latents, quantized, reconstructions, bits, lengths = [], [], [], [], []
        for each in self.x.split(1):
            hooks = [
                self.model.g_a.register_forward_hook(lambda *told: latents.append(told[-1])),
                self.model.g_s.register_forward_pre_hook(lambda _, given: quantized.append(given[0])),
            ]
            out = self.model(each)
            for hook in hooks:
                hook.remove()
            reconstructions.append(out["x_hat"])
            bits.append(sum(-torch.log2(part.double()).sum().item() for part in out["likelihoods"].values()))
            streams = self.model.compress(each)["strings"]
            lengths.append(sum(len(string) for part in streams for string in part))
        np.savez(
            results,
            latents=torch.cat(latents).numpy(),
            quantized=torch.cat(quantized).numpy(),
            reconstruction=torch.cat(reconstructions).numpy(),
            bits=bits,
            bytes=np.array(lengths),
        )

    @torch.no_grad()
    def forward(self):
        self.model(self.x)

    def attack(self, steps):
        x = self.x[:1]
        with torch.no_grad():
            reference = self.model(x)["x_hat"].clamp(0, 1)
        change = (torch.randn_like(x) * math.sqrt(0.25e-4)).requires_grad_()
        optimizer = torch.optim.Adam([change], lr=0.0033)
        for _ in range(steps):
            result = self.model.g_s(self.model.g_a(x + change)).clamp(0, 1)
            loss = -(result - reference).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                change.copy_((x + change.clamp(-16 / 255, 16 / 255)).clamp(0, 1) - x)


def main():
    """Answer until standard input ends."""
    side = Side()
    print(json.dumps({"answer": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            told = {"answer": getattr(side, request.pop("do"))(**request)}
        except Exception as error:  # whatever it is, the other side shall hear of it
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
