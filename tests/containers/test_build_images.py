"""What scripts/build-images asks of the engine, by an engine that only notes it. Real builds: tests/containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
# VERSION and BUILDX say what kind of client it is.
ENGINE = """#!/bin/sh
echo "BuildKit=${DOCKER_BUILDKIT-unset} $*" >>"$0.log"
case $1 in
version) echo "$VERSION" ;;
build) cat >"$0.dockerfile" ;;
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


def steps(builder: Builder) -> list[str]:
    return [line for line in Path(f"{builder.engine}.dockerfile").read_text().splitlines() if line.startswith("RUN ")]


def test_a_login_in_a_file_is_shown_to_each_step_and_stays_out_of_the_image(builder: Builder, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine pypi.example.com login u password s3cret\n")
    code, said = builder.build("--netrc", str(netrc))
    assert code == 0, said
    assert f"--secret id=netrc,src={netrc}" in builder.builds[0]
    assert {step.split(" && ")[0] for step in steps(builder)} == {
        "RUN --mount=type=secret,id=netrc export NETRC=/run/secrets/netrc"
    }


def test_without_such_a_file_the_dockerfile_is_one_for_every_builder(builder: Builder) -> None:
    assert builder.build()[0] == 0
    assert Path(f"{builder.engine}.dockerfile").read_text() == (ROOT / "torch.dockerfile").read_text()


def test_a_login_in_a_file_needs_a_builder_that_can_hide_it(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "netrc").touch()
    code, said = builder.build("--netrc", str(tmp_path / "netrc"), buildx=1)
    assert (code, builder.builds) == (2, [])
    assert "--netrc needs BuildKit" in said


def test_a_login_file_that_is_not_there_is_told_of(builder: Builder) -> None:
    code, said = builder.build("--netrc", "nowhere")
    assert (code, builder.builds, said) == (2, [], "build-images: there is no nowhere that can be read\n")
