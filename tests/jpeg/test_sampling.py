"""Against the rules written out value by value, as one would do them by hand."""

import pytest
import torch

from jpegstudy.jpeg import sampling
from jpegstudy.jpeg.sampling import FACTORS, downsample, pad, upsample
from tests.conftest import noise

SIZES = [(1, 1), (2, 3), (5, 4), (5, 5), (7, 9), (18, 18), (17, 34), (33, 16)]


def plane(height, width):
    """float32 (1, 1, height, width): level-shifted noise."""
    return noise(1, 1, height, width).float() - 128


def by_hand_down(values, down, across):
    """Averages of (height, width) whole numbers, at the resolution that is coded, with its padding."""
    height, width = values.shape
    wide = -(-width // (8 * across)) * 8
    rows = []
    for i in range(-(-height // down)):
        row = []
        for j in range(wide):
            taken = [
                int(values[min(down * i + k, height - 1), min(across * j + m, width - 1)])
                for k in range(down)
                for m in range(across)
            ]
            bias = {1: 0, 2: j % 2, 4: 1 + j % 2}[len(taken)]
            row.append((sum(taken) + bias) // len(taken))
        rows.append(row)
    rows += [rows[-1]] * (-len(rows) % 8)
    return torch.tensor(rows).float()


def by_hand_up(values, down, across, height, width):
    """Interpolated (height, width) of decoded chroma, without its padding."""
    values = values[: -(-height // down), : -(-width // across)].int()
    h, w = values.shape
    found = torch.empty(height, width)
    for i in range(height):
        for j in range(width):
            row, column = i // down, j // across
            if across == 1 or w < 3:
                found[i, j] = values[row, column]
                continue
            other = min(max(row + (1 if i % 2 else -1), 0), h - 1)
            beside = min(max(column + (1 if j % 2 else -1), 0), w - 1)
            if down == 1:
                found[i, j] = (3 * values[row, column] + values[row, beside] + (2 if j % 2 else 1)) // 4
            else:
                near, far = (3 * values[row, c] + values[other, c] for c in (column, beside))
                found[i, j] = (3 * near + far + (7 if j % 2 else 8)) // 16
    return found


@pytest.mark.parametrize("subsampling", FACTORS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_downsampling_is_libjpegs(subsampling, height, width):
    chroma = plane(height, width)
    assert torch.equal(downsample(chroma, subsampling)[0, 0], by_hand_down(chroma[0, 0], *FACTORS[subsampling]))


@pytest.mark.parametrize("subsampling", FACTORS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_upsampling_is_libjpegs(subsampling, height, width):
    down, across = FACTORS[subsampling]
    chroma = plane(-(-height // down // 8) * 8 + 8, -(-width // across // 8) * 8 + 8)  # more padding than needed
    expected = by_hand_up(chroma[0, 0], down, across, height, width)
    assert torch.equal(upsample(chroma, subsampling, height, width)[0, 0], expected)


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_unrounded_sampling_is_within_a_level_of_the_rounded(subsampling):
    chroma = plane(32, 32)
    small, exact = downsample(chroma, subsampling), downsample(chroma, subsampling, rounded=False)
    assert 0 < (small - exact).abs().max() < 1
    full, exact = (upsample(small, subsampling, 32, 32, rounded=rounded) for rounded in (True, False))
    assert 0 < (full - exact).abs().max() < 1


def test_the_average_of_a_large_plane_is_kept():  # which the alternating bias is for
    chroma = noise(1, 1, 512, 512).float()
    assert (downsample(chroma, "4:2:0") - downsample(chroma, "4:2:0", rounded=False)).mean().abs() < 0.01


def test_what_is_whole_blocks_is_not_copied():
    chroma = plane(16, 24)
    assert pad(chroma) is chroma
    assert pad(chroma, 32, 8).shape[-2:] == (32, 24)
    assert (pad(chroma, 32, 8)[..., 16:, :] == chroma[..., -1:, :]).all()


@pytest.mark.parametrize("subsampling", FACTORS)
def test_the_input_is_left_alone(subsampling):
    chroma = plane(16, 16)
    before = chroma.clone()
    upsample(downsample(chroma, subsampling), subsampling, 16, 16)
    upsample(chroma, subsampling, 16, 16)
    assert torch.equal(chroma, before)


def test_narrow_images_have_their_values_repeated():
    chroma = plane(8, 8)
    assert torch.equal(upsample(chroma, "4:2:0", 4, 4)[0, 0, 1], chroma[0, 0, 0, [0, 0, 1, 1]])
    assert not torch.equal(upsample(chroma, "4:2:0", 4, 5)[0, 0, 1, :4], chroma[0, 0, 0, [0, 0, 1, 1]])
    assert sampling.NARROWEST == 3
