"""Decides what is started and how: entrypoint, arguments, folder and variables of the job. Pure."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from live_code.errors import LaunchError, is_it
from live_code.job import JOB_PATH
from live_code.job.ymir_exc import protocol
from live_code.stages.environment.build import Environment
from live_code.stages.launch.handover import Handover
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import CLASSIC_ENTRYPOINTS, REPO_FILE, Merged, RepoSettings
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

TORCHRUN = "torchrun"
# Its option --local-addr, which old ones don't know: by a container's own name, which often leads nowhere, ranks hang.
TORCHRUN_VARIABLES = {"PET_LOCAL_ADDR": "127.0.0.1"}
# torchrun's own word for it.
PROCESSES_KEY = "nproc_per_node"
# Starts a rank; FIRST_RANK marks words that it gives to the first one alone.
RANK_SCRIPT = os.path.join(JOB_PATH, "_live_code_rank.py")  # noqa: PTH118
FIRST_RANK = "--first="
# The bootstrapper's own settings, some of them secret: the job gets only those that are made for it.
OWN_PREFIX = "LIVE_CODE_"
# The first are of the interpreter that the bootstrapper itself runs on; the last names a file of secrets.
WITHHELD = ("VIRTUAL_ENV", "PYTHONHOME", "__PYVENV_LAUNCHER__", "NETRC")

# pip's and uv's settings, among them addresses of indexes.
INSTALLERS = ("PIP_", "UV_")
INTERPRETERS = ("python", "python3", "bash", "sh")
# Joins commands, or leads what they print elsewhere.
_OF_SHELLS = re.compile(r"&&|\|\||[|;&]|\d?>>?(?:&\d|\S*)|<\S*|\$\w+|\$[({].*")
# Options of python and bash that take no value.
_FLAG = r"-[bBdeEiIOPqRuvx]+"
_LOGIN = r"://[^/@\s]+@"


class Entrypoint(NamedTuple):
    """A command line for one or more tasks, and who named it."""

    command: str
    origin: str
    tasks: tuple[str, ...]


class Ranks(NamedTuple):
    """How many processes torchrun starts here, and the folder of its own notes."""

    processes: int
    logs: Path


class Launch(NamedTuple):
    """The job's process, whole: nothing else decides how it runs."""

    argv: tuple[str, ...]
    cwd: Path
    environ: Mapping[str, str]
    entrypoint: Entrypoint

    @property
    def torchrun(self) -> tuple[str, ...]:
        """The words that have torchrun start each rank; () for a job that is one process."""
        return self.argv[: self.argv.index(RANK_SCRIPT) + 1] if RANK_SCRIPT in self.argv else ()

    @property
    def command(self) -> tuple[str, ...]:
        """What the job is, or each of its ranks."""
        return self.argv[len(self.torchrun) :]

    def with_first(self, words: tuple[str, ...]) -> Launch:
        """The same with words after the program; of several ranks only the first has them."""
        program, *rest = self.command
        if self.torchrun:
            return self._replace(argv=(*self.torchrun, *(f"{FIRST_RANK}{word}" for word in words), program, *rest))
        return self._replace(argv=(program, *words, *rest))


def entrypoints(
    tasks: tuple[str, ...], request: Request, repo: RepoSettings, exists: Callable[[str], bool]
) -> tuple[Entrypoint, ...]:
    """The command for each task, tasks that share one together: the config's, else live-code.yaml's, else start.py.
    A live-code.yaml that names some tasks is for no others.

    ``exists`` says whether a path relative to the repo's root is a file. Raises LaunchError naming what was looked for.
    """
    chosen: dict[tuple[str, str], tuple[str, ...]] = {}
    for task in tasks:
        key = _entrypoint(task, request, repo, exists)
        chosen[key] = (*chosen.get(key, ()), task)
    return tuple(Entrypoint(command, origin, served) for (command, origin), served in chosen.items())


def require_scripts(
    entries: Iterable[Entrypoint],
    exists: Callable[[str], bool],
    names: Callable[[], Iterable[str]],
    starts: Callable[[str], bool] = lambda _: True,
) -> None:
    """Raises LaunchError for an entrypoint that is no command line, or that starts what the repo lacks or what can't
    be started.

    ``names``: the repo's files, one of which may be meant. ``starts``: whether the kernel starts a program so named.
    """
    for entry in entries:
        words = _words(entry.command, entry.origin)
        script = _script(words)
        if script and not exists(script):
            raise no_file(entry, script, names())
        if unfit := _unfit(words, exists, starts):
            reason, hint = unfit
            raise LaunchError(
                f"the entrypoint {entry.command!r} ({entry.origin}) can't be started: {reason}.", hint=hint
            )


def shell_words(entries: Iterable[Entrypoint]) -> Iterator[str]:
    """Messages about words that only a shell understands; no shell reads an entrypoint."""
    for entry in entries:
        odd = [word for word in _words(entry.command, entry.origin) if _OF_SHELLS.fullmatch(word)]
        if odd:
            yield (
                f"{odd[0]} in the entrypoint {entry.command!r} is handed over as an argument, as no shell reads it: put"
                " the command into a script and name that, like train.sh"
            )


