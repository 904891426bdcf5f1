"""One page about one run or many that needs no network: ``live-code report``."""

from __future__ import annotations

from live_code.records.report.page import write

__all__ = ["write"]
