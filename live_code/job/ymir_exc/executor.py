"""Runs the command of each task that is switched on, one after the other."""

from __future__ import annotations

import shlex
import subprocess
import sys

from . import monitor
from .util import YmirStage, get_bool, get_merged_config, write_ymir_monitor_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

_APPS = {
    "training": "python3 ymir/ymir_training.py",
    "mining": "python3 ymir/ymir_mining.py",
    "infer": "python3 ymir/ymir_infer.py",
}


class Executor:
    """``apps``: the command line for each task; ``python`` and ``python3`` mean the Python that runs this."""

    def __init__(self, apps: Optional[Dict[str, str]] = None) -> None:
        self.apps = apps or _APPS

    def start(self) -> int:
        """Training, or else mining and then infer. Raises CalledProcessError when a command fails."""
        import logging

        logging.basicConfig(
            stream=sys.stdout,
            format="%(levelname)-8s: [%(asctime)s] %(message)s",
            datefmt="%Y%m%d-%H:%M:%S",
            level=logging.INFO,
        )
        cfg = get_merged_config()
        logging.info("merged config: %s", cfg)
        tasks = ["training"] if cfg.ymir.run_training else [t for t in ("mining", "infer") if cfg.ymir[f"run_{t}"]]
        if not tasks:
            logging.warning("no task running")
        for task in tasks:
            logging.info("start %s: %s", task, self.apps[task])
            subprocess.run(_argv(self.apps[task]), check=True)
            _report_end(cfg, task)
            logging.info("%s finished", task)
        if get_bool(cfg, "ymir_debug", False):
            raise RuntimeError("set ymir_debug to True, just for debug")
        return 0


def _argv(command: str) -> List[str]:
    words = shlex.split(command)
    return [sys.executable, *words[1:]] if words[0] in ("python", "python3") else words


def _report_end(cfg: Any, task: str) -> None:
    if task == "training":
        monitor.write_monitor_logger(1.0)
    else:
        write_ymir_monitor_process(cfg, task, 1.0, YmirStage.POSTPROCESS)
