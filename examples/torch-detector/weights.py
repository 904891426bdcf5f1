"""The model files that the task was given."""

from ymir_exc import monitor
from ymir_exc.code import ExecutorReturnCode, ExecutorState
from ymir_exc.util import get_weight_files


def given_weights(cfg, suffix: str) -> list:
    """Those that end in ``suffix``; none only in a training that was given no model at all.

    Whoever names a model does not want a training from nothing. Raises FileNotFoundError, and says so to the platform.
    """
    files = get_weight_files(cfg, suffix)
    key = "pretrained_model_params" if cfg.ymir.run_training else "model_params_path"
    if not files and (cfg.param.get(key) or not cfg.ymir.run_training):
        message = f"{key} names no {suffix} file that is there"
        monitor.write_monitor_logger(
            0.0, ExecutorState.ES_ERROR, ExecutorReturnCode.RC_EXEC_MODEL_ERROR, message=message
        )
        raise FileNotFoundError(message)
    return files
