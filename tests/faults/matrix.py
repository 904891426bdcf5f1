"""The faults, each with what has to be reported of it: the table of docs/failures.md."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults import phases
from tests.faults.phases import Phase
from tests.faults.stage import Stage, Told, fill, send, small_disk
from tests.support import repos, standin

MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")
NO_ROOT = os.getuid() != 0


class Fault(NamedTuple):
    """``play`` harms one run in the phase. Then the exit code, the platform's return code, the kind in the record and
    the message (a regular expression) are these. ``skip``: why it can't be played here.
    """

    name: str
    phase: str
    play: Callable[[Stage], Told]
    exit_code: int
    return_code: int
    kind: str
    message: str
    skip: str = ""

    @property
    def good(self) -> bool:
        """Whether the run has to come to a good end all the same."""
        return self.exit_code == 0


def in_phase(phase: Phase, act: Callable[[subprocess.Popen[str]], None]) -> Callable[[Stage], Told]:
    def play(stage: Stage) -> Told:
        with phase.held(stage) as wait:

            def harm(running: subprocess.Popen[str]) -> None:
                wait()
                act(running)

            return stage.run(harm)

    return play


def job(start: str, on: str = "training", **config: Any) -> Callable[[Stage], Told]:
    return lambda stage: stage.set_up(start, on, **config).run()


def piped(stage: Stage) -> Told:
    """A shell's pipe ends with the code of its last command."""
    stage.set_up("raise KeyError('boxes')", entrypoint="bash -c 'python3 start.py 2>&1 | cat'")
    return stage.run()


def torchrun(fall: str) -> Callable[[Stage], Told]:
    """Three ranks with the real torch; the second one falls while the others wait for it."""

    def play(stage: Stage) -> Told:
        stage.set_up(TORCH_RANKS.format(fall=fall), nproc_per_node=3, launcher="torchrun")
        return stage.run(LIVE_CODE_PYTHON=str(standin.interpreter()))

    return play


def task(on: str = "training", environ: dict[str, str] | None = None, **config: Any) -> Callable[[Stage], Told]:
    return lambda stage: stage.set_up(on=on, **config).run(**(environ or {}))


def stops() -> Iterator[Fault]:
    """Every way to end us, in every phase."""
    for phase in phases.ALL:
        yield Fault(
            f"SIGTERM in {phase.name}", phase.name, in_phase(phase, send(signal.SIGTERM, "guard")),
            143, 160004, "STOPPED", "stopped by SIGTERM",
        )  # fmt: skip
        yield Fault(
            f"kill -9 of live-code in {phase.name}", phase.name, in_phase(phase, send(signal.SIGKILL, "guard")),
            -9, 160004, "STOPPED", "guard",
        )  # fmt: skip
        yield Fault(
            f"kill -9 of its worker in {phase.name}", phase.name, in_phase(phase, send(signal.SIGKILL, "worker")),
            137, 160004, "KILLED", "live-code itself was killed by SIGKILL",
        )  # fmt: skip


STUBBORN = (
    "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "for _ in range({children}):\n"
    "    if not os.fork():\n"
    "        os.setsid()\n"
    "        if os.fork(): os._exit(0)\n"
    "        while True: time.sleep(10)\n"
    "open({ready!r}, 'w').close()\nwhile True: time.sleep(10)\n"
)


def stubborn(children: int, signals: int, grace: float) -> Callable[[Stage], Told]:
    def play(stage: Stage) -> Told:
        ready = stage.root / "ready"
        stage.set_up(STUBBORN.format(children=children, ready=str(ready)), stop_grace_s=grace)

        def harm(running: subprocess.Popen[str]) -> None:
            while not ready.exists():
                time.sleep(0.02)
            for _ in range(signals):
                running.terminate()
                time.sleep(0.3)

        return stage.run(harm)

    return play


def interrupted(number: signal.Signals) -> Callable[[Stage], Told]:
    return in_phase(phases.JOB, lambda running: running.send_signal(number))


def beyond_its_memory(stage: Stage) -> Told:
    """A container's memory limit, without the container."""
    group = MEMORY_GROUPS / f"live-code-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(200 << 20))
        stage.set_up("import time\ntime.sleep(.5)\nheld = [bytearray(b'x' * (1 << 20)) for _ in range(600)]\n")

        def enter(running: subprocess.Popen[str]) -> None:
            (group / "cgroup.procs").write_text(str(running.pid))
            for process in phases.all_below(running.pid):
                (group / "cgroup.procs").write_text(str(process))

        return stage.run(enter)
    finally:
        time.sleep(0.2)
        group.rmdir()


