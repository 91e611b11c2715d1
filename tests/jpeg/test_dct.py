import contextlib

import numpy as np
import pytest
import scipy.fft
import torch

from jpegstudy.jpeg import dct
from tests.conftest import noise


def samples(*shape):
    """Level-shifted noise, float32."""
    return noise(*shape).float() - 128


def by_integers(planes, matrix, shifts, axes):
    """Two passes over every block in int64: product with the matrix along each axis, rounding shift."""
    blocks = dct.blocks(planes.to(torch.int64)).numpy()
    for bits, axis in zip(shifts, axes, strict=True):
        product = matrix @ blocks if axis == "columns" else blocks @ matrix.T
        blocks = (product + 2 ** (bits - 1)) >> bits
    return dct.planes(torch.from_numpy(blocks)).double()


@pytest.mark.parametrize("fused", [False, True])
def test_the_forward_transform_is_two_integer_passes(fused):
    planes = samples(2, 3, 16, 24)
    expected = by_integers(planes, np.array(dct.MATRIX), (11, 15), ("rows", "columns"))
    assert torch.equal(dct.forward(planes, fused=fused), expected)


@pytest.mark.parametrize("fused", [False, True])
def test_the_inverse_transform_is_two_integer_passes(fused):
    coefficients = 255 * (torch.randint(-5, 6, (2, 3, 16, 24)))
    expected = by_integers(coefficients, np.array(dct.MATRIX).T, (11, 18), ("columns", "rows"))
    assert torch.equal(dct.inverse(coefficients, fused=fused), expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_values_are_exact(sign):
    """Every sum at its largest: samples and coefficients whose signs are a row's of the matrix."""
    matrix = np.array(dct.MATRIX)
    for u in range(8):
        extreme = torch.from_numpy(np.where(sign * np.outer(np.sign(matrix[u]), np.sign(matrix[u])) > 0, 127, -128))
        assert torch.equal(dct.forward(extreme), by_integers(extreme, matrix, (11, 15), ("rows", "columns")))
        extreme = torch.from_numpy(sign * 1151 * np.outer(np.sign(matrix[:, u]), np.sign(matrix[:, u])))
        assert torch.equal(dct.inverse(extreme), by_integers(extreme, matrix.T, (11, 18), ("columns", "rows")))


def test_the_integer_matrix_is_near_the_orthonormal_one_and_not_the_nearest():
    scaled = 2**13 * np.sqrt(8) * dct.orthonormal(torch.float64, torch.device("cpu")).numpy()
    assert np.abs(np.array(dct.MATRIX) - scaled).max() < 1.2
    assert (np.array(dct.MATRIX) != scaled.round()).any()  # so rounded cosines would not do


def test_the_integer_transform_is_near_the_real_one():
    planes = samples(1, 2, 16, 16)
    real = dct.planes(dct.coefficients(planes.double()))
    assert (dct.forward(planes) / dct.GAIN - real).abs().max() < 0.3
    assert (dct.inverse(real.round()) - planes).abs().max() < 2


def test_coefficients_are_those_of_scipy():
    planes = samples(2, 16, 24).double()
    found = dct.coefficients(planes)
    assert found.shape == (2, 2, 3, 8, 8)
    expected = scipy.fft.dctn(planes[1, 8:16, 16:24].numpy(), norm="ortho")
    torch.testing.assert_close(found[1, 1, 2], torch.from_numpy(expected))
    torch.testing.assert_close(dct.samples(found), planes)


def test_blocks_are_where_they_are_in_the_plane():
    planes = torch.arange(16 * 24).reshape(1, 16, 24)
    assert torch.equal(dct.blocks(planes)[0, 1, 2], planes[0, 8:16, 16:24])
    assert torch.equal(dct.planes(dct.blocks(planes)), planes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coefficients_keep_their_type(dtype):
    assert dct.coefficients(samples(1, 8, 8).to(dtype)).dtype == dtype


@contextlib.contextmanager
def float32_products(precision):
    """What a process may allow its float32 products, and what autocast does to them."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("fused", [False, True])
def test_no_precision_that_others_set_changes_the_transforms(fused):
    planes = samples(1, 1, 64, 64)
    coefficients = dct.forward(planes)
    decoded = dct.inverse(coefficients)
    with float32_products("medium"):
        assert torch.equal(dct.forward(planes, fused=fused), coefficients)
        assert torch.equal(dct.inverse(coefficients, fused=fused), decoded)
    assert coefficients.dtype == decoded.dtype == torch.float64
