"""The task's merged config, and switches in it as a web form sends them."""

from __future__ import annotations

from . import env

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Set

# How much of a name has to be the same: `lr` and `lrf` are two names.
NEAR = 0.84


def get_merged_config() -> Any:
    """An EasyDict of ``param``, the hyper-parameters over ``code_config``'s defaults, and ``ymir``, the EnvConfig.

    Raises FileNotFoundError or ValueError naming the file that is missing or can't be read.
    """
    from easydict import EasyDict

    param = env.get_executor_config()
    if not env._config_is_merged():
        param = {**_code_config(param), **param}
    merged = EasyDict(param=param)
    merged.param = _watched(EasyDict)(merged.param)
    merged.ymir = env.get_current_env()
    return merged


_watched_kinds: Dict[Any, Any] = {}
_noted: Set[str] = set()


class _Watched:
    """Before a mapping's own class: ``get`` warns once of a name that nobody knows and that is nearly a known one, as
    its None comes to light much later, as an error about something else."""

    def get(self, key: Any, *default: Any) -> Any:
        if isinstance(key, str) and key not in self and key not in _noted:  # type: ignore[operator]
            _note(key, self)
        return super().get(key, *default)  # type: ignore[misc]

    def __reduce__(self) -> Any:  # another process, or a copy, gets a plain one
        return type(self).__mro__[2], (dict(self),)  # type: ignore[call-overload]


def _watched(kind: Any) -> Any:
    """The kind of mapping with that ``get``. EasyDict makes items of what stands in a class itself, so nothing does."""
    if kind not in _watched_kinds:
        _watched_kinds[kind] = type(kind.__name__, (_Watched, kind), {})
    return _watched_kinds[kind]


def _note(name: str, known: Any) -> None:
    import difflib
    import warnings

    _noted.add(name)
    near = difflib.get_close_matches(name, [str(key) for key in known], 1, NEAR)
    if near:
        warnings.warn(f"there is no hyper-parameter {name}; is it {near[0]}?", UserWarning, stacklevel=3)


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
