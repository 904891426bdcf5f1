"""The one error boundary outside of a run: whatever a command raises ends here, in one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from live_code.errors import LiveCodeError


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
