"""The arithmetic that a network is computed in: what a precision means for the libraries below torch."""

import torch

from jpegstudy.errors import BadInput

PRECISIONS = ("float32", "tf32", "bfloat16")


def check_precision(precision):
    """Raises BadInput if there is no such precision."""
    if precision not in PRECISIONS:
        raise BadInput(f"precision is {precision!r}; wanted {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")


def set_arithmetic(precision):
    """Let float32 tensors be multiplied in TF32 for "tf32" and in full float32 for all else; let cuDNN be repeatable.

    These flags are torch's, for the whole process: the network that was loaded last decides for all. All of them are
    set each time, because torch's own default is TF32 for convolutions on NVIDIA GPUs, and because another network
    may have been loaded before. On a CPU float32 is always full float32. (For "bfloat16" it is autocast that converts;
    what it leaves in float32 stays so.)

    cuDNN may not choose its algorithms by timing them, nor choose any that adds in an order of its own, so that equal
    parameters and seeds give equal predictions on the same machine.
    """
    allowed = precision == "tf32"
    # torch's older names of the flags: it refuses to read them where they contradict the newer ones, and others read
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
    for operation in (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn):
        operation.fp32_precision = "tf32" if allowed else "ieee"
    for operation in (torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.mkldnn.rnn):
        operation.fp32_precision = "ieee"
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
