"""How an image answers before any code runs: to those who inspect it, and to those who can't start it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code.job.ymir_exc import protocol
from tests.containers.conftest import GitHost
from tests.support import platform
from tests.support.containers import tasks
from tests.support.containers.engine import NOBODY, ROOT, Container

pytestmark = pytest.mark.slow
TRIES = 5
FIRST_LINE = """\
import time
started = time.time()
from ymir_exc import result_writer
result_writer.write_infer_result({})
print("STARTED", started, flush=True)
"""


def least(measure: Callable[[], float]) -> float:
    """The best of some tries, in seconds: what other processes cost is not the image's."""
    return min(measure() for _ in range(TRIES))


def test_any_command_is_passed_through_quickly_and_alone_on_stdout(image: Container) -> None:
    shown = image.run("cat", "/img-man/manifest.yaml")
    assert shown.stdout == (ROOT / "img-man" / "manifest.yaml").read_text()
    cat = least(lambda: image.run("cat", "/img-man/manifest.yaml").seconds)
    plain = least(lambda: image.with_options("--entrypoint=/bin/true").run().seconds)
    assert cat - plain < 0.3


FOUND_WITHOUT_ASKING = """\
import ctypes, imagesize, loguru, shutil, tensorboardX, tqdm
for library in ("libGL.so.1", "libgthread-2.0.so.0", "libSM.so.6", "libXext.so.6", "libXrender.so.1", "libxcb.so.1"):
    ctypes.CDLL(library)
print([program for program in ("curl", "wget", "zip", "unzip") if not shutil.which(program)])
"""


def test_what_repositories_count_on_without_asking_is_there(image: Container) -> None:
    assert image.run("python3", "-c", FOUND_WITHOUT_ASKING).stdout == "[]\n"


def test_the_platform_takes_the_image_in_both_generations(image: Container) -> None:
    def read(name: str) -> str | None:
        shown = image.run("cat", f"/img-man/{name}")
        return shown.stdout if shown.code == 0 else None

    for release in ("2.1", "2.4"):
        assert platform.take_image(read, release) == {2: {"training", "mining", "infer"}}


@pytest.mark.parametrize("command", [[], ["bash", "/usr/bin/start.sh"]], ids=["alone", "by name"])
def test_a_start_without_a_task_is_told_in_the_monitor(image: Container, tmp_path: Path, command: list[str]) -> None:
    tmp_path.chmod(0o777)
    ended = image.with_options(f"-v{tmp_path}:/out", "--user", NOBODY).run(*command)
    assert ended.code == 1
    monitor = protocol.parse_monitor((tmp_path / "monitor.txt").read_text())
    assert (monitor.state, monitor.return_code) == (protocol.STATE_ERROR, protocol.CODE_CONFIG)


def test_the_monitor_stands_even_when_python_does_not_start(image: Container, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    broken = image.with_options("-v/dev/null:/opt/live-code/venv/bin/python:ro")
    assert broken.with_options(f"-v{tmp_path}:/out", "--user", NOBODY).run().code != 0
    assert platform.poll(tmp_path / "monitor.txt")[1:] == (0.0, 2, 0)


def test_the_repo_s_first_line_comes_half_a_second_after_the_container_s_start_at_the_latest(
    image: Container, git_host: GitHost, warm: str, framework: str, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    folder = tasks.plain(tmp_path, git_host.pin(f"first-line-{framework}", {"start.py": FIRST_LINE}))
    container = image.with_options(*git_host.options, *folder.options(), f"-v{warm}:/cache")

    def first_line() -> float:
        before = time.time()
        ended = container.run()
        assert ended.code == 0, ended.stderr
        return float(ended.stdout.split("STARTED ")[1].split()[0]) - before

    first_line()  # fills the cache
    took, plain = least(first_line), least(lambda: image.run("true").seconds)
    record_property("first line", f"{took:.3f} s")
    record_property("docker run IMAGE true", f"{plain:.3f} s")
    print(f"{framework}: first line after {took:.3f} s; docker run IMAGE true takes {plain:.3f} s")
    assert took - plain < 0.5
