"""`live-code images check`: our images pass, and what is wrong with others is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.containers.engine import Container, Engine

pytestmark = pytest.mark.slow
SPOILT = """\
FROM {base}
RUN sed -i s/enable_livecode.*// /img-man/manifest.yaml && sed -i 's/^exec //' /usr/bin/start.sh
RUN printf 'echo hello; "$@"' >/usr/local/bin/greet
ENTRYPOINT ["bash", "/usr/local/bin/greet"]
CMD bash /usr/bin/start.sh
"""


def check(image: Container) -> tuple[int, dict[str, str]]:
    """Its exit code, and the word before each check."""
    argv = [sys.executable, "-m", "live_code", "images", "check", image.image, "--engine", "/usr/bin/docker"]
    around = {**os.environ, "DOCKER_HOST": image.engine.address}
    done = subprocess.run(argv, env=around, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()[1:]]
    return done.returncode, {rest.split("  ")[0]: word for word, rest in lines}


def test_our_images_pass(image: Container) -> None:
    code, words = check(image)
    assert (code, set(words.values())) == (0, {"ok"})


@pytest.fixture
def spoilt(torch: Container, engine: Engine) -> Container:
    argv = ["/usr/bin/docker", "--host", engine.address, "build", "--tag", "live-code-test/spoilt", "-"]
    subprocess.run(argv, input=SPOILT.format(base=torch.image), text=True, capture_output=True, check=True)
    return Container(engine, "live-code-test/spoilt")


def test_what_the_platform_would_stumble_upon_is_found(spoilt: Container) -> None:
    code, words = check(spoilt)
    bad = {name for name, word in words.items() if word == "BAD"}
    assert code == 1
    assert {"manifest", "commands", "CMD", "start.sh", "signals", "name"} <= bad


def test_an_image_that_is_not_there_is_told_of(engine: Engine) -> None:
    assert check(Container(engine, "live-code-test/nowhere"))[0] == 1
