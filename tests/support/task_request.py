"""A task folder as the stages after it see it: the task that it holds, and the request of its hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from live_code.stages.request import hyperparameters, task_config
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.task_config import Folders, TaskConfig
from live_code.tools import settings
from tests.support.task_folder import TaskFolder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def load(folder: TaskFolder, environ: Mapping[str, str] | None = None) -> TaskConfig:
    return task_config.load(Folders(folder.in_dir, folder.out_dir), settings.task_files(environ or {}))


def request(folder: TaskFolder, **values: Any) -> Request:
    """Of a training task with a repository and a commit, and ``values`` over them."""
    folder.env(run_training=True).config(**{"git_url": "https://host/repo", "commit": COMMIT, **values})
    return hyperparameters.read(load(folder))
