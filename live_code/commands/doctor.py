"""`live-code doctor`: what a run would find here, and what would go wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from live_code.errors import CredentialsError, InterpreterError, LiveCodeError
from live_code.tools import settings as variables
from live_code.tools import store
from live_code.tools.git import credentials, policy
from live_code.tools.machine import host, interpreter
from live_code.tools.machine.host import Host
from live_code.tools.machine.interpreter import Framework, Interpreter
from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.tools.packages import access, framework, index, secrets, uv
from live_code.tools.packages.framework import Protection
from live_code.tools.processes import runner
from live_code.tools.settings import GitSettings, PackageSettings, Settings
from live_code.tools.store import Store
from live_code.tools.telemetry import gpu
from live_code.values import NamedTuple

_ENOUGH_BYTES = 2 << 30
_TIMEOUT_S = 10.0
_CORE = tuple(settings.module for settings in FRAMEWORKS if not settings.part_of)
# Either is there when a driver is, in a container too.
_DRIVER = ("/proc/driver/nvidia/version", "/dev/nvidiactl")


class Answer(NamedTuple):
    """What one question found: some lines; what is wrong, '' when nothing is; what may be as it is."""

    topic: str
    text: str
    problem: str = ""
    note: str = ""


class Findings(NamedTuple):
    answers: tuple[Answer, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(answer.problem for answer in self.answers if answer.problem)


def examine(python: Path | None, environ: Mapping[str, str]) -> Findings:
    """Asks everything; an answer that fails is a problem of that topic, never an end."""
    wrong = variables.problems(environ)
    settings = variables.read({name: value for name, value in environ.items() if name not in wrong})
    cache = store.find(settings.store)
    answers = [
        *(Answer("variables", "", str(error)) for error in wrong.values()),
        *(Answer("variables", "", line) for line in variables.unknown(environ)),
        *_image(python, cache.top, settings),
        *_mounted(cache),
        _store(cache),
        _tool("git", ["git", "--version"]),
    ]
    answers += [
        Answer("repositories", "" if policy.REPOS_VARIABLE in wrong else _repositories(settings.git)),
        _credentials(settings),
        _tool("uv", [str(uv.binary()), "--version"]),
        *_indexes(cache, settings.packages),
    ]
    return Findings(tuple(answers))


def _repositories(settings: GitSettings) -> str:
    return ", ".join(settings.allowed_repos) or "all that can be reached"


def show(findings: Findings) -> list[str]:
    """As lines for a person."""
    lines = [f"{answer.topic:12} {answer.text}" for answer in findings.answers if answer.text]
    notes = [f"note: {answer.note}" for answer in findings.answers if answer.note]
    lines += ["", *(f"problem: {problem}" for problem in findings.problems), *notes]
    if not findings.problems:
        count = f", {len(notes)} note{'s' * (len(notes) > 1)}" if notes else ""
        lines.append(f"no problem found{count}")
    return lines


def _image(python: Path | None, cache: Store, settings: Settings) -> Iterator[Answer]:
    try:
        image = interpreter.inspect((python or interpreter.find(settings)).absolute(), cache, settings.inherited)
    except InterpreterError as error:
        yield Answer("interpreter", "", str(error))
        return
    kind = "venv" if image.is_venv else "conda" if image.is_conda else "system"
    yield Answer("interpreter", f"{image.path} ({image.implementation} {image.version}, {kind}, {image.platform})")
    yield _framework(image)
    yield _gpus(image.frameworks, host.inspect(), settings.gpus)
    yield _protected(framework.protection(image, settings.packages), settings.packages)


def _framework(image: Interpreter) -> Answer:
    modules = image.frameworks
    core = [
        f"{name} {framework.version(image, name)} {f'for CUDA {module.cuda}' if module.cuda else 'without CUDA'}"
        for name, module in modules.items()
        if name in _CORE
    ]
    others = [
        f"{name} {image.packages.get(name) or module.version}" for name, module in modules.items() if name not in _CORE
    ]
    if core:
        return Answer("framework", ", ".join([*core, *others]))
    note = f"what imports {' or '.join(_CORE)} fails here; {interpreter.PYTHON_VARIABLE} names another interpreter"
    return Answer("framework", "none", note=note)


def _gpus(frameworks: Mapping[str, Framework], machine: Host, visible: str | None) -> Answer:
    """Whether the framework will find a GPU."""
    shown = [f"{device.index}: {device.name}" for device in machine.gpus]
    count = len(shown) or gpu.devices()
    driver = bool(machine.driver) or any(Path(path).exists() for path in _DRIVER)
    text = f"{', '.join(shown) or count or 'none'}" + (f" (driver {machine.driver})" if machine.driver else "")
    return Answer("GPUs", text, gpu_problem(frameworks, driver=driver, count=count, visible=visible))


def gpu_problem(frameworks: Mapping[str, Framework], *, driver: bool, count: int, visible: str | None) -> str:
    """Why a job will run on the CPU though the image or the machine is made for more, '' when nothing is amiss."""
    core = [name for name in _CORE if name in frameworks]
    wants = next((name for name in core if frameworks[name].cuda), "")
    if core and not wants and count:
        return f"{core[0]} is built without CUDA: it will run on the CPU, though there is a GPU"
    if wants and not driver:
        return f"{wants} is built for CUDA, but there is no NVIDIA driver here: it will run on the CPU"
    if wants and not count:
        return f"no GPU is visible to {wants}: start the container with --gpus"
    if wants and visible is not None and visible.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={visible} hides the GPUs from {wants}: it will run on the CPU"
    return ""


def _protected(protection: Protection, settings: PackageSettings) -> Answer:
    exact = [f"{name}=={version}" for name, version in protection.packages.items()]
    lacking = ", ".join(sorted(framework.listed(settings) - set(protection.packages)))
    return Answer(
        "protected",
        ", ".join([*exact, *(b.name + b.versions for b in protection.bounds)]) or "nothing",
        f"the image lacks what {framework.PROTECT_VARIABLE} lists: {lacking}" if lacking else "",
    )


def _credentials(settings: Settings) -> Answer:
    """For whom there are any; nothing of themselves."""
    try:
        hosts = [f"{credential.scheme}://{credential.host}" for credential in credentials.read(settings.git)]
        hosts += ["ssh"] if credentials.ssh_key(settings.git) else []
        hosts += [f"index {login.host}" for login in secrets.read(settings.packages)]
    except LiveCodeError as error:
        return Answer("credentials", "", str(error))
    return Answer("credentials", ", ".join(dict.fromkeys(hosts)) or "none")


def _mounted(cache: Store) -> Iterator[Answer]:
    """A cache volume that a run can only read, if at all."""
    if cache.trouble:
        yield Answer("store", f"{store.CACHE} (to read only)", cache.trouble)


def _store(cache: Store) -> Answer:
    try:
        cache.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache.root).free
    except OSError as error:
        return Answer("store", str(cache.root), f"the store {cache.root} can't be made: {error.strerror}")
    text = f"{cache.root} ({free / 1e9:.1f} GB free)"
    if not os.access(cache.root, os.W_OK):
        return Answer("store", text, f"the store {cache.root} can't be written by this user")
    return Answer("store", text, "the store has less than 2 GB free" if free < _ENOUGH_BYTES else "")


def _tool(name: str, argv: list[str]) -> Answer:
    try:
        return Answer(name, runner.run(argv, timeout=_TIMEOUT_S).stdout.strip())
    except runner.ProcessError as error:
        return Answer(name, "", f"{name} does not answer: {error.last_lines}")


def _indexes(cache: Store, settings: PackageSettings) -> Iterator[Answer]:
    from live_code.tools.packages import probe  # the others ask nothing by HTTP
    from live_code.tools.packages.messages import failures

    chosen = index.choose("", (), (), settings)
    try:
        with access.opened(settings, cache) as given:
            for url in (chosen.default, *chosen.extra):
                yield Answer("index", url, failures.of_index(probe.trouble(url, "pip", given)))
    except CredentialsError:  # reported with the credentials
        return
