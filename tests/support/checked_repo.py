"""Small repositories to be checked, and what is said of them in short."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from live_code.authoring import check
from live_code.authoring.check.finding import Finding
from tests.support import variables

IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
RESULTS = "from ymir_exc.result_writer import *\nwrite_model_stage, write_mining_result, write_infer_result\n"
CONFIGURED = {"live-code.yaml": "code_config: c.yaml\n", "c.yaml": "epochs: 3\n"}


class Repo(NamedTuple):
    root: Path
    environ: Mapping[str, str]

    def git(self, *words: str) -> str:
        argv = ["git", "-C", self.root, *IDENTITY, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, files: Mapping[str, str]) -> Repo:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def commit(self, files: Mapping[str, str]) -> Repo:
        self.write(files).git("add", "--all")
        self.git("commit", "-qm", "change")
        return self

    def check(self, python: Path = Path(sys.executable), revision: str = "") -> list[Finding]:
        """But for results, which few of these small repos write."""
        return but(self.check_all(python, revision), "no-result")

    def check_all(self, python: Path = Path(sys.executable), revision: str = "") -> list[Finding]:
        return check.examine(str(self.root), revision, check.Image(python), variables.read(self.environ))


def but(findings: list[Finding], *rules: str) -> list[Finding]:
    """Those of other rules."""
    return [one for one in findings if one.rule not in rules]


def brief(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.rule, one.place) for one in findings]
