"""What to do about mistakes that the text of a repo shows to `check`, and a job's end to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterable

WRITE_BELOW = "Write below cfg.ymir.output.root_dir; copy there what has to be changed."
MAIN_METRIC = "Hand over evaluation_result={'mAP': …}, in [0, 1]; a classifier its accuracy as mAP. Others are kept."
# Python looks first into the folder of its script and the one that it is started in, and then into what is installed.
OTHER_FOLDER = "have the entrypoint, a start.sh, change into another folder (cd tools) before it starts Python"
HIDDEN = (
    f"If the requirements build {{package}} (a line . or ./FOLDER), that folder hides what they built:"
    f" {OTHER_FOLDER}. Else"
    " name {package}'s folder in the requirements, so that it is built."
)
NOT_COMPILED = "Ask for a version of it that was built for the image's Python, torch and CUDA."

_FIXED = (
    (
        "/app",
        "The code lies at /app in some images only.",
        "Use paths relative to the repo's root, where the job starts.",
    ),
    ("/root", "A job may run as any user, for whom /root is closed.", "Use a folder below cfg.ymir.output.root_dir."),
    (
        "/out",
        "The task's output folder is not always /out.",
        "Take it from cfg.ymir.output, like cfg.ymir.output.models_dir.",
    ),
    (
        "/in",
        "The task's input folder is not always /in.",
        "Take it from cfg.ymir.input, like cfg.ymir.input.models_dir.",
    ),
    ("/home", "This folder is its author's.", "Put what the job needs into the repo, the requirements or the task."),
)
# What a path is for, as the names in it tell, and what to use instead, wherever it is.
_DATA = re.compile(r"data|datasets?|images?|annotations?|labels?|train|val|coco|voc\w*", re.IGNORECASE)
_DATA_REMEDY = "For data: ymir_exc.dataset_reader.item_paths gives the task's images and annotations."
_OUTPUT = re.compile(r"out|outputs?|saved?|runs|results?|checkpoints?|ckpts?|logs?|work_dirs?", re.IGNORECASE)
_OUTPUT_REMEDY = "For output: write below cfg.ymir.output.models_dir, then call result_writer.write_model_stage."


def of_fixed_path(path: str) -> tuple[str, str] | None:
    """What is wrong with a path that is written out in code, and what to use instead; None for any other."""
    for folder, problem, remedy in _FIXED:
        if lies_in(path, [folder]):
            return problem, _instead(path) or remedy
    return None


def lies_in(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders if folder)


def _instead(path: str) -> str:
    parts = re.split(r"[/.]", path)
    if any(map(_OUTPUT.fullmatch, parts)):
        return _OUTPUT_REMEDY
    return _DATA_REMEDY if any(map(_DATA.fullmatch, parts)) else ""
