"""RGB to luma and chroma and back, as libjpeg does it, and unrounded.

Luma is (N, 1, H, W) and chroma (N, 2, H, W), Cb before Cr. All three are level-shifted by -128 (ITU-T T.81, A.3.1), so
that they lie in -128 to 127 and Cb, Cr of a grey are 0; every later step wants them so.

libjpeg computes with integers in units of 2^-16. Here the same numbers are floating: none has more than 24 bits, so
float32 holds each of them, and every sum, exactly.
"""

import torch

ONE = 2**16
TO_YCBCR = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))  # rows Y, Cb, Cr, in 1 / ONE
HALVES = (32768, 32767, 32767)  # libjpeg rounds Cb and Cr up from a bit more than a half, so that 255.5 never comes
SHIFTS = (128, 0, 0)  # of Y, Cb and Cr: half of their range is added to the latter two anyway
CR_TO_R, CB_TO_G, CR_TO_G, CB_TO_B = 91881 / ONE, -22554 / ONE, -46802 / ONE, 116130 / ONE


def to_ycbcr(images, *, rounded=True):
    """Luma (N, 1, H, W) and chroma (N, 2, H, W) of RGB images, level-shifted.

    images: uint8 or floating (N, 3, H, W), grey levels. The results are floating as the images are, float32 for uint8.
    rounded: to whole numbers, as libjpeg does; otherwise what libjpeg rounds.
    Source: libjpeg-turbo, jccolor.c.
    """
    planes = _planes(images, rounded)
    return planes[0][:, None], torch.stack(planes[1:], dim=1)


def _planes(images, rounded):
    """Y, Cb and Cr, each (N, H, W)."""
    planes = []
    for channel, of_channel in zip(images.unbind(1), zip(*TO_YCBCR, strict=True), strict=True):
        if not channel.is_floating_point():  # one after the other, which takes less memory than all at once
            channel = channel.to(torch.float32, memory_format=torch.contiguous_format)
        if not planes:
            offsets = (half / ONE - shift if rounded else -shift for half, shift in zip(HALVES, SHIFTS, strict=True))
            starts = [channel.new_full((), offset) for offset in offsets]
            planes = [
                torch.add(start, channel, alpha=weight / ONE) for start, weight in zip(starts, of_channel, strict=True)
            ]
            continue
        for plane, weight in zip(planes, of_channel, strict=True):
            plane.add_(channel, alpha=weight / ONE)
    return [plane.floor_() for plane in planes] if rounded else planes


def to_rgb(luma, chroma, *, rounded=True):
    """RGB images (N, 3, H, W) of level-shifted luma (N, 1, H, W) and chroma (N, 2, H, W), both floating.

    rounded: uint8, rounded half up and clamped to 0-255; equal to libjpeg's for whole luma and chroma of -128 to 127.
    Otherwise floating and not clamped: the inverse of ``to_ycbcr(..., rounded=False)``. That is not quite what libjpeg
    rounds, for its constants of the way back differ from the inverse by up to 5.2e-5.
    Source: libjpeg-turbo, jdcolor.c.
    """
    y, (cb, cr) = luma[:, 0], chroma.unbind(1)
    if not rounded:
        planes = (y + 128, cb, cr)
        return torch.stack([_weighted(planes, row) for row in _inverse().tolist()], dim=1)
    y = y + 128.5  # the half rounds, for _eight_bit cuts off. Sums exceed 24 bits only beyond 255, where it clamps
    red = _eight_bit(torch.add(y, cr, alpha=CR_TO_R))
    green = _eight_bit(torch.add(y, cb, alpha=CB_TO_G).add_(cr, alpha=CR_TO_G))
    blue = _eight_bit(torch.add(y, cb, alpha=CB_TO_B))
    return torch.stack([red, green, blue], dim=1)


def _eight_bit(channel):
    return channel.clamp_(0, 255).to(torch.uint8)


def _inverse():
    """The inverse of TO_YCBCR / ONE, float64 (3, 3)."""
    return torch.linalg.inv(torch.tensor(TO_YCBCR, dtype=torch.float64) / ONE)


def _weighted(planes, weights):
    total = planes[0] * weights[0]
    for plane, weight in zip(planes[1:], weights[1:], strict=True):
        total = total.add(plane, alpha=weight)
    return total
