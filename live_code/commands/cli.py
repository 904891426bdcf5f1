"""The command line as a whole: which module does what is asked for; and the one error boundary outside of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from live_code.errors import ConfigError, LiveCodeError
from live_code.job.ymir_exc import protocol
from live_code.tools import settings
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from live_code.run.guarded import Options

# What a container's start names, if it names anything.
FOLDERS = {"--in": "in_dir", "--out": "out_dir", "--env": "env_file"}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command. Returns its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    is_run = words[:1] == ["run"]  # it settles its variables itself, once it can tell what goes wrong

    def command() -> int:
        if options := plainly(words):
            return _run(options)
        if not words:
            parser().print_help(sys.stderr)
            return 2
        arguments = parser(all_commands=not is_run).parse_args(words)
        environ = os.environ if is_run else _settled()
        arguments.environ, arguments.settings = environ, cache(lambda: settings.read(environ))
        code: int = arguments.command(arguments)
        return code

    return bounded(command)


def bounded(command: Callable[[], int], program: str = "live-code") -> int:
    """The command's exit code; of what it raises the code of docs/exit-codes.md, with one line on stderr."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except LiveCodeError as error:
        failure = error
    except KeyboardInterrupt:
        print(f"{program}: stopped by Ctrl-C", file=sys.stderr)
        return 128 + 2
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except Exception as error:  # noqa: BLE001 - the one place where our own mistakes end, but for those of a run
        from live_code.tools import bugs

        failure = bugs.of_command(error)
    print(f"{program}: {failure}", file=sys.stderr)
    return failure.exit_code


def plainly(words: Sequence[str]) -> Options | None:
    """``run`` with folders alone, as containers say it, read without argparse, which takes 7 ms of a start.
    None when there is more to it."""
    names, values = words[1::2], words[2::2]
    if list(words[:1]) != ["run"] or len(names) != len(values) or any(value.startswith("-") for value in values):
        return None
    if not FOLDERS.keys() >= set(names):
        return None
    named = {FOLDERS[name]: Path(value) for name, value in zip(names, values, strict=True)}
    from live_code.run.guarded import Options

    return Options(named.get("in_dir"), named.get("out_dir"), named.get("env_file"))


def _settled() -> Mapping[str, str]:
    from live_code.tools.machine import container

    try:
        return container.settled(os.environ)
    except OSError:  # there is no place to write: the command tells when it needs one
        return os.environ


def parser(*, all_commands: bool = True) -> argparse.ArgumentParser:
    """The whole command line, or ``run`` alone. Each command imports what it needs when it runs: start-up time is the
    product."""
    from live_code.commands.parsing import Parser, Version

    top: argparse.ArgumentParser = Parser(prog="live-code", description="Runs any git repository at one pinned commit.")
    top.add_argument("--version", action=Version, nargs=0, help="show version and commit")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    if all_commands:
        _add_others(commands)
    return top


