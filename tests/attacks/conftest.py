import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Images this small gain nothing from a second thread, and lose much to it where the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
