"""The gradient of the loss: what every attack but the gradient-free one follows."""

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
        gradient = gradient_of(loss, x)
    return gradient, logits.detach()


def gradient_of(loss, x):
    """The gradient of a scalar with respect to x, of x's shape. Raises BadInput where the network gives none."""
    if loss.requires_grad:
        (gradient,) = torch.autograd.grad(loss, x, allow_unused=True)
        if gradient is not None:
            return gradient
    raise BadInput(
        "the network gives no gradient with respect to its images; wanted one that is differentiable from images to "
        "logits: without torch.no_grad, detach, or a way through numpy"
    )


def gradient_sign(network, images, labels=None):
    """Sign of ``loss_gradient``: int8 (N, 3, H, W) of -1, 0 and 1. It serves every epsilon."""
    gradient, _ = loss_gradient(network, images, labels)
    return gradient.sign().to(torch.int8)
