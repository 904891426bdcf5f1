"""Where the task's two files are. Assigning to these names takes effect at the next call of any function."""

import os

from . import protocol

DEFAULT_ENV_FILE_PATH = os.environ.get(protocol.ENV_FILE_VARIABLE) or protocol.DEFAULT_ENV_FILE
DEFAULT_CONFIG_FILE_PATH = os.environ.get(protocol.CONFIG_FILE_VARIABLE) or protocol.DEFAULT_CONFIG_FILE

_ENV_FILE_AT_START = DEFAULT_ENV_FILE_PATH


def env_file_is_patched() -> bool:
    return DEFAULT_ENV_FILE_PATH != _ENV_FILE_AT_START
