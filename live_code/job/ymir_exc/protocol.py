"""The platform's file formats and names: the one file that the bootstrapper and the job both import.

Standard library only, Python 3.8 and up, no YAML: whoever reads a YAML file parses it and passes the mapping on.
Every process of a job imports this, so it loads next to nothing: ``typing`` alone would double its cost.
Source of every fact here: the YMIR executor protocol as the platform reads it (1.0.0 to 1.3.0).
"""

from __future__ import annotations

import itertools
import os
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import IO, Dict, Iterator, Optional, Tuple, Type, Union

    Path = Union[str, "os.PathLike[str]"]

TASKS = ("training", "mining", "infer")

ENV_FILE_VARIABLE = "DEFAULT_ENV_FILE_PATH"
CONFIG_FILE_VARIABLE = "DEFAULT_CONFIG_FILE_PATH"
MERGED_CONFIG_VARIABLE = "LIVE_CODE_CONFIG"
# "0,0.5": the part of the progress bar that is this process's, when one start runs several.
SHARE_VARIABLE = "LIVE_CODE_PROGRESS_SHARE"
# The folder that holds ymir_exc and the start-up hook. A Python without this variable is no job's and stays as it is.
JOB_VARIABLE = "LIVE_CODE_JOB"
# A folder where a process that dies of an exception leaves `exception-<pid>.json`; unset: no reports.
REPORT_VARIABLE = "LIVE_CODE_REPORTS"

DEFAULT_ENV_FILE = "/in/env.yaml"
DEFAULT_CONFIG_FILE = "/in/config.yaml"
DEFAULT_TASK_ID = "default-task"
DEFAULT_PROTOCOL_VERSION = "0.0.1"

INPUT_DEFAULTS: Dict[str, str] = {
    "root_dir": "/in",
    "assets_dir": "/in/assets",
    "annotations_dir": "/in/annotations",
    "models_dir": "/in/models",
    "training_index_file": "",
    "val_index_file": "",
    "candidate_index_file": "",
    "config_file": DEFAULT_CONFIG_FILE,
}
OUTPUT_DEFAULTS: Dict[str, str] = {
    "root_dir": "/out",
    "models_dir": "/out/models",
    "tensorboard_dir": "/out/tensorboard",
    "training_result_file": "/out/models/result.yaml",
    "mining_result_file": "/out/result.tsv",
    "infer_result_file": "/out/infer-result.json",
    "monitor_file": "/out/monitor.txt",
    "executor_log_file": "/out/ymir-executor-out.log",
}

MAX_STAGES = 11
FRACTION_METRICS = ("mAP", "mAR", "mIoU", "mAcc", "maskAP", "boxAP")
COUNT_METRICS = ("tp", "fp", "fn")
# The metric that ranks stages, first one present.
MAIN_METRICS = ("maskAP", "mIoU", "mAP")

STATE_PENDING, STATE_RUNNING, STATE_DONE, STATE_ERROR = 1, 2, 3, 4

CODE_OK = 0
CODE_CONFIG = 300001
CODE_DATASET = 300002
CODE_IMAGE_FORMAT = 300003
CODE_MODEL_FILE = 300004
CODE_GPU_MISMATCH = 300101
CODE_NO_GPU = 300102
CODE_OUT_OF_MEMORY = 300103
CODE_NAN = 300201
CODE_NETWORK = 300301
CODE_OTHER = 160004

MAX_STACK_LINES = 99


class Monitor(
    namedtuple(
        "Monitor",
        ("task_id", "timestamp", "percent", "state", "return_code", "message", "stack"),
        defaults=(CODE_OK, "", ()),
    )
):
    """One state of ``monitor.txt``. ``percent`` in [0, 1], ``timestamp`` in Unix seconds."""

    __slots__ = ()
    task_id: str
    timestamp: float
    percent: float
    state: int
    return_code: int
    message: str
    stack: Tuple[str, ...]


def format_monitor(monitor: Monitor) -> str:
    """The text of ``monitor.txt``: one tab-separated line, then at most 99 stack lines."""
    fields = (
        task_word(monitor.task_id),
        f"{monitor.timestamp:.6f}",
        f"{monitor.percent:.6f}",
        str(monitor.state),
        str(monitor.return_code),
        one_line(monitor.message),
    )
    stack = [line for part in monitor.stack for line in legible(part).splitlines()]
    return "\n".join(["\t".join(fields), *stack[-MAX_STACK_LINES:]]) + "\n"


