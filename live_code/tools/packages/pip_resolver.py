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
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import access, builds, index, inputs, probe, uv
from live_code.tools.packages.index import Indexes, solve_sparingly
from live_code.tools.packages.messages import failures, pip_output
from live_code.tools.packages.papers import Papers
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.solution import Solution, parse
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log

_TOOLS = ("pip-tools", "pip", "setuptools", "wheel")
_MISSED = re.compile(r"requirement (?P<name>[A-Za-z0-9][\w.-]*).*\(from versions: none\)")
_HINT = "Use resolver: uv, or resolve_as_of: now."


def solve(problem: Problem, papers: Papers, store: Store, settings: PackageSettings) -> Solution:
    """Raises RequirementsError, BuildError."""
    if problem.cutoff:
        raise RequirementsError("pip-tools can't resolve as of a date.", hint=_HINT)
    python = _tools(problem.image, store, settings)
    output = papers.folder / "solution.txt"
    words = inputs.prepare(problem, papers.folder, store, settings)
    own = papers.folder / "live-code"
    own.write_text("\n".join(problem.own_needs) + "\n", encoding="utf-8")

    def attempt(indexes: Indexes) -> Solution:
        # The pins that stand in the output file are the versions to prefer: what is in the image stays where it can.
        output.write_text(papers.preferred, encoding="utf-8")
        asked = [*_arguments(python, papers, output), *_index_options(indexes), *words]
        asked += [*map(str, papers.own_files(problem)), str(own)]

        def run(variables: Mapping[str, str]) -> None:
            # pip's own environments for builds see no PYTHONPATH: one with the image's packages in sight has none
            isolation = ["--no-build-isolation"] if variables else []
            _run([*asked, *isolation], problem, papers, store, settings, variables)

        try:
            _, sighted = builds.seeing(run, papers.builds, problem.image)
        except runner.ProcessError as error:
            shown = _in_uv_words(error, _trouble(error, indexes, store, settings))
            raise failures.of_resolver(
                papers.in_own_words(shown), problem, failures.logs_in(settings, store)
            ) from error
        text = inputs.relative(papers.without_places(output.read_text(encoding="utf-8")), problem)
        return Solution(parse(_at_commits(text, problem, store, settings)), papers.without_places(sighted))

    return solve_sparingly(problem.indexes, attempt, problem.protection)


def version(image: Interpreter, store: Store, settings: PackageSettings) -> str:
    """What resolves, and in which version. Raises BuildError."""
    site_packages = image.packages_in(_tools(image, store, settings).parent.parent)
    names = (path.name for path in site_packages.glob("*.dist-info") if path.name.startswith(("pip-", "pip_tools-")))
    return " ".join(sorted(names))


def _arguments(python: Path, papers: Papers, output: Path) -> list[str]:
    words = [str(python), "-m", "piptools", "compile", "--generate-hashes", "--allow-unsafe", "--strip-extras"]
    words += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
    words += ["--no-emit-options", "--quiet", "--resolver", "backtracking", "--newline", "lf"]
    words += ["--cache-dir", str(papers.folder / "pip-tools"), "--constraint", str(papers.constraints)]
    words += ["--find-links", str(papers.links), "--find-links", str(papers.builds.links)]
    return [*words, "--output-file", str(output)]


def _index_options(indexes: Indexes) -> list[str]:
    words = ["--index-url", indexes.default]
    words += [word for url in indexes.extra for word in ("--extra-index-url", url)]
    words += [word for place in indexes.find_links for word in ("--find-links", place)]
    return words + [word for host in indexes.trusted for word in ("--trusted-host", host)]


def _run(
    words: list[str],
    problem: Problem,
    papers: Papers,
    store: Store,
    settings: PackageSettings,
    variables: Mapping[str, str],
) -> None:
    foreign = ("PYTHON", "VIRTUAL_ENV", "LIVE_CODE_", "GIT_")
    inherited = settings.inherited.without(prefixes=foreign)
    with access.opened(settings, store) as given:
        tls = {"PIP_CERT": inherited.get("PIP_CERT") or given.ca_file, "PIP_CLIENT_CERT": given.client}
        env = {**inherited, **_for_git(given.git), **given.proxies, **{key: path for key, path in tls.items() if path}}
        env |= {"NETRC": given.netrc, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        # The indexes are those of the task, as they are for uv; a URL with a secret in it would be in the solution.
        for key in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            env.pop(key, None)
        # What a build may take; older pips have the second name for it, and pip-tools itself looks at neither.
        env |= {name: str(papers.builds.constraints) for name in ("PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT")}
        env |= variables
        try:
            runner.run(words, cwd=problem.root, env=env, timeout=settings.deadline_s or None)
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


def _at_commits(text: str, problem: Problem, store: Store, settings: PackageSettings) -> str:
    """With what git+… leads to as the commit that it is now: pip-tools leaves a branch a branch."""
    pins = parse(text)
    moving = [pin.text.splitlines()[0] for pin in pins if pin.url.startswith("git+")]
    if not moving:
        return text
    words: list[str | Path] = ["pip", "compile", "--no-deps", "--no-header", "--quiet", "--python", problem.image.path]
    try:
        pinned = uv.run([*words, "-"], store, settings, cwd=problem.root, stdin="\n".join(moving)).stdout
    except runner.ProcessError as error:
        raise failures.of_resolver(error, problem, failures.logs_in(settings, store)) from error
    commits = {pin.name: pin.url for pin in parse(pinned)}
    return "".join(pin.text.replace(pin.url, commits.get(pin.name, pin.url)) if pin.url else pin.text for pin in pins)


def _tools(image: Interpreter, store: Store, settings: PackageSettings) -> Path:
    """pip-tools on the job's interpreter, made once: its own packages come from the container's index."""
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
