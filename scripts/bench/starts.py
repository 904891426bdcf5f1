"""The ways to start a tiny repo, each timed from its process's start to the first line of the repo's code."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import https

MLFLOW = "3.17.2"
REQUIREMENTS = "PyYAML==6.0.3\neasydict==1.13\ntqdm==4.67.1\n"
START = """\
import time; first_line = time.time()
import os
with open(os.environ["STAMP"], "w") as file:
    file.write(repr(first_line))
import yaml
if os.environ.get("DEFAULT_CONFIG_FILE_PATH"):
    yaml.safe_load(open(os.environ["DEFAULT_CONFIG_FILE_PATH"]))
if os.environ.get("DEFAULT_ENV_FILE_PATH"):
    index = yaml.safe_load(open(os.environ["DEFAULT_ENV_FILE_PATH"]))["input"]["candidate_index_file"]
    with open(os.environ["OUT"] + "/result.tsv", "w") as file:
        file.writelines(f"{line.strip()}\\t0.5\\n" for line in open(index))
"""
# What people script: the task's config says what to clone; pip sees to the packages; then the repo's start.py.
NAIVE = """\
import os, subprocess, sys
import yaml
config, tree, python = sys.argv[1:]
asked = yaml.safe_load(open(config))
subprocess.run(["git", "clone", "--quiet", "--filter=blob:none", asked["git_url"], tree], check=True)
subprocess.run(["git", "-C", tree, "checkout", "--quiet", asked["git_branch"]], check=True)
if not os.path.exists(python):
    subprocess.run([sys.executable, "-m", "venv", os.path.dirname(os.path.dirname(python))], check=True)
subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", tree + "/requirements.txt"], check=True)
os.environ["DEFAULT_CONFIG_FILE_PATH"] = config
sys.exit(subprocess.call([python, "start.py"], cwd=tree))
"""
MLPROJECT = "name: tiny\npython_env: python_env.yaml\nentry_points:\n  main:\n    command: python start.py\n"


class Installed(NamedTuple):
    """Programs to compare, each in an environment of its own. ``base``: the interpreter that jobs run on, with nothing
    installed: what this machine's own loads at each start would count for ours alone."""

    executor: Path
    naive: Path
    mlflow: Path
    base: Path


class Scene(NamedTuple):
    """The repo as a server has it, and the folder in which all is kept that a way keeps between its starts."""

    installed: Installed
    place: Path
    url: str
    commit: str
    environ: dict[str, str]

    @property
    def stamp(self) -> Path:
        return self.place / "stamp"


