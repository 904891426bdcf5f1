"""A mining's result.tsv: every candidate once, best first. The platform takes the first ones, by their names."""

from __future__ import annotations

import math
from pathlib import Path

from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import Problems, Results, as_number, candidates, compare, missing, odd, wrong


def read(task: TaskConfig, results: Results, problems: Problems) -> Results:
    path = Path(task.output["mining_result_file"])
    if not path.is_file():
        problems.append(missing(path, "write_mining_result"))
        return results
    scored: set[str] = set()
    last = math.inf
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            image, score = _scored(line.strip(), f"{path.name}:{number}", problems)
            if image in scored:
                problems.append(odd(f"{path.name}:{number}: {image} stands twice"))
            if score > last:
                problems.append(odd(f"{path.name}:{number}: scores are not in descending order"))
            scored.add(image)
            last = min(last, score)
            if problems.enough:
                break
    _compare(candidates(task, problems), scored, path.name, problems)
    return results._replace(mined=len(scored))


def _scored(line: str, where: str, problems: Problems) -> tuple[str, float]:
    """Nobody reads the score again, but whoever ordered the lines by it meant something."""
    image, tab, rest = line.partition("\t")
    text, _, more = rest.partition("\t")
    score = as_number(text)
    if not tab:
        problems.append(wrong(f"{where}: no tab between image and score"))
    elif score is None:
        problems.append(odd(f"{where}: {text!r} is no score"))
    elif not math.isfinite(score):
        problems.append(odd(f"{where}: the score of {image} is {text}"))
    if more:
        problems.append(odd(f"{where}: more than an image and its score"))
    return image, math.nan if score is None else score


def _compare(wanted: set[str], scored: set[str], file: str, problems: Problems) -> None:
    """By the names of the files without folder and ending, as the platform does."""
    if wanted == scored:
        return
    names = {Path(image).stem: image for image in wanted}
    covered = {Path(image).stem: image for image in scored}
    compare(
        {image for name, image in names.items() if name not in covered},
        {image for name, image in covered.items() if name not in names},
        file,
        problems,
    )