@contextmanager
def little_room(place: Path, kib: int, leave: int = -1) -> Iterator[None]:
    with small_disk(place, kib):
        if leave >= 0:
            fill(place, leave)
        yield


def out_nearly_full(stage: Stage) -> Told:
    with little_room(stage.out, 4096, leave=64 << 10):
        stage.set_up()
        return stage.run()


def job_fills(stage: Stage, then: str) -> Told:
    with little_room(stage.out, 8192):
        until_full = "import os\nfile = open(os.path.join({out!r}, 'big'), 'wb', buffering=0)\n"
        fills = "try:\n    while True: file.write(bytes(4096))\nexcept OSError as full: error = full\n"
        stage.set_up(repos.CLASSIC_START + until_full.format(out=str(stage.out)) + fills + then)
        return stage.run()


def out_fills_up(stage: Stage) -> Told:
    """While packages are downloaded."""
    with little_room(stage.out, 4096), phases.ENVIRONMENT.held(stage) as wait:

        def harm(_: subprocess.Popen[str]) -> None:
            wait()
            fill(stage.out)
            stage.index.released.set()

        return stage.run(harm)


def no_room_for_the_tree(stage: Stage) -> Told:
    with little_room(stage.root / "work", 64):
        stage.set_up()
        Path(stage.root / "repo" / "large").write_bytes(os.urandom(1 << 20))
        return stage.set_up().run()


def store_full(kib: int) -> Callable[[Stage], Told]:
    def play(stage: Stage) -> Told:
        with little_room(stage.store, kib):
            return stage.set_up().run()

    return play


def store_fills_up(phase: Phase) -> Callable[[Stage], Told]:
    """While it waits for the index."""

    def play(stage: Stage) -> Told:
        with little_room(stage.store, 16384), phase.held(stage) as wait:

            def harm(_: subprocess.Popen[str]) -> None:
                wait()
                fill(stage.store)
                stage.index.released.set()

            return stage.run(harm)

    return play


def nobody_reads(stage: Stage) -> Told:
    stage.set_up("for number in range(20000): print(number)\n" + repos.CLASSIC_START)
    return stage.run(lambda running: running.stdout.close() if running.stdout else None)


def index_is_down(path: str) -> Callable[[Stage], Told]:
    def play(stage: Stage) -> Told:
        stage.set_up()
        stage.index.faults[path] = 503
        try:
            return stage.run()
        finally:
            stage.index.faults.clear()

    return play


RANKS = (
    "import os, subprocess, sys\n"
    "if 'RANK' in os.environ:\n"
    "    import time\n"
    "    if os.environ['RANK'] == '1': raise ValueError('bad batch')\n"
    "    time.sleep(1); raise RuntimeError('lost the others')\n"
    "all = [subprocess.Popen([sys.executable, __file__], env={**os.environ, 'RANK': str(n)}) for n in range(3)]\n"
    "sys.exit(max(one.wait() for one in all))\n"
)
TORCH_RANKS = """
import os, time
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
dist.all_reduce(torch.ones(1))
if dist.get_rank() == 1:
    {fall}
dist.all_reduce(torch.ones(1))
"""
PARENT = (
    "import subprocess, sys\n"
    "if len(sys.argv) > 1: raise KeyError('bbox')\n"
    "subprocess.run([sys.executable, __file__, 'child'], check=True)\n"
)
LUCKY = (
    "import os, sys, time\nfrom ymir_exc import monitor\n"
    "if not os.path.exists({been!r}):\n    open({been!r}, 'w').close()\n"
    "    monitor.write_monitor_logger(percent=0.5)\n    time.sleep(.1)\n"
    "    raise ConnectionRefusedError(111, 'Connection refused')\n"
    "monitor.write_monitor_logger(percent=0.1)\ntime.sleep(.1)\n"
)
DAEMON = (
    "import os, time\n"
    "if not os.fork():\n"
    "    os.setsid()\n"
    "    while True: print('still here', flush=True); time.sleep(.05)\n"
)
REPORTS = (
    "import sys\nfrom ymir_exc import monitor\n"
    "monitor.write_monitor_logger(0.3, state=4, return_code=300002, message='no boxes in the training set')\n"
    "sys.exit(1)\n"
)
NOWHERE = "http://127.0.0.1:1/repo.git"
HANG = RANKS.replace("time.sleep(1)", "time.sleep(600)")
ECC = "raise RuntimeError('CUDA error: uncorrectable ECC error encountered')"
NCCL = "raise RuntimeError('NCCL communicator was aborted on rank 1.')"
CUT = "raise OSError('image file is truncated (3 bytes not processed)')"
NOEXEC = "raise ImportError('/tmp/live-code-1000/env/x/_c.so: failed to map segment from shared object')"
NO_LIBRARY = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
OTHER_NUMPY = "raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')"
SETTING = "int(get_merged_config().param.batch_size)"
OOM = "raise RuntimeError('CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity)')"
TOO_OLD = "raise RuntimeError('The NVIDIA driver on your system is too old (found version 10010).')"
SHM = "raise RuntimeError('DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that')"
DATA = "open(os.path.join(get_merged_config().ymir.input.assets_dir, 'none.jpg'))"
MODEL = "open(os.path.join(get_merged_config().ymir.input.models_dir, 'best.pt'))"
GONE = (
    "import multiprocessing, os, time\nm = multiprocessing.Manager(); d = m.dict()\n"
    "os.kill(m._process.pid, 9); time.sleep(.3); d['a'] = 1\n"
)
ASSERT = "raise RuntimeError('CUDA error: device-side assert triggered')"
GOT_OVER = (
    "import subprocess, sys, time\n"
    "subprocess.run([sys.executable, '-c', 'raise RuntimeError(\"CUDA out of memory\")'])\n"
    "time.sleep(.3); raise KeyError('boxes')\n"
)
USING_LESS = (
    "import sys\nprint('batch 64 does not fit: CUDA out of memory. Tried to allocate 2.00 GiB')\n"
    "print('using batch 16')\nsys.exit('the split has no images')\n"
)
LEFT = "import subprocess\nsubprocess.Popen(['sleep', '60'])\n"
CFG = "import os\nfrom ymir_exc.util import get_merged_config\n"
FLOOD = "for number in range(200000): print('line', number)\n"


