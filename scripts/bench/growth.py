"""A warm start of a repo, a store, an image and data that have grown large, each beside the tiny one."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import starts
from starts import Scene

ENSURE = """
import os, sys
from pathlib import Path
from live_code.tools import settings
from live_code.tools.git import fetch, url
from live_code.tools.store import Store
for commit in sys.stdin.read().split():
    fetch.ensure(fetch.Wanted(url.parse(sys.argv[1]), commit), Store(Path(sys.argv[2])), settings.read(os.environ).git)
"""


class Sizes(NamedTuple):
    files: int = 50_000
    commits: int = 500
    commit_bytes: int = 10 << 20
    packages: int = 3_000
    lines: int = 10_000_000


class Floor(NamedTuple):
    """The least that somebody else does to the same end; ``seconds`` does it once."""

    name: str
    seconds: Callable[[], float]


class Case(NamedTuple):
    """What to start, and what to hold it against."""

    scene: Scene
    floor: Floor | None = None
    replayed: bool = True


def measure(programs: starts.Installed, work: Path, rounds: int, *, small: bool) -> dict[str, object]:
    """Seconds and phases of warm starts of each case, one case after the other: they would fill each other's caches."""
    sizes = Sizes(500, 5, 1 << 20, 30, 100_000) if small else Sizes()
    found: dict[str, object] = {}
    for name, case in cases(programs, work, sizes):
        print(name, file=sys.stderr, flush=True)
        start(case)  # makes it warm
        seconds, phases, floors = [], [], []
        for _ in range(rounds):
            seconds.append(start(case))
            phases.append(starts.phases_of(case.scene, seconds[-1]))
            if case.floor:
                floors.append(case.floor.seconds())
        beside = {"floor": case.floor.name, "floors": floors} if case.floor else {}
        found[name] = {"seconds": seconds, "phases": phases, **beside}
        shutil.rmtree(work, ignore_errors=True)
    return {"cases": found, "rounds": rounds, "sizes": sizes._asdict()}


def cases(programs: starts.Installed, work: Path, sizes: Sizes) -> Iterator[tuple[str, Case]]:
    """Each is made when its turn has come, in a folder that is removed after it."""
    yield "a tiny repo, store, image and index", Case(scene(programs, work))

    with ExitStack() as stack:
        grown, trees = in_memory(scene(programs, work, many_files(sizes.files)), stack)
        floor = Floor("`git worktree add`", lambda: starts.worktree_add(grown, trees / "added"))
        yield f"{sizes.files:,} files in the repo", Case(grown, floor)

    grown = scene(programs, work)
    gigabytes = fill_store(grown, sizes)
    yield f"{sizes.commits} commits and {gigabytes:.1f} GB in the store", Case(grown)

    image = many_packages(programs.base, work / "image", sizes.packages)
    yield f"{sizes.packages:,} packages in the image", Case(scene(programs._replace(base=image), work))

    for replayed in (False, True):
        grown = scene(programs, work)
        task = grown.place / "task"
        index = many_lines(task / "in" / "training.tsv", sizes.lines)
        root = "/in" if replayed else str(task / "in")
        starts.write_task(task, grown.url, grown.commit, root, training_index_file=f"{root}/training.tsv")
        where = "--in and --out elsewhere" if replayed else "--out alone elsewhere"
        floor = Floor("a copy of it", lambda index=index: copied(index))
        yield f"{sizes.lines:,} lines in the index, {where}", Case(grown, floor, replayed)


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


def in_memory(on_disk: Scene, stack: ExitStack) -> tuple[Scene, Path]:
    """Work trees in memory, where there is room: after a start has removed its tree, some file systems are slow to make
    files for minutes (ext4 without a journal looks through what was removed for each), whoever makes them."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < 2 << 30:
        return on_disk, on_disk.place
    trees = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory)))
    return on_disk._replace(environ={**on_disk.environ, "LIVE_CODE_WORKDIR": str(trees / "runs")}), trees


def copied(path: Path) -> float:
    copy = path.with_name("copy")
    started = time.time()
    shutil.copyfile(path, copy)
    took = time.time() - started
    copy.unlink()
    return took


def many_files(count: int) -> bytes:
    """Of 1 to 3 kB, 250 to a folder."""
    chance = random.Random(7)
    names = (f"folder{number // 250:03}/file{number}.py" for number in range(count))
    return b"".join(starts.file(name, chance.randbytes(chance.randrange(500, 1500)).hex().encode()) for name in names)


def fill_store(grown: Scene, sizes: Sizes) -> float:
    """Has the store fetch many commits one by one, as that many runs would; what is started is a small one.

    Returns the store's size in GB.
    """
    commits = many_commits(grown.place.parent / "repos" / "tiny.git", grown.commit, sizes)
    store = grown.place / "store"
    argv = [grown.installed.executor, "-c", ENSURE, grown.url, store]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=grown.environ, text=True) as fetching:
        fetching.communicate("\n".join(commits))
    if fetching.returncode:
        raise subprocess.CalledProcessError(fetching.returncode, "fetch.ensure")
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / 1e9


def many_commits(repo: Path, parent: str, sizes: Sizes) -> list[str]:
    """On top of ``parent``, each of the same files and one of incompressible data, which git then leaves as it is."""
    starts.run(["git", "config", "core.bigFileThreshold", str(sizes.commit_bytes)], cwd=repo)
    chance = random.Random(7)
    argv = ["git", "-c", "core.compression=0", "fast-import", "--quiet"]
    with subprocess.Popen(argv, cwd=repo, stdin=subprocess.PIPE) as importing:
        for number in range(sizes.commits):
            words = f"commit refs/heads/data\ncommitter A <a@b> {1600000001 + number} +0000\ndata 1\nc\n"
            words += "" if number else f"from {parent}\n"
            importing.stdin.write(words.encode() + starts.file("data.bin", chance.randbytes(sizes.commit_bytes + 1)))
    return starts.run(["git", "rev-list", "--reverse", f"{parent}..data"], cwd=repo).split()


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


def many_lines(path: Path, count: int) -> Path:
    with path.open("w") as out:
        out.writelines(f"/in/assets/{number:08}.jpg\t/in/annotations/{number:08}.txt\n" for number in range(count))
    return path
