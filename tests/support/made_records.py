"""Records as runs leave them, without the runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from live_code.tools import files

_TEXT = "# made by live-code\nidna==3.10 \\\n    --hash=sha256:" + "1" * 64 + "\n"
ERROR = {
    "kind": "GIT",
    "phase": "source",
    "return_code": 300001,
    "retryable": False,
    "message": "no.",
    "hint": "",
    "details": "",
}
BASE: dict[str, Any] = {
    "schema_version": 2,
    "started": 1_750_000_000.0,
    "seconds": 90.0,
    "state": "done",
    "exit_code": 0,
    "error": None,
    "task": {
        "task_id": "t1",
        "protocol_version": "1.1.0",
        "tasks": ["training"],
        "input": {"root_dir": "/in", "config_file": "/in/config.yaml"},
        "output": {"root_dir": "/out", "models_dir": "/out/models", "tensorboard_dir": "/out/tensorboard"},
        "env_file": "/in/env.yaml",
        "manifest_file": "/img-man/manifest.yaml",
        "env": {"run_training": True},
        "paths": {},
    },
    "request": {"git_url": "https://host/r", "revision": "main", "revision_key": "git_branch", "code_config": ""},
    "source": {
        "url": "https://host/r",
        "asked": "main",
        "commit": "a" * 40,
        "ref": "refs/heads/main",
        "kind": "branch",
    },
    "checkout": {"root": "/app", "place": "/app", "commit": "a" * 40, "tree": "b" * 40, "cached": True},
    "config": {
        "values": {"epochs": 3, "lr": 0.01, "git_branch": "main"},
        "origins": {"epochs": "default.yaml", "lr": "config.yaml", "git_branch": "config.yaml"},
        "layers": {
            "template": {},
            "code_config": {"epochs": 3},
            "config.yaml": {"lr": 0.01, "git_branch": "main"},
        },
    },
    "interpreter": {
        "path": "/usr/bin/python3",
        "version": "3.11.7",
        "implementation": "cpython",
        "platform": "linux-x86_64",
        "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        "frameworks": {"torch": {"version": "2.13.0", "path": "/usr/lib/torch", "cuda": "12.6"}},
        "fingerprint": "f" * 32,
    },
    "lock": {
        "key": "k",
        "text": _TEXT,
        "requirements": "requirements.txt",
        "cached": True,
        "sha256": files.sha256_text(_TEXT),
        "packages": {"idna": "3.10"},
    },
    "job": [{"code": 0, "signal": 0, "stopped_by": 0, "seconds": 80.0, "tail": []}],
    "results": {
        "best_stage": "epoch2",
        "stages": [
            {"name": "epoch1", "files": ["a.pt"], "timestamp": 1, "metrics": {"mAP": 0.5}},
            {"name": "epoch2", "files": ["b.pt"], "timestamp": 2, "metrics": {"mAP": 0.7, "mAR": 0.6}},
        ],
        "mined": -1,
        "inferred": -1,
        "boxes": -1,
    },
    "outputs": {"models/b.pt": {"sha256": "c" * 64, "bytes": 5}},
    "dataset": {
        "training_index_file": {
            "path": "/in/train.tsv",
            "sha256": "d" * 64,
            "bytes": 10,
            "images": 2,
            "annotations": 2,
            "content": "",
            "missing": -1,
        }
    },
    "host": {
        "kernel": "Linux 6.1",
        "machine": "x86_64",
        "cpu": "CPU",
        "cpus": 8,
        "memory": 64 << 30,
        "limits": {"memory": None, "cpus": None, "shm": None},
        "driver": "535.1",
        "gpus": [{"number": 0, "name": "A100", "uuid": "GPU-1", "memory": 40 << 30, "compute": "8.0"}],
    },
    "seeds": {},
    "phases": [
        {"name": "source", "started": 1_750_000_000.0, "seconds": 0.5, "failed": False},
        {"name": "job", "started": 1_750_000_005.0, "seconds": 80.0, "failed": False},
    ],
    "executor": {"version": "0.1.0", "python": "3.11.7", "executable": "/opt/python", "pid": 7},
}


def put(folder: Path, number: int = 0, **changes: Any) -> Record:
    """Writes ``<folder>/live-code/run.json``; changes by dotted names, '__' for the dot; None takes one out."""
    document = copy.deepcopy(BASE)
    document["id"] = f"20250615T150640Z-{number:08x}"
    document["started"] += number * 1000
    for name, value in changes.items():
        *way, last = name.split("__")
        section = document
        for key in way:
            section = section[key]
        if value is None:
            section.pop(last, None)
        else:
            section[last] = value
    path = folder / "live-code" / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return reading.read(path)
