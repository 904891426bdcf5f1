"""``run.json``: what was asked, what ran, how long each phase took, how it ended: enough to repeat the run.

Its shape is published: docs/run.schema.json and docs/records.md.
"""

from __future__ import annotations

from live_code.journal import Ending, Journal, Phase
from live_code.record.document import FILE, SCHEMA_VERSION, amend, as_json, write
from live_code.record.plain import plain

__all__ = ["FILE", "SCHEMA_VERSION", "Ending", "Journal", "Phase", "amend", "as_json", "plain", "write"]
