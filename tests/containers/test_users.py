"""Any user may run the image: one without a name and a home, on a read-only root, on a cache that others use, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.authoring.demo.task_folder import Pin
from tests.containers.conftest import GitHost
from tests.support.containers import tasks
from tests.support.containers.engine import NOBODY, Container, Engine
from tests.support.containers.tasks import Folder
from tests.support.servers import ssh
from tests.support.servers.repos import Repo

pytestmark = pytest.mark.slow
OTHER = "54321:54321"
# Writes an infer result, so that the task ends well, and what it saw of its user.
SAYS = """\
import getpass, json, os, pwd, tempfile
from ymir_exc import result_writer
result_writer.write_infer_result({})
home = os.path.expanduser("~")
os.makedirs(home + "/.cache/torch/hub")
said = {"getpass": getpass.getuser(), "pwd": pwd.getpwuid(os.getuid()).pw_name, "home": home, "cwd": os.getcwd()}
"""
SAYS_END = 'print("SAID", json.dumps(said), flush=True)\n'
OF_LIBRARIES = """\
import matplotlib, torch
os.makedirs(torch.hub.get_dir(), exist_ok=True)
said["matplotlib"] = matplotlib.get_cachedir()
"""


def said(output: str) -> dict[str, str]:
    line = next(line for line in output.splitlines() if line.startswith("SAID "))
    return dict(json.loads(line.removeprefix("SAID ")))


@pytest.fixture(scope="module")
def pin(git_host: GitHost) -> Pin:
    return git_host.pin("says", {"start.py": SAYS + SAYS_END})


@pytest.fixture
def folder(tmp_path: Path, pin: Pin) -> Folder:
    return tasks.plain(tmp_path, pin)


@pytest.fixture(scope="module")
def container(torch: Container, git_host: GitHost) -> Container:
    return torch.with_options(*git_host.options)


@pytest.mark.parametrize("options", [[], ["-eHOME=/"], ["-eHOME=/root"]], ids=["unset", "slash", "another's"])
def test_a_user_without_passwd_entry_has_a_name_and_a_home(
    container: Container, folder: Folder, warm: str, options: list[str]
) -> None:
    ended = container.with_options(*folder.options(), f"-v{warm}:/cache", *options).run()
    assert ended.code == 0, ended.stderr
    assert said(ended.stdout) == {
        "getpass": "live-code",
        "pwd": "live-code",
        "home": "/tmp/live-code-12345/home",
        "cwd": "/app",
    }


def test_libraries_find_a_place_for_their_caches(
    container: Container, git_host: GitHost, warm: str, tmp_path: Path
) -> None:
    files = {"start.py": SAYS + OF_LIBRARIES + SAYS_END, "requirements.txt": "matplotlib\n"}
    folder = tasks.plain(tmp_path, git_host.pin("libraries", files))
    ended = container.with_options(*folder.options(), f"-v{warm}:/cache").run()
    assert ended.code == 0, ended.stderr
    assert said(ended.stdout)["matplotlib"] == "/tmp/live-code-12345/home/.cache/matplotlib"
    assert "temporary cache directory" not in ended.stderr


def test_nothing_but_out_and_tmp_needs_to_be_writable(container: Container, folder: Folder) -> None:
    ended = container.with_options(*folder.options(), "--read-only", "--tmpfs=/tmp").run()
    assert ended.code == 0, ended.stderr
    assert said(ended.stdout)["cwd"].startswith("/tmp/live-code-12345/home/.cache/live-code/work/run-")
    assert "is mounted noexec" in ended.stderr


def test_everything_of_the_outputs_belongs_to_the_user(container: Container, folder: Folder, warm: str) -> None:
    container.with_options(*folder.options(OTHER), f"-v{warm}:/cache").run()
    folder.out.chmod(0o777)
    container.with_options(*folder.options(OTHER), f"-v{warm}:/cache").run()
    assert {path.stat().st_uid for path in folder.out.rglob("*")} == {54321}


def test_users_share_a_cache(container: Container, engine: Engine, git_host: GitHost, tmp_path: Path) -> None:
    one = git_host.pin("shared", {"start.py": SAYS + SAYS_END, "requirements.txt": "iniconfig==2.0.0\n"})
    commit = Repo.commit(_repo(git_host, "shared"), {"requirements.txt": "iniconfig==2.1.0\n"})
    two = one._replace(commit=commit)
    with engine.volume() as cache:

        def run(pin: Pin, user: str, *options: str) -> str:
            folder = tasks.plain(tmp_path / f"{pin.commit[:8]}-{user[:5]}{len(options)}", pin, user)
            ended = container.with_options(*folder.options(user), f"-v{cache}:/cache", *options).run()
            assert ended.code == 0, ended.stderr
            return ended.stderr

        run(one, NOBODY)
        assert "installing" not in run(one, OTHER, "--network=none")
        run(two, OTHER)
        assert "installing" not in run(two, NOBODY, "--network=none")


def _repo(git_host: GitHost, name: str) -> Repo:
    """A repo that is there already, to add commits to."""
    repo = Repo.__new__(Repo)
    repo.path = git_host.repos / name
    return repo


@pytest.fixture
def ssh_server(engine: Engine, tmp_path: Path) -> Iterator[ssh.Server]:
    with ssh.running(tmp_path / "ssh", engine.gateway()) as server:
        server.key_file.chmod(0o644)  # the container's user has to read it; a mounted secret belongs to that user
        yield server


def test_a_user_without_passwd_entry_can_fetch_over_ssh(
    container: Container, ssh_server: ssh.Server, git_host: GitHost, pin: Pin, tmp_path: Path
) -> None:
    folder = tasks.plain(tmp_path / "task", pin._replace(git_url=ssh_server.url(git_host.repos / "says")))
    options = [f"-v{ssh_server.key_file}:/run/secrets/key:ro", "-eLIVE_CODE_SSH_KEY_FILE=/run/secrets/key"]
    options += [f"-v{ssh_server.known_hosts}:/run/secrets/hosts:ro", "-eLIVE_CODE_SSH_KNOWN_HOSTS=/run/secrets/hosts"]
    ended = container.with_options(*folder.options(), *options).run()
    assert ended.code == 0, ended.stderr


def test_shared_memory_that_is_too_small_for_the_workers_is_warned_of(
    container: Container, folder: Folder, warm: str
) -> None:
    folder.set(num_workers="8")
    container = container.with_options(*folder.options(), f"-v{warm}:/cache")
    assert "/dev/shm" not in container.run().stderr
    assert "/dev/shm has 64 MB" in container.with_options("--shm-size=64m").run().stderr
