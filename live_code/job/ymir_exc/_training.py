"""The training result: stages are added to ``result.yaml`` one at a time, by one process after the other."""

from __future__ import annotations

import os

from . import protocol
from ._lock import FolderLock
from ._numbers import plain_float, plain_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional

    Result = Dict[str, Any]

MAX_NAME_BYTES = 255  # a stage may have a folder of its name


def checked_stage_name(name: object) -> str:
    """An identifier: ``epoch-5`` becomes ``epoch_5`` and ``5`` becomes ``stage_5``. Raises ValueError for others."""
    text = str(name).strip().replace("-", "_")
    if text.isnumeric():
        text = f"stage_{text}"
    if not text.isidentifier():
        raise ValueError(f"invalid stage name {name!r}: letters, digits and underlines, not beginning with a digit")
    if len(os.fsencode(text)) > MAX_NAME_BYTES:
        raise ValueError(f"stage name of {len(os.fsencode(text))} bytes, at most {MAX_NAME_BYTES}: {text[:40]}…")
    return text


def checked_metrics(metrics: Mapping[str, Any]) -> Result:
    """Plain, finite metrics in the ranges that the platform reads. Raises ValueError naming the metric."""
    checked = {str(name): _metric(str(name), value) for name, value in metrics.items()}
    if main_metric(checked) is None:
        raise ValueError(f"no main metric (one of {', '.join(protocol.MAIN_METRICS)}) in {sorted(checked)}")
    return checked


def _metric(name: str, value: Any) -> Any:
    if name in protocol.COUNT_METRICS:
        count = plain_int(value, name)
        if count < 0:
            raise ValueError(f"{name} is {count}: must not be negative")
        return count
    if name not in protocol.FRACTION_METRICS:
        return plain(value, name)
    fraction = plain_float(value, name)
    if not -1e-6 <= fraction <= 1 + 1e-6:  # sums of float32 overshoot a little
        raise ValueError(f"{name} is {fraction}: must be in [0, 1]")
    return min(max(fraction, 0.0), 1.0)


def plain(value: Any, subject: str) -> Any:
    """The same value in types that any YAML reader knows. Raises ValueError naming what can't be."""
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item, f"{subject}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, subject) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if getattr(value, "ndim", 0) and hasattr(value, "tolist"):
        return plain(value.tolist(), subject)
    return plain_float(value, subject)


def main_metric(metrics: Mapping[str, Any]) -> Optional[str]:
    return next((name for name in protocol.MAIN_METRICS if name in metrics), None)


def with_stage(result: Result, stage: Result) -> Result:
    """The result with this stage added or renewed, the best one named, and at most eleven kept."""
    stages = {**(result.get("model_stages") or {})}
    stages.pop(stage["stage_name"], None)
    stages[stage["stage_name"]] = stage
    best = best_stage(stages)
    for name in _surplus(stages, best):
        del stages[name]
    main = main_metric(stages[best])
    return {**result, "best_stage_name": best, **({main: stages[best][main]} if main else {}), "model_stages": stages}


def best_stage(stages: Mapping[str, Result]) -> str:
    """The stage with the highest main metric, of equal ones the newest."""
    main = main_metric({name: None for stage in stages.values() for name in stage}) or protocol.MAIN_METRICS[-1]
    order = {name: place for place, name in enumerate(stages)}
    return max(stages, key=lambda name: (stages[name].get(main, -1.0), _age(stages[name]), order[name]))


def _surplus(stages: Mapping[str, Result], best: str) -> List[str]:
    oldest_first = sorted((name for name in stages if name != best), key=lambda name: _age(stages[name]))
    return oldest_first[: max(len(stages) - protocol.MAX_STAGES, 0)]


def _age(stage: Result) -> float:
    return float(stage.get("timestamp") or 0)


def in_old_format(result: Result, stage: Result) -> Result:
    """The result before protocol 1.0.0: all files so far, and the best stage's metric."""
    files = list(dict.fromkeys([*(result.get("model") or []), *stage["files"]]))
    value = stage[str(main_metric(stage))]
    if value < (result.get("map") or 0.0):
        return {**result, "model": files}
    return {
        **result,
        "model": files,
        "map": value,
        "timestamp": stage["timestamp"],
        "stage_name": stage["stage_name"],
    }


def update(path: str, change: Callable[[Result], Result]) -> None:
    """Reads, changes and replaces the result while no other process does. Raises OSError, or ValueError."""
    import yaml

    folder = os.path.dirname(path) or os.curdir
    os.makedirs(folder, exist_ok=True)
    with FolderLock(folder):
        result = change(_read(path))
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        protocol.write_atomic(path, yaml.dump(result, Dumper=dumper, sort_keys=False, allow_unicode=True))


def _read(path: str) -> Result:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both are safe)
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} was written by something else and is not valid YAML: {error}") from error
    if content is not None and not isinstance(content, dict):
        raise ValueError(f"{path} was written by something else and holds no mapping")
    return content or {}
