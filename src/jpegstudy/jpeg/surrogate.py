"""The round trip for attackers who know of it: its exact pixels forward, a gradient of one's choice backward.

Rounding has no useful derivative, so the backward pass takes that of a smooth forward, ``smooth``: the same steps in
real numbers, with quantization's rounding replaced.

    straight-through   round(z) becomes z (Bengio et al. 2013). All of JPEG's steps cancel but chroma subsampling, so
                       quality and tables do not enter: it cannot see what they destroy.
    cubic              round(z) becomes [z] + (z - [z])^3, [z] the nearest whole number (Shin & Song 2017;
                       Reich et al. 2024). Its derivative is 0 where z is whole: an image that came out of a JPEG on the
                       same grid gives almost no gradient, which only looks like robustness.
    noise              round(z) becomes z + u, u uniform in -1/2 to 1/2 (Balle et al. 2017), drawn once per image. Like
                       straight-through, but for where clipping masks.
    identity           no smooth forward: the gradient of the result is taken for that of the image (BPDA, Athalye et
                       al. 2018).

Clipping to the range of samples either masks the gradient where it clips ("mask", the derivative as it is) or lets it
pass ("pass", as BPDA's users mostly do, so that saturated pixels are not lost to the attack).
"""

import numpy as np
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import color, dct, sampling
from jpegstudy.jpeg import tables as quantization_tables

ROUNDINGS = ("straight-through", "cubic", "noise", "identity")
CLIPPINGS = ("mask", "pass")


def roundtrip(
    images, *, quality=75, subsampling="4:2:0", tables=None, rounding="straight-through", clipping="pass", seed=None,
    indices=None,
):  # fmt: skip
    """The exact round trip's pixels, through which gradients flow.

    images: floating (N, 3, H, W) or (N, 1, H, W), grey levels. They are rounded, halves up, and clipped to 8 bits
    before they are coded, as a saved file's are; that rounding is passed straight through.
    quality, subsampling, tables: as for ``jpeg.roundtrip``.
    rounding, clipping: see this module's docstring.
    seed, indices: for "noise", which draws from the seed and each image's index.
    Returns images of the same type, whole grey levels equal to those of ``jpeg.roundtrip``.
    Raises BadInput for images that are not floating, for an unknown rounding or clipping, and as ``jpeg.roundtrip``.
    """
    _check(images, rounding, clipping, seed, indices)
    settings = {"quality": quality, "subsampling": subsampling, "tables": tables}
    surrogate = {"rounding": rounding, "clipping": clipping, "seed": seed, "indices": indices}
    return _Exact.apply(images, settings, surrogate)


def smooth(
    images, *, quality=75, subsampling="4:2:0", tables=None, rounding="straight-through", clipping="pass", seed=None,
    indices=None,
):  # fmt: skip
    """The smooth forward whose gradient ``roundtrip`` takes: floating, of the images' type and shape.

    Arguments as for ``roundtrip``. Its values are near the exact ones for "cubic" only.
    """
    _check(images, rounding, clipping, seed, indices)
    if rounding == "identity":
        return _clip(images, 0, 255, clipping)
    steps = quantization_tables.for_quality(quality) if tables is None else quantization_tables.custom(tables)
    steps = steps.to(images.device, images.dtype).reshape(-1, 2, 1, 1, 8, 8)
    rngs = None
    if rounding == "noise":
        rngs = [np.random.default_rng([seed, int(index), 2]) for index in indices]

    def code(planes, table):
        levels = _round(dct.coefficients(planes) / table, rounding, rngs)
        return _clip(dct.samples(levels * table), -128, 127, clipping)

    height, width = images.shape[-2:]
    if images.shape[1] == 1:
        luma = code(sampling.pad(images - 128), steps[:, :1])[..., :height, :width]
        return _clip(luma + 128, 0, 255, clipping)
    luma, chroma = color.to_ycbcr(images, rounded=False)
    luma = code(sampling.pad(luma), steps[:, :1])[..., :height, :width]
    chroma = code(sampling.downsample(chroma, subsampling, rounded=False), steps[:, 1:])
    chroma = sampling.upsample(chroma, subsampling, height, width, rounded=False)
    return _clip(color.to_rgb(luma, chroma, rounded=False), 0, 255, clipping)


class _Exact(torch.autograd.Function):
    """Forward the exact pixels, backward the smooth forward's gradient, for which it is computed again."""

    @staticmethod
    def forward(ctx, images, settings, surrogate):
        ctx.save_for_backward(images)
        ctx.settings = {**settings, **surrogate}
        eight_bit = (images.detach() + 0.5).floor().clamp(0, 255).to(torch.uint8)
        return jpeg.roundtrip(eight_bit, **settings).to(images.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (images,) = ctx.saved_tensors
        with torch.enable_grad():
            x = images.detach().requires_grad_()
            (found,) = torch.autograd.grad(smooth(x, **ctx.settings), x, gradient)
        return found, None, None


def _round(z, rounding, rngs):
    if rounding == "straight-through":
        return z
    if rounding == "cubic":
        whole = z.detach().round()
        return whole + (z - whole) ** 3
    noise = np.stack([rng.random(z.shape[1:]) for rng in rngs]) - 0.5
    return z + torch.from_numpy(noise).to(z)


def _clip(x, low, high, clipping):
    clipped = x.clamp(low, high)
    return clipped if clipping == "mask" else x + (clipped - x).detach()


def _check(images, rounding, clipping, seed, indices):
    if not isinstance(images, torch.Tensor) or not images.is_floating_point() or images.dim() != 4:
        given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, torch.Tensor) else type(images).__name__
        raise BadInput(f"images are {given}; wanted a floating tensor (N, 3, H, W) or (N, 1, H, W) in grey levels")
    for name, value, known in (("rounding", rounding, ROUNDINGS), ("clipping", clipping, CLIPPINGS)):
        if value not in known:
            raise BadInput(f"{name} is {value!r}; wanted {' or '.join(known)}")
    if rounding == "noise" and (seed is None or indices is None or len(indices) != len(images)):
        raise BadInput("rounding by noise is random: it needs a seed and the index of each image")