def _unfit(words: list[str], exists: Callable[[str], bool], starts: Callable[[str], bool]) -> tuple[str, str] | None:
    """Why what is there can't be started, and the way to do it; None when it can, as far as that is known."""
    after = list(itertools.dropwhile(lambda word: re.fullmatch(_FLAG, word), words[1:]))
    first = after[0] if words[0] in INTERPRETERS and after else words[0]
    if first.endswith(".ipynb") and exists(first):
        script = f"{first.removesuffix('.ipynb')}.py"
        return (
            f"{first} is a notebook",
            f"Convert it, jupyter nbconvert --to script {first}, commit {script} and name that.",
        )
    if words[0] in INTERPRETERS or first.endswith((".py", ".sh")) or first.startswith("/"):
        return None
    if not exists(first) or starts(first):
        return None
    if "/" in first:
        return (
            f"{first} may not be executed",
            f"git update-index --chmod=+x {first.removeprefix('./')} and commit that, or write: bash {first}",
        )
    return (
        f"{first} is a file of the repo, but no program on PATH, where a name without a / is looked for",
        f"Write ./{first}, and let it be executable (git update-index --chmod=+x {first}), or: bash {first}",
    )


def no_file(entry: Entrypoint, script: str, names: Iterable[str]) -> LaunchError:
    return LaunchError(
        f"the entrypoint {entry.command!r} ({entry.origin}) names {script}, which is no file of the repo.",
        hint=f"{is_it(script, names)}Correct the name, or add the file.",
    )


def plan(
    entrypoint: Entrypoint,
    root: Path,
    environment: Environment,
    handed: Handover,
    inherited: Inherited,
    share: tuple[float, float] = (0.0, 1.0),
    ranks: Ranks | None = None,
    trees: tuple[str, ...] = (),
    paths: Callable[[str], str] = lambda path: path,
) -> Launch:
    """The job's argv, folder (the repo's root) and whole environment.

    ``share`` is the part of the progress bar that is this job's, when a start has several.
    ``ranks``: the entrypoint is started so many times, by torchrun; None: once, by itself.
    ``trees``: the work trees in which the job may call git, as their real paths. ``paths``: where a path of the
    platform's, /in/… or /out/…, is on this machine.
    """
    argv = _argv(entrypoint.command, environment.python, entrypoint.origin)
    argv = (argv[0], *(_mapped(word, paths) for word in argv[1:]))
    return Launch(
        argv=_torchrun(argv, environment.python, ranks) if ranks else argv,
        cwd=root,
        environ={
            **_environ(environment, handed, inherited, share),
            **_safe(trees, inherited),
            **(TORCHRUN_VARIABLES if ranks else {}),
        },
        entrypoint=entrypoint,
    )


def _mapped(word: str, paths: Callable[[str], str]) -> str:
    """The word, or what follows ``=`` in an option."""
    option, equals, value = word.partition("=")
    return f"{option}={paths(value)}" if equals and word.startswith("-") else paths(word)


def ranks(repo: RepoSettings, merged: Merged, folder: Path) -> Ranks | None:
    """What ``launcher`` in live-code.yaml asks for: ``nproc_per_node`` ranks where the hyper-parameters name a number,
    else one for each GPU of the task, one without GPUs.

    Raises LaunchError for a launcher that is not known or a number that is none.
    """
    if not repo.launcher:
        return None
    if repo.launcher != TORCHRUN:
        raise LaunchError(
            f"{REPO_FILE} names the launcher {repo.launcher!r}.", hint=f"Write {TORCHRUN}, or leave it out."
        )
    return Ranks(_processes(merged) or _gpus(merged), folder / "ranks")


def _processes(merged: Merged) -> int:
    count = str(merged.values.get(PROCESSES_KEY) or "").strip()
    if count and not count.isdecimal():
        raise LaunchError(
            f"{PROCESSES_KEY} is {count!r}.", hint="Write the number of processes, or leave it out: one for each GPU."
        )
    return int(count or 0)


def _gpus(merged: Merged) -> int:
    listed = [number for number in str(merged.values.get("gpu_id") or "").split(",") if number.strip()]
    count = str(merged.values.get("gpu_count") or len(listed))
    return max(int(count) if count.isdecimal() else len(listed), 1)


def _torchrun(argv: tuple[str, ...], python: Path, ranks: Ranks) -> tuple[str, ...]:
    """torchrun itself ends the other ranks when one has failed. Its tee would keep all that they say in files without
    a limit, so the mark before each line is ours."""
    options = (
        f"--nproc_per_node={ranks.processes}",
        "--standalone",
        "--max_restarts=0",
        f"--log_dir={ranks.logs}",
        "--no_python",
    )
    marked = (str(python), "-I", "-S", RANK_SCRIPT)
    return (str(python), "-m", "torch.distributed.run", *options, *marked, *argv)


