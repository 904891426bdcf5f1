"""What a run is refused for: one clear line, the right return code for the platform, and a record."""

from __future__ import annotations

import subprocess
from pathlib import Path

from live_code.job.ymir_exc import protocol
from tests.support import repos
from tests.support.machine import Ended, Machine, task
from tests.support.task_folder import TaskFolder


class TestBadInput:
    """One clear line, the right return code in monitor.txt, a non-zero exit, and a record."""

    def refused(self, ended: Ended, code: int, said: str) -> None:
        assert ended.code != 0
        assert ended.monitor.state == protocol.STATE_ERROR
        assert ended.monitor.return_code == code, ended.monitor
        assert said in ended.monitor.message
        assert [said in line for line in ended.stderr.splitlines() if "error: " in line] == [True], ended.stderr
        assert "Traceback" not in ended.stderr
        assert ended.record["state"] == "failed"
        assert ended.record["error"]["return_code"] == code

    def test_no_env_yaml(self, machine: Machine, folder: TaskFolder) -> None:
        self.refused(machine.run(folder), 300001, "env.yaml can't be read")

    def test_config_yaml_is_no_mapping(self, machine: Machine, folder: TaskFolder) -> None:
        folder.env(run_training=True).text("config.yaml", "just words\n")
        self.refused(machine.run(folder), 300001, "holds a str, not a mapping")

    def test_no_git_url(self, machine: Machine, folder: TaskFolder) -> None:
        folder.env(run_training=True).config(git_branch="main")
        self.refused(machine.run(folder), 300001, "git_url is missing")

    def test_no_revision(self, machine: Machine, folder: TaskFolder) -> None:
        folder.env(run_training=True).config(git_url="https://host/repo")
        self.refused(machine.run(folder), 300001, "no revision is given")

    def test_two_revisions_that_disagree(self, machine: Machine, folder: TaskFolder) -> None:
        folder.env(run_training=True).config(git_url="https://host/repo", commit="a" * 40, git_branch="main")
        self.refused(machine.run(folder), 300001, "different revisions")

    def test_a_variable_of_the_container_that_is_not_in_its_form(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo
    ) -> None:
        ended = machine.run(task(folder, repo), LIVE_CODE_MAX_CHECKOUT_GB="20G")
        self.refused(ended, 300001, "LIVE_CODE_MAX_CHECKOUT_GB is '20G'. Write a number.")
        assert ended.monitor.task_id == "t0000001000000abcdef1700000000"

    def test_an_unreachable_host(self, machine: Machine, folder: TaskFolder) -> None:
        folder.env(run_training=True).config(git_url="http://127.0.0.1:1/repo", commit="a" * 40)
        self.refused(machine.run(folder), 300301, "127.0.0.1")

    def test_an_unknown_commit(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        self.refused(machine.run(task(folder, repo, "a" * 40)), 300001, "is not in")

    def test_a_folder_that_is_not_there_is_not_taken_for_a_private_one(
        self, machine: Machine, folder: TaskFolder
    ) -> None:
        folder.env(run_training=True).config(git_url="./nothing", git_branch="main")
        ended = machine.run(folder)
        self.refused(ended, 300001, "a relative path counts from the current folder")
        assert "credentials" not in ended.monitor.message

    def test_an_unknown_ref(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        self.refused(machine.run(task(folder, repo, "v9.9")), 300001, "v9.9")

    def test_an_ambiguous_short_id(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        made = repos.make(tmp_path / "many")
        blob = made.commit(start__py="")
        lines = [
            f"commit refs/heads/b{n}\ncommitter A <a@x> {n} +0000\ndata 1\nx\nfrom {blob}\n" for n in range(1, 2000)
        ]
        subprocess.run(["git", "fast-import", "--quiet"], input="\n".join(lines), cwd=made.path, check=True, text=True)
        ids = made.git("rev-list", "--all").splitlines()
        short = next(one[:4] for one in ids if sum(other.startswith(one[:4]) for other in ids) > 1)
        self.refused(machine.run(task(folder, made, short)), 300001, short)

    def test_a_repo_without_entrypoint(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        made = repos.make(tmp_path / "empty")
        made.commit(README="hello", configs___default__yaml="a: 1\n")
        self.refused(machine.run(task(folder, made)), 300001, "no entrypoint")

    def test_an_entrypoint_that_is_no_file_is_told_before_packages_are_installed(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "misspelt")
        made.write("live-code.yaml", "entrypoint: {training: trian.py}\n")
        made.commit(train__py=repos.CLASSIC_START, requirements__txt="easydict\n", configs___default__yaml="a: 1\n")
        ended = machine.run(task(folder, made))
        self.refused(ended, 300001, "the entrypoint 'trian.py' (live-code.yaml) names trian.py, which is no file")
        assert ended.record["error"]["phase"] == "launch"
        assert not {"interpreter", "lock", "environment", "job"} & set(ended.record)

    def test_a_missing_code_config(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        task(folder, repo)
        folder.config(git_url=str(repo.path), git_branch="main", code_config="configs/none.yaml")
        self.refused(
            machine.run(folder),
            300001,
            "code_config (config.yaml) names configs/none.yaml, which is no file of this commit.",
        )

    def test_a_code_config_that_leaves_the_repo(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        task(folder, repo)
        folder.config(git_url=str(repo.path), git_branch="main", code_config="../../in/config.yaml")
        self.refused(machine.run(folder), 300001, "leaves the repo")

    def test_requirements_that_cannot_be_resolved(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        made = repos.make(tmp_path / "unresolvable")
        made.commit(start__py="", requirements__txt="easydict>=999\n", configs___default__yaml="a: 1\n")
        ended = machine.run(task(folder, made))
        self.refused(ended, 160004, "requirements.txt can't be resolved")
        assert "easydict>=999" in ended.record["error"]["details"]
        assert ended.record["error"]["phase"] == "lock"

    def test_no_task_switched_on(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        self.refused(machine.run(task(folder, repo, on="")), 300001, "no task is switched on")

    def test_an_out_folder_that_is_not_writable_is_told_once_on_stderr(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo
    ) -> None:
        task(folder, repo)
        (folder.out_dir / "models").rmdir()
        folder.out_dir.rmdir()
        folder.out_dir.write_text("a file")
        ended = machine.run(folder)
        assert ended.code != 0
        assert ended.stderr.count("can't be written") == 1
        assert "Traceback" not in ended.stderr
