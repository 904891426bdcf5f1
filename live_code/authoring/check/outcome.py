"""Whether the code gives the platform what it reads: a result for each task, with a metric that ranks it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from live_code.authoring.check import sdk
from live_code.authoring.check.finding import MAY_FAIL, WILL_FAIL, Finding
from live_code.job.ymir_exc import protocol
from live_code.tools import remedies
from live_code.values import NamedTuple

# For each task the call to recommend, the other ones, and how code that does without names the file.
WRITERS: Mapping[str, tuple[str, ...]] = {
    "training": (
        *("write_model_stage", "write_training_result", "write_ymir_training_result"),
        *("training_result_file", "result.yaml"),
    ),
    "mining": ("write_mining_result", "mining_result_file", "result.tsv"),
    "infer": ("write_infer_result", "infer_result_file", "infer-result.json"),
}
# What leads to code that can't be followed.
_ELSEWHERE = frozenset(
    [
        "subprocess",
        "system",
        "popen",
        "Popen",
        "import_module",
        "__import__",
        "run_module",
        "run_path",
        "exec",
        "execv",
        "execvp",
        "spawn",
        "getattr",
    ]
)
_STAGE_WORDS = frozenset(
    ["stage_name", "files", "evaluation_result", "timestamp", "attachments", "evaluate_config", "cfg", "id"]
)


class Start(NamedTuple):
    """What is started for a task. ``named``: live-code.yaml names it for this task by itself."""

    task: str
    command: str
    files: frozenset[str]
    named: bool


def missing_results(
    starts: list[Start], words_of: Callable[[str], frozenset[str]], all_files: frozenset[str]
) -> Iterator[Finding]:
    """One finding for all tasks that are missing their result for the same reason."""
    seen = {start: frozenset().union(*map(words_of, start.files)) for start in starts if start.files}
    without = {start: words for start, words in seen.items() if not words & set(WRITERS[start.task])}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for start, words in without.items():
        wanted = set(WRITERS[start.task])
        others = sorted(name for name in all_files - start.files if words_of(name) & wanted)
        unclear = others or words & _ELSEWHERE or not all(name.endswith(".py") for name in start.files)
        sure = not unclear and (start.named or len(without) == len(seen))
        beside = f" {others[0]} does, but nothing seen leads there." if others else ""
        groups.setdefault((WILL_FAIL if sure else MAY_FAIL, start.command, beside), []).append(start.task)
    for (severity, command, beside), tasks in groups.items():
        problem = f"Nothing that {command} leads to gives the platform a result of {', '.join(tasks)}.{beside}"
        calls = ", ".join(WRITERS[task][0] for task in tasks)
        remedy = f"Call ymir_exc.result_writer's {calls}."
        if severity == MAY_FAIL and len(seen) > len(without):
            remedy += " If such tasks are not meant, name only the others in live-code.yaml's entrypoint."
        yield Finding(severity, "no-result", "", 0, problem, remedy)


def words(code: ast.Module) -> frozenset[str]:
    """The names that a file uses, those of the SDK as they are there, and the ends of its texts."""
    scope = sdk.Scope(code)
    used: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used |= {node.id, scope.names.get(node.id, "").rpartition(".")[2]}
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.add(node.value.rpartition("/")[2])
    return frozenset(used)


def metrics(file: str, code: ast.Module) -> Iterator[Finding]:
    """Stages that are written without a main metric, as far as their metrics are spelled out."""
    scope = sdk.Scope(code)
    for node in ast.walk(code):
        name = (scope.resolve(node.func) or "").rpartition(".")[2] if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in WRITERS["training"][:3]:
            continue
        given = _metrics_of(node, name, code)
        if given is not None and not set(given) & set(protocol.MAIN_METRICS):
            main = ", ".join(reversed(protocol.MAIN_METRICS))
            problem = (
                f"The stage has {', '.join(given) or 'no metric'}, and no main metric ({main}): {name} refuses it."
            )
            yield Finding(WILL_FAIL, "metric", file, node.lineno, problem, remedies.MAIN_METRIC)


def _metrics_of(call: ast.Call, name: str, code: ast.Module) -> list[str] | None:
    """The metrics' names; None when they can't be known."""
    given = {word.arg: word.value for word in call.keywords}
    first = call.args[0] if call.args else None
    if set(given) - _STAGE_WORDS or isinstance(first, (ast.List, ast.Tuple)):
        return None  # mAP and the like; or arguments that are spelled out elsewhere
    position = 4 if name == "write_ymir_training_result" else 2
    if any(isinstance(argument, ast.Starred) for argument in call.args) or len(call.args) > position + 1:
        return None
    value = call.args[position] if len(call.args) > position else given.get("evaluation_result")
    if value is None:
        return [] if position == 2 else None
    return _keys(value, code)


def _keys(value: ast.expr, code: ast.Module) -> list[str] | None:
    if isinstance(value, ast.Name):
        uses = [node for node in ast.walk(code) if isinstance(node, ast.Name) and node.id == value.id]
        made = [node.value for node in ast.walk(code) if isinstance(node, ast.Assign) and node.targets[0] in uses]
        # with any use besides, something may be added
        return _keys(made[0], code) if len(made) == 1 and len(uses) == 2 and not isinstance(made[0], ast.Name) else None
    if isinstance(value, ast.Dict) and value.keys:
        named = [key.value for key in value.keys if isinstance(key, ast.Constant)]
        return list(map(str, named)) if len(named) == len(value.keys) else None
    return None
