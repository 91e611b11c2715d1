"""Work spread so that no core waits for another at a barrier.

A slider's work is many small steps. Where other programs have work too, such as the browser that shows the sliders,
torch's threads spend far longer waiting for each other than they save: one image a thread does not wait.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import torch


@contextlib.contextmanager
def one_thread():
    """Torch in one thread while the block runs, in the thread that runs it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(work, items):
    """``work`` of each item, all at once, torch's threads shared out among them: a list, in order."""
    before = torch.get_num_threads()
    each = max(1, before // len(items))
    with ThreadPoolExecutor(len(items), initializer=torch.set_num_threads, initargs=(each,)) as pool:
        try:
            return list(pool.map(work, items))
        finally:
            torch.set_num_threads(before)  # which threads made later would else take from the last one set
