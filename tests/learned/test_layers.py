"""Each layer against numbers worked out by hand or by plain loops."""

import numpy as np
import pytest
import torch

from jpegstudy.learned.layers import Gdn, LowerBound, NonNegative, down, up


def gdn_with(beta, gamma, *, inverse):
    layer = Gdn(len(beta), inverse=inverse)
    with torch.no_grad():
        layer.beta.copy_(layer.beta_reparam.initial(torch.tensor(beta)))
        layer.gamma.copy_(layer.gamma_reparam.initial(torch.tensor(gamma)))
    return layer


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_of_one_pixel_by_hand(inverse):
    x = torch.tensor([3.0, -2.0]).reshape(1, 2, 1, 1)
    result = gdn_with([1.0, 4.0], [[0.5, 0.25], [2.0, 0.0]], inverse=inverse)(x).flatten()
    roots = np.sqrt([1 + 0.5 * 9 + 0.25 * 4, 4 + 2 * 9 + 0 * 4])  # of 6.5 and 22
    wanted = [3, -2] * roots if inverse else [3, -2] / roots
    assert np.allclose(result.detach(), wanted, rtol=1e-6)


def test_gdn_starts_as_the_papers_and_pixels_do_not_mix():
    layer, x = Gdn(3), torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer(x), x / torch.sqrt(1 + 0.1 * x**2), atol=1e-6)
    moved = torch.roll(x, 2, dims=3)
    assert torch.equal(layer(moved), torch.roll(layer(x), 2, dims=3))


def test_what_is_trained_is_a_root_and_may_not_fall_below_its_minimum():
    non_negative = NonNegative(minimum=0.25)
    assert torch.allclose(non_negative(torch.tensor([2.0, 0.1, -3.0])), torch.tensor([4.0, 0.25, 0.25]), atol=1e-6)
    assert torch.allclose(non_negative(non_negative.initial(torch.tensor([0.5, 7.0]))), torch.tensor([0.5, 7.0]))
    assert non_negative.pedestal.item() == 2.0**-36


def test_below_the_bound_only_a_gradient_that_leads_up_passes():
    x = torch.tensor([0.0, 0.0, 2.0, 2.0], requires_grad=True)
    bound = LowerBound(1)(x)
    assert bound.tolist() == [1, 1, 2, 2]
    (gradient,) = torch.autograd.grad(bound, x, torch.tensor([5.0, -5.0, 5.0, -5.0]))
    assert gradient.tolist() == [0, -5, 5, -5]


@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (3, 1), (3, 2), (7, 4)])
def test_convolutions_divide_and_multiply_sides(kernel, stride):
    x = torch.zeros(1, 3, 8 * stride, 4 * stride)
    assert down(3, 6, kernel, stride)(x).shape == (1, 6, 8, 4)
    assert up(3, 6, kernel, stride)(x).shape == (1, 6, 8 * stride**2, 4 * stride**2)


def test_both_convolutions_by_plain_loops():
    draw = np.random.default_rng(0)
    x, stride, kernel = draw.normal(size=(2, 6, 8)), 2, 5
    analysis, synthesis = down(2, 3), up(2, 3)
    smaller, larger = np.zeros((3, 3, 4)), np.zeros((3, 12, 16))
    weights = [layer.weight.detach().double().numpy() for layer in (analysis, synthesis)]  # (3, 2, 5, 5), (2, 3, 5, 5)
    for (row, column), _ in np.ndenumerate(x[0]):
        for u, v in np.ndindex(kernel, kernel):
            i, j = row * stride + u - 2, column * stride + v - 2  # where the larger image gets it
            if 0 <= i < 12 and 0 <= j < 16:
                larger[:, i, j] += weights[1][:, :, u, v].T @ x[:, row, column]
            i, j = row - u + 2, column - v + 2  # the smaller's pixel i / 2 sees i + u - 2
            if i % 2 == j % 2 == 0 and 0 <= i < 6 and 0 <= j < 8:
                smaller[:, i // 2, j // 2] += weights[0][:, :, u, v] @ x[:, row, column]
    tensor = torch.from_numpy(x).float()[None]
    for layer, wanted in ((analysis, smaller), (synthesis, larger)):
        result = layer(tensor)[0].detach().numpy() - layer.bias.detach().numpy()[:, None, None]
        assert np.allclose(result, wanted, atol=1e-5)
