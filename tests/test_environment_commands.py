"""`live-code lock`, `doctor` and `bundle`, as they are typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import repos
from tests.machine import Machine, task
from tests.task_folder import TaskFolder
from tests.workshop import Workshop


def live_code(shop: Workshop, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "LIVE_CODE_STORE": str(shop.store.root),
        "LIVE_CODE_PYTHON": str(shop.image.python),
        "PIP_INDEX_URL": shop.index.url,
        "LIVE_CODE_ALLOW_LOCAL": "1",
        **more,
    }
    argv = [sys.executable, "-m", "live_code", *map(str, words)]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


class TestLock:
    def test_of_a_folder_as_it_stands(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        done = live_code(shop, "lock", shop.write("a\n").root)
        assert done.returncode == 0, done.stderr
        assert done.stdout == shop.lock().text

    def test_of_a_repository_at_a_commit(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("a", "1.0").add("a", "2.0")
        repo = repos.make(tmp_path / "served")
        first = repo.commit(requirements__txt="a==1.0\n")
        repo.commit(requirements__txt="a\n")
        done = live_code(shop, "lock", repo.path, first)
        assert "a==1.0" in done.stdout, done.stderr

    def test_as_of_a_date(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0", uploaded="2021-01-01T00:00:00Z").add("a", "2.0", uploaded="2023-01-01T00:00:00Z")
        assert "a==1.0" in live_code(shop, "lock", shop.write("a\n").root, "--as-of", "2022-01-01").stdout

    def test_an_error_is_one_line(self, shop: Workshop) -> None:
        done = live_code(shop, "lock", shop.write("nosuch\n").root)
        assert (done.returncode, done.stdout) == (1, "")
        assert "nosuch was not found" in done.stderr.splitlines()[-1]


class TestDoctor:
    def test_it_shows_what_a_run_would_find(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cpu", numpy=2)
        done = live_code(shop, "doctor")
        assert done.returncode == 0, done.stdout
        shown = (str(shop.image.python), "torch 2.6.0+cpu", "torch==2.6.0+cpu", str(shop.store.root), "git version")
        assert [text for text in (*shown, shop.index.url, "no problem found") if text not in done.stdout] == []

    def test_what_would_go_wrong_is_named_and_is_its_exit_code(self, shop: Workshop) -> None:
        shop.index.password = "s3cret"
        done = live_code(shop, "doctor")
        assert done.returncode == 1
        assert f"problem: the index {shop.index.url} answers 401" in done.stdout

    def test_no_interpreter_is_a_problem_not_an_end(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor", LIVE_CODE_PYTHON="/nowhere/python")
        assert "LIVE_CODE_PYTHON names /nowhere/python" in done.stdout
        assert "git version" in done.stdout

    def test_a_cuda_framework_without_a_driver(self, shop: Workshop) -> None:
        if Path("/dev/nvidiactl").exists():
            pytest.skip("there is a GPU here")
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        assert "there is no NVIDIA driver here" in live_code(shop, "doctor").stdout


@pytest.mark.slow
class TestBundle:
    def test_a_run_from_it_needs_no_network(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("only-there", "1.0").add("EasyDict", "1.9")
        repo = repos.make(tmp_path / "served")
        start = f"import only_there\nprint('has', only_there.__version__, flush=True)\n{repos.CLASSIC_START}"
        commit = repo.commit(start__py=start, requirements__txt="only-there\n", configs___default__yaml="epochs: 7\n")
        file = tmp_path / "one.bundle"
        done = live_code(shop, "bundle", repo.path, commit, "-o", file)
        assert done.returncode == 0, done.stderr

        machine = Machine(tmp_path / "machine")
        folder = TaskFolder(tmp_path / "task")
        folder.in_dir.mkdir(parents=True)
        folder.out_dir.mkdir()
        task(folder, repo, commit)
        repo.path.rename(tmp_path / "gone")
        shop.index.faults = {"/": 500}
        dead = "http://127.0.0.1:9/simple"
        environ = {**machine.environ, "LIVE_CODE_PYTHON": str(shop.image.python), "PIP_INDEX_URL": dead}
        argv = [*machine.argv(folder), "--bundle", str(file)]
        ran = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        assert "has 1.0" in ran.stdout, ran.stderr
        assert f'"commit": "{commit}"' in (folder.out_dir / "live-code" / "run.json").read_text()

    def test_a_file_that_is_none_is_told(self, shop: Workshop, tmp_path: Path) -> None:
        from live_code.errors import ConfigError
        from live_code.packages import bundled

        (tmp_path / "x").write_text("no bundle")
        with pytest.raises(ConfigError, match="can't be read"):
            bundled.unpack(tmp_path / "x", shop.store)
