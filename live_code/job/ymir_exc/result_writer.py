"""Results as the platform reads them. Every signature that a published SDK had is accepted.

Files are replaced at once; what the platform could not read is refused with its name. Only rank 0 writes.
"""

from __future__ import annotations

import os
import time
import warnings

from . import _rank, env, protocol
from ._annotation import Annotation, Box

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Tuple, Union

    from ._signatures import StageCall

__all__ = [
    "Annotation",
    "Box",
    "multiple_model_stages_supportable",
    "write_infer_result",
    "write_mining_result",
    "write_model_stage",
    "write_training_result",
]


def multiple_model_stages_supportable() -> bool:
    """Whether the platform reads stages: protocol 1.0.0 and later, or ``YMIR_VERSION`` 1.2.0 and later."""
    return not protocol.is_before_1_0(env._current_env().protocol_version, os.environ.get("YMIR_VERSION"))


def write_model_stage(*args: Any, **kwargs: Any) -> None:
    """``(stage_name, files, evaluation_result={}, mAP=None, timestamp=None, attachments=None, evaluate_config=None)``

    or ``(stage_name, files, mAP, timestamp=None, attachments=None)``, the older one. Adds a stage to the training
    result, or renews it; the eleven newest stay, and the best. Metrics become plain floats, links become files. A
    file may come later than its name, and what the platform could not read is a warning: the check at the end of the
    run decides. Raises ValueError for a call without a name, files or a main metric; the result is then unchanged.
    """
    from ._signatures import stage_call

    names = ("stage_name", "files")
    if "model_files" in kwargs:
        kwargs["files"] = kwargs.pop("model_files")
    stage_name, files = (args[i] if len(args) > i else kwargs.pop(name, None) for i, name in enumerate(names))
    _write_stage(stage_name, files, stage_call(args[2:], kwargs), {})


def write_training_result(*args: Any, **kwargs: Any) -> None:
    """``(model_names, mAP, classAPs=None, **extra)`` of SDK 1.x, or the arguments of :func:`write_model_stage`."""
    if "model_names" in kwargs or (args and isinstance(args[0], (list, tuple, set))):
        _write_single_result(*args, **kwargs)
    else:
        write_model_stage(*args, **kwargs)


def _write_single_result(model_names: List[str], mAP: Any, classAPs: Any = None, **extra: Any) -> None:  # noqa: N803
    from ._signatures import StageCall
    from ._training import plain

    more = {"class_aps": classAPs, **extra} if classAPs is not None else extra
    _write_stage(
        extra.get("stage_name") or "default_best_stage",
        model_names,
        StageCall(mAP=mAP, timestamp=extra.get("timestamp")),
        {name: plain(value, name) for name, value in more.items() if name not in ("stage_name", "timestamp")},
    )


def _write_stage(stage_name: Any, files: Any, call: StageCall, extra: Mapping[str, Any]) -> None:
    from . import _saved_files, _training

    if not stage_name or not files:
        raise ValueError("empty stage_name or files")
    if not _rank.writes():
        return
    output = env._current_env().output
    name = _training.checked_stage_name(stage_name)
    stage = {
        "stage_name": name,
        "files": _saved_files.checked_files(_listed(files), output.models_dir, name),
        "timestamp": int(time.time() if call.timestamp is None else call.timestamp),
    }
    stage = {**stage, **_training.checked_metrics(call.metrics()), **stage}
    more = dict(extra)
    if call.attachments:
        more["attachments"] = _saved_files.checked_attachments(call.attachments, output.models_dir)
    if call.evaluate_config:
        more["evaluate_config"] = _training.plain(call.evaluate_config, "evaluate_config")
    if multiple_model_stages_supportable():
        _training.update(output.training_result_file, lambda result: _training.with_stage({**result, **more}, stage))
    else:
        _training.update(
            output.training_result_file,
            lambda result: _training.in_old_format({**result, **more}, stage, output.models_dir),
        )


def _listed(files: Any) -> List[Any]:
    return [files] if isinstance(files, (str, os.PathLike)) else list(files)


def write_mining_result(mining_result: Union[Dict[str, Any], Iterable[Tuple[str, Any]]]) -> None:
    """Writes (image, score) pairs, or a mapping of them, by descending score. An iterator of millions is fine.

    An image that comes twice, and a score that is NaN, are warnings. Raises ValueError for a score that is no number.
    """
    if _rank.writes():
        from ._mining import write_scores

        write_scores(_ready(env._current_env().output.mining_result_file), mining_result)


def write_infer_result(infer_result: Any, algorithm: str = "detection") -> None:
    """Writes a mapping of image paths to Annotations, or an iterator of such pairs, which is written as it comes.

    With ``algorithm="segmentation"`` a COCO result, a mapping, is written as it is. What the platform would pass over
    is a warning. Raises ValueError for what can't be written; the result that was there is then unchanged.
    """
    if algorithm not in ("detection", "segmentation"):
        raise ValueError(f"no infer result for algorithm {algorithm!r}, only detection and segmentation")
    if not _rank.writes():
        return
    from . import _infer

    task = env._current_env()
    path = _ready(task.output.infer_result_file)
    if algorithm == "segmentation":
        _infer.write_segmentation(path, infer_result)
        return
    keyword = "annotations" if protocol.is_before_1_0(task.protocol_version) else "boxes"
    _warn_of_unknown_classes(_infer.write_detection(path, infer_result, keyword))


def _ready(path: str) -> str:
    os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
    return path


def _warn_of_unknown_classes(names: Iterable[str]) -> None:
    try:
        known = env.get_executor_config().get("class_names")
    except (OSError, ValueError):
        return
    unknown = sorted(set(names) - set(map(str, known))) if known and isinstance(known, (list, tuple)) else []
    if unknown:
        warnings.warn(f"results of classes that are not in class_names: {unknown}", UserWarning, stacklevel=3)
