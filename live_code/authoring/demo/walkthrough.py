"""The demo, start to end: a dataset, a repository, four runs at one pinned commit, and what they left."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from live_code.authoring.demo import dataset, example_repo, git_server, image, outputs, picture, progress, task_folder
from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.example_repo import Commits
from live_code.authoring.demo.outputs import Model, Run
from live_code.authoring.demo.task_folder import Pin
from live_code.errors import ConfigError, JobError
from live_code.records import boxes
from live_code.tools.machine.interpreter import PYTHON_VARIABLE
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

SEED = 7
# Mining comes first in a start that has both.
SCORING = {"mining": {"mining"}, "infer": {"infer"}, "mining-infer": {"mining", "infer"}}

# Tells a demo's folder from one whose files are not ours to replace.
_MARKER = ".live-code-demo"
_PROJECT = Path(__file__).parents[3]
_EXAMPLE = _PROJECT / "examples" / "torch-detector"
_REQUIREMENTS = _PROJECT / "requirements" / "standin.txt"


class Result(NamedTuple):
    """What the demo has to show."""

    folder: Path
    python: Path
    commits: Commits
    model: Model
    runs: Mapping[str, Run]
    picture: Path


def play(folder: Path, inherited: Inherited) -> Result:
    """Runs everything below ``folder``, whose earlier runs are replaced. Raises LiveCodeError when a run fails, or
    when the folder holds anything but a demo."""
    _clear(folder)
    python = image.interpreter(folder / "image", _REQUIREMENTS, inherited.get(PYTHON_VARIABLE))
    data = dataset.make(folder / "dataset", SEED)
    served = folder / "served"
    commits = example_repo.make(_EXAMPLE, folder / "repo", served / "torch-detector.git")
    inherited = Inherited({**inherited.values, **_variables(folder, python)})
    with git_server.serve(served) as url:
        pin = Pin(f"{url}/torch-detector.git", commits.second, "configs/default.yaml")
        runs, model = _run_tasks(folder, data, pin, inherited)
    return Result(folder, python, commits, model, runs, _draw(folder, data))


def _clear(folder: Path) -> None:
    """Leaves the store and the stand-in for the image, which take long to fill. Raises ConfigError."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise ConfigError(f"{folder} has files in it that are not a demo's.", hint="Name an empty or a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
    for name in ("dataset", "repo", "served", "training", *SCORING):
        shutil.rmtree(folder / name, ignore_errors=True)


def _variables(folder: Path, python: Path) -> dict[str, str]:
    return {
        PYTHON_VARIABLE: str(python),
        "LIVE_CODE_STORE": str(folder / "store"),
        "LIVE_CODE_WORKDIR": str(folder / "work"),
    }


def _run_tasks(folder: Path, data: Dataset, pin: Pin, inherited: Inherited) -> tuple[dict[str, Run], Model]:
    task_folder.write_training(folder / "training" / "in", "demo-training", data, pin)
    runs = {"training": _run("training", folder / "training", inherited)}
    model = outputs.read_model(folder / "training" / "out")
    for name, tasks in SCORING.items():
        task_folder.write_scoring(folder / name / "in", f"demo-{name}", data, pin, tasks, model.files)
        runs[name] = _run(name, folder / name, inherited)
    return runs, model


def _run(name: str, folder: Path, inherited: Inherited) -> Run:
    """One start of the bootstrapper, as a process of its own like in a container."""
    out = folder / "out"
    out.mkdir()
    argv = [sys.executable, "-m", "live_code", "run", "--in", str(folder / "in"), "--out", str(out)]
    with progress.shown(name, out / "monitor.txt") as say:
        code = _watch(argv, inherited, say)
    run = outputs.read_run(out)
    if code:
        raise JobError(f"{name} ended with {code}: {run.failure}", hint=f"Its files are in {out}.")
    return run


def _watch(argv: list[str], inherited: Inherited, say: progress.Say) -> int:
    """Passes the child's lines on and returns its exit code; when we are interrupted the child is too."""
    with subprocess.Popen(
        argv, env=inherited.values, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                say(line.rstrip())
        except BaseException:
            child.terminate()
            raise
    return child.returncode


def _draw(folder: Path, data: Dataset) -> Path:
    out = folder / "mining-infer" / "out"
    tiles = picture.choose_tiles(data, outputs.read_scores(out), boxes.read(out / "infer-result.json"))
    path = folder / "predictions.png"
    picture.draw_grid(tiles, "Candidates, from what mining puts first to what it puts last").save(path)
    return path
