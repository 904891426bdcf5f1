"""A warm start of a repo, a store, an image and data that have grown large, each beside the tiny one."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import starts
from starts import Scene

ENSURE = """
import os, sys
from pathlib import Path
from live_code.git import fetch, url
from live_code.store import Store
for commit in sys.stdin.read().split():
    fetch.ensure(fetch.Wanted(url.parse(sys.argv[1]), commit), Store(Path(sys.argv[2])), os.environ)
"""


class Sizes(NamedTuple):
    files: int = 50_000
    commits: int = 500
    commit_bytes: int = 10 << 20
    packages: int = 3_000
    lines: int = 10_000_000


class Case(NamedTuple):
    """What to start, and what the same costs without us, in words; '' when there is nothing to hold it against."""

    scene: Scene
    floor: str = ""
    replayed: bool = True


def measure(programs: starts.Installed, work: Path, rounds: int, *, small: bool) -> dict[str, object]:
    """Seconds and phases of warm starts of each case, one case after the other: they would fill each other's caches."""
    sizes = Sizes(500, 5, 1 << 20, 30, 100_000) if small else Sizes()
    found: dict[str, object] = {}
    for name, case in cases(programs, work, sizes):
        print(name, file=sys.stderr, flush=True)
        start(case)  # makes it warm
        seconds, phases = [], []
        for _ in range(rounds):
            seconds.append(start(case))
            phases.append(starts.phases_of(case.scene, seconds[-1]))
        found[name] = {"seconds": seconds, "phases": phases, "floor": case.floor}
        shutil.rmtree(work, ignore_errors=True)
    return {"cases": found, "rounds": rounds, "sizes": sizes._asdict()}


def cases(programs: starts.Installed, work: Path, sizes: Sizes) -> Iterator[tuple[str, Case]]:
    """Each is made when its turn has come, in a folder that is removed after it."""
    yield "a tiny repo, store, image and index", Case(scene(programs, work))

    grown = scene(programs, work, many_files(sizes.files))
    yield f"{sizes.files:,} files in the repo", Case(grown, f"`git worktree add` {starts.worktree_add(grown):.1f} s")

    grown = scene(programs, work)
    gigabytes = fill_store(grown, sizes)
    yield f"{sizes.commits} commits and {gigabytes:.1f} GB in the store", Case(grown)

    image = many_packages(programs.base, work / "image", sizes.packages)
    yield f"{sizes.packages:,} packages in the image", Case(scene(programs._replace(base=image), work))

    for replayed in (False, True):
        grown = scene(programs, work)
        task = grown.place / "task"
        many_lines(task / "in" / "training.tsv", sizes.lines)
        root = "/in" if replayed else str(task / "in")
        starts.write_task(task, grown.url, grown.commit, root, training_index_file=f"{root}/training.tsv")
        where = "--in and --out elsewhere" if replayed else "--out alone elsewhere"
        yield f"{sizes.lines:,} lines in the index, {where}", Case(grown, replayed=replayed)


def start(case: Case) -> float:
    """A start with the input's place told as a container's variables do, or by --in; the output has to be elsewhere."""
    scene = case.scene
    task = scene.place / "task"
    shutil.rmtree(task / "out", ignore_errors=True)
    (task / "out").mkdir()
    program = scene.installed.executor.parent / "live-code"
    if case.replayed:
        return starts.timed(scene, [program, "run", "--in", task / "in", "--out", task / "out"])
    argv = [program, "run", "--out", task / "out"]
    files = {"DEFAULT_ENV_FILE_PATH": task / "in" / "env.yaml", "DEFAULT_CONFIG_FILE_PATH": task / "in" / "config.yaml"}
    return starts.timed(scene, argv, **{name: str(path) for name, path in files.items()})


def scene(programs: starts.Installed, work: Path, more: bytes = b"") -> Scene:
    """The tiny repo, and ``more`` in it, in a folder of this machine: a warm start speaks to no server."""
    repo = work / "repos" / "tiny.git"
    place = work / "ways"
    place.mkdir(parents=True)
    commit = starts.repository(repo, more)
    starts.write_task(place / "task", str(repo), commit)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("LIVE_CODE_")}
    environ.update(
        STAMP=str(place / "stamp"),
        OUT=str(place / "task" / "out"),
        LIVE_CODE_PYTHON=str(programs.base),
        LIVE_CODE_STORE=str(place / "store"),
        LIVE_CODE_WORKDIR=str(place / "trees"),
    )
    return Scene(programs, place, str(repo), commit, environ)


def many_files(count: int) -> bytes:
    """Of 1 to 3 kB, 250 to a folder."""
    chance = random.Random(7)
    names = (f"folder{number // 250:03}/file{number}.py" for number in range(count))
    return b"".join(starts.file(name, chance.randbytes(chance.randrange(500, 1500)).hex().encode()) for name in names)


def fill_store(grown: Scene, sizes: Sizes) -> float:
    """Has the store fetch many commits one by one, as that many runs would; what is started is a small one.

    Returns the store's size in GB.
    """
    repo = grown.place.parent / "repos" / "tiny.git"
    chance = random.Random(7)
    store = grown.place / "store"
    argv = [grown.installed.executor, "-c", ENSURE, grown.url, store]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=grown.environ, text=True) as fetching:
        head = grown.commit
        commits = []
        for number in range(sizes.commits):
            head = commit_with(repo, head, number, chance.randbytes(sizes.commit_bytes))
            commits.append(head)
        fetching.communicate("\n".join(commits))
    if fetching.returncode:
        raise subprocess.CalledProcessError(fetching.returncode, "fetch.ensure")
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / 1e9


def commit_with(repo: Path, parent: str, number: int, data: bytes) -> str:
    """A commit on top of ``parent``, of the same files and one of incompressible data."""
    words = f"commit refs/heads/data\ncommitter A <a@b> {1600000001 + number} +0000\ndata 1\nc\nfrom {parent}\n"
    argv = ["git", "-c", "core.compression=0", "fast-import", "--quiet", "--force"]
    subprocess.run(argv, cwd=repo, input=words.encode() + starts.file("data.bin", data), check=True)
    return starts.run(["git", "rev-parse", "data"], cwd=repo).strip()


def many_packages(base: Path, place: Path, count: int) -> Path:
    """An interpreter with so many packages installed, as far as their metadata tells."""
    starts.run([base, "-m", "venv", "--without-pip", place])
    folder = next((place / "lib").glob("python*")) / "site-packages"
    for number in range(count):
        info = folder / f"package{number}-1.{number}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: package{(number + one) % count} (>=1.{one})\n" for one in range(1, 11))
        text = f"Metadata-Version: 2.1\nName: package{number}\nVersion: 1.{number}\n{needs}\n{'A long text. ' * 300}\n"
        (info / "METADATA").write_text(text)
        (info / "entry_points.txt").write_text(f"[console_scripts]\nprogram{number} = package{number}:main\n")
    return place / "bin" / "python"


def many_lines(path: Path, count: int) -> None:
    with path.open("w") as out:
        out.writelines(f"/in/assets/{number:08}.jpg\t/in/annotations/{number:08}.txt\n" for number in range(count))
