"""What a job's Python does at start-up: makes our ``ymir_exc`` the first one found, and reports a fatal exception.

Imported by the ``.pth`` line of the job's environment, in every process of the job. So it imports nothing that a
bare Python has not loaded already, and no failure of its own reaches the job.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType, TracebackType
    from typing import Callable, Dict, List, Optional, Sequence, Type

    Hook = Callable[[Type[BaseException], BaseException, Optional[TracebackType]], object]

JOB_PATH = os.path.dirname(os.path.abspath(__file__))
REPORT_VARIABLE = "LIVE_CODE_REPORTS"
RANK_FILE = os.path.join(JOB_PATH, "ymir_exc", "_rank.py")
MAX_FRAMES = 50  # deep in a library the repo's own frame lies far out
MAX_MESSAGE = 8000


class OurSdkFirst:
    """Finds ``ymir_exc`` here, before the script's folder, ``PYTHONPATH`` and what the requirements installed."""

    @staticmethod
    def find_spec(
        name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name != "ymir_exc":
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [JOB_PATH])


def install() -> None:
    if not any(finder is OurSdkFirst for finder in sys.meta_path):
        sys.meta_path.insert(0, OurSdkFirst)
        if os.environ.get(REPORT_VARIABLE):
            sys.excepthook = reporting(sys.excepthook)
            atexit.register(report_what_ended_us)


def reporting(previous: Hook) -> Hook:
    """An excepthook that leaves a report and then does what was done before."""

    def hook(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        try:
            leave_report(error)
            notice_the_end(error)
        finally:
            previous(kind, error, trace)

    return hook


def report_what_ended_us() -> None:
    """Python keeps the exception that ends it, whoever has put a hook in our place (rich, say)."""
    error = getattr(sys, "last_value", None)
    if error is not None and not os.path.exists(report_file()):
        leave_report(error, over=True)


def notice_the_end(error: BaseException) -> None:
    """Python has begun to end this process once the first of these is called: before it waits for threads (3.9), or
    after that, before it waits for child processes. A hook that code calls by itself is no end."""
    done: List[bool] = []

    def report_again() -> None:
        if not done:
            done.append(True)
            leave_report(error, over=True)

    atexit.register(report_again)
    threading = sys.modules.get("threading")
    register = getattr(threading, "_register_atexit", None)
    if threading is not None and register is None:  # Python 3.8: what waits for threads is looked up by its name
        wait_for_threads = getattr(threading, "_shutdown")  # noqa: B009 - it is known to no stub

        def shut_down() -> None:
            report_again()
            wait_for_threads()

        setattr(threading, "_shutdown", shut_down)  # noqa: B010
    if register is not None:
        try:  # noqa: SIM105 (contextlib is a millisecond at the start of every process)
            register(report_again)
        except RuntimeError:  # the end has begun
            pass


def leave_report(error: BaseException, over: bool = False) -> None:
    """``over``: the process ends of it, though its threads or children may keep it alive."""
    try:
        if isinstance(error, (Exception, KeyboardInterrupt)):
            write_report(error, report_file(), over)
            if isinstance(error, KeyboardInterrupt):
                end_by_sigint()
    except Exception:  # noqa: BLE001, S110 - a full folder, or an exception that fails itself: its trace is on stderr
        pass


def end_by_sigint() -> None:
    """Python ends by SIGINT, as shells expect, when the last text that it ran at its top level was interrupted; named
    tuples of modules that a report needs are such texts."""
    try:  # noqa: SIM105 (contextlib is a millisecond)
        exec("raise KeyboardInterrupt")  # noqa: S102
    except KeyboardInterrupt:
        pass


def report_file() -> str:
    return os.path.join(os.environ.get(REPORT_VARIABLE, ""), f"exception-{os.getpid()}.json")


def write_report(error: BaseException, target: str, over: bool) -> None:
    """Whole or not at all. Raises OSError."""
    import json

    aside = f"{target}.tmp"
    with open(aside, "w", encoding="utf-8") as file:
        json.dump({**report(error), "over": over, "threads": threads()}, file)
    os.replace(aside, target)


def threads() -> List[str]:
    """Those that Python waits for at its end."""
    threading = sys.modules.get("threading")
    if threading is None:
        return []
    main = threading.main_thread()
    return [thread.name for thread in threading.enumerate() if thread is not main and not thread.daemon]


def report(error: BaseException) -> Dict[str, object]:
    """What the supervisor shows. ``frames`` are the innermost ones, the failing line last; ``time`` is Unix seconds."""
    import time

    cause, context = error.__cause__, wrapped(error)
    return {
        "schema": 1,
        "type": str(type(error).__name__),
        "module": type(error).__module__,
        "message": text_of(error),
        "cause": whole(cause) if cause is not None else None,
        "context": whole(context) if context is not None else None,
        "frames": frames(error.__traceback__),
        "rank": rank(),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "argv": list(getattr(sys, "argv", ())),
        "time": time.time(),
    }


def rank() -> Optional[str]:
    """As the SDK knows it, by its file alone: the job may have another ``ymir_exc`` loaded."""
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    loader = SourceFileLoader("_live_code_rank_of_sdk", RANK_FILE)
    module = ModuleType(loader.name)
    loader.exec_module(module)
    value: Optional[str] = module.rank()
    return value


def wrapped(error: BaseException) -> Optional[BaseException]:
    """What was being handled when it was raised, if the handler itself raised it, and not something that it called."""
    context, trace = error.__context__, error.__traceback__
    if context is None or error.__suppress_context__ or trace is None or context.__traceback__ is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return context if context.__traceback__.tb_frame is trace.tb_frame else None


def whole(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"


def text_of(error: BaseException) -> str:
    try:
        text = str(error)
        # what wraps another exception has that one at its end
        return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE // 4]} ... {text[-MAX_MESSAGE * 3 // 4 :]}"
    except Exception as failure:  # noqa: BLE001 (any code may stand in an exception's __str__)
        return f"<no text: {type(failure).__name__}>"


def frames(trace: Optional[TracebackType]) -> List[Dict[str, object]]:
    import traceback

    entries = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return [{"file": f.filename, "line": f.lineno, "function": f.name, "code": f.line} for f in entries]


install()
