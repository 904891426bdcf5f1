"""The layers of docs/architecture.md, held: a module imports only from the rows below it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "live_code"

LAYERS = [
    (
        "face",
        {
            "cli",
            "author_commands",
            "init",
            "check",
            "environment_commands",
            "locking",
            "doctor",
            "bundle",
            "record_commands",
            "runs",
            "compare",
            "reproduce",
            "report",
            "export",
            "images",
            "source_commands",
            "bisect",
            "sweep",
            "sweep_commands",
            "cache",
            "pin",
            "manual",
            "parsing",
            "__main__",
            "demo",
            "boxes",
        },
    ),
    ("story", {"run", "ending", "jobs", "observe"}),
    (
        "stages",
        {
            "config",
            "source",
            "checkout",
            "journal",
            "workplace",
            "lock",
            "environment",
            "evidence",
            "handover",
            "launch",
            "byhand",
            "supervise",
            "results",
            "record",
            "status",
        },
    ),
    (
        "tools",
        {
            "store",
            "container",
            "git",
            "host",
            "process",
            "files",
            "bugs",
            "yamlfile",
            "interpreter",
            "inventory",
            "packages",
            "telemetry",
            "log",
            "terminal",
            "table",
            "guard",
            "proctree",
            "remedies",
        },
    ),
    ("ground", {"errors", "values", "__init__"}),
]
RANK = {module: rank for rank, (_, modules) in enumerate(LAYERS) for module in modules}
STAGES, TOOLS = 2, 3
BOTH_SIDES = "live_code.job.ymir_exc.protocol"


def imports_of(source: str) -> set[str]:
    """Every `live_code` name that the source imports, at its top or within a function, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "live_code" and name != "live_code"}


def breaches(module: str, source: str) -> list[str]:
    """What is wrong with the imports of `module` (its first name below the package)."""
    wrong = []
    for name in sorted(imports_of(source)):
        parts = name.split(".")[1:]
        target = parts[0]
        if target == "job":
            if not name.startswith((BOTH_SIDES, "live_code.job.pth_line", "live_code.job.JOB_PATH")):
                wrong.append(f"{module} imports {name}: only {BOTH_SIDES} is shared with the job")
        elif target not in RANK or target == module:
            if not target.startswith("__") and target != module:
                wrong.append(f"{module} imports {name}, which has no layer")
        elif RANK[target] < RANK[module]:
            wrong.append(f"{module} imports {name} from a layer above it")
        elif RANK[target] == RANK[module] == STAGES and not (len(parts) > 1 and parts[1][0].isupper()):
            wrong.append(f"{module} imports {name}: a stage takes only values from another")
    return wrong


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "job" not in path.relative_to(PACKAGE).parts]


def first_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_the_layers_below(path: Path) -> None:
    assert first_name(path) in RANK, f"{path.name} stands in no layer: add it to the table"
    assert breaches(first_name(path), path.read_text()) == []


def test_an_import_from_a_layer_above_is_found() -> None:
    assert breaches("store", "from live_code import config") == ["store imports live_code.config from a layer above it"]
    assert breaches("config", "def f():\n    from live_code.run import run") != []


def test_a_stage_that_calls_another_is_found() -> None:
    assert breaches("lock", "from live_code import checkout") != []
    assert breaches("lock", "from live_code.checkout import make") != []
    assert breaches("lock", "from live_code.checkout import Checkout") == []


def test_the_bootstrapper_importing_the_jobs_side_is_found() -> None:
    assert breaches("status", "from live_code.job.ymir_exc import monitor") != []
    assert breaches("status", "from live_code.job.ymir_exc import protocol") == []


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "job").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_jobs_side_imports_nothing_of_the_bootstrapper(path: Path) -> None:
    assert imports_of(path.read_text()) == set()
