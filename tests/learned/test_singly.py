import threading

import pytest
import torch

from jpegstudy import learned
from jpegstudy.bench.learned import smooth_images
from jpegstudy.learned.singly import singly

CPU = torch.device("cpu")


@pytest.fixture
def threads():
    """Two threads for torch meanwhile, whatever the machine has; a function that asks for another number."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_results_come_in_order_from_threads_that_do_not_share_an_image(threads):
    both = threading.Barrier(2, timeout=10)

    def work(item):
        both.wait()  # breaks unless two are at work at once
        return item, torch.get_num_threads(), torch.is_grad_enabled()

    with torch.no_grad():
        assert singly(work, [3, 1, 2, 0], CPU) == [(item, 1, False) for item in (3, 1, 2, 0)]
    assert singly(work, [5, 6], CPU) == [(5, 1, True), (6, 1, True)]
    assert torch.get_num_threads() == 2


def test_after_an_error_torch_has_its_threads_again(threads):
    def work(item):
        raise ValueError(f"not {item}")

    for items in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match="not 1"):
            singly(work, items, CPU)
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", ["small", "small_mean"])
def test_neither_batch_nor_threads_change_a_bit(threads, name):
    codec, images = learned.build(learned.shape_of(name)), smooth_images(3, 72)
    threads(1)
    streams, shown = codec.encode(images), codec.reconstruct(images)
    threads(3)
    assert codec.encode(images) == streams
    assert codec.encode(images[1:2]) == streams[1:2]
    assert torch.equal(codec.reconstruct(images), shown)
    assert torch.equal(codec.decode(streams[2]), shown[2])
