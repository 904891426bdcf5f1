"""Where the demo may write."""

from pathlib import Path

import pytest

from live_code.authoring.demo import walkthrough
from live_code.errors import ConfigError


def test_a_folder_with_files_that_are_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "mine.txt").write_text("a year's work")
    with pytest.raises(ConfigError, match="not a demo's"):
        walkthrough.play(tmp_path, {})
    assert (tmp_path / "training" / "mine.txt").exists()
