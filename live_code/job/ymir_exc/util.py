"""What live repos are built with: the merged config, stage progress, and saving models with it."""

from __future__ import annotations

import os
import re
import warnings

from . import _rank, env, protocol
from . import result_writer as rw
from ._config import get_bool, get_merged_config
from ._numbers import is_number
from ._odd import warn
from ._stages import YmirStage, YmirStageWeight, get_ymir_process
from .monitor import YmirTask, write_monitor_logger_for_multiple_tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

__all__ = [
    "YmirStage",
    "YmirStageWeight",
    "YmirTask",
    "convert_ymir_to_coco",
    "filter_saved_files",
    "find_free_port",
    "format_saved_files",
    "get_bool",
    "get_merged_config",
    "get_weight_files",
    "get_ymir_process",
    "write_ymir_monitor_process",
    "write_ymir_training_result",
]


def get_weight_files(cfg: Any, suffix: Union[str, Tuple[str, ...]] = (".pt", ".pth")) -> List[str]:
    """The absolute paths of the model files that the task was given and that end in ``suffix``.

    That it was given some, and none of them is such a file, is a warning: nobody names a model to start from nothing.
    """
    key = "pretrained_model_params" if cfg.ymir.run_training else "model_params_path"
    given = cfg.param.get(key) or []
    names = [str(name).strip() for name in (given.split(",") if isinstance(given, str) else given)]
    paths = [os.path.join(cfg.ymir.input.models_dir, name) for name in names if name]
    ends = suffix if isinstance(suffix, str) else tuple(suffix)
    found = [path for path in paths if path.endswith(ends) and os.path.exists(path)]
    if paths and not found:
        endings = ends if isinstance(ends, str) else " or ".join(ends)
        warn(f"{key} names no {endings} file that is there, but {', '.join(names[:3])}")
    return found


def find_free_port() -> int:
    """A port that was free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def write_ymir_monitor_process(
    cfg: Any,
    task: Union[YmirTask, str],
    naive_stage_percent: float,
    stage: Union[YmirStage, str],
    stage_weights: Union[YmirStageWeight, Sequence[float], None] = None,
    task_order: str = "tmi",
) -> None:
    """Reports progress ``naive_stage_percent`` in [0, 1] within one stage of one task."""
    weights = stage_weights if isinstance(stage_weights, YmirStageWeight) else YmirStageWeight(stage_weights)
    percent = weights.get_stage_process(stage, naive_stage_percent)
    write_monitor_logger_for_multiple_tasks(cfg, task, percent, task_order)


def filter_saved_files(cfg: Any, files: Sequence[str]) -> List[str]:
    """The files, relative to ``models_dir``, that ``ymir_saved_file_patterns`` lets through; ``[]`` means all there."""
    root = cfg.ymir.output.models_dir
    chosen = [os.path.relpath(file, root) if os.path.isabs(file) else str(file) for file in files] or _all_files(cfg)
    patterns = _patterns(cfg.param.get("ymir_saved_file_patterns"))
    return [file for file in chosen if not patterns or any(pattern.search(file) for pattern in patterns)]


def _all_files(cfg: Any) -> List[str]:
    root, result = cfg.ymir.output.models_dir, os.path.basename(cfg.ymir.output.training_result_file)
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return [n for n in names if n != result and n[0] != "." and os.path.isfile(os.path.join(root, n))]


def _patterns(given: Union[str, Sequence[str], None]) -> List[re.Pattern[str]]:
    patterns = []
    for text in given.split(",") if isinstance(given, str) else given or ():
        try:
            patterns.append(re.compile(text.strip()))
        except re.error as error:
            warnings.warn(f"ymir_saved_file_patterns: {text.strip()!r} is ignored: {error}", UserWarning, stacklevel=4)
    return [pattern for pattern in patterns if pattern.pattern]


def format_saved_files(cfg: Any, files: Sequence[str]) -> List[str]:
    """Plain names in ``models_dir``: what stands elsewhere is copied there, a link becomes its file.

    Raises FileNotFoundError naming the file that is missing.
    """
    from . import _saved_files

    return [_saved_files.brought_home(file, cfg.ymir.output.models_dir) for file in files]


def write_ymir_training_result(cfg: Any, *args: Any, **kwargs: Any) -> None:
    """``(cfg, files, id, map50=None, evaluation_result={}, evaluate_config=None, attachments=None)``

    or ``(cfg, map50, files, id)``, the older one. ``files=[]`` saves every file in ``models_dir``; with ``map50`` 0 or
    none such a stage takes the best metric so far.
    """
    older = bool(args) and is_number(args[0])
    names = ("map50", "files", "id") if older else _RESULT_ARGUMENTS
    _write_ymir_training_result(cfg, **dict(zip(names, args)), **kwargs)


_RESULT_ARGUMENTS = ("files", "id", "map50", "evaluation_result", "evaluate_config", "attachments")


def _write_ymir_training_result(
    cfg: Any,
    files: Sequence[str],
    id: Union[str, int],
    map50: Optional[float] = None,
    evaluation_result: Optional[Dict[str, Any]] = None,
    evaluate_config: Optional[Dict[str, Any]] = None,
    attachments: Optional[Dict[str, List[str]]] = None,
) -> None:
    if not _rank.writes():
        return
    saved = _stage_files(cfg, filter_saved_files(cfg, files), id)
    if not saved:
        warnings.warn(f"stage {id}: no file to save, nothing is written", UserWarning, stacklevel=3)
        return
    if not files and not map50 and not evaluation_result:
        evaluation_result = _best_so_far(cfg) or {"mAP": 0.0}
    rw.write_model_stage(
        stage_name=str(id),
        files=saved,
        evaluation_result=evaluation_result,
        mAP=map50,
        attachments=attachments,
        evaluate_config=evaluate_config,
    )


def _stage_files(cfg: Any, files: Sequence[str], id: Union[str, int]) -> List[str]:
    """Plain names: files that stand in the stage's own folder stay there, others are brought into ``models_dir``."""
    from ._training import checked_stage_name

    home = os.path.join(cfg.ymir.output.models_dir, checked_stage_name(id))
    names = []
    for file in files:
        at_home = os.path.basename(file) == file and os.path.isfile(os.path.join(home, file))
        names += [file] if at_home else format_saved_files(cfg, [file])
    return names


def _best_so_far(cfg: Any) -> Dict[str, float]:
    try:
        result = env._read_mapping(cfg.ymir.output.training_result_file, "training result")
    except (FileNotFoundError, ValueError):
        return {}
    if "map" in result:
        return {"mAP": result["map"]}
    name = next((name for name in protocol.MAIN_METRICS if name in result), None)
    return {name: result[name]} if name else {}


def convert_ymir_to_coco(*args: Any, **kwargs: Any) -> Dict[str, Dict[str, str]]:
    """``(cat_id_from_zero=False)`` or ``(cfg)``; see :func:`ymir_exc.dataset_convert.convert_ymir_to_coco`."""
    from .dataset_convert import convert_ymir_to_coco as convert

    return convert(*args, **kwargs)
