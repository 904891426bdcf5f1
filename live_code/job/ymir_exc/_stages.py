"""How the parts of a task share its progress bar."""

from __future__ import annotations

import math
import os
from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Union

_WEIGHT_VARIABLES = {"PREPROCESS_WEIGHT": 1e-5, "TASK_WEIGHT": 0.99998, "POSTPROCESS_WEIGHT": 1e-5}


class YmirStage(IntEnum):
    PREPROCESS = 1  # convert the dataset
    TASK = 2  # train, mine or infer
    POSTPROCESS = 3  # export the model


class YmirStageWeight:
    """Three weights that sum to 1: given, or of ``PREPROCESS_WEIGHT``, ``TASK_WEIGHT`` and ``POSTPROCESS_WEIGHT``."""

    def __init__(self, weights: Optional[Sequence[float]] = None) -> None:
        given = weights or [float(os.environ.get(name) or default) for name, default in _WEIGHT_VARIABLES.items()]
        self.weights: List[float] = list(map(float, given))
        if len(self.weights) != 3 or min(self.weights) < 0 or not math.isclose(sum(self.weights), 1, rel_tol=1e-6):
            raise ValueError(f"stage weights are three numbers whose sum is 1, not {list(given)}")

    def get_stage_process(self, stage: Union[YmirStage, str], p: float) -> float:
        """Progress within the task, from progress ``p`` within the stage; both in [0, 1]. Raises ValueError."""
        index = _stage(stage) - 1
        return min(math.fsum([*self.weights[:index], self.weights[index] * p]), 1.0)


def _stage(stage: Union[YmirStage, str]) -> YmirStage:
    try:
        return YmirStage[stage.upper()] if isinstance(stage, str) else YmirStage(stage)
    except (KeyError, ValueError):
        raise ValueError(f"unknown stage {stage!r}, not in ['preprocess', 'task', 'postprocess']") from None


def get_ymir_process(
    stage: Union[YmirStage, str],
    p: float,
    task_idx: int = 0,
    task_num: int = 1,
    weights: Optional[YmirStageWeight] = None,
) -> float:
    """Progress of the whole start in [0, 1], from ``p`` within one stage of task ``task_idx`` of ``task_num``."""
    if not 0 <= p <= 1:
        raise ValueError(f"p not in [0,1], p={p}")
    return (task_idx + (weights or YmirStageWeight()).get_stage_process(stage, p)) / task_num
