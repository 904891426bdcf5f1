"""The task's merged config, and switches in it as a web form sends them."""

from __future__ import annotations

from . import env

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def get_merged_config() -> Any:
    """An EasyDict of ``param``, the hyper-parameters over ``code_config``'s defaults, and ``ymir``, the EnvConfig.

    Raises FileNotFoundError or ValueError naming the file that is missing or can't be read.
    """
    from easydict import EasyDict

    param = env.get_executor_config()
    if not env._config_is_merged():
        param = {**_code_config(param), **param}
    merged = EasyDict(param=param)
    merged.ymir = env.get_current_env()
    return merged


def _code_config(param: Dict[str, Any]) -> Dict[str, Any]:
    path = param.get("code_config")
    return env._read_mapping(path, "defaults of code_config") if path and param.get("git_url") else {}


def get_bool(cfg: Any, key: str, default_value: bool = True) -> bool:
    """A hyper-parameter that may have come as a word from a web form. Raises ValueError for what is no truth value."""
    value = cfg.param.get(key, default_value)
    known = {"f": False, "false": False, "0": False, "t": True, "true": True, "1": True}
    parsed = known.get(str(value).strip().lower())
    if parsed is None:
        raise ValueError(f"hyper-parameter {key} must be true or false, not {value!r}")
    return parsed
