"""A job that calls git in its work tree, which belongs to another user than the one it runs as."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.task_folder import TaskFolder

ASKING = """
import subprocess
for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"], ["config", "user.name"]):
    subprocess.run(["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups", "git", *words], check=True)
elsewhere = ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups", "git", "-C", {other!r}, "rev-parse", "HEAD"]
print("elsewhere", subprocess.run(elsewhere, stderr=subprocess.DEVNULL).returncode, flush=True)
"""


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can act as another user")
def test_git_reads_the_work_tree_of_another_user_with_the_users_own_settings(
    folder: TaskFolder, tmp_path: Path
) -> None:
    for one in (tmp_path, *list(tmp_path.parents)[:-2]):
        one.chmod(one.stat().st_mode | 0o055)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n")
    made = repos.make(tmp_path / "repo")
    start = ASKING.format(other=str(made.path)) + repos.CLASSIC_START
    commit = made.commit(start__py=start, configs___default__yaml="epochs: 7\n")
    ended = Machine(tmp_path / "machine").run(task(folder, made), HOME=str(home))
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines() == [commit, "Ada", "elsewhere 128", "epochs 7"]
