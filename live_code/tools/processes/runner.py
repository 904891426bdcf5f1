"""The one runner of child processes that are not the job: argv in, text out, an error that carries all three."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from live_code.values import NamedTuple

# Set once a child has been started: whoever has something to do beside it begins then.
waits = threading.Event()


TOOK_TOO_LONG = 124


class Output(NamedTuple):
    stdout: str
    stderr: str


class ProcessError(Exception):
    """A child that did not end with 0, was not found (code 127) or took too long (code 124)."""

    def __init__(self, argv: Sequence[str], code: int, output: Output) -> None:
        super().__init__(f"{argv[0]} ended with {code}")
        self.argv = tuple(argv)
        self.code = code
        self.output = output

    @property
    def last_lines(self) -> str:
        """The end of the child's output, for an error's details."""
        return "\n".join((self.output.stderr or self.output.stdout).strip().splitlines()[-20:])


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    lock: int | None = None,
    encoding: str = "utf-8",
    hear: Callable[[str], None] | None = None,
) -> Output:
    """Runs ``argv`` to its end. ``env`` is the child's whole environment (None: ours); ``timeout`` in seconds.
    ``lock``: a lock's open file that the child keeps held, should it outlive us.
    ``hear``: is given each line of stderr as it comes, in another thread.
    ``encoding`` latin-1 keeps bytes that are no text: each becomes one letter.

    Raises ProcessError when it does not end with 0.
    """
    words = [os.fspath(word) for word in argv]
    listener = _Listener(hear, encoding) if hear else None
    try:
        with subprocess.Popen(
            words,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=listener.handle if listener else subprocess.PIPE,
            pass_fds=() if lock is None else (lock,),
            encoding=encoding,
            errors="replace",
        ) as child:
            waits.set()
            try:
                stdout, stderr = child.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                _end(child)
                raise
            except BaseException:
                child.kill()
                raise
    except FileNotFoundError as error:
        raise ProcessError(words, 127, Output("", str(error))) from error
    except subprocess.TimeoutExpired as error:
        raise ProcessError(words, TOOK_TOO_LONG, Output("", f"no end within {timeout:g} s")) from error
    finally:
        if listener:
            os.close(listener.handle)
    output = Output(stdout, listener.text() if listener else stderr)
    if child.returncode != 0:
        raise ProcessError(words, child.returncode, output)
    return output


def _end(child: subprocess.Popen[str]) -> None:
    """Kills a child with all that it started: what builds for an installer does not end with it."""
    from live_code.tools.processes import proctree  # few children take too long

    proctree.kill_all(child.pid, 5.0)
    child.kill()


class _Listener:
    """Reads what is written to ``handle``, which its owner closes, line by line."""

    def __init__(self, hear: Callable[[str], None], encoding: str) -> None:
        read_end, self.handle = os.pipe()
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._listen, args=(read_end, hear, encoding), daemon=True)
        self._thread.start()

    def _listen(self, read_end: int, hear: Callable[[str], None], encoding: str) -> None:
        with os.fdopen(read_end, encoding=encoding, errors="replace") as lines:
            for line in lines:
                self._lines.append(line)
                hear(line)

    def text(self) -> str:
        """All of it, once nobody can write any more."""
        self._thread.join()
        return "".join(self._lines)