def installed(root: Path, place: Path, *, mlflow: bool = True) -> Installed:
    """live-code with its locked packages, compiled as in the images; PyYAML for the script's flow; mlflow."""
    own = root / ".venv" / "bin"
    base = (own / "python").resolve()
    found = Installed(*(place / name / "bin" / "python" for name in ("executor", "naive", "mlflow", "image")))

    def add(python: Path, *words: str | Path) -> None:
        if not python.exists():
            run([own / "uv", "venv", "--quiet", "--python", base, python.parent.parent])
        run([own / "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *words])

    if not found.base.exists():
        run([own / "uv", "venv", "--quiet", "--python", base, found.base.parent.parent])
    shutil.rmtree(place / "wheel", ignore_errors=True)
    run([own / "python", "-m", "hatchling", "build", "-t", "wheel", "-d", place / "wheel"], cwd=root)
    add(found.executor, "--require-hashes", "-r", root / "requirements" / "image.txt")
    add(found.executor, "--no-deps", "--reinstall", next((place / "wheel").glob("*.whl")))
    add(found.naive, "PyYAML")
    if mlflow:
        add(found.mlflow, f"mlflow=={MLFLOW}", "virtualenv", "uv")
    return found


def measure(programs: Installed, work: Path, server: https.Server, rounds: int) -> dict[str, object]:
    """Seconds of each way in each round; a way that fails says why instead."""
    scene = setting(programs, work, server)
    for way in WAYS.values():  # fills the caches, and what is warm
        attempt(way, scene)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    failed: dict[str, str] = {}
    phases: list[dict[str, float]] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name, way in WAYS.items():
            if name in failed:
                continue
            took = attempt(way, scene)
            if isinstance(took, str):
                failed[name] = took
                continue
            seconds[name].append(took)
            if name == WARM:
                phases.append(phases_of(scene, took))
    return {"seconds": seconds, "failed": failed, "phases": phases, "imports": imports(scene), "rounds": rounds}


def setting(programs: Installed, work: Path, server: https.Server) -> Scene:
    place = work / "ways"
    (place / "task" / "in").mkdir(parents=True)
    commit = repository(work / "repos" / "tiny.git")
    url = f"{server.url}/open/tiny.git"
    write_task(place / "task", url, commit)
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("LIVE_CODE_", "MLFLOW_"))}
    environ.update(
        HOME=str(place / "home"),
        STAMP=str(place / "stamp"),
        OUT=str(place / "task" / "out"),
        GIT_SSL_CAINFO=str(server.ca_file),
        GIT_CONFIG_GLOBAL=os.devnull,
        LIVE_CODE_CA_FILE=str(server.ca_file),
        LIVE_CODE_PYTHON=str(programs.base),
        LIVE_CODE_STORE=str(place / "store"),
        LIVE_CODE_WORKDIR=str(place / "trees"),
        PIP_CACHE_DIR=str(place / "pip"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        UV_CACHE_DIR=str(place / "uv"),
    )
    (place / "home").mkdir()
    return Scene(programs, place, url, commit, environ)


def repository(path: Path, more: bytes = b"") -> str:
    """A bare repo of one commit that server and clients can use. ``more``: files for git fast-import."""
    version = ".".join(map(str, sys.version_info[:3]))
    files = {
        "start.py": START,
        "requirements.txt": REQUIREMENTS,
        "MLproject": MLPROJECT,
        "python_env.yaml": f'python: "{version}"\ndependencies:\n  - -r requirements.txt\n',
    }
    run(["git", "init", "--quiet", "--bare", "--initial-branch=main", path])
    for name in ("allowFilter", "allowAnySHA1InWant"):
        run(["git", "config", f"uploadpack.{name}", "true"], cwd=path)
    commit = b"commit refs/heads/main\ncommitter A <a@b> 1600000000 +0000\ndata 1\nc\n"
    content = b"".join(file(name, text.encode()) for name, text in files.items())
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, input=commit + content + more, check=True)
    return run(["git", "rev-parse", "main"], cwd=path).strip()


def file(name: str, data: bytes) -> bytes:
    return b"M 644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data)


def write_task(folder: Path, url: str, commit: str, root: str = "/in", **inputs: str) -> None:
    """A mining task. ``root``: what its env.yaml calls the input folder."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    (folder / "in" / "candidate.tsv").write_text("/in/assets/a.jpg\n")
    given = {"root_dir": root, "candidate_index_file": f"{root}/candidate.tsv", **inputs}
    (folder / "in" / "env.yaml").write_text(
        "task_id: t1\nprotocol_version: 1.1.0\nrun_mining: true\n"
        f"input: {json.dumps(given)}\noutput: {{root_dir: /out}}\n"
    )
    (folder / "in" / "config.yaml").write_text(f"git_url: {url}\ngit_branch: {commit}\nclass_names: [cat]\n")


def bare_starts(scene: Scene) -> float:
    """What no way can avoid: a start of the interpreter that brings the code, and one of the job's."""
    started = time.time()
    for python in (scene.installed.executor, scene.installed.base):
        subprocess.run([python, "-c", "pass"], env=scene.environ, check=True)
    return time.time() - started


def worktree_add(scene: Scene, tree: Path | None = None) -> float:
    tree, repo = tree or scene.place / "added", scene.place.parent / "repos" / "tiny.git"
    started = time.time()
    run(["git", "worktree", "add", "--quiet", "--detach", tree, scene.commit], cwd=repo)
    took = time.time() - started
    run(["git", "worktree", "remove", "--force", tree], cwd=repo)
    return took


def ours(scene: Scene, *lost: str, **variables: str) -> float:
    """``lost``: what of the store is removed before."""
    for name in lost:
        shutil.rmtree(scene.place / "store" / name, ignore_errors=True)
    task = scene.place / "task"
    shutil.rmtree(task / "out", ignore_errors=True)
    (task / "out").mkdir()
    program = scene.installed.executor.parent / "live-code"
    return timed(scene, [program, "run", "--in", task / "in", "--out", task / "out"], **variables)