def of_the_job() -> Iterator[Fault]:
    """Every row of the truth table that needs nothing but a job."""
    rows: tuple[tuple[str, Callable[[Stage], Told], int, int, str, str], ...] = (
        ("an exit code", job("print('why'); raise SystemExit(3)"), 3, 160004, "JOB_FAILED", "exit code 3"),
        ("an exception", job("{}['bbox']"), 1, 160004, "EXCEPTION", "KeyError: 'bbox'"),
        ("an exception of a child", job(PARENT), 1, 160004, "EXCEPTION", "KeyError: 'bbox'"),
        ("a rank that fails first", job(RANKS), 1, 160004, "EXCEPTION", "rank 1: ValueError: bad batch"),
        ("a rank of torchrun that fails", torchrun("raise ValueError('bad batch')"),
         1, 160004, "EXCEPTION", "rank 1: ValueError: bad batch"),
        ("a rank of torchrun that is killed", torchrun("os.kill(os.getpid(), 9)"), 1, 160004, "KILLED", "rank 1 was"),
        ("a rank of torchrun that leaves", torchrun("os._exit(7)"), 1, 160004, "JOB_FAILED", "rank 1 ended with exit"),
        ("the job reports its own error", job(REPORTS), 1, 300002, "REPORTED", "no boxes in the training set"),
        ("GPU memory (torch's words)", job(OOM), 1, 300103, "GPU_OUT_OF_MEMORY", "ran out of GPU memory"),
        ("no memory for one array", job("bytearray(1 << 62)"), 1, 300103, "OUT_OF_MEMORY", "ran out of memory"),
        ("shared memory (torch's words)", job(SHM), 1, 300103, "SHARED_MEMORY", "shared memory.*shm_size"),
        ("driver too old (torch's words)", job(TOO_OLD), 1, 300101, "GPU_MISMATCH", "driver"),
        ("no GPU though gpu_id is set", job("raise RuntimeError('No CUDA GPUs are available')", gpu_id="0"),
         1, 300102, "NO_GPU", "gpu_id"),
        ("a GPU that fails (torch's words)", job(ECC), 1, 160004, "GPU_FAULT", "GPU failed"),
        ("ranks that lose each other (NCCL's words)", job(NCCL), 1, 160004, "PEERS_LOST", "lost each other"),
        ("ranks that hang after one has failed", job(HANG), 124, 160004, "HANGING_RANKS", "rank 1: ValueError"),
        ("a hyper-parameter that is no number", job(CFG + SETTING, batch_size="eight"),
         1, 300001, "SETTING", "batch_size is 'eight'.*Correct batch_size"),
        ("a loss that is NaN", job("print('Loss is nan, stopping training'); raise SystemExit(1)"),
         1, 300201, "NOT_A_NUMBER", "diverged"),
        ("an image that is not there", job(CFG + DATA), 1, 300002, "DATASET", "dataset"),
        ("an image that is cut off (PIL's words)", job(CUT), 1, 300003, "IMAGE_FORMAT", "can't be read"),
        ("a model file that is not there", job(CFG + MODEL), 1, 300004, "MODEL_FILE", "model file"),
        ("no network in the job", job("import urllib.request as r; r.urlopen('http://127.0.0.1:1/')"),
         1, 300301, "NETWORK", "could not reach a server"),
        ("a process of multiprocessing that is gone", job(GONE), 1, 160004, "PROCESS_LOST", "died without a word"),
        ("an interrupt that the code raises", job("raise KeyboardInterrupt"),
         130, 160004, "INTERRUPTED", "its own code raised that"),
        ("an assertion on the GPU (CUDA's words)", job(ASSERT), 1, 160004, "GPU_ASSERT", "index on the GPU.*labels"),
        ("a child's error that was got over", job(GOT_OVER), 1, 160004, "EXCEPTION", "KeyError: 'boxes'"),
        ("lines about a cause that was got over", job(USING_LESS), 1, 160004, "JOB_FAILED", "its last line: the split"),
        ("an exception behind a pipe", piped, 1, 160004, "EXCEPTION", "KeyError: 'boxes'.*set -o pipefail"),
        ("an exit code that stands for a signal", job("raise SystemExit(137)"), 137, 160004, "KILLED", "SIGKILL"),
        ("a package that is not installed", job("import no_such_package"), 1, 160004, "MISSING_MODULE", "requirements"),
        ("a framework that the image lacks", job("import mxnet"), 1, 160004, "MISSING_MODULE", "LIVE_CODE_PYTHON"),
        ("a library that the image lacks (the linker's words)", job(NO_LIBRARY),
         1, 160004, "MISSING_LIBRARY", "headless"),
        ("a package for another numpy (its words)", job(OTHER_NUMPY),
         1, 160004, "INCOMPATIBLE_BUILD", "another numpy"),
        ("a module that a newer version dropped", job("import pkg_resources"),
         1, 160004, "INCOMPATIBLE_VERSION", "<81"),
        ("packages in a folder without execution (the linker's words)", job(NOEXEC), 1, 160004, "NOEXEC", "noexec"),
        ("killed from outside", job("import os; os.kill(os.getpid(), 9)"), 137, 160004, "KILLED", "killed by SIGKILL"),
        ("a crash of native code", job("import ctypes; ctypes.string_at(0)"), 139, 160004, "CRASHED", "SIGSEGV"),
        ("an abort of native code", job("import os; os.abort()"), 134, 160004, "CRASHED", "SIGABRT"),
        ("longer than max_duration_s", job("import time; time.sleep(99)", max_duration_s=2),
         124, 160004, "TIMEOUT", "max_duration_s"),
        ("nothing happens for stall_timeout_s", job("import time; time.sleep(99)", stall_timeout_s=3),
         124, 160004, "STALLED", "stall_timeout_s"),
        ("it closes its output and fails", job("import os; os.close(1); os.close(2); os._exit(4)"),
         4, 160004, "JOB_FAILED", "exit code 4"),
        ("it ignores SIGTERM", stubborn(0, 1, 1.0), 137, 160004, "STOPPED", "stopped by SIGTERM"),
        ("it ignores SIGTERM, told twice", stubborn(0, 2, 60.0), 137, 160004, "STOPPED", "stopped by SIGTERM"),
        ("200 children fork twice and ignore SIGTERM", stubborn(200, 1, 1.0), 137, 160004, "STOPPED", "SIGTERM"),
        ("SIGINT", interrupted(signal.SIGINT), 130, 160004, "STOPPED", "stopped by SIGINT"),
        ("SIGHUP", interrupted(signal.SIGHUP), 129, 160004, "STOPPED", "stopped by SIGHUP"),
        ("a daemon is left behind", job(repos.CLASSIC_START + DAEMON), 0, 0, "", ""),
        ("200,000 lines with a quota of 1 MB", job(FLOOD + repos.CLASSIC_START, log_quota_mb=1), 0, 0, "", ""),
        ("nobody reads what we say", nobody_reads, 0, 0, "", ""),
        ("no network at first, with retries", lambda stage: stage.set_up(
            LUCKY.format(been=str(stage.root / "been")) + repos.CLASSIC_START, retries={"max": 1, "on": ["network"]}
        ).run(), 0, 0, "", ""),
    )  # fmt: skip
    for name, play, exit_code, return_code, kind, message in rows:
        yield Fault(name, "job", play, exit_code, return_code, kind, message)
    no_groups = "" if os.access(MEMORY_GROUPS, os.W_OK) else "no memory control groups of version 1 to write"
    yield Fault("more memory than the container has", "job", beyond_its_memory, 137, 300103, "OUT_OF_MEMORY",
                "the kernel killed", no_groups)  # fmt: skip


