"""Hyper-parameters as numbers: the platform's form sends texts."""


def number(cfg, key, kind=float):
    """Raises ValueError that names the key, when its value is no ``kind`` (float or int) or not there."""
    value = cfg.param.get(key)
    try:
        return kind(str(value))
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"hyper-parameter {key} must be {what}, not {value!r}") from None
