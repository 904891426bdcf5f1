"""What runs inside the job's interpreter. This folder itself stands on the job's ``sys.path``.

Names for the bootstrapper's side only; the job finds its way by :data:`JOB_VARIABLE`.
"""

import os

JOB_PATH = os.path.dirname(os.path.abspath(__file__))
"""The folder to set :data:`JOB_VARIABLE` to."""

JOB_VARIABLE = "LIVE_CODE_JOB"
"""Set to :data:`JOB_PATH` in the job's environment. A Python without it is not a job's and stays as it is."""

REPORT_VARIABLE = "LIVE_CODE_REPORTS"
"""Names the folder where a process that dies of an exception leaves ``exception-<pid>.json``; unset: no reports."""


def pth_line() -> str:
    """The one line for a ``.pth`` file in the job's ``site-packages``; it works with ``python -I`` too.

    It names no folder: an environment that is kept and used again finds the job's side where this run has it.
    """
    act = 'sys.path.insert(0, job), __import__("_live_code_hook")'
    check = 'os.path.isfile(os.path.join(job, "_live_code_hook.py"))'
    return f'import os, sys; job = os.environ.get("{JOB_VARIABLE}"); job and {check} and ({act})\n'
