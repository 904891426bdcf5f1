"""Tables that list what the program knows list all of it, and nothing else."""

from __future__ import annotations

import re

from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import RepoSettings
from tests.support.docs import blocks

PAGE = (blocks.ROOT / "docs" / "make-a-live-code-repo.md").read_text()
SDK = (blocks.ROOT / "docs" / "sdk.md").read_text()


def keys(page: str, head: str) -> list[str]:
    """The code in the first column of the table with this head."""
    table = page.split(f"| {head} |", 1)[1].split("\n\n")[0]
    return [name for line in table.splitlines()[2:] for name in re.findall("`([^`]+)`", line.split("|")[1])]


def test_each_key_of_live_code_yaml_is_told_of() -> None:
    assert sorted(keys(PAGE, "key of `live-code.yaml`")) == sorted(RepoSettings._fields)


def test_each_rule_of_check_is_told_of() -> None:
    sources = "".join(path.read_text() for path in (blocks.ROOT / "live_code" / "authoring" / "check").glob("*.py"))
    severities = "WILL_FAIL|MAY_FAIL|NOTE|severity"
    used = set(re.findall(rf'(?:{severities}),\s*"([a-z-]+)"', sources))
    assert "no-result" in used
    assert used - set(keys(PAGE, "rule")) == set()


def test_each_place_of_the_task_is_told_of() -> None:
    told = set(re.findall("`([a-z_]+)`", SDK))
    assert {*protocol.INPUT_DEFAULTS, *protocol.OUTPUT_DEFAULTS} - told == set()
