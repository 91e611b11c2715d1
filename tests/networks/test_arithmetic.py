import pytest
import torch

from jpegstudy import networks
from jpegstudy.errors import BadInput

TINY = {"name": "tests.conftest:tiny_network", "preprocessing": {"crop": 24}, "device": "cpu"}
PRECISIONS = ["float32", "tf32", "bfloat16"]


@pytest.fixture(autouse=True)
def _flags_as_before():
    yield
    networks.load(**TINY, precision="float32")


def on_nvidia():
    operations = (torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul)
    return {operation.fp32_precision for operation in operations}


@pytest.mark.parametrize("before", PRECISIONS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_tf32_multiplies_in_tf32_whatever_was_loaded_before(before, precision):
    networks.load(**TINY, precision=before)
    networks.load(**TINY, precision=precision)
    assert on_nvidia() == {"tf32" if precision == "tf32" else "ieee"}


def test_flags_that_others_set_are_overruled():
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    torch.backends.mkldnn.conv.fp32_precision = "tf32"
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False
    networks.load(**TINY)
    assert on_nvidia() == {"ieee"}
    assert torch.backends.mkldnn.conv.fp32_precision == torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic) == (False, True)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_cpu_stays_in_full_float32(precision):
    networks.load(**TINY, precision=precision)
    operations = (torch.backends.mkldnn.conv, torch.backends.mkldnn.rnn, torch.backends.mkldnn.matmul)
    assert {operation.fp32_precision for operation in operations} == {"ieee"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_older_names_of_the_flags_can_still_be_read(precision):  # torch raises where the two contradict
    networks.load(**TINY, precision=precision)
    allowed = precision == "tf32"
    assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == allowed


def test_a_network_that_is_refused_changes_no_flag():
    networks.load(**TINY, precision="tf32")
    with pytest.raises(BadInput):
        networks.load(TINY["name"], preprocessing={"crop": 1}, device="cpu", precision="float32")
    assert on_nvidia() == {"tf32"}


def test_other_precisions_are_refused():
    with pytest.raises(BadInput, match="precision is 'float64'; wanted float32, tf32 or bfloat16"):
        networks.load(**TINY, precision="float64")