def around_the_job() -> Iterator[Fault]:
    rows: tuple[tuple[str, str, Callable[[Stage], Told], int, str, str], ...] = (
        ("no git_url", "config", task(git_url=""), 300001, "CONFIG", "git_url is missing"),
        ("a retries that is nonsense", "config", task(retries="often"), 300001, "CONFIG", "retries is 'often'"),
        ("a commit that nobody has", "source", task(git_branch="a" * 40), 300001, "GIT_REF_MISSING", "is not in"),
        ("a branch that is not there", "source", task(git_branch="none"), 300001, "GIT_REF_MISSING", "none"),
        ("a git server that is not there", "source", task(git_url=NOWHERE, git_branch="main"),
         300301, "GIT_NETWORK", "connection failed"),
        ("a git server that has gone", "source", task(git_url=NOWHERE, git_branch="a" * 40),
         300301, "GIT_NETWORK", "connection failed"),
        ("a package that does not exist", "lock", job("", requirements="extra==2\n"),
         160004, "REQUIREMENTS", "extra==2"),
        ("a package index that is down", "lock", index_is_down("/extra"), 300301, "INDEX", "503"),
        ("packages that can't be downloaded", "environment", index_is_down(r"\.whl$"), 300301, "DOWNLOAD", "503"),
        ("the image has no such Python", "lock", task(environ={"LIVE_CODE_PYTHON": "/no/python"}),
         160004, "INTERPRETER", "/no/python"),
        ("an entrypoint that is not there", "launch", task(entrypoint="./none"), 300001, "LAUNCH", "none"),
        ("a script as entrypoint that is not there", "launch", task(entrypoint="none.py"), 300001, "LAUNCH", "none.py"),
        ("no results", "results", job("pass"), 160004, "RESULTS", "no results"),
        ("a file that was named and never written", "results",
         job("from ymir_exc import result_writer as r; r.write_model_stage('epoch1', ['later.pt'], 0.5)"),
         160004, "RESULTS", "file later.pt is missing"),
        ("a process that is left behind, and no results", "results", job(LEFT),
          160004, "RESULTS", "Still running when"),
        ("results that the platform can't read", "results",
         job(CFG + "open(get_merged_config().ymir.output.mining_result_file, 'w').write('x')", on="mining"),
         160004, "RESULTS", "no tab between image and score"),
    )  # fmt: skip
    for name, phase, play, return_code, kind, message in rows:
        yield Fault(name, phase, play, 1, return_code, kind, message)


