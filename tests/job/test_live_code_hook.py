"""Start-up of the job's Pythons: our SDK comes first, others are left alone, and a fatal exception is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from live_code import job
from live_code.job.ymir_exc import _rank, protocol

ROOT = Path(__file__).parents[2]
HOOK = Path(job.JOB_PATH) / "_live_code_hook.py"
WHERE = "import ymir_exc.monitor; print(ymir_exc.monitor.__file__)"
OURS = os.path.join(job.JOB_PATH, "ymir_exc", "monitor.py")


class JobPython(NamedTuple):
    """An environment as the bootstrapper makes it, with another SDK installed by the requirements."""

    root: Path

    @property
    def executable(self) -> str:
        return str(self.root / "bin" / "python")

    @property
    def site_packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.root), "platbase": str(self.root)}))

    def run(self, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], protocol.JOB_VARIABLE: job.JOB_PATH, **variables}
        return subprocess.run(
            [self.executable, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False
        )

    def says(self, *arguments: str, cwd: Path, **variables: str) -> str:
        done = self.run(*arguments, cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> JobPython:
    made = JobPython(tmp_path_factory.mktemp("environment"))
    venv.create(made.root, with_pip=False)
    (made.site_packages / "live_code.pth").write_text(job.pth_line())
    write_sdk(made.site_packages, monitor="", only_theirs="WHOSE = 'theirs'\n")
    return made


def write_sdk(folder: Path, **modules: str) -> None:
    for name, source in {"__init__": "", **modules}.items():
        path = folder / "ymir_exc" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)


def test_ours_is_found_before_the_installed_one(python: JobPython, tmp_path: Path) -> None:
    assert python.says("-c", WHERE, cwd=tmp_path) == OURS


def test_ours_is_found_in_an_isolated_child(python: JobPython, tmp_path: Path) -> None:
    assert python.says("-I", "-c", WHERE, cwd=tmp_path) == OURS


def test_ours_is_found_before_one_beside_the_script_and_on_the_path(python: JobPython, tmp_path: Path) -> None:
    write_sdk(tmp_path, monitor="")
    (tmp_path / "start.py").write_text(WHERE)
    assert python.says("start.py", cwd=tmp_path, PYTHONPATH=".") == OURS


def test_ours_is_found_in_spawned_workers(python: JobPython, tmp_path: Path) -> None:
    (tmp_path / "start.py").write_text(
        "import multiprocessing\n"
        "def where(queue):\n"
        "    import ymir_exc.monitor\n"
        "    queue.put(ymir_exc.monitor.__file__)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    worker = context.Process(target=where, args=(queue,))\n"
        "    worker.start()\n"
        "    print(queue.get(timeout=60))\n"
        "    worker.join()\n"
    )
    assert python.says("start.py", cwd=tmp_path) == OURS


def test_a_module_that_only_the_installed_one_has_comes_from_there(python: JobPython, tmp_path: Path) -> None:
    assert python.says("-c", "from ymir_exc import only_theirs as m; print(m.WHOSE)", cwd=tmp_path) == "theirs"


def test_without_the_variable_the_installed_one_stays(python: JobPython, tmp_path: Path) -> None:
    found = python.says("-c", WHERE, cwd=tmp_path, **{protocol.JOB_VARIABLE: ""})
    assert found == str(python.site_packages / "ymir_exc" / "monitor.py")


def test_a_variable_that_names_no_job_folder_is_silently_left_alone(python: JobPython, tmp_path: Path) -> None:
    done = python.run("-c", "print('fine')", cwd=tmp_path, **{protocol.JOB_VARIABLE: str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")


def test_start_up_imports_nothing_but_the_hook(python: JobPython, tmp_path: Path) -> None:
    modules = "import sys; print(*sorted(sys.modules))"
    bare = set(python.says("-c", modules, cwd=tmp_path, **{protocol.JOB_VARIABLE: ""}).split())
    ours = set(python.says("-c", modules, cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path)}).split())
    assert ours - bare <= {"_live_code_hook", "__future__", "atexit"}


def reports(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("exception-*.json"))]


def test_a_fatal_exception_is_reported_and_printed_as_ever(python: JobPython, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("def step():\n    raise RuntimeError('CUDA out of memory')\nstep()\n")
    variables = {protocol.REPORT_VARIABLE: str(tmp_path), "RANK": "3"}
    done = python.run("train.py", cwd=tmp_path, **variables)
    assert done.returncode == 1
    assert done.stderr.endswith("RuntimeError: CUDA out of memory\n")
    (report,) = reports(tmp_path)
    assert (report["type"], report["message"], report["rank"]) == ("RuntimeError", "CUDA out of memory", "3")
    assert [frame["function"] for frame in report["frames"]] == ["<module>", "step"]
    assert report["frames"][-1]["code"] == "raise RuntimeError('CUDA out of memory')"


def test_one_is_reported_once_when_the_code_has_a_hook_of_its_own(python: JobPython, tmp_path: Path) -> None:
    source = "import sys\nsys.excepthook = lambda *_: print('in a box', file=sys.stderr)\n1/0\n"
    (tmp_path / "train.py").write_text(source)
    done = python.run("train.py", cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path)})
    assert (done.returncode, done.stderr) == (1, "in a box\n")
    (report,) = reports(tmp_path)
    assert (report["type"], report["frames"][-1]["line"]) == ("ZeroDivisionError", 3)


@pytest.mark.parametrize("source", ["raise SystemExit(3)", "pass"])
def test_ends_that_are_no_failure_of_the_code_are_not_reported(python: JobPython, tmp_path: Path, source: str) -> None:
    python.run("-c", source, cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path)})
    assert reports(tmp_path) == []


def test_an_interrupt_that_the_code_raises_is_reported(python: JobPython, tmp_path: Path) -> None:
    done = python.run("-c", "raise KeyboardInterrupt", cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path)})
    assert done.returncode == -2, "shells and launchers see that it was interrupted, as ever"
    assert [report["type"] for report in reports(tmp_path)] == ["KeyboardInterrupt"]


def report_of(python: JobPython, folder: Path, source: str) -> dict[str, Any]:
    (folder / "train.py").write_text(source)
    python.run("train.py", cwd=folder, **{protocol.REPORT_VARIABLE: str(folder)})
    (report,) = reports(folder)
    return report


def test_a_report_names_the_process_and_its_parent(python: JobPython, tmp_path: Path) -> None:
    report = report_of(python, tmp_path, "1/0")
    assert report["parent"] == os.getpid()
    assert report["over"] is True


def test_a_process_that_waits_for_a_thread_has_reported_its_end_already(python: JobPython, tmp_path: Path) -> None:
    source = (
        "import threading, time\nend = threading.Event()\n"
        "def wait():\n    end.wait(1); open('while', 'w').write(open(next(p for p in __import__('glob')"
        ".glob('exception-*.json'))).read())\n"
        "threading.Thread(target=wait, name='loader').start()\n1/0"
    )
    report_of(python, tmp_path, source)
    seen = json.loads((tmp_path / "while").read_text())
    assert (seen["over"], seen["threads"]) == (True, ["loader"])


def test_a_hook_that_the_code_calls_itself_is_no_end(python: JobPython, tmp_path: Path) -> None:
    source = "import sys\ntry: 1/0\nexcept Exception: sys.excepthook(*sys.exc_info())\nimport os; os._exit(0)"
    assert report_of(python, tmp_path, source)["over"] is False


def test_what_a_handler_had_caught_is_reported_when_it_raises_itself(python: JobPython, tmp_path: Path) -> None:
    source = "try: 1/0\nexcept ZeroDivisionError: raise RuntimeError('no batch')"
    assert report_of(python, tmp_path, source)["context"] == "ZeroDivisionError: division by zero"


def test_what_a_handler_had_caught_is_not_why_something_else_falls(python: JobPython, tmp_path: Path) -> None:
    source = "def save(): {}['boxes']\ntry: 1/0\nexcept ZeroDivisionError: save()"
    assert report_of(python, tmp_path, source)["context"] is None


@pytest.mark.parametrize(
    "text", ["'\\udce9.jpg'", "'\\ud800'", "'x' * 8_000_000", "bytes(range(256)).decode('latin-1')"]
)
def test_any_text_of_an_exception_is_reported(python: JobPython, tmp_path: Path, text: str) -> None:
    assert report_of(python, tmp_path, f"raise ValueError({text})")["type"] == "ValueError"


def test_a_report_that_can_not_be_written_changes_nothing(python: JobPython, tmp_path: Path) -> None:
    done = python.run("-c", "1/0", cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path / "gone")})
    assert done.returncode == 1
    assert done.stderr.count("Error") == 1


def test_an_exception_whose_text_fails_is_still_printed(python: JobPython, tmp_path: Path) -> None:
    source = "class Odd(Exception):\n    def __str__(self): raise ValueError('no text')\nraise Odd"
    done = python.run("-c", source, cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path)})
    assert done.returncode == 1
    assert "Odd" in done.stderr
    (report,) = reports(tmp_path)
    assert report["message"] == "<no text: ValueError>"


def test_the_hook_and_the_protocol_name_the_same_variable() -> None:
    assert f'REPORT_VARIABLE = "{protocol.REPORT_VARIABLE}"' in HOOK.read_text()


@pytest.mark.parametrize("variable", _rank.VARIABLES)
def test_a_rank_is_known_by_the_variables_that_the_sdk_goes_by(
    python: JobPython, tmp_path: Path, variable: str
) -> None:
    python.run("-c", "1/0", cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path), variable: "5"})
    assert [report["rank"] for report in reports(tmp_path)] == ["5"]


def test_a_rank_is_known_when_another_sdk_is_loaded(python: JobPython, tmp_path: Path) -> None:
    source = "import sys, types\nsys.modules['ymir_exc'] = types.ModuleType('ymir_exc')\n1/0"
    python.run("-c", source, cwd=tmp_path, **{protocol.REPORT_VARIABLE: str(tmp_path), "RANK": "3"})
    assert [report["rank"] for report in reports(tmp_path)] == ["3"]


@pytest.mark.slow
def test_ours_is_found_before_the_published_sdk(tmp_path: Path) -> None:
    made = JobPython(tmp_path / "environment")
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(made.root)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", made.executable, "ymir-exc"], check=True)
    (made.site_packages / "live_code.pth").write_text(job.pth_line())
    assert made.says("-I", "-c", WHERE, cwd=tmp_path) == OURS
    theirs = made.says("-c", WHERE, cwd=tmp_path, **{protocol.JOB_VARIABLE: ""})
    assert theirs == str(made.site_packages / "ymir_exc" / "monitor.py")


WORKER = """
import os
import ymir_exc.monitor
os.write(1, f"rank {os.environ['RANK']} {ymir_exc.monitor.__file__}\\n".encode())  # at once: the ranks' lines don't mix
if os.environ["RANK"] == "1":
    raise RuntimeError("rank one fails")
"""


@pytest.mark.slow
def test_ours_is_found_by_the_ranks_that_torchrun_starts_and_a_rank_that_fails_is_reported(
    python: JobPython, standin: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(WORKER)
    with_torch = {
        protocol.REPORT_VARIABLE: str(tmp_path),
        "PYTHONPATH": str(next(standin.parents[1].glob("lib/*/site-packages"))),
    }
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "train.py")
    done = python.run(*launch, cwd=tmp_path, **with_torch)
    assert done.returncode != 0
    assert sorted(line for line in done.stdout.splitlines() if line.startswith("rank")) == [
        f"rank {rank} {OURS}" for rank in (0, 1)
    ]
    failed = [report for report in reports(tmp_path) if report["rank"] is not None]
    assert [(report["rank"], report["message"]) for report in failed] == [("1", "rank one fails")]
