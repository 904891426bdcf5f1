"""The other resolver, pip-tools: slower and undated, but it speaks to indexes as only pip does.

It resolves for the interpreter that it runs on, so it gets an environment of its own on the job's interpreter; the
container's pip configuration counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import BuildError, RequirementsError
from live_code.tools import files
from live_code.tools.packages import access, failures, index, inputs, pip_output, probe, solution, uv
from live_code.tools.packages.index import Indexes, try_each
from live_code.tools.packages.problem import Papers, Problem
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log

_TOOLS = ("pip-tools", "pip", "setuptools", "wheel")
_MISSED = re.compile(r"requirement (?P<name>[A-Za-z0-9][\w.-]*).*\(from versions: none\)")
_HINT = "Use resolver: uv, or resolve_as_of: now."


def solve(problem: Problem, papers: Papers, store: Store, settings: PackageSettings) -> str:
    """The whole solution, other packages of the image among it. Raises RequirementsError, BuildError."""
    if problem.cutoff:
        raise RequirementsError("pip-tools can't resolve as of a date.", hint=_HINT)
    python = _tools(problem, store, settings)
    output = papers.folder / "solution.txt"
    words = inputs.prepare(problem, papers.folder, store, settings)
    own = papers.folder / "live-code"
    own.write_text("\n".join(problem.own_needs) + "\n", encoding="utf-8")

    def attempt(indexes: Indexes) -> str:
        # The pins that stand in the output file are the versions to prefer: what is in the image stays where it can.
        output.write_text(papers.preferred, encoding="utf-8")
        try:
            _run(
                [
                    *_arguments(python, papers, output),
                    *_index_options(indexes),
                    *words,
                    str(papers.protected),
                    str(own),
                ],
                problem,
                store,
                settings,
            )
        except runner.ProcessError as error:
            shown = _in_uv_words(error, _trouble(error, indexes, store, settings))
            raise failures.of_resolver(shown, problem, store.path("logs")) from error
        text = _without_protected(output.read_text(encoding="utf-8"), problem, papers)
        return _at_commits(text, problem, store, settings)

    return try_each(problem.indexes, attempt)


def _arguments(python: Path, papers: Papers, output: Path) -> list[str]:
    words = [str(python), "-m", "piptools", "compile", "--generate-hashes", "--allow-unsafe", "--strip-extras"]
    words += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
    words += ["--no-emit-options", "--quiet", "--resolver", "backtracking", "--newline", "lf"]
    words += ["--cache-dir", str(papers.folder / "pip-tools"), "--constraint", str(papers.constraints)]
    return [*words, "--find-links", str(papers.links), "--output-file", str(output)]


def _index_options(indexes: Indexes) -> list[str]:
    words = ["--index-url", indexes.default]
    words += [word for url in indexes.extra for word in ("--extra-index-url", url)]
    words += [word for place in indexes.find_links for word in ("--find-links", place)]
    return words + [word for host in indexes.trusted for word in ("--trusted-host", host)]


def _run(words: list[str], problem: Problem, store: Store, settings: PackageSettings) -> None:
    foreign = ("PYTHON", "VIRTUAL_ENV", "LIVE_CODE_", "GIT_")
    inherited = settings.inherited.without(prefixes=foreign)
    with access.opened(settings, store) as given:
        tls = {"PIP_CERT": inherited.get("PIP_CERT") or given.ca_file, "PIP_CLIENT_CERT": given.client}
        env = {**inherited, **_for_git(given.git), **given.proxies, **{key: path for key, path in tls.items() if path}}
        env |= {"NETRC": given.netrc, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        # The indexes are those of the task, as they are for uv; a URL with a secret in it would be in the solution.
        for key in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            env.pop(key, None)
        try:
            runner.run(words, cwd=problem.root, env=env)
        except runner.ProcessError as error:
            shown = runner.Output(*map(given.hide, error.output))
            raise runner.ProcessError(error.argv, error.code, shown) from None


def _for_git(variables: Mapping[str, str]) -> dict[str, str]:
    """What git gets below pip: pip's own files stay where they are, and its clones fetch files when they are asked."""
    others = ("HOME", "XDG_CONFIG_HOME", "LC_ALL", "GIT_NO_LAZY_FETCH")
    return {key: value for key, value in variables.items() if key not in others}


def _trouble(error: runner.ProcessError, indexes: Indexes, store: Store, settings: PackageSettings) -> str:
    """What is wrong with the indexes: to pip, one that is down is one that has nothing."""
    missed = _MISSED.search(error.output.stderr)
    if not missed:
        return ""
    with access.opened(settings, store) as given:
        troubles = (probe.trouble(url, missed["name"], given) for url in (indexes.default, *indexes.extra))
        return next(filter(None, troubles), "")


def _in_uv_words(error: runner.ProcessError, trouble: str) -> runner.ProcessError:
    """The failure in words like uv's, without pip's stack."""
    shown = pip_output.in_uv_words(error.output.stderr, trouble)
    return runner.ProcessError(error.argv, error.code, runner.Output("", shown))


def _without_protected(text: str, problem: Problem, papers: Papers) -> str:
    """Without what is protected, and with the paths that a requirements file would have."""
    relative = papers.without_places(text).replace(f"file://{problem.root}/", "./")
    relative = re.sub(rf"file://{re.escape(str(problem.root))}(?=\s)", ".", relative)
    pins = [pin for pin in solution.parse(relative) if pin.name not in problem.protection.packages]
    return "".join(pin.text for pin in pins)


def _at_commits(text: str, problem: Problem, store: Store, settings: PackageSettings) -> str:
    """With what git+… leads to as the commit that it is now: pip-tools leaves a branch a branch."""
    pins = solution.parse(text)
    moving = [pin.text.splitlines()[0] for pin in pins if pin.url.startswith("git+")]
    if not moving:
        return text
    words: list[str | Path] = ["pip", "compile", "--no-deps", "--no-header", "--quiet", "--python", problem.image.path]
    try:
        pinned = uv.run([*words, "-"], store, settings, cwd=problem.root, stdin="\n".join(moving)).stdout
    except runner.ProcessError as error:
        raise failures.of_resolver(error, problem, store.path("logs")) from error
    commits = {pin.name: pin.url for pin in solution.parse(pinned)}
    return "".join(pin.text.replace(pin.url, commits.get(pin.name, pin.url)) if pin.url else pin.text for pin in pins)


def _tools(problem: Problem, store: Store, settings: PackageSettings) -> Path:
    """pip-tools on the job's interpreter, made once: its own packages come from the container's index."""
    image = problem.image
    key = files.sha256_text(f"{image.path} {image.version} {image.platform}")[:32]

    def fill(root: Path, lock: int) -> None:
        log.info("installing pip-tools for the job's interpreter")
        python = root / "bin" / "python"
        try:
            uv.run(["venv", "--quiet", "--allow-existing", "--python", image.path, root], store, settings, lock=lock)
            words: list[str | Path] = ["pip", "install", "--quiet", "--python", python, *_TOOLS]
            uv.run([*words, *index.choose("", (), (), settings).arguments()], store, settings, lock=lock)
        except runner.ProcessError as error:
            raise BuildError("pip-tools can't be installed.", hint=_HINT, details=error.last_lines) from error

    def fault(root: Path) -> str | None:
        return None if (root / "bin" / "python").exists() else "its interpreter is gone"

    return store.folder("tools", key, fill, fault, "pip-tools for the job's interpreter").path / "bin" / "python"
