"""A mining's result.tsv: every candidate exactly once, best first."""

from __future__ import annotations

import math
from pathlib import Path

from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import ENOUGH, Problem, Results, candidates, compare, missing, wrong


def read(task: TaskConfig, results: Results, problems: list[Problem]) -> Results:
    path = Path(task.output["mining_result_file"])
    if not path.is_file():
        problems.append(missing(path, "write_mining_result"))
        return results
    scored: set[str] = set()
    last = math.inf
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            image, score = _scored(line, f"{path.name}:{number}", problems)
            if image in scored:
                problems.append(wrong(f"{path.name}:{number}: {image} stands twice"))
            if score > last:
                problems.append(wrong(f"{path.name}:{number}: scores are not in descending order"))
            scored.add(image)
            last = min(last, score)
            if len(problems) > ENOUGH:
                break
    compare(candidates(task, problems), scored, path.name, problems)
    return results._replace(mined=len(scored))


def _scored(line: str, where: str, problems: list[Problem]) -> tuple[str, float]:
    image, tab, text = line.rstrip("\n").partition("\t")
    try:
        score = float(text)
    except ValueError:
        score = math.nan
        problems.append(wrong(f"{where}: {text!r} is no score" if tab else f"{where}: no tab between image and score"))
    else:
        if not math.isfinite(score):
            problems.append(wrong(f"{where}: the score of {image} is {text}", protocol.CODE_NAN))
    return image, score