def _entrypoint(task: str, request: Request, repo: RepoSettings, exists: Callable[[str], bool]) -> tuple[str, str]:
    given = request.entrypoint
    if named := given if isinstance(given, str) else given.get(task):
        return named, "config.yaml"
    if named := repo.entrypoint.get(task) or repo.entrypoint.get(""):
        return named, REPO_FILE
    if repo.entrypoint:
        raise LaunchError(
            f"{REPO_FILE} names an entrypoint for {' and '.join(repo.entrypoint)}, and none for {task}.",
            hint="The repo is not for this task, or has to name one for it there.",
        )
    for name in CLASSIC_ENTRYPOINTS:
        if exists(name):
            return name, name
    raise LaunchError(
        f"the repo has no entrypoint for {task}: looked for entrypoint in config.yaml and {REPO_FILE}, "
        f"then for {' and '.join(CLASSIC_ENTRYPOINTS)}.",
        hint=f"Add a start.py at its root, or name the command in {REPO_FILE}.",
    )


def _script(words: list[str]) -> str:
    """The repo's file that is started, '' where that is not sure: modules, programs, and what bash finds on PATH."""
    if words[0] in INTERPRETERS:
        words = list(itertools.dropwhile(lambda word: re.fullmatch(_FLAG, word), words[1:]))
    first = words[0] if words else ""
    is_plain = first.endswith(".py") or (first.endswith(".sh") and "/" in first)
    return first if is_plain and not first.startswith(("/", "-")) else ""


def _words(command: str, origin: str) -> list[str]:
    if command.isprintable() and not {"'", '"', "\\"} & set(command):  # most are a name; shlex takes a millisecond
        words = command.split()
    else:
        words = _quoted_words(command, origin)
    if not words:
        raise LaunchError(f"the entrypoint that {origin} names is empty.", hint="Name a script or a command.")
    return words


def _quoted_words(command: str, origin: str) -> list[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError as error:
        raise LaunchError(f"the entrypoint {command!r} ({origin}) is no command line: {error}.") from error


def _argv(command: str, python: Path, origin: str) -> tuple[str, ...]:
    first, *rest = _words(command, origin)
    if first in ("python", "python3"):
        return (str(python), *rest)
    if first.endswith(".py"):
        return (str(python), first, *rest)
    if first.endswith(".sh"):
        return ("bash", first, *rest)
    return (first, *rest)


def _environ(
    environment: Environment, handed: Handover, inherited: Inherited, share: tuple[float, float]
) -> dict[str, str]:
    variables = inherited.without(WITHHELD, prefixes=(OWN_PREFIX,))
    job = {key: _without_login(key, value) for key, value in variables.items()}
    job.update(
        {
            **_proxies(inherited),
            protocol.ENV_FILE_VARIABLE: str(handed.env_file),
            protocol.CONFIG_FILE_VARIABLE: str(handed.config_file),
            protocol.MERGED_CONFIG_VARIABLE: str(handed.config_file),
            protocol.JOB_VARIABLE: JOB_PATH,
            protocol.SHARE_VARIABLE: f"{share[0]:g},{share[1]:g}",
            "PATH": f"{environment.python.parent}:{inherited.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
            "PYTHONPATH": ":".join(filter(None, (".", inherited.get("PYTHONPATH")))),
            # Without it a Python whose output is a pipe says nothing for minutes.
            "PYTHONUNBUFFERED": inherited.get("PYTHONUNBUFFERED", "1"),
            # A user's own packages would stand before the image's and the lock's.
            "PYTHONNOUSERSITE": inherited.get("PYTHONNOUSERSITE", "1"),
            "VIRTUAL_ENV": str(environment.root),
        }
    )
    return job


def _without_login(key: str, value: str) -> str:
    """Indexes may be named with a login in the URL; the job may know the index, but not the login."""
    return re.sub(_LOGIN, "://", value) if key.startswith(INSTALLERS) else value


def _proxies(inherited: Inherited) -> dict[str, str]:
    if not any(key.lower().endswith("_proxy") for key in inherited.values):
        return {}
    from live_code.tools.git import proxies  # most containers have none

    return proxies.for_job(inherited.proxies())


def _safe(trees: tuple[str, ...], inherited: Inherited) -> dict[str, str]:
    """Variables that let git (2.38 and later) read these work trees and no others, whoever they belong to: an image's
    /app is root's while the container may run as anyone. All that the container itself sets for git stays."""
    configured = inherited.get("GIT_CONFIG_COUNT") or "0"
    if not trees or not configured.isdigit():
        return {}
    first = int(configured)
    keys = {f"GIT_CONFIG_KEY_{number}": "safe.directory" for number in range(first, first + len(trees))}
    values = {f"GIT_CONFIG_VALUE_{number}": tree for number, tree in enumerate(trees, first)}
    return {"GIT_CONFIG_COUNT": str(first + len(trees)), **keys, **values}
