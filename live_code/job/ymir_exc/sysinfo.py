"""What the machine has."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple, Union

_GIB = 1 << 30


def get_gpu_memory(device: Union[int, str] = "cuda:0") -> Tuple[float, float]:
    """(total, free) memory of a GPU in GiB, by torch when it is installed, else by ``nvidia-smi``.

    Free is what no process uses now. Raises RuntimeError when there is no such GPU.
    """
    try:
        import torch
    except ImportError:
        return _by_nvidia_smi(_index(device))
    if not torch.cuda.is_available():
        raise RuntimeError(f"no GPU that torch can use: {device}")
    if not hasattr(torch.cuda, "mem_get_info"):  # before torch 1.11
        return _by_nvidia_smi(_index(device))
    free, total = torch.cuda.mem_get_info(_index(device))
    return total / _GIB, free / _GIB


def _index(device: Union[int, str]) -> int:
    text = str(device).rpartition(":")[2]
    if text in ("", "cuda", "gpu"):
        return 0
    if not text.isdigit():
        raise RuntimeError(f"not a GPU: {device!r}")
    return int(text)


def _by_nvidia_smi(index: int) -> Tuple[float, float]:
    import subprocess

    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    name = visible[index] if index < len(visible) else str(index)
    query = ["nvidia-smi", "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits", f"--id={name}"]
    try:
        done = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    except OSError as error:
        raise RuntimeError(f"no GPU {index}: neither torch nor nvidia-smi is here") from error
    if done.returncode:
        raise RuntimeError(f"no GPU {index}: {done.stdout.strip()}")
    total, free = (float(mib) / 1024 for mib in done.stdout.split(","))
    return total, free
