"""Two or more records → what is not the same in them. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from live_code.stages.record.reading import NAMES, Record
from live_code.values import NamedTuple

_GIB = 1 << 30
_OCI = "org.opencontainers.image."


class Difference(NamedTuple):
    """One thing that is not the same. ``values``: one for each run, None where a run does not have it."""

    section: str
    name: str
    values: tuple[str | None, ...]


def between(records: Sequence[Record]) -> tuple[Difference, ...]:
    """All differences but those of the metrics, likely causes first.

    Runs are compared as far as they came: what one never came to differs in nothing, ``unreached`` lists it.
    """
    return tuple(
        difference for section, facts in SECTIONS.items() for difference in _differences(section, facts, records)
    )


def unreached(records: Sequence[Record]) -> dict[str, tuple[int, ...]]:
    """Section → the places of the runs that ended before it was known; none when all or no run came there."""
    missing = {
        section: tuple(number for number, record in enumerate(records) if record.get(phase) is None)
        for section, phase in _KNOWN_FROM.items()
    }
    return {section: places for section, places in missing.items() if 0 < len(places) < len(records)}


def unrecorded(records: Sequence[Record]) -> tuple[str, ...]:
    """What nobody looked at, so that it may differ all the same."""
    indexes = [index for record in records for index in (record.get("dataset") or {}).values()]
    contents = "the images and annotations that the index files name (record_content_hashes)"
    return (
        *((contents,) if any(not index.get("content") for index in indexes) or not indexes else ()),
        "files that a job reads beside those: none of them is in a record",
    )


def metrics(records: Sequence[Record]) -> tuple[Difference, ...]:
    """Every metric, whether it differs or not: equal ones are an answer too."""
    tables = [{name: f"{value:.6g}" for name, value in record.metrics.items()} for record in records]
    names = list(dict.fromkeys(name for table in tables for name in table))
    return tuple(Difference("metrics", name, tuple(table.get(name) for table in tables)) for name in names)


def _differences(
    section: str, facts: Callable[[Record], Mapping[str, Any]], records: Sequence[Record]
) -> list[Difference]:
    away = unreached(records).get(section, ())
    if section == "config" and away:  # the request is known of all
        facts, away = _request, ()
    tables = [{name: _text(value) for name, value in facts(record).items()} for record in records]
    names = dict.fromkeys(name for number, table in enumerate(tables) if number not in away for name in table)
    rows = (Difference(section, name, tuple(table.get(name) for table in tables)) for name in names)
    return [row for row in rows if len({value for n, value in enumerate(row.values) if n not in away}) > 1]


def _text(value: Any) -> str:
    """As a web form would send it: 3 and '3' are the same setting."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _code(record: Record) -> dict[str, Any]:
    patch = record.get("checkout", "patch") or {}
    submodules = record.get("checkout", "submodules") or ()
    changed = record.get("code", "changed") or ()
    return {
        "url": record.get("source", "url") or record.get("request", "git_url"),
        "commit": record.commit or record.get("request", "revision"),
        "tree": record.get("checkout", "tree"),
        "subfolder": record.get("request", "git_subdir") or "",
        "patch": patch.get("sha256", ""),
        **{f"submodule {submodule['path']}": submodule["commit"] for submodule in submodules},
        "changed while it ran": ", ".join(line[3:] for line in changed),
    }


def _config(record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.config.items() if key not in NAMES}


def _request(record: Record) -> dict[str, Any]:
    """The hyper-parameters that live-code itself reads, as the task gave them."""
    return {key: value for key, value in (record.get("request") or {}).items() if key not in _SHOWN_AS_CODE}


def packages(record: Record) -> dict[str, Any]:
    """What the job could import: the image's packages, with the lock's over them."""
    return {**(record.get("interpreter", "packages") or {}), **(record.get("lock", "packages") or {})}


def _image(record: Record) -> dict[str, Any]:
    frameworks = record.get("interpreter", "frameworks") or {}
    return {
        "image": record.get("image", "name") or "",
        "manifest": record.get("image", "manifest_sha256") or "",
        **_labels(record),
        "python": record.get("interpreter", "version"),
        "platform": record.get("interpreter", "platform"),
        **{f"{name} built for CUDA": item.get("cuda", "") for name, item in frameworks.items()},
        "live-code": record.get("executor", "version"),
    }


def _labels(record: Record) -> dict[str, str]:
    """All but the time of the build: images that differ by it alone are the same."""
    labels = {name.removeprefix(_OCI): value for name, value in (record.get("image", "labels") or {}).items()}
    return {f"image {name}": value for name, value in labels.items() if name != "created"}


def _data(record: Record) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, index in (record.get("dataset") or {}).items():
        facts[f"{name} images"] = index["images"]
        facts[f"{name} sha256"] = index["sha256"]
        facts[f"{name} contents"] = index["content"]
    return facts


def _hardware(record: Record) -> dict[str, Any]:
    host = record.get("host") or {}
    limits = host.get("limits") or {}
    return {
        "GPUs": ", ".join(f"{gpu['name']}" for gpu in host.get("gpus", ())) or "none",
        "driver": host.get("driver", ""),
        "CPU": host.get("cpu", ""),
        "cores": host.get("cpus", ""),
        "memory": _gib(host.get("memory")),
        "memory limit": _gib(limits.get("memory")),
        "kernel": host.get("kernel", ""),
    }


def _gib(value: float | None) -> str:
    return f"{value / _GIB:.1f} GiB" if value else "none"


SECTIONS: Mapping[str, Callable[[Record], Mapping[str, Any]]] = {
    "code": _code,
    "config": _config,
    "packages": packages,
    "image": _image,
    "data": _data,
    "hardware": _hardware,
}
# The part of a record without which a section says nothing.
_KNOWN_FROM = {
    "config": "config",
    "packages": "lock",
    "image": "interpreter",
    "data": "dataset",
    "hardware": "host",
}
_SHOWN_AS_CODE = ("git_url", "revision", "revision_key", "git_subdir")
