"""An image as the platform sees it: what it prints when it is inspected, how it starts, how it ends."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from live_code.commands import inspection
from live_code.errors import EngineError
from live_code.job.ymir_exc import protocol
from live_code.tools.processes import runner
from live_code.tools.terminal import table
from live_code.values import NamedTuple

FORM = ("git_url", "git_branch", "code_config")
# Longer than a plain container's start takes on a slow machine, and no user waits for it with joy.
SLOW_S = 5.0
_START = "bash /usr/bin/start.sh >/dev/null; code=$?; cat /out/monitor.txt; test $code != 0"
_WAIT = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.1; done"


class Finding(NamedTuple):
    """What one check saw. ``ok`` is False for what the platform, or its users, would stumble upon."""

    check: str
    ok: bool
    text: str


class Fault(Exception):
    """What is wrong, in a sentence."""


class Image(NamedTuple):
    name: str
    engine: str = "docker"

    def run(self, *command: str, options: tuple[str, ...] = ()) -> str:
        """A container's stdout. Raises Fault when it ends badly."""
        try:
            return self._engine("run", "--rm", "--network=none", *options, self.name, *command).stdout
        except runner.ProcessError as error:
            raise Fault(f"`{' '.join(command)}` ended with {error.code}: {error.last_lines}") from error

    def inspect(self) -> dict[str, Any]:
        """Raises EngineError."""
        try:
            return dict(json.loads(self._engine("image", "inspect", self.name).stdout)[0])
        except runner.ProcessError as error:
            hint = "Pull or build it, or name another engine with --engine."
            raise EngineError(
                f"{self.name} can't be inspected by {self.engine}: {error.last_lines}.", hint=hint
            ) from error

    def exit_of_stop(self) -> int:
        """Starts a shell that ends with 42 when it hears SIGTERM, stops the container, and returns its exit code."""
        name = self._engine("run", "--detach", "--network=none", self.name, "bash", "-c", _WAIT).stdout.strip()
        try:
            end = time.monotonic() + 10
            while "ready" not in self._engine("logs", name).stdout and time.monotonic() < end:
                time.sleep(0.1)
            self._engine("stop", "--time", "5", name)
            return int(self._engine("inspect", "--format", "{{.State.ExitCode}}", name).stdout)
        finally:
            self._engine("rm", "--force", name)

    def _engine(self, *words: str) -> runner.Output:
        return runner.run([self.engine, *words], timeout=120)


def check(image: Image) -> list[Finding]:
    """Every check, in order; takes some dozens of container starts. Raises EngineError."""
    image.inspect()
    return [_finding(name, examine, image) for name, examine in _CHECKS.items()]


def show(findings: list[Finding]) -> Iterator[str]:
    """As a table."""
    yield from table.lines(("", "CHECK", "SAYS"), [("ok" if f.ok else "BAD", f.check, f.text) for f in findings])


def _finding(name: str, examine: Callable[[Image], str], image: Image) -> Finding:
    try:
        return Finding(name, True, examine(image))
    except Fault as fault:
        return Finding(name, False, " ".join(str(fault).split()))
    except runner.ProcessError as error:
        return Finding(name, False, f"{error}: {error.last_lines}")


def _manifest(image: Image) -> str:
    manifest = _yaml(image, "manifest.yaml")
    if manifest.get("enable_livecode") is not True:
        raise Fault("enable_livecode is not true: the platform shows no form for git_url")
    return f"object_type {manifest.get('object_type', 2)}, with live code"


def _platforms(image: Image) -> str:
    return judged(inspection.offers(lambda name: _mapping(image, name)))


def judged(offers: Mapping[str, inspection.Offer]) -> str:
    """In words. Raises Fault when no platform takes the image, or one shows it where it does no task."""
    text = "; ".join(f"platforms {generation} {offer}" for generation, offer in offers.items())
    idle = any(not tasks for offer in offers.values() for tasks in offer.tasks.values())
    if idle or all(offer.refusal for offer in offers.values()):
        raise Fault(text)
    return text


def _templates(image: Image) -> str:
    """Of all folders."""
    templates = []
    for folder in ("", *(f"{folder}/" for folder in inspection.FOLDERS.values())):
        found = {
            task: values for task in protocol.TASKS if (values := _mapping(image, f"{folder}{task}-template.yaml"))
        }
        for task, values in found.items():
            if nested := [key for key, value in values.items() if isinstance(value, dict)]:
                raise Fault(f"{folder}{task}-template.yaml: {nested[0]} is a mapping; the platform's form is flat")
        if found:
            templates.append(f"{folder or 'top'}: {', '.join(found)}")
    if not templates:
        raise Fault("there is none: the image does no task")
    return "; ".join(templates)


