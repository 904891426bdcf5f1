"""The resolver that is used unless another is asked for: uv, which is fast and can date."""

from __future__ import annotations

from pathlib import Path

from live_code.tools.packages import failures, inputs, uv
from live_code.tools.packages.index import Indexes, try_each
from live_code.tools.packages.problem import Papers, Problem
from live_code.tools.packages.requirements import is_list
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store


def solve(problem: Problem, papers: Papers, store: Store, settings: PackageSettings) -> str:
    """The whole solution, other packages of the image among it. Raises RequirementsError."""
    solution = papers.folder / "solution.txt"
    files = inputs.prepare(problem, papers.folder, store, settings)

    def attempt(indexes: Indexes) -> str:
        # uv takes the pins in its output file as the versions to prefer: what is in the image stays where it can.
        solution.write_text(papers.preferred, encoding="utf-8")
        arguments = [*_arguments(problem, papers, solution), *indexes.arguments(), *files]
        try:
            _run_with_torch(arguments, problem, store, settings)
        except runner.ProcessError as error:
            raise failures.of_resolver(error, problem, _hints(error, arguments, problem, store, settings)) from error
        return papers.without_places(solution.read_text(encoding="utf-8"))

    return try_each(problem.indexes, attempt)


def _not_dated(problem: Problem) -> list[str]:
    """What the job's side needs is of today, unless the repo asks for it too."""
    named = {name for text in problem.texts if is_list(text.name) for name in inputs.names(text)}
    names = [name.lower() for name in problem.own_needs if name.lower() not in named]
    return [word for name in names for word in ("--exclude-newer-package", f"{name}=2999-01-01T00:00:00Z")]


def _run_with_torch(arguments: list[str | Path], problem: Problem, store: Store, settings: PackageSettings) -> None:
    """A setup.py that imports torch to tell what it needs is asked again where the image's torch is."""
    try:
        _run(arguments, problem, store, settings)
    except runner.ProcessError as error:
        old = any(Path(text.name).name == "setup.py" for text in problem.texts)
        if not (old and "setuptools" in problem.image.packages and "ModuleNotFoundError" in error.output.stderr):
            raise
        _run([*arguments, "--no-build-isolation"], problem, store, settings)


def _run(arguments: list[str | Path], problem: Problem, store: Store, settings: PackageSettings) -> None:
    uv.run(arguments, store, settings, cwd=problem.root, stdin="\n".join(problem.own_needs))


def _hints(
    error: runner.ProcessError, arguments: list[str | Path], problem: Problem, store: Store, settings: PackageSettings
) -> str:
    """Whether a package that was not found is one that we may not see: uv tells only when it asks index by index."""
    if "not found in the package registry" not in error.output.stderr:
        return ""
    try:
        _run(["first-index" if word == "unsafe-best-match" else word for word in arguments], problem, store, settings)
    except runner.ProcessError as refusal:
        return refusal.output.stderr
    return ""


def _arguments(problem: Problem, papers: Papers, solution: Path) -> list[str | Path]:
    protected = problem.protection.packages
    words: list[str | Path] = ["pip", "compile", "--python", problem.image.path]
    words += ["--generate-hashes", "--no-header"]
    words += ["--constraints", papers.constraints, papers.protected]
    words += ["--find-links", papers.links, "--output-file", solution]
    words += [word for name in protected for word in ("--no-emit-package", name, "--no-sources-package", name)]
    if problem.cutoff:
        words += ["--exclude-newer", problem.cutoff, *_not_dated(problem)]
    words += [word for option in inputs.build_settings(problem.texts) for word in option.split(" ", 1)]
    words += ["--prerelease", "allow"] if inputs.takes_previews(problem.texts) else []
    return [*words, *(["-"] if problem.own_needs else [])]
