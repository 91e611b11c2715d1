"""Images through a few threads, one in each.

An image's arrays are so small that torch's own threads, which share each operation, would mostly wait for one another.
"""

from concurrent.futures import ThreadPoolExecutor

import torch


def for_each(work, items, fewest=1):
    """``work`` of each item: a list, in order.

    By as many threads as torch computes with in the calling one, in each of which it computes with one: so there are
    none but the calling one in the workers of a study's steps. Nor are there for less than ``fewest`` items.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(items) < fewest:
        return list(map(work, items))
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(work, items))
        finally:
            torch.set_num_threads(threads)  # which threads made later would else take from the last one set
