"""Tells what positional arguments mean by what they are: the published SDKs put them in five different orders."""

from __future__ import annotations

from collections import namedtuple

from ._numbers import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple


class StageCall(
    namedtuple(
        "StageCall",
        ("evaluation_result", "mAP", "timestamp", "attachments", "evaluate_config"),
        defaults=(None, None, None, None, None),
    )
):
    """What ``write_model_stage`` was given beyond the stage's name and its files."""

    __slots__ = ()
    evaluation_result: Optional[Dict[str, Any]]
    mAP: Any  # noqa: N815
    timestamp: Any
    attachments: Optional[Dict[str, Any]]
    evaluate_config: Optional[Dict[str, Any]]

    def metrics(self) -> Dict[str, Any]:
        """The evaluation result, with ``mAP`` under it. Raises ValueError when there is neither."""
        given = {} if self.mAP is None else {"mAP": self.mAP}
        metrics = {**given, **(self.evaluation_result or {})}
        if not metrics:
            raise ValueError("neither an evaluation_result nor a mAP is given")
        return metrics


def stage_call(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> StageCall:
    """Reads the arguments after the files, in any published order. Raises TypeError for what none of them had."""
    values = {name: keywords.pop(name) for name in StageCall._fields if name in keywords}
    keywords.pop("as_best", None)  # the oldest had it; the best stage is found by its metric
    if keywords:
        raise TypeError(f"unexpected argument {next(iter(keywords))!r}")
    for place, value in enumerate(arguments):
        name = _meaning(place, value, values)
        if name and values.get(name) is not None:
            raise TypeError(f"two values for {name}: {values[name]!r} and {value!r}")
        if name:
            values[name] = value
    return StageCall(**values)


def _meaning(place: int, value: Any, values: Dict[str, Any]) -> Optional[str]:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, dict):
        if place == 0:
            return "evaluation_result"
        holds_files = all(isinstance(files, (list, tuple)) for files in value.values())
        return "attachments" if holds_files and values.get("attachments") is None else "evaluate_config"
    if is_number(value):
        is_metric = place == 0 or (value <= 1 and values.get("mAP") is None)
        return "mAP" if is_metric else "timestamp"
    raise TypeError(f"not a metric, a timestamp or a mapping: {value!r}")
