"""Each image by itself on one thread, so that neither its batch nor the number of cores changes a bit of it.

How a convolution rounds may depend on how many threads share it, and a stream has to give the same latents wherever it
is read. Instead of sharing an image, the threads take one each.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import torch


def singly(work, items, device):
    """``[work(item) for item in items]``, torch on one thread for each; as many at once as torch may have threads.

    work: takes one item and gives its result; called from several threads on a CPU, one after the other elsewhere.
    """
    workers = min(len(items), torch.get_num_threads()) if device.type == "cpu" else 1
    with one_thread():
        if workers < 2:
            return [work(item) for item in items]
        graded = torch.is_grad_enabled()  # which each thread has to be told

        def told(item):
            with torch.set_grad_enabled(graded):
                return work(item)

        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(told, items))


@contextlib.contextmanager
def one_thread():
    """A context in which torch works on one thread; after it, on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
