"""The published schema, and every record below a folder checked against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from live_code.stages.record import reading

FILE = Path(__file__).parents[2] / "docs" / "run.schema.json"
VALIDATOR = Draft202012Validator(json.loads(FILE.read_text()))


def breaches(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a record, a line each."""
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)]


def breaches_below(folder: Path) -> list[str]:
    """Of all records of today's version; those that a test cut off or damaged on purpose are not records."""
    found = []
    for path in reading.find(folder):
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            continue
        if document.get("schema_version") == VALIDATOR.schema["properties"]["schema_version"]["const"]:
            found += [f"{path}: {breach}" for breach in breaches(document)]
    return found
