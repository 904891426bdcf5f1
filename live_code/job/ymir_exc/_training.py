"""The training result: stages are added to ``result.yaml`` one at a time, by one process after the other."""

from __future__ import annotations

import math
import os

from . import protocol
from ._lock import FolderLock
from ._numbers import any_float
from ._odd import warn
from ._saved_files import for_one_model

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
    """Metrics in plain types, each that the platform could not read named in a warning.

    Raises ValueError when there is no main metric, or when one is no number at all.
    """
    checked = {str(name): _metric(str(name), value) for name, value in metrics.items()}
    checked = {name: value for name, value in checked.items() if value is not None}
    if main_metric(checked) is None:
        raise ValueError(f"no main metric (one of {', '.join(protocol.MAIN_METRICS)}) in {sorted(checked)}")
    return checked


def _metric(name: str, value: Any) -> Any:
    if name in protocol.COUNT_METRICS:
        return _count(name, any_float(value, name))
    if name in protocol.FRACTION_METRICS:
        return _fraction(name, any_float(value, name))
    return plain(value, name)


def _count(name: str, number: float) -> Optional[float]:
    if not math.isfinite(number):
        warn(f"{name} is {number}: left out")
        return None
    if number < 0:
        warn(f"{name} is {number:g}: the platform reads no negative count")
    return int(number) if number == int(number) else number


def _fraction(name: str, number: float) -> Optional[float]:
    """The main metric stays whatever it is: that there is none would say less."""
    if not math.isfinite(number) and name not in protocol.MAIN_METRICS:
        warn(f"{name} is {number}: left out")
        return None
    if -1e-6 <= number <= 1 + 1e-6:  # sums of float32 overshoot a little
        return min(max(number, 0.0), 1.0)
    warn(f"{name} is {number}: the platform reads metrics in [0, 1]")
    return number


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
    return any_float(value, subject)


def main_metric(metrics: Mapping[str, Any]) -> Optional[str]:
    return next((name for name in protocol.MAIN_METRICS if name in metrics), None)


def with_stage(result: Result, stage: Result) -> Result:
    """The result with this stage added or renewed, the best one named, and at most eleven kept.

    The platform refuses all stages for one whose main metric is NaN: such a one stays only where there is no other.
    """
    stages = {name: earlier for name, earlier in (result.get("model_stages") or {}).items() if not _is_broken(earlier)}
    if stages and _is_broken(stage):
        warn(f"stage {stage['stage_name']} is left out of the result")
        return result
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


def _is_broken(stage: Result) -> bool:
    value = stage.get(str(main_metric(stage)))
    return isinstance(value, float) and not math.isfinite(value)


def _surplus(stages: Mapping[str, Result], best: str) -> List[str]:
    oldest_first = sorted((name for name in stages if name != best), key=lambda name: _age(stages[name]))
    return oldest_first[: max(len(stages) - protocol.MAX_STAGES, 0)]


def _age(stage: Result) -> float:
    return float(stage.get("timestamp") or 0)


def in_old_format(result: Result, stage: Result, models_dir: str) -> Result:
    """The result before protocol 1.0.0: all files so far, directly in ``models_dir``, and the best stage's metric."""
    names = [os.path.basename(file) for file in stage["files"]]
    files = list(dict.fromkeys([*(result.get("model") or []), *names]))
    value = stage[str(main_metric(stage))]
    is_best = result.get("map") is None or value >= result["map"] or not math.isfinite(result["map"])
    for_one_model(stage["files"], models_dir, stage["stage_name"], replace=is_best)
    if not is_best:
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
