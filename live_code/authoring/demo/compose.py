"""``python -m live_code.authoring.demo.compose DIR``: what compose.yaml mounts; scripts/compose-task calls it."""

import shutil
import sys
from pathlib import Path

from live_code.authoring.demo import dataset, example_repo, task_folder
from live_code.authoring.demo.task_folder import Pin
from live_code.authoring.demo.walkthrough import SEED

URL = "http://git:8080/torch-detector.git"  # as the service is named in compose.yaml
EXAMPLE = Path(__file__).parents[3] / "examples" / "torch-detector"


def make(folder: Path) -> str:
    """The served repository, and the `in` and `out` of a training. Returns the commit. Raises OSError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = dataset.make(folder / "dataset", SEED)
    commits = example_repo.make(EXAMPLE, folder / "repo", folder / "served" / "torch-detector.git")
    task_folder.write_training(folder / "in", "compose-training", data, Pin(URL, commits.second, ""))
    out = folder / "out"
    out.mkdir()
    out.chmod(0o777)  # the container's user is none of this machine's
    return commits.second


if __name__ == "__main__":
    commit = make(Path(sys.argv[1]))
    print(f"{sys.argv[1]} has a training of torch-detector at {commit}\nnow: docker compose run --rm run")
