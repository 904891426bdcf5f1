"""``python -m live_code.commands.demo [DIR]``; scripts/demo calls it."""

import argparse
import os
import sys
from pathlib import Path

from live_code.authoring.demo import outputs, walkthrough
from live_code.authoring.demo.walkthrough import Result
from live_code.commands import cli
from live_code.tools.machine.interpreter import PYTHON_VARIABLE
from live_code.tools.settings import Inherited


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=walkthrough.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".demo"), metavar="DIR", help="default: .demo")
    folder = parser.parse_args().folder.absolute()
    print(summary(walkthrough.play(folder, Inherited(os.environ))))
    return 0


def summary(result: Result) -> str:
    outs = {name: result.folder / name / "out" for name in result.runs}
    starts = [
        f"  {name:13} job started after {run.start_up:5.2f} s, took {run.job:5.1f} s   "
        f"{_short(outputs.record_file(outs[name]))}"
        for name, run in result.runs.items()
    ]
    lines = [
        "",
        f"commit   {result.commits.second}",
        f"mAP@0.5  {result.model.mean_average_precision:.3f} on the validation set ({result.model.stage})",
        "runs     and their records",
        *starts,
        "files    that the platform reads",
        f"  training      {_short(outs['training'] / 'models' / 'result.yaml')}",
        f"  mining        {_short(outs['mining'] / 'result.tsv')}",
        f"  infer         {_short(outs['infer'] / 'infer-result.json')}",
        f"  mining-infer  {_short(outs['mining-infer'])}: both, from one start",
        f"picture  {_short(result.picture)}",
        "",
        "to go on, in this shell:",
        f"  export {PYTHON_VARIABLE}={result.python} LIVE_CODE_STORE={result.folder / 'store'}",
        f"  {Path(sys.executable).with_name('live-code')} run --in {result.folder / 'mining' / 'in'} --out /tmp/out",
    ]
    return "\n".join(lines)


def _short(path: Path) -> Path:
    """Relative when it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(cli.bounded(main, "demo"))
