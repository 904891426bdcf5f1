"""Task states and return codes that the platform knows."""

from enum import IntEnum

from . import protocol


class ExecutorState(IntEnum):
    ES_RUNNING = protocol.STATE_RUNNING
    ES_DONE = protocol.STATE_DONE
    ES_ERROR = protocol.STATE_ERROR


class ExecutorReturnCode(IntEnum):
    RC_EXEC_NO_ERROR = protocol.CODE_OK
    RC_EXEC_CONFIG_ERROR = protocol.CODE_CONFIG
    RC_EXEC_DATASET_ERROR = protocol.CODE_DATASET
    RC_EXEC_UNKNOWN_IMAGE_FORMAT = protocol.CODE_IMAGE_FORMAT
    RC_EXEC_MODEL_ERROR = protocol.CODE_MODEL_FILE
    RC_EXEC_CUDA_GPU_ERROR = protocol.CODE_GPU_MISMATCH
    RC_EXEC_NO_GPU = protocol.CODE_NO_GPU
    RC_EXEC_OOM = protocol.CODE_OUT_OF_MEMORY
    RC_EXEC_NAN_ERROR = protocol.CODE_NAN
    RC_EXEC_NETWORK_ERROR = protocol.CODE_NETWORK
    RC_CMD_CONTAINER_ERROR = protocol.CODE_OTHER
