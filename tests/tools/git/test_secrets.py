"""A planted token is nowhere: no file, argv, environment of a child or line of output, however the start ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.machine import Machine
from tests.support.servers import connect, https, proxy, witness
from tests.support.servers.repos import Repo

pytestmark = pytest.mark.slow
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
# A process of its own, as the container's: its environment has the token, what it starts must not have it.
PROGRAM = """\
import os, sys
from pathlib import Path
from live_code.stages.code import checkout, source
from live_code.stages.request.hyperparameters import Request
from live_code.errors import LiveCodeError
from live_code.tools import settings
from live_code.tools.store import Store
url, revision, folder = sys.argv[1:]
request, store = Request(url, revision, "git_branch"), Store(Path(folder, "store"))
try:
    known = settings.read(os.environ).git
    print(checkout.make(source.resolve(request, store, known), request, store, Path(folder, "place"), known))
except LiveCodeError as error:
    sys.exit(f"{error.kind} {error!r} {error} {error.details} {error.__cause__!r} {error.__context__!r}")
"""


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    return Repo.large(tmp_path_factory.mktemp("repos"))


@pytest.fixture(scope="module")
def server(repo, tmp_path_factory):
    with https.running(tmp_path_factory.mktemp("https") / "server", repo.path.parent) as server:
        yield server


@pytest.fixture
def start(server, tmp_path):
    def start(url, host, token=https.TOKEN, ca_file=server.ca_file, **more):
        (tmp_path / "tmp").mkdir()
        environ = {
            **{name: os.environ[name] for name in ("PATH", "LIVE_CODE_GIT_DEADLINE_S")},
            **{"HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "LIVE_CODE_CA_FILE": str(ca_file)},
            **{"LIVE_CODE_GIT_TOKEN": token, "LIVE_CODE_GIT_HOST": host, "LIVE_CODE_GIT_USER": https.USER},
            **more,
        }
        words = [sys.executable, "-c", PROGRAM, url, "main", str(tmp_path)]
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    return start


def ended(process, token, folder, user=https.USER):
    """Its exit code and output, after it was found that the token is nowhere."""
    words = witness.spellings(token, user)
    with witness.watching(words) as seen:
        stdout, stderr = process.communicate(timeout=60)
    assert seen == []
    assert not any(word in (stdout + stderr).encode() for word in words)
    assert witness.files_with(words, folder) == []
    return process.returncode, stdout + stderr


def test_after_success(start, server, tmp_path):
    code, said = ended(start(f"{server.url}/private/detector.git", server.host), https.TOKEN, tmp_path)
    assert (code, "commit='" in said) == (0, True)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_after_an_auth_failure(start, server, tmp_path):
    token = "wr0ng-t0ken-1f"
    code, said = ended(start(f"{server.url}/private/detector.git", server.host, token), token, tmp_path)
    assert (code, said.startswith("GIT_AUTH")) == (1, True)


def test_after_a_redirect_to_another_server(start, repo, server, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    with https.running(folder / "server", repo.path.parent, moved_to=f"{server.url}/private") as first:
        (folder / "both.pem").write_bytes(first.ca_file.read_bytes() + server.ca_file.read_bytes())
        process = start(f"{first.url}/moved/detector.git", first.host, ca_file=folder / "both.pem")
        code, said = ended(process, https.TOKEN, tmp_path)
    assert (code, said.startswith("GIT_AUTH")) == (1, True)
    words = witness.spellings(https.TOKEN, https.USER)
    assert not any(word in (first.sent() + server.sent()).encode() for word in words)


def test_after_a_submodule_on_another_server(start, repo, server, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    outer = Repo(folder / "repos/outer.git")
    with https.running(folder / "server", outer.path.parent) as other:
        text = f'[submodule "lib"]\n\tpath = lib\n\turl = {server.url}/private/detector.git\n'
        outer.commit({".gitmodules": text})
        outer.git("update-index", "--add", "--cacheinfo", f"160000,{repo.git('rev-parse', 'HEAD')},lib")
        outer.git("commit", "--quiet", "--message", "Add a submodule")
        (folder / "both.pem").write_bytes(other.ca_file.read_bytes() + server.ca_file.read_bytes())
        before = len(server.sent())
        process = start(f"{other.url}/private/outer.git", other.host, ca_file=folder / "both.pem")
        code, said = ended(process, https.TOKEN, tmp_path)
    assert (code, "\nGIT_AUTH " in said) == (1, True)
    assert f" {https.USER} " not in server.sent()[before:]


def test_after_it_was_killed_in_the_middle_of_a_fetch(start, server, tmp_path):
    with proxy.before(server.port, proxy.slowed_to(20_000)) as line:
        process = start(f"https://localhost:{line.port}/private/detector.git", f"localhost:{line.port}")
        while line.bytes < 20_000:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        code, _ = ended(process, https.TOKEN, tmp_path)
    assert code == -signal.SIGKILL


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_proxys_password_after_a_start(start, server, tmp_path, ends):
    with connect.running("gate", "pr0xy-pl4nted-5d" if ends == "well" else "an0ther") as gate:
        address = f"http://gate:pr0xy-pl4nted-5d@127.0.0.1:{gate.port}"
        process = start(f"{server.url}/private/detector.git", server.host, https_proxy=address)
        code, said = ended(process, "pr0xy-pl4nted-5d", tmp_path, user="gate")
    assert (code, "commit='" in said, "GIT_AUTH" in said) == ((0, True, False) if ends == "well" else (1, False, True))


SHOWING = """\
import os, shutil
from ymir_exc import result_writer
print(dict(os.environ), open("/proc/self/environ").read(), flush=True)
shutil.copytree(".", os.environ["KEPT"])
open(os.environ["MODELS"] + "/last.pt", "w").close()
result_writer.write_model_stage(stage_name="a", files=["last.pt"], mAP=0.5)
"""


def test_the_jobs_variables_and_all_that_a_whole_run_leaves(server, repo, folder, tmp_path):
    commit = Repo(repo.path.parent / "showing.git").commit({"start.py": SHOWING})
    folder.env(run_training=True).text("candidate-index.tsv", "/in/a.jpg\n")
    folder.config(git_url=f"{server.url}/private/showing.git", git_branch=commit)
    (folder.out_dir / "models").mkdir()
    words = witness.spellings("pr0xy-pl4nted-5d", "gate") | witness.spellings(https.TOKEN, https.USER)
    with connect.running("gate", "pr0xy-pl4nted-5d") as gate, witness.watching(words) as seen:
        ended = Machine(tmp_path / "machine").run(
            folder,
            LIVE_CODE_GIT_TOKEN=https.TOKEN,
            LIVE_CODE_GIT_HOST=server.host,
            LIVE_CODE_GIT_USER=https.USER,
            LIVE_CODE_CA_FILE=str(server.ca_file),
            https_proxy=f"http://gate:pr0xy-pl4nted-5d@127.0.0.1:{gate.port}",
            TMPDIR=str(tmp_path),
            KEPT=str(tmp_path / "kept"),
            MODELS=str(folder.out_dir / "models"),
        )
    assert ended.code == 0, ended.stderr
    assert gate.tunnels > 0
    assert f"'https_proxy': 'http://127.0.0.1:{gate.port}'" in ended.stdout, "the job did show its variables"
    assert (folder.out_dir / "live-code/job.log").stat().st_size > 1000
    assert (tmp_path / "kept/.git/config").exists(), "the work tree is among the files that are looked through"
    assert seen == []
    assert not any(word in (ended.stdout + ended.stderr).encode() for word in words)
    assert witness.files_with(words, tmp_path) == []
