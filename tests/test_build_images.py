"""What scripts/build-images asks of the engine, by an engine that only notes it. Real builds: tests/containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
# VERSION and BUILDX say what kind of client it is.
ENGINE = """#!/bin/sh
echo "BuildKit=${DOCKER_BUILDKIT-unset} $*" >>"$0.log"
case $1 in
version) echo "$VERSION" ;;
buildx) exit "$BUILDX" ;;
image) echo 1000000 ;;
esac
"""


class Builder(NamedTuple):
    engine: Path

    def build(self, *words: str, version: str = "27.1.1", buildx: int = 0, **around: str) -> tuple[int, str]:
        environ = {name: value for name, value in os.environ.items() if name != "DOCKER_BUILDKIT"}
        environ |= {"ENGINE": str(self.engine), "VERSION": version, "BUILDX": str(buildx), **around}
        argv = [ROOT / "scripts/build-images", "torch", *words]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    @property
    def builds(self) -> list[str]:
        log = Path(f"{self.engine}.log")
        asked = log.read_text().split("BuildKit=")[1:] if log.exists() else []
        return [one for one in asked if one.split()[1] == "build"]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    engine = tmp_path / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    return Builder(engine)


@pytest.mark.parametrize(
    ("version", "buildx", "around", "taken"),
    [
        ("27.1.1", 0, {}, "1"),
        ("27.1.1", 1, {}, "0"),
        ("27.1.1", 1, {"DOCKER_BUILDKIT": "1"}, "1"),
        ("20.10.24", 1, {}, "1"),
    ],
    ids=["buildx", "no buildx", "asked for", "built in"],
)
def test_buildkit_is_used_where_the_client_has_it(
    version: str, buildx: int, around: dict[str, str], taken: str, builder: Builder
) -> None:
    code, said = builder.build(version=version, buildx=buildx, **around)
    assert code == 0, said
    assert [one.split()[0] for one in builder.builds] == [taken]


@pytest.mark.parametrize("given", ["PYPI_MIRROR=https://u:s3cret@pypi.example.com/simple", "PYPI_MIRROR"])
def test_a_login_that_would_stay_in_the_history_is_refused(given: str, builder: Builder) -> None:
    code, said = builder.build("--build-arg", given, PYPI_MIRROR="https://u:s3cret@pypi.example.com/simple")
    assert (code, builder.builds, len(said.splitlines())) == (2, [], 1)
    assert said.startswith("build-images: PYPI_MIRROR has a login")
    assert "s3cret" not in said


@pytest.mark.parametrize("given", ["PYPI_MIRROR=https://pypi.example.com/simple", "https_proxy=http://u:p@proxy:3128"])
def test_what_has_no_login_or_leaves_no_trace_is_handed_on(given: str, builder: Builder) -> None:
    code, said = builder.build("--build-arg", given)
    assert code == 0, said
    assert f"--build-arg {given}" in builder.builds[0]
