"""What the docs tell to type and to build, done as they say it, in real containers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.authoring.demo import git_server
from live_code.authoring.demo.task_folder import Pin
from live_code.job.ymir_exc import protocol
from tests.containers.conftest import BUILDS
from tests.support.containers import tasks
from tests.support.containers.engine import ROOT, Container, Engine
from tests.support.docs import blocks
from tests.support.servers import mirror
from tests.support.servers.mirror import Mirror
from tests.support.servers.repos import Repo

pytestmark = pytest.mark.slow
README, IMAGES = ROOT / "README.md", ROOT / "docs" / "images.md"
STARTS = "from ymir_exc import result_writer\nresult_writer.write_infer_result({})\n"
LOGIN = "live-code-test/executor:login"


def block(page: Path, language: str, *words: str) -> str:
    """The one of that language that has all of the words."""
    [found] = [it.text for it in blocks.of(page) if it.language == language and all(word in it.text for word in words)]
    return found


@pytest.fixture
def engine_on_path(engine: Engine, torch: Container, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A reader's variables, where `docker` is the tests' engine and our image has the name that the docs give it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to("/usr/bin/docker")
    engine("tag", torch.image, "live-code:torch")
    yield {**os.environ, "DOCKER_HOST": engine.address, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    engine("volume", "rm", "--force", "live-code-cache")
    engine("rmi", "live-code:torch")


def typed(text: str, folder: Path, environ: dict[str, str]) -> str:
    """What the lines say, but for those of our scripts, which have run already."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("scripts/"))
    argv = ["bash", "-euo", "pipefail", "-c", lines]
    done = subprocess.run(argv, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("page", [README, IMAGES], ids=lambda page: page.name)
def test_the_docker_line_runs_a_task_and_the_cache_can_be_trimmed_after_it(
    page: Path, engine: Engine, engine_on_path: dict[str, str], tmp_path: Path
) -> None:
    commit = Repo(tmp_path / "served" / "detector.git").commit({"start.py": STARTS})
    with git_server.serve(tmp_path / "served", engine.gateway()) as url:
        folder = tasks.plain(tmp_path / "task", Pin(f"{url}/detector.git", commit, ""))
        typed(block(page, "sh", "docker run", "/in:/in"), folder.root, engine_on_path)
    assert folder.monitor().state == protocol.STATE_DONE
    typed(block(IMAGES, "sh", "cache gc"), folder.root, engine_on_path)


@pytest.fixture(scope="module")
def site(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """A site's own package index: its authority is its own, and it wants a login."""
    subprocess.run([ROOT / "scripts" / "install-test-servers"], check=True)
    with mirror.running(tmp_path_factory.mktemp("mirror") / "nginx", engine.gateway()) as running:
        yield running


def build(engine: Engine, dockerfile: str, base: str, tag: str, context: Path) -> None:
    (context / "Dockerfile").write_text(re.sub("^FROM .*", f"FROM {base}", dockerfile))
    engine("build", "--tag", tag, context)


def test_an_image_is_built_behind_a_mirror_that_wants_a_login_on_a_base_that_knows_the_site_s_authority(
    engine: Engine, site: Mirror, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(site.ca_file.read_text())
    base = "live-code-test/site-base"
    build(engine, block(IMAGES, "dockerfile", "PIP_CERT"), BUILDS["torch"][1], base, tmp_path)
    words = ["--base", base, "--tag", LOGIN, "--build-arg", f"PYPI_MIRROR={site.url}", "--netrc", site.netrc]
    environ = {**os.environ, "DOCKER_HOST": engine.address, "ENGINE": "/usr/bin/docker"}
    argv = [ROOT / "scripts" / "build-images", "torch", *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert site.readers() == {mirror.USER}
    assert mirror.PASSWORD not in engine("history", "--no-trunc", LOGIN).stdout
    seeking = f"! grep -rlI {mirror.PASSWORD} /etc /opt/live-code /root /run /tmp /var && live-code --version"
    looked = Container(engine, LOGIN).run("sh", "-c", seeking)
    assert (looked.code, looked.stdout[:10]) == (0, "live-code "), looked


def test_an_image_of_a_site_s_own_has_its_settings_and_still_passes(
    engine: Engine, torch: Container, tmp_path: Path
) -> None:
    derived = Container(engine, "registry.example.com/team/detector:1")  # as its LIVE_CODE_IMAGE says
    dockerfile = block(IMAGES, "dockerfile", "LIVE_CODE_ALLOWED_REPOS").replace("pypi.example.com", "pypi.org")
    build(engine, dockerfile, torch.image, derived.image, tmp_path)
    argv = [sys.executable, "-m", "live_code", "images", "check", derived.image, "--engine", "/usr/bin/docker"]
    environ = {**os.environ, "DOCKER_HOST": engine.address}
    checked = subprocess.run(argv, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    code, told, *_ = derived.run("live-code", "doctor")
    assert code == 0, told
    assert "repositories git.example.com/team/*" in told
    assert "protected    einops==0.8.1, torch==" in told
    assert "com.example.team=detector 1" in derived.run("cat", "/opt/live-code/labels").stdout