def parse_monitor(text: str) -> Monitor:
    """Reads what :func:`format_monitor` writes, and the shorter lines of older writers.

    Raises ValueError when the text is not a monitor file (the platform would call the task failed).
    """
    lines = text.splitlines()
    fields = lines[0].split("\t") if lines else []
    if len(fields) < 4:
        raise ValueError(f"monitor line has {len(fields)} fields, at least 4 needed: {text[:80]!r}")
    return Monitor(
        task_id=fields[0],
        timestamp=float(fields[1]),
        percent=float(fields[2]),
        state=int(fields[3]),
        return_code=int(fields[4]) if len(fields) > 4 and fields[4] else CODE_OK,
        message=fields[5] if len(fields) > 5 else "",
        stack=tuple(lines[1:]),
    )


def task_word(task_id: str) -> str:
    """A word for any task: the platform strips the line before it splits it, an empty one would shift all fields."""
    return one_line(task_id) or DEFAULT_TASK_ID


def one_line(text: str) -> str:
    return " ".join(legible(str(text)).split())


def legible(text: str) -> str:
    """The text as UTF-8 can have it: a byte that was no text, as in a file's name, stands as ``\\xe9``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # half of a pair, which stands for no byte
            return text.encode("utf-8", "backslashreplace").decode()
    return text


def is_before_1_0(protocol_version: Optional[str], ymir_version: Optional[str] = None) -> bool:
    """Whether results take the format older than protocol 1.0.0: either version is enough to make them new."""
    if protocol_version and _version(protocol_version) >= (1, 0, 0):
        return False
    return not ymir_version or _version(ymir_version) < (1, 2, 0)


def _version(text: str) -> Tuple[int, ...]:
    parts = []
    for part in str(text).split(".")[:3]:
        digits = "".join(c for c in part if c.isdigit())
        parts.append(int(digits or 0))
    return tuple(parts + [0] * (3 - len(parts)))


class IndexLine(namedtuple("IndexLine", ("image", "annotation"))):
    """``annotation`` is None where the index names the image alone."""

    __slots__ = ()
    image: str
    annotation: Optional[str]


def read_index(path: Path) -> Iterator[IndexLine]:
    """The lines of an index file, one at a time: ``image<TAB>annotation``, or the image alone; blank lines are ignored.

    Some writers put a space for the tab: as paths are absolute, the annotation then begins at the first ``" /"``.
    Raises OSError when the file can't be read.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            image, tab, annotation = line.strip().partition("\t")
            if not tab and " /" in image:
                image, _, rest = image.partition(" /")
                annotation = "/" + rest
            if image:
                yield IndexLine(image.strip(), annotation.partition("\t")[0].strip() or None)


def write_atomic(path: Path, text: str) -> None:
    """Replaces the file at once: a reader sees the old text or the new one, never a part.

    Raises OSError; the previous file is then still whole.
    """
    with AtomicFile(path) as file:
        file.write(text)


class AtomicFile:
    """A text file that is written aside and replaces the old one when the ``with`` block ends without an error.

    Raises OSError (the disk is full, the folder is missing …) naming the file; the previous file is then still whole.
    """

    def __init__(self, path: Path) -> None:
        self.target = os.path.realpath(path)
        self.aside = aside_of(self.target)
        self._file: Optional[IO[str]] = None

    def __enter__(self) -> IO[str]:
        self._file = open(self.aside, "w", encoding="utf-8", errors="surrogateescape")
        return self._file

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        published = False
        try:
            if self._file is not None:
                self._file.close()
            if error is None:
                os.replace(self.aside, self.target)
                published = True
        except OSError as failure:
            raise kept(failure, self.target) from failure
        finally:
            if not published:
                remove(self.aside)
        # A failed write names no file; an error of the block that does is about something else.
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise kept(error, self.target) from error


_serial = itertools.count()


def aside_of(target: str) -> str:
    """A name beside ``target`` that no other process, thread or signal handler uses."""
    return f"{target}.{os.getpid()}-{next(_serial)}.tmp"


def kept(error: OSError, target: str) -> OSError:
    """The same failure, saying which file could not be replaced and that the old one still stands."""
    reason = error.strerror or str(error)
    return OSError(error.errno, f"{reason}; the file as it was before is kept", target)


def remove(path: str) -> None:
    try:  # noqa: SIM105 (contextlib is a millisecond at the start of every process)
        os.unlink(path)
    except OSError:
        pass
