"""The resolver that is used unless another is asked for: uv, which is fast and can date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from live_code.tools.packages import builds, dates, inputs, uv
from live_code.tools.packages.index import Indexes, solve_sparingly
from live_code.tools.packages.papers import Papers
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.requirements import is_list
from live_code.tools.packages.solution import Solution, parse
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store


def solve(problem: Problem, papers: Papers, store: Store, settings: PackageSettings) -> Solution:
    """Raises RequirementsError."""
    output = papers.folder / "solution.txt"
    files = inputs.prepare(problem, papers.folder, store, settings)

    def attempt(indexes: Indexes) -> Solution:
        # uv takes the pins in its output file as the versions to prefer: what is in the image stays where it can.
        output.write_text(papers.preferred, encoding="utf-8")
        arguments = [*_arguments(problem, papers, output), *indexes.arguments(), *files]

        def run(variables: Mapping[str, str]) -> None:
            _run(arguments, problem, store, settings, variables)

        try:
            _, sighted = builds.seeing(run, papers.builds, problem.image)
        except runner.ProcessError as error:
            from live_code.tools.packages.messages import failures  # loaded when there is one

            hints = _hints(error, arguments, problem, store, settings)
            raise failures.of_resolver(
                papers.in_own_words(error), problem, failures.logs_in(settings, store), hints
            ) from error
        solved = parse(inputs.relative(papers.without_places(output.read_text(encoding="utf-8")), problem))
        return Solution(solved, papers.without_places(sighted))

    return solve_sparingly(problem.indexes, attempt, problem.protection)


def _undated(problem: Problem) -> list[str]:
    """What the job's side needs is of today, unless the repo asks for it too."""
    named = {name for text in problem.texts if is_list(text.name) for name in inputs.names(text)}
    return [name.lower() for name in problem.own_needs if name.lower() not in named]


def _run(
    arguments: list[str | Path],
    problem: Problem,
    store: Store,
    settings: PackageSettings,
    variables: Mapping[str, str] = {},
) -> None:
    uv.run(arguments, store, settings, cwd=problem.root, stdin="\n".join(problem.own_needs), further=variables)


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


def _without_sources(problem: Problem) -> list[str]:
    """The protected packages, whose sources in a project (``[tool.uv.sources]``) are not asked.

    When it is told of one, uv does not find the members of a workspace: there only those that have a source count.
    """
    protected, texts = list(problem.protection.packages), "\n".join(text.text for text in problem.texts)
    if not re.search(r"\bworkspace\s*=\s*true", texts):
        return protected
    return [name for name in protected if re.search(rf"""(?m)^\s*["']?{re.escape(name)}["']?\s*=\s*[\[{{]""", texts)]


def _arguments(problem: Problem, papers: Papers, solution: Path) -> list[str | Path]:
    protected = problem.protection.packages
    words: list[str | Path] = ["pip", "compile", "--python", problem.image.path]
    words += ["--generate-hashes", "--no-header"]
    words += ["--constraints", papers.constraints, *papers.own_files(problem)]
    words += ["--find-links", papers.links, "--output-file", solution]
    words += ["--find-links", papers.builds.links, "--build-constraints", papers.builds.constraints]
    words += [word for name in protected for word in ("--no-emit-package", name)]
    words += [word for name in _without_sources(problem) for word in ("--no-sources-package", name)]
    if problem.cutoff:
        words += dates.options(problem.cutoff, _undated(problem))
    words += [word for option in inputs.build_settings(problem.texts) for word in option.split(" ", 1)]
    words += ["--prerelease", "allow"] if inputs.takes_previews(problem.all_texts) else []
    return [*words, *(["-"] if problem.own_needs else [])]
