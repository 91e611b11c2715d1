"""The Fast Gradient Sign method: the attack of the 2016 study. It knows the network and nothing of JPEG.

An attack takes a callable from images to logits; it does not know the study's networks.
"""

import torch
from torch.nn import functional

from jpegstudy.errors import BadInput


def loss_gradient(network, images, labels=None):
    """The gradient of the cross-entropy with respect to the images, and the logits that came on the way.

    network: images -> logits (N, C), in eval mode; it standardizes inside.
    images: (N, 3, H, W), grey levels, uint8 or floating; float64 stays so, all else is computed in float32.
    labels: int64 (N,), the class to move away from; None takes each image's top label, as the 2016 study does.
    Returns ``(gradient, logits)``, gradient (N, 3, H, W) of the sum of the losses, so that the gradient of one image
    does not depend on the others. One forward and one backward pass; no gradient of any weight is computed.
    """
    if images.dtype != torch.float64:
        images = images.to(torch.float32)
    x = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(x)
        if labels is None:
            labels = logits.detach().argmax(dim=1)
        loss = functional.cross_entropy(logits.to(images.dtype), labels.to(logits.device), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return gradient, logits.detach()


def gradient_sign(network, images, labels=None):
    """Sign of ``loss_gradient``: int8 (N, 3, H, W) of -1, 0 and 1. It serves every epsilon."""
    gradient, _ = loss_gradient(network, images, labels)
    return gradient.sign().to(torch.int8)


def perturb(images, sign, *, epsilon):
    """clip(x + epsilon * sign, 0, 255): Adv_epsilon(x) from x and the sign of the gradient.

    images: uint8 (N, 3, H, W), grey levels.  sign: int8, same shape.  epsilon: whole grey levels.
    Returns uint8 images of the same shape with max |result - images| <= epsilon, exactly 8-bit without any rounding.
    Raises BadInput if images are not uint8 or epsilon is not a whole number from 0 to 255.
    Source: Dziugaite et al. 2016, equation 1; the clip is the project's default reading.
    """
    if images.dtype != torch.uint8:
        raise BadInput(f"images are {images.dtype}; wanted uint8, in grey levels")
    if epsilon != int(epsilon) or not 0 <= epsilon <= 255:
        raise BadInput(f"epsilon is {epsilon}; wanted a whole number of grey levels from 0 to 255")
    return (images.to(torch.int16) + int(epsilon) * sign.to(torch.int16)).clamp_(0, 255).to(torch.uint8)


def fgsm(network, images, labels=None, *, epsilon):
    """Move each value by ``epsilon`` grey levels in the direction that raises the loss, and clip to the 8-bit range.

    Arguments as for ``loss_gradient`` (images uint8) and ``perturb``. Returns uint8 (N, 3, H, W).
    Source: Goodfellow et al. 2015, section 4; Dziugaite et al. 2016, equation 1.
    """
    return perturb(images, gradient_sign(network, images, labels), epsilon=epsilon)
