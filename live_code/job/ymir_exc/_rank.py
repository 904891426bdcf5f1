"""Which process of a distributed job this is, and whether it writes.

The start-up hook reads this file without its package, so it imports nothing of that.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# Global ranks first: on the second machine LOCAL_RANK starts again at 0.
VARIABLES = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "HOROVOD_RANK",
    "SLURM_PROCID",
    "DMLC_WORKER_ID",
    "DMLC_RANK",
    "DMLC_TASK_ID",
    "LOCAL_RANK",
)


def rank() -> "Optional[str]":
    """This process's, as its launcher writes it; None for no rank. Looked up each time: spawned workers set it late."""
    return next((os.environ[name] for name in VARIABLES if os.environ.get(name)), None)


def writes() -> bool:
    """Whether this process is rank 0, or no rank at all."""
    if os.environ.get("DMLC_ROLE") in ("server", "scheduler"):
        return False
    value = rank()
    return value is None or value in ("0", "-1") or not value.isdigit() or int(value) == 0
