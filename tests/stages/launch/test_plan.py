"""What is started, decided as tables: no process, no file."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from live_code.errors import LaunchError
from live_code.stages.environment.build import Environment
from live_code.stages.launch import plan
from live_code.stages.launch.handover import Handover
from live_code.stages.launch.plan import Entrypoint
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import Merged, RepoSettings
from live_code.tools.settings import Inherited

REQUEST = Request("https://host/repo", "main", "git_branch")
HANDED = Handover(Path("/in/env.yaml"), Path("/out/live-code/config.yaml"), ("training",))
BUILT = Environment(python=Path("/store/env/k/bin/python"), root=Path("/store/env/k"), key="k", cached=True, why="")


def chosen(
    tasks: tuple[str, ...] = ("training",), named: str = "", repo: dict[str, str] | None = None, files: str = ""
) -> list[tuple[str, str, tuple[str, ...]]]:
    found = plan.entrypoints(
        tasks,
        REQUEST._replace(entrypoint=named),
        RepoSettings(entrypoint=repo or {}),
        lambda name: name in files.split(),
    )
    return [tuple(entry) for entry in found]


class TestEntrypoint:
    def test_the_config_is_nearest(self) -> None:
        assert chosen(named="a.py", repo={"": "b.py"}, files="start.py") == [("a.py", "config.yaml", ("training",))]

    def test_then_the_repos_settings(self) -> None:
        assert chosen(repo={"": "b.py"}, files="start.py") == [("b.py", "live-code.yaml", ("training",))]

    def test_a_tasks_own_entry_is_nearer_than_that_of_all(self) -> None:
        assert chosen(repo={"": "b.py", "training": "t.py"})[0][0] == "t.py"

    def test_a_repo_that_names_other_tasks_is_not_for_this_one_whatever_files_it_has(self) -> None:
        with pytest.raises(LaunchError, match="names an entrypoint for training, and none for mining"):
            chosen(("mining",), repo={"training": "train.py"}, files="start.py")

    def test_then_start_py_then_ymir_start_py(self) -> None:
        assert chosen(files="start.py ymir/start.py")[0][0] == "start.py"
        assert chosen(files="ymir/start.py")[0][0] == "ymir/start.py"

    def test_none_names_all_that_was_looked_for(self) -> None:
        with pytest.raises(LaunchError) as caught:
            chosen()
        for name in ("config.yaml", "live-code.yaml", "start.py", "ymir/start.py"):
            assert name in str(caught.value)
        assert caught.value.return_code == 300001

    def test_tasks_with_one_entrypoint_share_one_job(self) -> None:
        assert chosen(("mining", "infer"), files="start.py") == [("start.py", "start.py", ("mining", "infer"))]

    def test_tasks_with_different_entrypoints_are_jobs_in_order(self) -> None:
        found = chosen(("mining", "infer"), repo={"mining": "m.py", "infer": "i.py"})
        assert [(entry[0], entry[2]) for entry in found] == [("m.py", ("mining",)), ("i.py", ("infer",))]


class TestWhatCanNotBeStarted:
    """What is there, and is no program as it is named."""

    def refused(self, command: str, files: str, starts: str = "") -> str:
        entry = Entrypoint(command, "live-code.yaml", ("training",))
        try:
            plan.require_scripts([entry], files.split().__contains__, files.split, starts.split().__contains__)
        except LaunchError as error:
            return str(error)
        return ""

    @pytest.mark.parametrize(
        ("command", "file", "says"),
        [
            ("train.ipynb", "train.ipynb", "jupyter nbconvert --to script train.ipynb"),
            ("python3 -u train.ipynb", "train.ipynb", "is a notebook"),
            ("train", "train", "Write ./train"),
            ("run.bash", "run.bash", "bash run.bash"),
            ("./train", "./train", "git update-index --chmod=+x train"),
        ],
    )
    def test_the_reason_and_the_way_are_named(self, command: str, file: str, says: str) -> None:
        assert says in self.refused(command, file)

    @pytest.mark.parametrize("command", ["./train", "make all", "train", "bash train", "torchrun start.py"])
    def test_what_starts_is_left_alone(self, command: str) -> None:
        assert self.refused(command, "train ./train start.py", starts="./train train make") == ""

    @pytest.mark.parametrize("word", ["&&", "|", ";", ">", ">log", "2>&1", "$HOME", "<"])
    def test_words_of_a_shell_are_warned_of(self, word: str) -> None:
        entry = Entrypoint(f"start.py --epochs 3 {word} x", "config.yaml", ("training",))
        assert [message.split()[0] for message in plan.shell_words([entry])] == [word]

    def test_a_shell_that_is_started_reads_them(self) -> None:
        entry = Entrypoint("bash -c 'a && b > c'", "config.yaml", ("training",))
        assert list(plan.shell_words([entry])) == []


def test_paths_of_the_platform_in_an_entrypoint_are_mapped_as_all_others() -> None:
    local = {"/out/x": "/tmp/o/x", "/in/y": "/tmp/i/y"}
    words = ("--out=/out/x", "/in/y", "a=/out/x", "--lr", "0.1")
    assert [plan._mapped(word, lambda path: local.get(path, path)) for word in words] == [
        "--out=/tmp/o/x", "/tmp/i/y", "a=/out/x", "--lr", "0.1",
    ]  # fmt: skip


class TestScripts:
    def refused(self, command: str, files: str = "") -> str:
        try:
            entry = Entrypoint(command, "live-code.yaml", ("training",))
            plan.require_scripts([entry], files.split().__contains__, files.split)
        except LaunchError as error:
            return str(error)
        return ""

    @pytest.mark.parametrize(
        ("command", "script"),
        [
            ("trian.py", "trian.py"),
            ("trian.py --epochs 3", "trian.py"),
            ("python3 trian.py", "trian.py"),
            ("python -u -OO tool/trian.py --config c.py", "tool/trian.py"),
            ("./trian.sh", "./trian.sh"),
            ("bash -eu tool/trian.sh", "tool/trian.sh"),
        ],
    )
    def test_one_that_is_not_there_is_named_with_the_file_that_names_it(self, command: str, script: str) -> None:
        said = self.refused(command, "start.py c.py")
        assert said.startswith(f"the entrypoint {command!r} (live-code.yaml) names {script}, which is no file of the r")
        assert self.refused(command, script) == ""

    def test_a_file_that_is_nearly_named_so_is_proposed(self) -> None:
        assert "Is it tool/train.py? " in self.refused("python3 tool/trian.py", "start.py tool/train.py")

    @pytest.mark.parametrize(
        "command",
        [
            "python3 -m tool.train",
            "python3 -c 'import train'",
            "python3 -W ignore train.py",
            "python3",
            "python3 -",
            "/opt/image/train.py",
            "train.sh",
            "bash train.sh",
            "bash -c 'make train.py && exec python3 train.py'",
            "torchrun train.py",
            "make train.py",
        ],
    )
    def test_what_may_be_found_elsewhere_is_left_to_the_start(self, command: str) -> None:
        assert self.refused(command) == ""

    def test_what_is_no_command_line_is_refused(self) -> None:
        assert "is no command line" in self.refused("python3 'train.py")


def planned(command: str = "start.py", environ: dict[str, str] | None = None) -> plan.Launch:
    return plan.plan(Entrypoint(command, "test", ("training",)), Path("/app"), BUILT, HANDED, Inherited(environ or {}))


class TestArguments:
    @pytest.mark.parametrize(
        ("command", "argv"),
        [
            ("start.py", ["PY", "start.py"]),
            ("tools/run.py --cfg 'a b.yaml'", ["PY", "tools/run.py", "--cfg", "a b.yaml"]),
            ("python3 start.py -v", ["PY", "start.py", "-v"]),
            ("python -m pkg.main", ["PY", "-m", "pkg.main"]),
            ("run.sh", ["bash", "run.sh"]),
            ("torchrun --nproc 2 start.py", ["torchrun", "--nproc", "2", "start.py"]),
        ],
    )
    def test_a_command_line_becomes_argv(self, command: str, argv: list[str]) -> None:
        wanted = [str(BUILT.python) if word == "PY" else word for word in argv]
        assert list(planned(command).argv) == wanted

    @pytest.mark.parametrize(
        "command", ["a  b #c;d", " a\tb\n c ", "a\u00a0b \u4e2d", "a\x0bb c", "a 'b c'", 'a\\ b "c d"']
    )
    def test_its_words_are_those_of_a_shell(self, command: str) -> None:
        assert list(planned(command).argv) == shlex.split(command)

    @pytest.mark.parametrize("command", ["", "  ", "start.py 'open"])
    def test_what_is_no_command_line(self, command: str) -> None:
        with pytest.raises(LaunchError):
            planned(command)


class TestVariables:
    def test_the_job_runs_at_the_repos_root_and_finds_its_modules(self) -> None:
        assert planned().cwd == Path("/app")
        assert planned().environ["PYTHONPATH"] == "."
        assert planned(environ={"PYTHONPATH": "/opt/x"}).environ["PYTHONPATH"] == ".:/opt/x"

    def test_the_environments_programs_come_first(self) -> None:
        assert planned(environ={"PATH": "/usr/bin"}).environ["PATH"] == "/store/env/k/bin:/usr/bin"

    def test_the_job_is_told_where_its_task_stands(self) -> None:
        environ = planned().environ
        assert environ["DEFAULT_ENV_FILE_PATH"] == "/in/env.yaml"
        assert environ["DEFAULT_CONFIG_FILE_PATH"] == environ["LIVE_CODE_CONFIG"] == "/out/live-code/config.yaml"

    def test_what_the_container_set_stays(self) -> None:
        given = {"CUDA_VISIBLE_DEVICES": "0,1", "NCCL_DEBUG": "INFO", "PYTHONUNBUFFERED": "0"}
        environ = planned(environ=given).environ
        assert {key: environ[key] for key in given} == given

    @pytest.mark.parametrize(("given", "job"), [({}, "1"), ({"PYTHONNOUSERSITE": ""}, "")])
    def test_a_users_own_packages_stay_out_unless_the_container_says_otherwise(
        self, given: dict[str, str], job: str
    ) -> None:
        assert planned(environ=given).environ["PYTHONNOUSERSITE"] == job

    def test_proxies_reach_the_job_without_their_logins(self) -> None:
        given = {"https_proxy": "http://ada:secret@proxy:3128", "HTTP_PROXY": "ada:secret@proxy", "no_proxy": "a,b"}
        environ = planned(environ=given).environ
        assert environ["https_proxy"] == "http://proxy:3128"
        assert environ["HTTP_PROXY"] == "proxy"
        assert environ["no_proxy"] == "a,b"

    def test_git_may_read_the_work_tree_beside_what_the_container_tells_it(self) -> None:
        given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ada"}
        environ = plan.plan(
            Entrypoint("start.py", "test", ("training",)),
            Path("/app"),
            BUILT,
            HANDED,
            Inherited(given),
            trees=("/app",),
        ).environ
        told = {key: value for key, value in environ.items() if key.startswith("GIT_CONFIG")}
        added = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "/app"}
        assert told == {**given, **added}

    def test_our_own_settings_and_secrets_do_not_reach_the_job(self) -> None:
        given = {"LIVE_CODE_GIT_TOKEN": "x", "LIVE_CODE_STORE": "/cache", "VIRTUAL_ENV": "/v", "PYTHONHOME": "/p"}
        given["NETRC"] = "/secrets/netrc"
        environ = planned(environ=given).environ
        assert "LIVE_CODE_GIT_TOKEN" not in environ
        assert "LIVE_CODE_STORE" not in environ
        assert "PYTHONHOME" not in environ
        assert "NETRC" not in environ
        assert environ["VIRTUAL_ENV"] == str(BUILT.root)


class TestTorchrun:
    def ranks(self, launcher: str = "torchrun", **values: object) -> plan.Ranks | None:
        return plan.ranks(RepoSettings(launcher=launcher), Merged(values, {}), Path("/out/live-code"))

    def argv(self, command: str) -> tuple[str, ...]:
        entry = Entrypoint(command, "test", ("training",))
        return plan.plan(entry, Path("/app"), BUILT, HANDED, Inherited({}), ranks=self.ranks(gpu_count=2)).argv

    def test_without_a_launcher_the_entrypoint_is_started_once(self) -> None:
        assert self.ranks("", gpu_count=4) is None

    @pytest.mark.parametrize(
        ("values", "count"),
        [({"gpu_count": 4}, 4), ({"gpu_count": "2"}, 2), ({"gpu_id": "0,1,2"}, 3), ({"gpu_id": ""}, 1), ({}, 1)],
    )
    def test_there_is_one_rank_for_each_gpu(self, values: dict[str, object], count: int) -> None:
        ranks = self.ranks(**values)
        assert ranks is not None
        assert ranks.processes == count

    @pytest.mark.parametrize(("asked", "count"), [(3, 3), ("2", 2), ("", 4), (None, 4), (0, 4)])
    def test_there_are_as_many_ranks_as_the_hyper_parameters_ask_for(self, asked: object, count: int) -> None:
        ranks = self.ranks(gpu_count=4, nproc_per_node=asked)
        assert ranks is not None
        assert ranks.processes == count

    @pytest.mark.parametrize("asked", ["-1", "auto", 1.5])
    def test_a_number_of_ranks_that_is_none_is_refused(self, asked: object) -> None:
        with pytest.raises(LaunchError, match="nproc_per_node is"):
            self.ranks(nproc_per_node=asked)

    def test_a_launcher_that_is_not_known_is_refused(self) -> None:
        with pytest.raises(LaunchError, match="mpirun"):
            self.ranks("mpirun")

    def test_scripts_modules_and_programs_are_started_by_torchrun(self) -> None:
        argv = self.argv("start.py --fast")
        assert argv[:4] == (str(BUILT.python), "-m", "torch.distributed.run", "--nproc_per_node=2")
        assert argv[-3:] == (str(BUILT.python), "start.py", "--fast")
        assert self.argv("python -m pkg.main")[-3:] == (str(BUILT.python), "-m", "pkg.main")
        assert self.argv("run.sh")[-2:] == ("bash", "run.sh")

    def test_the_login_of_an_index_does_not_reach_the_job(self) -> None:
        given = {"PIP_INDEX_URL": "https://me:s3cret@host/simple", "UV_INDEX": "https://s3cret@a/x https://b/y"}
        environ = planned(environ=given).environ
        assert environ["PIP_INDEX_URL"] == "https://host/simple"
        assert environ["UV_INDEX"] == "https://a/x https://b/y"
