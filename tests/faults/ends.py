"""Ends of jobs: each cause on each way to get there, with what is true of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Cause(NamedTuple):
    """``body``: Python that ends a process so. ``kind`` and ``words`` (a regular expression): what is true of it.
    ``alone``: it ends more than its own thread, worker or try block, so that nobody above can go on.
    """

    name: str
    body: str
    kind: str
    words: str
    alone: bool = False
    quiet: bool = False


class Way(NamedTuple):
    """``files``: those of the repository, with ``{body}`` where a process falls; ``start.py`` or ``train.sh`` begins."""

    name: str
    files: Mapping[str, str]


class End(NamedTuple):
    cause: Cause
    way: Way

    @property
    def name(self) -> str:
        return f"{self.cause.name}, {self.way.name}"


# ruff: noqa: E501 - the sources stand as they are

_OOM = "RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')"
_LOST = "RuntimeError('[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:30890: Connection reset by peer.')"

CAUSES = (
    Cause("an exception", "raise KeyError('boxes')", "EXCEPTION", "KeyError: 'boxes'"),
    Cause("an assertion", "assert False, 'no classes'", "EXCEPTION", "AssertionError: no classes"),
    Cause("GPU memory", f"raise {_OOM}", "GPU_OUT_OF_MEMORY", "ran out of GPU memory"),
    Cause("memory", "bytearray(1 << 62)", "OUT_OF_MEMORY", "ran out of memory"),
    Cause("a missing module", "import no_such_module", "MISSING_MODULE", "no_such_module"),
    Cause("no server", "import urllib.request as r; r.urlopen('http://127.0.0.1:1/')", "NETWORK", "refused"),
    Cause("no model", "open('/in/models/best.pt')", "MODEL_FILE", "best.pt"),
    Cause("no image", "open('/in/assets/a.jpg')", "DATASET", "a.jpg"),
    Cause("a full disk", "raise OSError(28, 'No space left on device')", "DISK_FULL", "no space left"),
    Cause("a lost process",
          "import multiprocessing, os, time\nm = multiprocessing.Manager(); d = m.dict()\n"
          "os.kill(m._process.pid, 9); time.sleep(.2); d['a'] = 1", "PROCESS_LOST", "died without a word"),
    Cause("a last word", "import sys\nsys.exit('the labels are of another data set')", "JOB_FAILED",
          "the labels are of another data set"),
    Cause("SIGKILL", "import os; os.kill(os.getpid(), 9)", "KILLED", "SIGKILL", alone=True, quiet=True),
    Cause("SIGSEGV", "import ctypes; ctypes.string_at(0)", "CRASHED", "SIGSEGV", alone=True, quiet=True),
    Cause("os._exit", "import os; os._exit(7)", "JOB_FAILED", "exit (?:code|status) 7", alone=True, quiet=True),
)  # fmt: skip

_CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, 'fall.py'], check=True)\n"
_CALLED = "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, 'fall.py']))\n"
_FUNCTION = "def fall(*_):\n    {body}\n"
_POOL = "import multiprocessing\nif __name__ == '__main__':\n    with multiprocessing.Pool(1) as pool: pool.map(fall, [1])\n"
_EXECUTOR = (
    "from concurrent.futures import ProcessPoolExecutor\n"
    "if __name__ == '__main__':\n    with ProcessPoolExecutor(1) as pool: list(pool.map(fall, [1]))\n"
)
_WORKER = (
    "import multiprocessing, sys\nif __name__ == '__main__':\n"
    "    worker = multiprocessing.get_context('fork').Process(target=fall); worker.start(); worker.join()\n"
    "    if worker.exitcode: sys.exit(f'a worker ended with exit code {worker.exitcode}')\n"
)
_THREAD = (
    "import threading, sys\nfailed = []\nthreading.excepthook, before = lambda args: (failed.append(1), before(args)),"
    " threading.excepthook\nthread = threading.Thread(target=fall); thread.start(); thread.join()\n"
    "if failed: sys.exit(1)\n"
)
_RANKS = (
    "import os, subprocess, sys, time\n"
    "if os.environ.get('RANK') == '1':\n    import fall\n"
    f"if os.environ.get('RANK') == '0':\n    time.sleep(.4); raise {_LOST}\n"
    "all = [subprocess.Popen([sys.executable, 'start.py'], env={**os.environ, 'RANK': str(n)}) for n in range(2)]\n"
    "codes = [one.wait() for one in all]\n"
    "if any(codes): raise subprocess.CalledProcessError(codes[1], [sys.executable, 'start.py'])\n"
)
_GOT_OVER = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"raise {_OOM.replace(chr(39), chr(92) + chr(39))}\"])\n"
_PRINTED = (
    "print('batch 64 does not fit: CUDA out of memory. Tried to allocate 2.00 GiB')\n"
    "print('wandb is not reached: Temporary failure in name resolution; offline mode')\n"
    "print('using batch 16')\nprint('epoch 1: loss 0.5', flush=True)\n"
)
_HANDLED = f"def big():\n    raise {_OOM}\ntry: big()\nexcept RuntimeError:\n    fall()\n"

WAYS = (
    Way("directly", {"start.py": "{body}\n"}),
    Way("in a child", {"start.py": _CHILD, "fall.py": "{body}\n"}),
    Way("in a child whose code is passed on", {"start.py": _CALLED, "fall.py": "{body}\n"}),
    Way("behind a shell", {"train.sh": "python3 fall.py\n", "fall.py": "{body}\n"}),
    Way("behind a shell and a pipe", {"train.sh": "set -o pipefail\npython3 fall.py 2>&1 | tee log\n", "fall.py": "{body}\n"}),
    Way("in a child whose output is kept",
        {"start.py": "import subprocess, sys\nif subprocess.run([sys.executable, 'fall.py'], capture_output=True).returncode:"
                     " raise RuntimeError('fall.py failed')\n", "fall.py": "{body}\n"}),
    Way("behind a shell that goes on", {"train.sh": "python3 fall.py || exit 1\n", "fall.py": "{body}\n"}),
    Way("in a pool", {"start.py": _FUNCTION + _POOL}),
    Way("in an executor", {"start.py": _FUNCTION + _EXECUTOR}),
    Way("in a worker process", {"start.py": _FUNCTION + _WORKER}),
    Way("in a rank", {"start.py": _RANKS, "fall.py": "{body}\n"}),
    Way("in a thread", {"start.py": _FUNCTION + _THREAD}),
    Way("after a child that was got over", {"start.py": _GOT_OVER + "{body}\n"}),
    Way("after an exception that was printed",
        {"start.py": f"import time, traceback\ntry: raise {_OOM}\nexcept RuntimeError: traceback.print_exc()\n"
                     "time.sleep(.1); print('it fits now', flush=True)\n{body}\n"}),
    Way("after lines about other causes", {"start.py": _PRINTED + "{body}\n"}),
    Way("in the handler of another exception", {"start.py": _FUNCTION + _HANDLED}),
)  # fmt: skip


def ends() -> Iterator[End]:
    """All that can be: a pool waits for ever for a worker that was killed, and sys.exit ends no thread's process."""
    for cause in CAUSES:
        for way in WAYS:
            if way.name == "in a pool" and (cause.alone or cause.name == "a last word"):
                continue
            if way.name == "in a pool" and cause.name == "a lost process":  # its workers may have no children
                continue
            if way.name in ("in a thread", "in an executor") and cause.name == "a last word":
                continue
            yield End(cause, way)


def source(end: End) -> dict[str, str]:
    """The repository's files."""
    return {name: _filled(text, end.cause.body) for name, text in end.way.files.items()}


def _filled(text: str, body: str) -> str:
    if "    {body}" in text:
        return text.replace("{body}", body.replace("\n", "\n    "))
    return text.replace("{body}", body)
