"""Batches through a few threads.

Each thread modifies its batch (JPEG releases Python's lock) and then classifies it, so that the codec works while the
network does and no core waits for another at a barrier.
"""

from concurrent.futures import ThreadPoolExecutor

import torch


def in_batches(work, count, *, size, device):
    """``work(rows)`` of each batch's rows, a slice of ``size`` of ``count`` images: a list, in order.

    On a CPU each core has a worker whose network runs on one thread; a GPU has a few workers that feed it.
    """
    before = torch.get_num_threads()
    workers = before if device.type == "cpu" else 4
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(work, [slice(start, start + size) for start in range(0, count, size)]))
        finally:
            torch.set_num_threads(before)
