"""Many that want the same new environment, and builders that are killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.workshop import Workshop, seen

ROOT = Path(__file__).parents[3]
BUILD = """
import sys
from pathlib import Path
from tests.support.workshop import Workshop
from tests.support.images import Image
from tests.support.servers.index import Index
from live_code.tools.store import Store

root, store, python, site_packages, url = sys.argv[1:]
index = Index()
index.url = url
shop = Workshop(Path(root), Store(Path(store)), Image(Path(python), Path(site_packages)), index)
made = shop.make()
print(made.cached, made.why, flush=True)
"""


def builder(shop: Workshop) -> subprocess.Popen[str]:
    places = [shop.root, shop.store.root, shop.image.python, shop.image.site_packages, shop.index.url]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "UV_HTTP_RETRIES": "0"}
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, *map(str, places)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.fixture
def wanted(shop: Workshop) -> Workshop:
    """Twelve packages of some hundred files each."""
    names = [f"part{number}" for number in range(12)]
    for name in names:
        shop.index.add(name, "1.0", files={f"{name}/m{number}.py": f"x = {number}\n" * 40 for number in range(150)})
    return shop.write("\n".join(names) + "\n")


@pytest.mark.slow
def test_eight_that_want_the_same_build_it_once_and_wait_with_a_line_that_says_so(wanted: Workshop) -> None:
    wanted.index.delay_s = 0.05
    started = [builder(wanted) for _ in range(8)]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 8
    assert sum(out.startswith("False") for out, _ in ended) == 1
    assert sum("waiting: the job's environment" in said or "waiting: the lock" in said for _, said in ended) >= 6
    names = wanted.index.downloads()
    assert len(names) == len(set(names)) == 12


@pytest.mark.slow
def test_a_builder_killed_at_any_moment_never_leaves_a_half_environment_in_use(wanted: Workshop) -> None:
    chance = random.Random(7)
    locked = wanted.lock()
    started = time.monotonic()
    wanted.make(locked)
    whole_s = time.monotonic() - started
    found_done = 0
    for number in range(20):
        wanted.image.has(f"other{number}", "1.0")  # another image: another environment
        process = builder(wanted)
        time.sleep(chance.uniform(0.1, 0.4 + 1.5 * whole_s))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        made = wanted.make()
        found_done += made.cached
        parts = [f"part{n}.m149" for n in range(12)]
        code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
        subprocess.run([made.python, "-c", code, *parts], check=True)
        assert len(seen(made, *(f"part{n}" for n in range(12)))) == 12
        files = [path for path in made.root.rglob("m*.py") if path.parent.name.startswith("part")]
        assert len(files) == 12 * 150
    assert found_done < 20, "no builder was killed before it was done"