def _form(image: Image) -> str:
    if not _exists(image, "/img-man/code-access.yaml"):
        return "no code-access.yaml; the platform needs none"
    keys = _yaml(image, "code-access.yaml")
    if missing := [key for key in FORM if key not in keys]:
        raise Fault(f"code-access.yaml lacks {missing[0]}")
    return ", ".join(keys)


def _command(image: Image) -> str:
    command = image.inspect()["Config"].get("Cmd") or []
    if command[:2] == ["/bin/sh", "-c"]:
        raise Fault("CMD has the shell form, in which no signal reaches what it starts")
    return " ".join(command) or "none"


def _start_script(image: Image) -> str:
    lines = image.run("cat", "/usr/bin/start.sh").splitlines()
    if not any(line.lstrip().startswith("exec ") for line in lines):
        raise Fault("/usr/bin/start.sh does not exec: its child hears no signal")
    return "/usr/bin/start.sh execs"


def _start_up(image: Image) -> str:
    """As a user that the image does not know, without a task: it has to say so, and to end with an error."""
    uid = random.randint(10_000, 60_000)  # noqa: S311 - it keeps no secret
    options = ("--user", f"{uid}:{uid}", "--tmpfs=/out:mode=1777", "--tmpfs=/in:mode=1777", "--entrypoint=bash")
    began = time.monotonic()
    output = image.run("-c", _START, options=options)
    took = time.monotonic() - began
    try:
        monitor = protocol.parse_monitor(output)
    except ValueError as error:
        raise Fault(f"as user {uid} without a task it leaves no readable monitor.txt: {error}") from error
    if monitor.state != protocol.STATE_ERROR:
        raise Fault(f"as user {uid} without a task it ends in state {monitor.state}, not {protocol.STATE_ERROR}")
    if took > SLOW_S:
        raise Fault(f"it takes {took:.1f} s to find that there is no task")
    expected = "the expected error: there is no task"
    return f"as user {uid}: {monitor.return_code} ({expected}) after {took:.1f} s, container included"


def _pass_through(image: Image) -> str:
    output = image.run("echo", "alone")
    if output != "alone\n":
        raise Fault(f"ENTRYPOINT says more than the command: {output!r}")
    return "ENTRYPOINT runs any command and says nothing"


def _signals(image: Image) -> str:
    code = image.exit_of_stop()
    if code != 42:
        raise Fault(f"SIGTERM does not reach what ENTRYPOINT starts: it ended with {code}")
    return "SIGTERM reaches what ENTRYPOINT starts"


def _name(image: Image) -> str:
    """A derived image has its parent's name for itself, unless it sets one."""
    inspected = image.inspect()
    return named(image.name, inspected.get("RepoTags") or [], inspected["Config"].get("Env") or [])


def named(image_name: str, tags: Sequence[str], variables: Sequence[str]) -> str:
    """What records will call an image with these tags and variables. Raises Fault when that is another's name."""
    values = dict(variable.partition("=")[::2] for variable in variables)
    name = values.get("LIVE_CODE_IMAGE", "")
    if not name:
        return "none: records will not name the image"
    if name.partition("@")[0] not in {image_name, *tags, *(tag.removesuffix(":latest") for tag in tags)}:
        raise Fault(f"records will call it {name}, as its LIVE_CODE_IMAGE says: set that in its dockerfile")
    return f"records call it {name}"


def _size(image: Image) -> str:
    inspected = image.inspect()
    labels = inspected["Config"].get("Labels") or {}
    base = labels.get("org.opencontainers.image.base.name", "")
    return f"{inspected['Size'] / 1e9:.2f} GB" + (f", on {base}" if base else "")


def _yaml(image: Image, name: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(image.run("cat", f"/img-man/{name}"))
    except yaml.YAMLError as error:
        raise Fault(f"{name} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise Fault(f"{name} holds no keys and values")
    return values


def _mapping(image: Image, name: str) -> dict[str, Any] | None:
    """A file as the platform reads it; None for one that is missing or holds no keys and values."""
    try:
        return _yaml(image, name) or None
    except Fault:
        return None


def _exists(image: Image, path: str) -> bool:
    return image.run("bash", "-c", f"test -e {path} && echo yes || echo no") == "yes\n"


_CHECKS: dict[str, Callable[[Image], str]] = {
    "manifest": _manifest,
    "platforms": _platforms,
    "templates": _templates,
    "live-code form": _form,
    "commands": _pass_through,
    "CMD": _command,
    "start.sh": _start_script,
    "start-up": _start_up,
    "signals": _signals,
    "name": _name,
    "size": _size,
}
