"""One Docker Engine, both images built from the dockerfiles that ship, and a private git server, for all tests here."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from live_code.authoring.demo import dataset
from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from tests.support.containers.engine import ROOT, Container, Engine
from tests.support.servers import https
from tests.support.servers.repos import Repo

# What differs from the images that ship: stand-ins for the public base images, and mxnet for machines without a GPU.
BUILDS = {
    "torch": ["--base", "live-code-test/torch"],
    "mxnet": ["--base", "live-code-test/debian", "--build-arg", "MXNET=mxnet==1.9.1"],
}
EXAMPLES = {"torch": "torch-detector", "mxnet": "mxnet-classifier"}


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Shared by all test processes: the last one to end stops it (not with LIVE_CODE_TEST_KEEP_ENGINE, for speed)."""
    if os.getuid() != 0:
        pytest.skip("only root can start a Docker Engine")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "live-code-tests")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        words = [ROOT / "scripts" / "test-engine", "start"]
        started = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        yield Engine(started.stdout.strip())
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not os.environ.get("LIVE_CODE_TEST_KEEP_ENGINE"):
            subprocess.run([ROOT / "scripts" / "test-engine", "stop"], check=True)


@pytest.fixture(scope="session")
def images(engine: Engine) -> Mapping[str, Container]:
    """By framework. What is unchanged since the last time is not built again."""
    made = {}
    for name, arguments in BUILDS.items():
        tag = f"live-code-test/executor:{name}"
        words = [ROOT / "scripts" / "build-images", name, *arguments, "--tag", tag]
        around = {**os.environ, "DOCKER_HOST": engine.address, "ENGINE": "/usr/bin/docker"}
        done = subprocess.run(words, env=around, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made[name] = Container(engine, tag)
    return made


@pytest.fixture(scope="session")
def torch(images: Mapping[str, Container]) -> Container:
    return images["torch"]


@pytest.fixture(scope="session", params=EXAMPLES)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def image(images: Mapping[str, Container], framework: str) -> Container:
    """Each image in turn."""
    return images[framework]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset.make(tmp_path_factory.mktemp("dataset"), 7, {"training": 32, "val": 12, "candidate": 8})


class GitHost(NamedTuple):
    """A git server over TLS, of an authority that nobody knows, which gives to those who know the password."""

    server: https.Server
    repos: Path
    options: tuple[str, ...]

    def pin(self, name: str, files: Mapping[str, str]) -> Pin:
        """A repo with one commit, and its address."""
        commit = Repo(self.repos / name).commit(files)
        return Pin(f"{self.server.url}/private/{name}", commit, "")


@pytest.fixture(scope="session")
def git_host(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    subprocess.run([ROOT / "scripts" / "install-test-servers"], check=True)
    root = tmp_path_factory.mktemp("git")
    (root / "repos").mkdir()
    with https.running(root / "https", root / "repos", address=engine.gateway(), name="git.test") as server:
        secret = root / "credentials"
        secret.write_text(f"https://{https.USER}:{https.TOKEN}@{server.host}\n")
        yield GitHost(server, root / "repos", tuple(_access(engine, server, secret)))


def _access(engine: Engine, server: https.Server, secret: Path) -> Iterator[str]:
    yield f"--add-host=git.test:{engine.gateway()}"
    for name, path in (("CA_FILE", server.ca_file), ("GIT_CREDENTIALS", secret)):
        yield f"-v{path}:/run/secrets/{name}:ro"
        yield f"-eLIVE_CODE_{name}=/run/secrets/{name}"


@pytest.fixture(scope="session")
def example(git_host: GitHost) -> Callable[[str], Pin]:
    """The example repo of a framework, as it stands, on the git server."""
    pins: dict[str, Pin] = {}

    def serve(framework: str) -> Pin:
        if framework not in pins:
            folder = ROOT / "examples" / EXAMPLES[framework]
            files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
            kept = {name: text for name, text in files.items() if not name.endswith(".pyc")}
            pins[framework] = git_host.pin(framework, kept)
        return pins[framework]

    return serve


@pytest.fixture(scope="session")
def warm(engine: Engine) -> Iterator[str]:
    """A cache volume that the tests of a session share."""
    with engine.volume() as name:
        yield name
