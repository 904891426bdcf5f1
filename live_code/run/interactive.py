"""A person at the job: a shell in the place of its command, or a debugger that the job waits for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import BuildError, LaunchError
from live_code.stages.environment.build import Environment
from live_code.stages.launch.plan import Launch
from live_code.tools import files
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import NamedTuple

DEFAULT_ADDRESS = "127.0.0.1:5678"
# Any wheel of this release that fits the job's Python; the digests are those of the index (scripts/lock).
PINS = Path(__file__).with_name("debugpy.txt")
_ADDRESS = re.compile(r"(?:(?P<host>[\w.:-]+):)?(?P<port>\d{1,5})")


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """``[HOST:]PORT``. Raises LaunchError."""
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match["port"]) < 1 << 16:
        raise LaunchError(f"{text!r} is no address for a debugger.", hint=f"Write HOST:PORT, as {DEFAULT_ADDRESS}.")
    return Address(match["host"] or DEFAULT_ADDRESS.partition(":")[0], int(match["port"]))


def free(text: str) -> Address:
    """``address`` of the text, where a debugger can listen. Raises LaunchError."""
    import socket

    endpoint = address(text)
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(endpoint)
    except OSError as error:
        raise LaunchError(
            f"a debugger can't listen at {endpoint}: {error.strerror}.", hint="Name another port: --debug [HOST:]PORT."
        ) from error
    return endpoint


def shell(launches: tuple[Launch, ...], record_dir: Path) -> int:
    """An interactive shell in the first job's folder and environment; ``$JOB`` starts the job's command. Returns its
    exit code. Raises LaunchError."""
    first = launches[0]
    scripts = [_script(job, first, record_dir / f"job-{'-'.join(job.entrypoint.tasks)}") for job in launches]
    environ = {**first.environ, "JOB": str(scripts[0])}
    for job, script in zip(launches, scripts, strict=True):
        log.info(f"the job's command for {' and '.join(job.entrypoint.tasks)}: {shlex.join(job.argv)}")
        log.info(
            f"{'$JOB' if script == scripts[0] else script} starts it; this work tree goes when you leave: {job.cwd}"
        )
    program = shutil.which("bash", path=first.environ["PATH"]) or "/bin/sh"
    words = [program]
    if program.endswith("bash"):
        words += ["--rcfile", str(_startup(environ, record_dir / "shell.rc"))]
    try:
        return subprocess.run(words, cwd=first.cwd, env=environ, check=False).returncode
    except OSError as error:
        raise LaunchError(f"{program} can't be started: {error.strerror}.", hint="A shell needs bash or sh.") from error


def debugged(
    launches: tuple[Launch, ...], endpoint: Address, built: Environment, store: Store, settings: PackageSettings
) -> tuple[Launch, ...]:
    """The jobs, each started by debugpy and waiting for a client. The job's environment stays as it is locked: debugpy
    lies in a folder of its own. Raises LaunchError, BuildError."""
    program = _debugpy(built, store, settings)
    return tuple(_under(job, program, endpoint, built) for job in launches)


def announce(endpoint: Address, job: Launch) -> None:
    """Who waits, and what to write into launch.json."""
    root = job.cwd
    mapping = f'[{{"localRoot": "${{workspaceFolder}}", "remoteRoot": "{root}"}}]'
    connect = f'{{"host": "{endpoint.host}", "port": {endpoint.port}}}'
    who = "rank 0 of the job" if job.torchrun else "the job"
    log.info(f"{who} waits at {endpoint} for a debugger; stall_timeout_s, max_duration_s and retries do not count.")
    log.info("For .vscode/launch.json:")
    log.info(
        f'{{"name": "live-code", "type": "debugpy", "request": "attach", "connect": {connect}, '
        f'"pathMappings": {mapping}}}'
    )


def _under(job: Launch, program: Path, endpoint: Address, built: Environment) -> Launch:
    # Modules of the standard library that are frozen into Python can't be stepped through, of which debugpy warns.
    debugger = ("-Xfrozen_modules=off", str(program), "--listen", str(endpoint), "--wait-for-client")
    python, *rest = job.command
    if python != str(built.python) or not rest:
        raise LaunchError(f"debugpy can't start {python}.", hint="It starts Python scripts and modules only.")
    # What it starts in turn is debugged, too, and would warn of the same.
    quiet = {**job.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return job._replace(environ=quiet).with_first(debugger)


def _debugpy(built: Environment, store: Store, settings: PackageSettings) -> Path:
    from live_code.tools.packages import index, uv

    text = PINS.read_text(encoding="utf-8")
    python = os.path.realpath(built.python)

    def fill(root: Path, lock: int) -> None:
        log.info("installing debugpy, beside the job's environment")
        words = ["pip", "install", "--python", python, "--target", str(root / "site"), "--no-deps", "--require-hashes"]
        words += index.choose("", (), (), settings).arguments()
        try:
            uv.run([*words, "--requirements", "-"], store, settings, stdin=text, lock=lock)
        except runner.ProcessError as error:
            raise BuildError(
                "debugpy can't be installed.", hint="--debug needs a package index once.", details=error.last_lines
            ) from error

    key = files.sha256_text(f"{text}{python}")[:32]
    made = store.folder("debugpy", key, fill, lambda _: None, "debugpy")
    return made.path / "site" / "debugpy"


def _script(job: Launch, first: Launch, path: Path) -> Path:
    """Starts the job's command in the shell's environment; what is this job's own goes along."""
    own = [
        f"export {key}={shlex.quote(value)}" for key, value in job.environ.items() if first.environ.get(key) != value
    ]
    lines = ["#!/bin/sh", f"cd {shlex.quote(str(job.cwd))}", *own, f'exec {shlex.join(job.argv)} "$@"']
    files.write_text(path, "\n".join(lines) + "\n")
    path.chmod(0o755)
    return path


def _startup(job: Mapping[str, str], path: Path) -> Path:
    """The user's own bashrc, then what it may have changed of the job's environment, as the job has it."""
    names = ("PATH", "PYTHONPATH", "VIRTUAL_ENV")
    lines = ["[ -f ~/.bashrc ] && . ~/.bashrc", *(f"export {key}={shlex.quote(job[key])}" for key in names)]
    files.write_text(path, "\n".join([*lines, "PS1='(live-code) \\w \\$ '"]) + "\n")
    return path
