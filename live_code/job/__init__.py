"""What runs inside the job's interpreter. This folder itself stands on the job's ``sys.path``."""

import os

from .ymir_exc import protocol

JOB_PATH = os.path.dirname(os.path.abspath(__file__))
"""The value of ``protocol.JOB_VARIABLE`` in the job's environment."""


def pth_line() -> str:
    """The one line for a ``.pth`` file in the job's ``site-packages``; it works with ``python -I`` too.

    It names no folder: an environment that is kept and used again finds the job's side where this run has it.
    """
    act = 'sys.path.insert(0, job), __import__("_live_code_hook")'
    check = 'os.path.isfile(os.path.join(job, "_live_code_hook.py"))'
    return f'import os, sys; job = os.environ.get("{protocol.JOB_VARIABLE}"); job and {check} and ({act})\n'
