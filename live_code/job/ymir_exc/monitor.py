"""Progress of the task: one line in ``monitor.txt`` that a poller may read at any moment.

The line is replaced at once, its percent never goes back, and in a distributed job only rank 0 writes it. Call it as
often as you like: when lines come faster than they can be written, those between are left out.
"""

from __future__ import annotations

import os
import time
import warnings
from enum import IntEnum

from . import _progress, _rank, env, protocol
from .code import ExecutorReturnCode, ExecutorState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Optional, Tuple, Union

TASK_STATE_RUNNING = protocol.STATE_RUNNING


class YmirTask(IntEnum):
    TRAINING = 1
    MINING = 2
    INFER = 3


def write_monitor_logger(
    percent: float,
    state: int = ExecutorState.ES_RUNNING,
    return_code: int = ExecutorReturnCode.RC_EXEC_NO_ERROR,
    message: str = "",
    stack: Iterable[str] = (),
) -> None:
    """Reports progress in [0, 1]; beyond it is clamped with a warning, NaN is none.

    In error state the message and the stack default to those of the exception being handled, the code to 160004.
    An end that is reported, good or bad, is not hidden by later progress. A line that can't be written is a warning.
    """
    if not _rank.writes():
        return
    task = env._current_env()
    percent = _shared(_checked(percent))
    if state == protocol.STATE_RUNNING:
        return_code = protocol.CODE_OK
    elif state == protocol.STATE_ERROR:
        return_code = int(return_code) or protocol.CODE_OTHER
        if not message:
            message, stack = _current_exception(message, stack)
    task_id = protocol.task_word(task.task_id)
    line = protocol.Monitor(task_id, time.time(), percent, int(state), int(return_code), message, tuple(stack))
    _progress.report(task.output.monitor_file, line)


def write_monitor_logger_for_multiple_tasks(
    cfg: Any, task: Union[YmirTask, str], percent: float, order: str = "tmi"
) -> None:
    """Progress of one task in [0, 1]; when mining and infer run in one start each takes half of the bar.

    ``order``: ``"tmi"`` when mining comes first, ``"tim"`` when infer does.
    """
    task = YmirTask[task.upper()] if isinstance(task, str) and task in protocol.TASKS else task
    if task not in (YmirTask.TRAINING, YmirTask.MINING, YmirTask.INFER):
        raise ValueError(f"unsupported task {task!r}, not in {list(protocol.TASKS)}")
    if order not in ("tmi", "tim"):
        raise ValueError(f"unsupported order {order!r}, not in ['tmi', 'tim']")
    percent = _checked(percent)
    if cfg.ymir.run_mining and cfg.ymir.run_infer and task != YmirTask.TRAINING:
        first = YmirTask.MINING if order == "tmi" else YmirTask.INFER
        percent = 0.5 * percent if task == first else 0.5 + 0.5 * percent
    write_monitor_logger(percent)


def write_tensorboard_text(text: str, tag: Optional[str] = None, **kwargs: Any) -> None:
    """Shows the text in the platform's tensorboard, as it is and not as markdown."""
    if _rank.writes():
        from . import _tensorboard

        _tensorboard.write_text(env._current_env().output.tensorboard_dir, text, tag or "default", **kwargs)


def write_final_executor_log(tag: Optional[str] = None, **kwargs: Any) -> None:
    """Shows the task's log so far in the platform's tensorboard."""
    path = env._current_env().output.executor_log_file
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        warnings.warn(f"no executor log to show: {error}", RuntimeWarning, stacklevel=2)
        return
    write_tensorboard_text(text, tag, **kwargs)


def _checked(percent: Any) -> float:
    number = float(percent)
    if 0.0 <= number <= 1.0:
        return number
    warnings.warn(f"progress {number} is not in [0, 1]: clamped", RuntimeWarning, stacklevel=3)
    return 1.0 if number > 1 else 0.0  # progress never goes back: NaN leaves it where it stands


def _shared(percent: float) -> float:
    """Progress on the whole bar, when this process was given a part of it ("0,0.5")."""
    share = os.environ.get(protocol.SHARE_VARIABLE)
    if not share or share == "0,1":
        return percent
    low, high = (float(end) for end in share.split(","))
    return low + (high - low) * percent


def _current_exception(message: str, stack: Iterable[str]) -> Tuple[str, Iterable[str]]:
    import sys

    kind, error, _ = sys.exc_info()
    if kind is None or error is None:
        return message, stack
    import traceback

    text = "".join(traceback.format_exception(kind, error, error.__traceback__))
    return f"{kind.__name__}: {error}", stack or text.splitlines()
