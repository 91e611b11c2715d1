import numpy as np
import pytest

from jpegstudy.readings import Orders
from jpegstudy.readings.choices import CHOICES
from jpegstudy.readings.shuffling import order
from jpegstudy.transforms.jpeg_noise import permutation

SHAPE = (3, 35, 50)
SIZE = 3 * 35 * 50


def placed(shuffled, index=4, seed=0):
    """Where the entry at each place of (3, H, W) comes from, as (channel, row, column)."""
    flat = order(SHAPE, shuffled=shuffled, seed=seed, index=index)
    return np.stack(np.unravel_index(flat, SHAPE)).reshape(3, *SHAPE)


@pytest.mark.parametrize("shuffled", CHOICES["shuffled"])
@pytest.mark.parametrize("index", [None, 0, 7])
def test_every_entry_comes_from_one_place_and_most_from_another(shuffled, index):
    found = order(SHAPE, shuffled=shuffled, seed=3, index=index)
    assert np.array_equal(np.sort(found), np.arange(SIZE))
    assert (found != np.arange(SIZE)).mean() > 0.5
    assert np.array_equal(found, order(SHAPE, shuffled=shuffled, seed=3, index=index))


def test_the_studys_permutation_is_that_of_its_jpeg_noise():
    assert np.array_equal(order(SHAPE, shuffled="entries", seed=5, index=9), permutation(5, 9, SIZE))


def test_within_channels_no_entry_leaves_its_channel_and_each_has_its_own_order():
    channel, row, column = placed("channels")
    assert (channel == np.arange(3)[:, None, None]).all()
    assert not np.array_equal(row[0], row[1])
    assert not np.array_equal(column[1], column[2])


def test_whole_pixels_keep_their_three_values_together():
    channel, row, column = placed("pixels")
    assert (channel == np.arange(3)[:, None, None]).all()
    assert (row == row[0]).all()
    assert (column == column[0]).all()


def test_blocks_move_whole_and_the_rest_stays():
    channel, row, column = placed("blocks")
    assert (channel == np.arange(3)[:, None, None]).all()
    for top, left in [(0, 0), (16, 32)]:
        block_rows, block_columns = (
            row[:, top : top + 16, left : left + 16],
            column[:, top : top + 16, left : left + 16],
        )
        assert (block_rows == block_rows[0, 0, 0] + np.arange(16)[:, None]).all()
        assert (block_columns == block_columns[0, 0, 0] + np.arange(16)).all()
        assert block_rows[0, 0, 0] % 16 == block_columns[0, 0, 0] % 16 == 0
    below, right = row[:, 32:], column[:, :, 48:]
    assert (below == np.arange(32, 35)[:, None]).all()
    assert (right == np.arange(48, 50)).all()


@pytest.mark.parametrize("shuffled", CHOICES["shuffled"])
def test_images_and_seeds_differ_unless_one_order_serves_all(shuffled):
    orders = Orders([1, 2], seed=0)
    each = orders.of(SHAPE, permutation="each", shuffled=shuffled)
    assert not np.array_equal(*each)
    assert np.array_equal(each[0], order(SHAPE, shuffled=shuffled, seed=0, index=1))
    one = orders.of(SHAPE, permutation="one", shuffled=shuffled)
    assert np.array_equal(*one)
    assert np.array_equal(one[0], Orders([8], seed=0).of(SHAPE, permutation="one", shuffled=shuffled)[0])
    assert not np.array_equal(one[0], Orders([8], seed=1).of(SHAPE, permutation="one", shuffled=shuffled)[0])
