"""uv, as the resolver and the installer: where it is, and how it is run so that nothing of the machine leaks in."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from live_code.errors import BuildTimeoutError, InterpreterError
from live_code.tools.packages import access
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log

# What reaches uv from the container: how to get out to the network and whom to trust, nothing that changes a result.
_PASSED_ON = (
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER", "LD_LIBRARY_PATH"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_HTTP_TIMEOUT", "UV_CONCURRENT_DOWNLOADS"),
    *("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CUDA_HOME", "MAX_JOBS", "TORCH_CUDA_ARCH_LIST", "CMAKE_ARGS"),
)


def binary() -> Path:
    """uv as it came with live-code. Raises InterpreterError."""
    for folder in (sysconfig.get_path("scripts"), Path(sys.executable).parent):
        path = Path(folder, "uv")
        if os.access(path, os.X_OK):
            return path
    raise InterpreterError("uv is missing beside live-code.", hint="Install live-code again, with its dependencies.")


def run(
    arguments: Sequence[str | os.PathLike[str]],
    store: Store,
    settings: PackageSettings,
    *,
    cwd: Path | None = None,
    stdin: str | None = None,
    lock: int | None = None,
    further: Mapping[str, str] = {},
) -> runner.Output:
    """Runs uv with the store's package cache, without any configuration file of the machine or the repo.

    Its logins, and git's, come from the container; what uv says is free of them. ``lock``: see runner.run.
    ``further``: more variables. Raises runner.ProcessError, BuildTimeoutError.
    """
    variables = settings.inherited.only(_PASSED_ON)
    own = {"UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    cache = {"UV_CACHE_DIR": str(store.path("wheels")), "UV_HTTP_RETRIES": settings.http_retries}
    with access.opened(settings, store) as given:
        # uv cuts its work trees from a clone of its own, by path
        local = {"GIT_ALLOW_PROTOCOL": f"{given.git['GIT_ALLOW_PROTOCOL']}:file"}
        tls = {"SSL_CERT_FILE": given.ca_file, "SSL_CLIENT_CERT": given.client}
        trusted = {name: path for name, path in tls.items() if path}
        env = {**variables, **given.git, **given.proxies, **local, **trusted, **own, **cache, "NETRC": given.netrc}
        env |= further
        if "UV_CONFIG_FILE" in further:
            del env["UV_NO_CONFIG"]
        run_it = _shown if log.terminal else runner.run
        try:
            timeout = settings.deadline_s or None
            return run_it([binary(), *arguments], cwd=cwd, stdin=stdin, env=env, lock=lock, timeout=timeout)
        except runner.ProcessError as error:
            if error.code == runner.TOOK_TOO_LONG:
                raise _too_long(settings) from None
            shown = runner.Output(*map(given.hide, error.output))
            raise runner.ProcessError(error.argv, error.code, shown) from None


def _too_long(settings: PackageSettings) -> BuildTimeoutError:
    return BuildTimeoutError(
        f"the packages were not ready after {settings.deadline_s:g} s; what was still being built was ended.",
        hint="Ask for releases that have wheels, or raise LIVE_CODE_BUILD_DEADLINE_S.",
    )


def _shown(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None,
    stdin: str | None,
    env: Mapping[str, str],
    lock: int | None,
    timeout: float | None,
) -> runner.Output:
    """Runs uv so that a person at the terminal sees what it is at. Raises runner.ProcessError."""
    from live_code.tools.packages import progress

    env = {**env, "RUST_LOG": progress.LOGGED}
    try:
        return runner.run(
            argv, cwd=cwd, stdin=stdin, env=env, lock=lock, timeout=timeout, hear=progress.Progress().hear
        )
    except runner.ProcessError as error:
        output = runner.Output(error.output.stdout, progress.without_log(error.output.stderr))
        raise runner.ProcessError(error.argv, error.code, output) from None
    finally:
        log.doing = ""