def _add_others(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from live_code.commands import authoring, code, environment, experiments, records

    _add_verify(commands)
    records.add(commands)
    experiments.add(commands)
    environment.add(commands)
    _add_images(commands)
    code.add(commands)
    authoring.add(commands)
    _add_completion(commands)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("run", help="run a task folder: what a container does at its start")
    _add_folders(command)
    command.add_argument("--log-format", choices=("text", "json"), default="text", help="lines for a person, or JSON")
    command.add_argument("--plain", action="store_true", help="only lines, on a terminal too; so does NO_COLOR=1")
    command.add_argument("--bundle", type=Path, metavar="FILE", help="a file of live-code bundle: no network is needed")
    hand = command.add_mutually_exclusive_group()
    hand.add_argument("--shell", action="store_true", help="a shell in the job's environment instead of the job")
    hand.add_argument(
        "--debug",
        nargs="?",
        const="127.0.0.1:5678",
        default="",
        metavar="[HOST:]PORT",
        help="the job waits there for a debugger (default: 127.0.0.1:5678)",
    )
    command.set_defaults(command=_run_as_parsed)


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("verify", help="check a task's outputs as the platform will read them")
    _add_folders(command)
    command.set_defaults(command=_verify)


def _add_images(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    images = commands.add_parser("images", help="look at images as the platform does")
    command = images.add_subparsers(required=True, metavar="COMMAND").add_parser("check", help="check one image")
    command.add_argument("image", metavar="IMAGE", help="a name that the engine knows or can pull")
    command.add_argument("--engine", default="docker", metavar="PROGRAM", help="docker (default) or podman")
    command.set_defaults(command=_check_image)


def _add_completion(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("completion", help="print the script that completes the command line in a shell")
    command.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that you type in")
    command.set_defaults(command=_completion)


def _add_folders(command: argparse.ArgumentParser) -> None:
    command.add_argument("--in", dest="in_dir", type=Path, metavar="DIR", help="the task's input folder (default: /in)")
    command.add_argument("--out", dest="out_dir", type=Path, metavar="DIR", help="its output folder (default: /out)")
    command.add_argument("--env", dest="env_file", type=Path, metavar="FILE", help="env.yaml, when it lies elsewhere")


def _run_as_parsed(arguments: argparse.Namespace) -> int:
    from live_code.run.guarded import Options

    return _run(Options(*(getattr(arguments, name) for name in Options._fields)))


def _run(options: Options) -> int:
    from live_code.run import guarded

    _require_folders(options)
    _require_apart(options)
    return guarded.run(options, os.environ, bounded)


def _require_folders(options: Options) -> None:
    """A person's machine has no task at /in: nothing is to be made at /out there. Raises ConfigError."""
    named = options.in_dir or options.env_file
    is_known = named or os.environ.get(protocol.ENV_FILE_VARIABLE) or _is_folder(protocol.INPUT_DEFAULTS)
    missing = [] if is_known else ["--in DIR"]
    if not options.out_dir and (missing or named or not _is_folder(protocol.OUTPUT_DEFAULTS)):
        missing.append("--out DIR")
    if not missing:
        return
    from live_code.tools.machine import container

    if not container.is_image():
        needed = f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} needed here"
        raise ConfigError(f"{needed}: this is no container with a task at /in and /out.")


def _require_apart(options: Options) -> None:
    """What a run writes is no input of the next. Raises ConfigError."""
    if not options.in_dir or not options.out_dir:
        return
    task, out = os.path.realpath(options.in_dir), os.path.realpath(options.out_dir)
    if f"{out}/".startswith(f"{task}/"):
        where = "is the task's input folder" if out == task else f"lies in the task's input folder {options.in_dir}"
        raise ConfigError(f"--out {options.out_dir} {where}.", hint="Name a folder outside of it.")


def _is_folder(places: Mapping[str, str]) -> bool:
    return os.path.isdir(places["root_dir"])  # noqa: PTH112


def _verify(arguments: argparse.Namespace) -> int:
    from live_code.stages import results
    from live_code.stages.record.journal import EARLIER
    from live_code.stages.request import task_config

    folders = task_config.Folders(arguments.in_dir, arguments.out_dir, arguments.env_file)
    collected, problems = results.check(task_config.load(folders, settings.task_files(arguments.environ)))
    if bad_end := _bad_end(task_config.out_dir(folders)):
        print(bad_end)
        if (before := task_config.out_dir(folders) / "live-code" / EARLIER).is_file():
            print(f"another run ended well here before, and results may be its own: {before}")
    for problem in problems:
        print(f"{problem.task}: {'' if problem.refused else 'warning: '}{problem.text}")
    if refused := sum(problem.refused for problem in problems):
        print(f"{results.count(refused, 'problem')}: the platform can't use these results")
        return 1
    if problems:
        print("the platform takes these results")
    print(results.summary(collected))
    return 0


def _bad_end(out: Path) -> str:
    """What the record says of a run that did not end well, a line; '' for one that did, and without a record."""
    from live_code.stages.record import reading
    from live_code.stages.record.journal import RECORD

    if not any((out / folder / RECORD).is_file() for folder in ("live-code", reading.KEPT)):
        return ""
    record = reading.read(out)
    if record.state == "failed":
        return f"the run failed in {record.get('error', 'phase')}: {record.get('error', 'message')}"
    return "" if record.state == "done" else "the run has not ended, or was killed before it could tell"


def _completion(arguments: argparse.Namespace) -> int:
    from live_code.commands import manual

    print(manual.completion(parser(), arguments.shell))
    return 0


def _check_image(arguments: argparse.Namespace) -> int:
    from live_code.commands import images

    findings = images.check(images.Image(arguments.image, arguments.engine))
    print("\n".join(images.show(findings)))
    return 0 if all(finding.ok for finding in findings) else 1
