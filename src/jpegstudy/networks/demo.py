"""The demo set's network: five convolutional and three fully connected layers, small enough for two cores.

Takes float (N, 3, 221, 221), standardized by MEAN and DEVIATION; gives logits (N, class_count). A forward pass is
0.07 billion multiplications and additions. The first layer's stride makes it cheap. For training every convolution
is followed by batch normalization; the published weights have it folded into the convolutions.
"""

from torch import nn

CROP = 221  # pixels, of the square it looks at
MEAN = (0.5, 0.5, 0.5)  # of red, green and blue in training images, from 0 to 1, rounded
DEVIATION = (0.17, 0.17, 0.17)  # their standard deviation, likewise


def build(class_count, *, batch_norm=False):
    """The network with random weights, as nn.Sequential; ``batch_norm`` is for training."""

    def convolution(inputs, outputs, size, **settings):
        norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
        return [nn.Conv2d(inputs, outputs, size, **settings), *norm, nn.ReLU()]

    return nn.Sequential(
        *convolution(3, 32, 7, stride=4),  # (N, 32, 54, 54)
        nn.MaxPool2d(2),
        *convolution(32, 64, 3, padding=1),  # (N, 64, 27, 27)
        nn.MaxPool2d(2),
        *convolution(64, 128, 3, padding=1),  # (N, 128, 13, 13)
        *convolution(128, 128, 3, padding=1),
        nn.MaxPool2d(2),
        *convolution(128, 128, 3, padding=1),  # (N, 128, 6, 6)
        nn.MaxPool2d(2),
        nn.Flatten(),  # (N, 1152)
        nn.Linear(128 * 9, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, class_count),
    )
