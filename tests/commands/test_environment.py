"""`live-code lock`, `doctor` and `bundle`, as they are typed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.commands import doctor
from live_code.tools.git.lfs import object_path
from live_code.tools.machine.interpreter import Framework
from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.servers import lfs
from tests.support.task_folder import TaskFolder
from tests.support.workshop import Workshop


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

    def test_of_a_folder_of_a_work_tree_whose_files_lie_beside_it(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("a", "1.0")
        repo = repos.make(tmp_path / "own")
        repo.commit(**{"det/requirements__txt": "-r ../common/base.txt\n", "common/base__txt": "a\n"})
        done = live_code(shop, "lock", repo.path / "det")
        assert "a==1.0" in done.stdout, done.stderr

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
        assert "requirements.txt:1 asks for nosuch, which was not found" in done.stderr.splitlines()[-1]


class TestDoctor:
    def test_it_shows_what_a_run_would_find(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cpu", numpy=2)
        done = live_code(shop, "doctor")
        assert done.returncode == 0, done.stdout
        shown = (
            str(shop.image.python),
            "torch 2.6.0+cpu without CUDA",
            "torch==2.6.0+cpu",
            str(shop.store.root),
            "git version",
        )
        assert [text for text in (*shown, shop.index.url, "no problem found") if text not in done.stdout] == []

    def test_what_would_go_wrong_is_named_and_is_its_exit_code(self, shop: Workshop) -> None:
        shop.index.password = "s3cret"
        done = live_code(shop, "doctor")
        assert done.returncode == 1
        assert f"problem: the index {shop.index.url} wants a login (401)" in done.stdout

    def test_what_is_allowed_and_for_whom_credentials_are_there_without_the_secrets(self, shop: Workshop) -> None:
        around = {"LIVE_CODE_ALLOWED_REPOS": "git.example.com/team/* other.example.com"}
        around |= {"LIVE_CODE_GIT_TOKEN": "s3cret", "LIVE_CODE_GIT_HOST": "git.example.com"}
        shown = live_code(shop, "doctor", **around).stdout
        assert "repositories git.example.com/team/*, other.example.com\n" in shown
        assert "credentials  https://git.example.com\n" in shown
        assert "s3cret" not in shown

    def test_a_limit_that_is_misspelt_is_a_problem(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor", LIVE_CODE_ALLOWED_REPO="git.example.com/*")
        told = "problem: nobody reads the variable LIVE_CODE_ALLOWED_REPO; is LIVE_CODE_ALLOWED_REPOS meant?"
        assert (done.returncode, told in done.stdout) == (1, True), done.stdout

    def test_credentials_that_can_not_be_read_are_a_problem_and_all_else_is_shown(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor", LIVE_CODE_GIT_CREDENTIALS="/nowhere/credentials")
        assert done.returncode == 1
        assert "problem: /nowhere/credentials, which LIVE_CODE_GIT_CREDENTIALS names, can't be read" in done.stdout
        assert f"store        {shop.store.root}" in done.stdout

    def test_every_variable_that_is_not_in_its_form_is_a_problem_and_all_else_is_shown(self, shop: Workshop) -> None:
        wrong = {"LIVE_CODE_VERIFY_SIGNATURE": "maybe", "LIVE_CODE_ALLOWED_REPOS": "https://git.example.com/team/*"}
        done = live_code(shop, "doctor", **wrong)
        assert done.returncode == 1
        assert [name for name in wrong if f"problem: {name} " in done.stdout] == list(wrong)
        assert f"store        {shop.store.root}" in done.stdout

    def test_a_protected_package_that_the_image_lacks_is_a_problem(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor", LIVE_CODE_PROTECT="xformers")
        assert "problem: the image lacks what LIVE_CODE_PROTECT lists: xformers" in done.stdout

    def test_no_interpreter_is_a_problem_not_an_end(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor", LIVE_CODE_PYTHON="/nowhere/python")
        assert "LIVE_CODE_PYTHON names /nowhere/python" in done.stdout
        assert "git version" in done.stdout

    def test_a_cuda_framework_without_a_driver(self, shop: Workshop) -> None:
        if Path("/dev/nvidiactl").exists():
            pytest.skip("there is a GPU here")
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        assert "there is no NVIDIA driver here" in live_code(shop, "doctor").stdout

    def test_an_interpreter_without_a_framework(self, shop: Workshop) -> None:
        done = live_code(shop, "doctor")
        assert "framework    none\n" in done.stdout
        assert "note: what imports torch or mxnet fails here; LIVE_CODE_PYTHON names" in done.stdout
        assert done.stdout.endswith("no problem found, 1 note\n")
        assert done.returncode == 0


CUDA, CPU = {"torch": Framework("2.6.0", "torch", "12.4")}, {"torch": Framework("2.6.0+cpu", "torch", "")}


@pytest.mark.parametrize(
    ("found", "driver", "count", "visible", "problem"),
    [
        (CUDA, True, 1, None, ""),
        (CUDA, True, 1, "0", ""),
        (CUDA, True, 1, "", "CUDA_VISIBLE_DEVICES= hides the GPUs"),
        (CUDA, True, 0, None, "no GPU is visible to torch: start the container with --gpus"),
        (CUDA, False, 0, None, "there is no NVIDIA driver here"),
        (CPU, True, 1, None, "torch is built without CUDA: it will run on the CPU, though there is a GPU"),
        (CPU, False, 0, None, ""),
        ({"numpy": Framework("2.2.6", "numpy", "")}, True, 1, None, ""),
    ],
)
def test_why_a_job_would_run_on_the_cpu(
    found: dict[str, Framework], driver: bool, count: int, visible: str | None, problem: str
) -> None:
    told = doctor.gpu_problem(found, driver=driver, count=count, visible=visible)
    assert problem in told
    assert bool(problem) == bool(told)


def made_folder(root: Path) -> TaskFolder:
    folder = TaskFolder(root)
    folder.in_dir.mkdir(parents=True)
    folder.out_dir.mkdir()
    return folder


@pytest.mark.slow
class TestBundle:
    def test_a_run_from_it_needs_no_network(self, shop: Workshop, tmp_path: Path) -> None:
        if subprocess.run(["unshare", "--net", "true"], check=False).returncode:
            pytest.skip("this user can't take the network away")
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
        environ = {**machine.environ, "LIVE_CODE_PYTHON": str(shop.image.python), "PIP_INDEX_URL": shop.index.url}
        argv = ["unshare", "--net", *machine.argv(folder), "--bundle", str(file)]
        ran = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        assert "has 1.0" in ran.stdout, ran.stderr
        assert f'"commit": "{commit}"' in (folder.out_dir / "live-code" / "run.json").read_text()

    def test_submodules_and_lfs_objects_are_in_it(self, shop: Workshop, tmp_path: Path) -> None:
        """Run where there is no network at all, on a store that has an earlier commit of the repo."""
        if subprocess.run(["unshare", "--net", "true"], check=False).returncode:
            pytest.skip("this user can't take the network away")
        shop.image.copies("easydict", "yaml")
        inner = repos.make(tmp_path / "inner")
        inner.commit(lib__py="word = 'of the submodule'\n")
        repo = repos.make(tmp_path / "served")
        weights = b"\0weights" * 1000
        repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "inner")
        start = "from inner import lib\nprint(len(open('w.bin', 'rb').read()), lib.word, flush=True)\n"
        known = {"configs___default__yaml": "epochs: 7\n", "start__py": repos.CLASSIC_START}
        first = repo.commit(**known)
        kept = object_path(repo.path / ".git", hashlib.sha256(weights).hexdigest())
        kept.parent.mkdir(parents=True)
        kept.write_bytes(weights)
        repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
        commit = repo.commit(start__py=start + repos.CLASSIC_START, w__bin=lfs.pointer(weights))
        done = live_code(shop, "bundle", repo.path, commit, "-o", tmp_path / "one.bundle")
        assert done.returncode == 0, done.stderr

        machine = Machine(tmp_path / "machine")
        here = {"LIVE_CODE_PYTHON": str(shop.image.python), "PIP_INDEX_URL": shop.index.url}
        before = machine.run(task(made_folder(tmp_path / "before"), repo, first), **here)
        assert before.code == 0, before.stderr
        folder = task(made_folder(tmp_path / "task"), repo, commit)
        for path in (repo.path, inner.path):
            path.rename(tmp_path / f"{path.name}-gone")
        ran = machine.run(folder, "unshare", "--net", **here, LIVE_CODE_BUNDLE=str(tmp_path / "one.bundle"))
        assert f"{len(weights)} of the submodule" in ran.stdout, ran.stderr
        assert ran.code == 0

    def test_a_file_that_is_none_is_told(self, shop: Workshop, tmp_path: Path) -> None:
        from live_code.errors import ConfigError
        from live_code.tools.packages import unpack

        (tmp_path / "x").write_text("no bundle")
        with pytest.raises(ConfigError, match="is no bundle, or was cut off"):
            unpack.unpack(tmp_path / "x", shop.store)
