"""Keep memory that a batch frees for the next one.

By default glibc gives large blocks back to the system at once and asks for them again at the next pass of the network,
and the system clears every page anew: on a virtual machine that can cost as much as JPEG does,
and a third of an attack on a learned codec. The peak grows by a tenth or so.
"""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's names: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
LARGEST = 32 * 2**20  # bytes: the most that glibc takes as the second


def keep_freed_memory():
    """Tell glibc so, for this process and from now on; elsewhere do nothing."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries of Linux may lack it
        if mallopt:
            mallopt(TRIM_THRESHOLD, 2**30)
            mallopt(MMAP_THRESHOLD, LARGEST)