def full_disks() -> Iterator[Fault]:
    why = "mounting small disks needs root" if NO_ROOT else ""
    raises = "raise error\n"
    yield Fault("/out nearly full", "config", out_nearly_full, 1, 160004, "OUTPUT_NOT_WRITABLE", "No space left", why)
    yield Fault("the job fills /out and fails", "job", lambda stage: job_fills(stage, raises),
                1, 160004, "DISK_FULL", "no space left", why)  # fmt: skip
    yield Fault("the job fills /out and ends well", "results", lambda stage: job_fills(stage, ""), 0, 0, "", "", why)
    yield Fault(
        "/out fills up meanwhile", "launch", out_fills_up, 1, 160004, "OUTPUT_NOT_WRITABLE", "o space left", why
    )
    yield Fault("no room for the work tree", "checkout", no_room_for_the_tree, 1, 160004, "CHECKOUT", "space", why)
    for phase, kib in (("checkout", 8), ("interpreter", 32)):
        yield Fault(f"a store of {kib} KiB", phase, store_full(kib), 1, 160004, "STORE_FULL", "no space left", why)
    for held in (phases.LOCK, phases.ENVIRONMENT):
        yield Fault(f"the store fills up in {held.name}", held.name, store_fills_up(held),
                    1, 160004, "STORE_FULL", "no space left", why)  # fmt: skip


FAULTS = (*stops(), *of_the_job(), *around_the_job(), *full_disks())
