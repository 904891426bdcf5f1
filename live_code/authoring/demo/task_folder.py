"""Writes the ``in`` folder of one task exactly as the platform would mount it at ``/in``."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import yaml

from live_code.authoring.demo.dataset import Dataset, Sample
from live_code.authoring.demo.shapes import CLASS_NAMES
from live_code.job.ymir_exc import protocol
from live_code.values import NamedTuple

_IN = PurePosixPath("/in")


class Pin(NamedTuple):
    """What the platform's live-code form asks for."""

    git_url: str
    commit: str
    code_config: str


def write_training(folder: Path, task_id: str, dataset: Dataset, pin: Pin) -> None:
    _write_env(
        folder, task_id, {"training"}, {"training_index_file": "train-index.tsv", "val_index_file": "val-index.tsv"}
    )
    _write_config(folder, task_id, pin, {"pretrained_model_params": []})
    _write_index(folder, "train-index.tsv", dataset.root, dataset.training, labelled=True)
    _write_index(folder, "val-index.tsv", dataset.root, dataset.val, labelled=True)


def write_scoring(
    folder: Path, task_id: str, dataset: Dataset, pin: Pin, tasks: set[str], weights: Iterable[Path]
) -> None:
    """Mining, infer or both in one start, on the candidates, with a trained stage's files as the model."""
    models = [_copy(path, folder / "models" / path.name) for path in weights]
    _write_env(folder, task_id, tasks, {"candidate_index_file": "candidate-index.tsv"})
    _write_config(folder, task_id, pin, {"model_params_path": [str(_IN / "models" / path.name) for path in models]})
    _write_index(folder, "candidate-index.tsv", dataset.root, dataset.candidate, labelled=False)


def _write_env(folder: Path, task_id: str, tasks: set[str], index_files: Mapping[str, str]) -> None:
    env = {
        "task_id": task_id,
        "protocol_version": "1.1.0",
        **{f"run_{task}": task in tasks for task in ("training", "mining", "infer")},
        "manifest_file": "/img-man/manifest.yaml",
        "input": {
            "root_dir": "/in",
            "assets_dir": "/in/assets",
            "annotations_dir": "/in/annotations",
            "models_dir": "/in/models",
            "config_file": "/in/config.yaml",
            **{key: str(_IN / name) for key, name in index_files.items()},
        },
        "output": protocol.OUTPUT_DEFAULTS,
    }
    _write_yaml(folder / "env.yaml", env)


def _write_config(folder: Path, task_id: str, pin: Pin, models: Mapping[str, list[str]]) -> None:
    """Values are strings, as a web form sends them; the form calls the commit ``git_branch``."""
    config = {
        "git_url": pin.git_url,
        "git_branch": pin.commit,
        "code_config": pin.code_config,
        "class_names": list(CLASS_NAMES),
        "export_format": "det-ark:raw",
        "gpu_id": "",
        "gpu_count": "0",
        "shm_size": "16G",
        "task_id": task_id,
        **models,
    }
    _write_yaml(folder / "config.yaml", config)


def _write_index(folder: Path, name: str, root: Path, samples: Iterable[Sample], *, labelled: bool) -> None:
    lines = []
    for sample in samples:
        paths = (sample.image, sample.annotation) if labelled else (sample.image,)
        for path in paths:
            _copy(root / path, folder / path)
        lines.append("\t".join(str(_IN / path) for path in paths) + "\n")
    (folder / name).write_text("".join(lines), encoding="utf-8")


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(source, target))


def _write_yaml(path: Path, value: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
