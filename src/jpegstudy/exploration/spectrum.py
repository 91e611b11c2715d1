"""How strong a change of an image is in each of the 64 frequencies in which JPEG codes its luma."""

from jpegstudy.jpeg import color, dct, sampling


def band_rms(change):
    """The root of a change's mean energy in each DCT band of luma: float64 (8, 8), grey levels, the mean's band first.

    change: (3, H, W), a difference of two images in grey levels. Edges that are no multiple of 8 are repeated as JPEG
    does. The DCT is orthonormal: the mean over the 64 bands of the energy is that over the pixels of luma's square.
    """
    luma, _ = color.to_ycbcr(change.double()[None], rounded=False)
    luma = luma + 128  # a difference has no level shift
    return dct.coefficients(sampling.pad(luma)).square().mean(dim=(0, 1, 2, 3)).sqrt()
