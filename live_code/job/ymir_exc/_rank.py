"""Which process of a distributed job writes."""

import os

# Global ranks first: on the second machine LOCAL_RANK starts again at 0.
_VARIABLES = (
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


def writes() -> bool:
    """Whether this process is rank 0, or no rank at all. Looked up each time: spawned workers set it late."""
    get = os.environ.get
    if get("DMLC_ROLE") in ("server", "scheduler"):
        return False
    for name in _VARIABLES:
        value = get(name)
        if value:
            return value in ("0", "-1") or not value.isdigit() or int(value) == 0
    return True