def naive(scene: Scene, *, fresh: bool) -> float:
    tree, venv, out = scene.place / "tree", scene.place / "venv", scene.place / "out"
    shutil.rmtree(tree, ignore_errors=True)
    out.mkdir(exist_ok=True)
    if fresh:
        shutil.rmtree(venv, ignore_errors=True)
    argv = [scene.installed.naive, "-c", NAIVE, scene.place / "task/in/config.yaml", tree, venv / "bin" / "python"]
    return timed(scene, argv, OUT=str(out))


def mlflow(scene: Scene, manager: str, *, fresh: bool = False) -> float:
    """Its environments, runs and database are kept between the starts, unless one has to be fresh."""
    home = scene.place / "mlflow"
    if fresh:
        shutil.rmtree(home / "envs", ignore_errors=True)
    home.mkdir(exist_ok=True)
    own = scene.installed.mlflow.parent
    argv = [own / "mlflow", "run", scene.url, "--version", scene.commit, "--env-manager", manager]
    paths = f"{own}:{scene.environ['PATH']}"
    return timed(scene, argv, cwd=home, PATH=paths, MLFLOW_ENV_ROOT=str(home / "envs"))


WARM = "live-code, warm"
Way = Callable[[Scene], float]
WAYS: dict[str, Way] = {
    "two bare interpreter starts": bare_starts,
    "git worktree add": worktree_add,
    WARM: ours,
    "script, warm": lambda scene: naive(scene, fresh=False),
    "mlflow run (local), warm": lambda scene: mlflow(scene, "local"),
    "mlflow run (virtualenv), warm": lambda scene: mlflow(scene, "virtualenv"),
    "mlflow run (uv), warm": lambda scene: mlflow(scene, "uv"),
    "live-code, warm store, no environment": lambda scene: ours(scene, "env"),
    "live-code, cold, packages cached": lambda scene: ours(scene, *KEPT_OF_A_REPO),
    "script, fresh environment, packages cached": lambda scene: naive(scene, fresh=True),
    "mlflow run (virtualenv), fresh environment, packages cached": lambda scene: mlflow(
        scene, "virtualenv", fresh=True
    ),
    "mlflow run (uv), fresh environment, packages cached": lambda scene: mlflow(scene, "uv", fresh=True),
    "live-code, cold, empty store": lambda scene: ours(scene, *KEPT_OF_A_REPO, "wheels"),
}
# All that a store has but downloaded packages.
KEPT_OF_A_REPO = ("git", "lock", "env", "python", "date", "used", "locks")


def attempt(way: Way, scene: Scene) -> float | str:
    """Seconds, or why there are none."""
    try:
        return way(scene)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or str(error)).strip().splitlines()
        return lines[-1]


def timed(scene: Scene, argv: list[object], *, cwd: Path | None = None, **variables: str) -> float:
    scene.stamp.unlink(missing_ok=True)
    environ = {**scene.environ, **variables}
    started = time.time()
    run(argv, cwd=cwd, env=environ)
    return float(scene.stamp.read_text()) - started


def phases_of(scene: Scene, took: float) -> dict[str, float]:
    """Where the ``took`` seconds of the newest start of ours went, by what run.json says of it."""
    record = json.loads((scene.place / "task/out/live-code/run.json").read_text())
    spent = {phase["name"]: phase["seconds"] for phase in record["phases"] if phase["name"] not in ("job", "results")}
    first, before_job = record["started"], next(one["started"] for one in record["phases"] if one["name"] == "job")
    first_line = float(scene.stamp.read_text())
    return {
        "Python, imports": first - (first_line - took),
        **spent,
        "between the phases": before_job - first - sum(spent.values()),
        "job: its start, its Python": first_line - before_job,
    }


def imports(scene: Scene) -> list[tuple[str, float]]:
    """What is imported up to the job's start, with its own seconds; by -X importtime, which itself takes some."""
    task = scene.place / "task"
    shutil.rmtree(task / "out", ignore_errors=True)
    (task / "out").mkdir()
    argv = [scene.installed.executor, "-X", "importtime", "-I", "-m", "live_code", "run"]
    argv += ["--in", task / "in", "--out", task / "out"]
    said = subprocess.run(argv, env=scene.environ, check=True, capture_output=True, text=True).stderr
    before = said.partition("] starting ")[0]
    found = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \| +(\S+)$", before, re.MULTILINE)
    return [(name, int(micros) / 1e6) for micros, name in found]


def run(argv: list[object], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    words = [str(word) for word in argv]
    return subprocess.run(words, cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout
