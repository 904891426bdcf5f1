"""What differs between runs, in the order in which it is likely to be the cause; then what came of it."""

from __future__ import annotations

from live_code.records.compare.differences import Difference, between, metrics, unreached
from live_code.records.compare.history import FileChange, History

__all__ = ["Difference", "FileChange", "History", "between", "metrics", "unreached"]
