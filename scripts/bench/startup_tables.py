"""What was measured as tables for a page, and the page with them in the place of those before."""

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import date

FLOORS = ("two bare interpreter starts", "git worktree add")
WARM, COLD = "live-code, warm", "live-code, cold, packages cached"
NAIVE, NAIVE_COLD = "script, warm", "script, fresh environment, packages cached"


def starts(figures: dict, machine: str) -> str:
    rounds = figures["rounds"]
    parts = [
        f"Milliseconds from the process's start to the repo's first line, {rounds} rounds in turns; {machine}.",
        table(("way", "median", "min", "max", "beside ours"), ways(figures)),
        table(("figure", "measured", "goal", ""), verdicts(figures["seconds"])),
        "Where a warm start's time goes, medians:",
        table(("phase", "ms"), phases(figures["phases"])),
        imports_told(figures["imports"]),
        table(("module", "its own ms"), [(f"`{name}`", ms(s)) for name, s in top(figures["imports"], 12)]),
    ]
    return "\n\n".join(parts)


def growth(figures: dict, machine: str) -> str:
    first = next(iter(figures["cases"]))
    base = statistics.median(figures["cases"][first]["seconds"])
    rows = []
    for name, case in figures["cases"].items():
        middle = statistics.median(case["seconds"])
        grown = "" if name == first else grew(case["phases"], figures["cases"][first]["phases"])
        rows.append((name, ms(middle), ms(min(case["seconds"])), f"{middle / base:.1f} ×", grown, beside(case)))
    columns = ("warm start", "median", "min", "beside the tiny one", "what grew, ms", "beside it, ms")
    told = f"Milliseconds to the repo's first line, {figures['rounds']} rounds; {machine}."
    return f"{told}\n\n{table(columns, rows)}"


def beside(case: dict) -> str:
    return f"{case['floor']} {ms(statistics.median(case['floors']))}" if "floor" in case else ""


def ways(figures: dict) -> list[tuple[str, ...]]:
    seconds = figures["seconds"]
    rows = []
    for name, all_of in seconds.items():
        if name in figures["failed"] or not all_of:
            rows.append((name, "fails", "", "", figures["failed"].get(name, "")[:80]))
            continue
        ours = COLD if "fresh" in name else WARM
        middle = statistics.median(all_of)
        beside = "" if name.startswith(("live-code", *FLOORS)) or not seconds[ours] else ratio(seconds, name, ours)
        rows.append((name, ms(middle), ms(min(all_of)), ms(max(all_of)), beside))
    return rows


def verdicts(seconds: dict[str, list[float]]) -> list[tuple[str, ...]]:
    middle = {name: statistics.median(all_of) for name, all_of in seconds.items() if all_of}
    over = middle[WARM] - middle[FLOORS[0]]
    rows = [("warm, over two bare interpreter starts", f"{ms(over)} ms", "≤ 150 ms", word(over <= 0.150))]
    pairs = [(NAIVE, WARM, 8), *((name, WARM, 30) for name in middle if re.fullmatch(r"mlflow.*, warm", name))]
    for name, ours, goal in (*pairs, (NAIVE_COLD, COLD, 8)):
        if name in middle and ours in middle:
            times = middle[name] / middle[ours]
            rows.append((f"{name}, beside {ours}", f"{times:.1f} ×", f"≥ {goal} ×", word(times >= goal)))
    return rows


def word(held: bool) -> str:
    return "held" if held else "**missed**"


def ratio(seconds: dict[str, list[float]], name: str, base: str) -> str:
    return f"{statistics.median(seconds[name]) / statistics.median(seconds[base]):.1f} ×"


def phases(rounds: Sequence[dict[str, float]]) -> list[tuple[str, ...]]:
    return [(name, ms(statistics.median(one.get(name, 0.0) for one in rounds))) for name in rounds[0]]


def grew(rounds: Sequence[dict[str, float]], tiny: Sequence[dict[str, float]]) -> str:
    """The phases that take at least 5 ms and a tenth of the growth more than in a tiny start, the largest first."""
    more = {name: middle_of(rounds, name) - middle_of(tiny, name) for name in rounds[0]}
    all_of = sum(seconds for seconds in more.values() if seconds > 0)
    found = sorted(((s, name) for name, s in more.items() if s > max(0.005, all_of / 10)), reverse=True)
    return ", ".join(f"{name} +{ms(seconds)}" for seconds, name in found) or "nothing"


def middle_of(rounds: Sequence[dict[str, float]], name: str) -> float:
    return statistics.median(one.get(name, 0.0) for one in rounds)


def imports_told(imports: Sequence[tuple[str, float]]) -> str:
    total = sum(seconds for _, seconds in imports)
    return (
        f"{len(imports)} modules are imported up to the job's start, the interpreter's own among them: {ms(total)} ms"
        " under `-X importtime`, which adds to it. Those of the guard, `ctypes` among them, and of the stages behind"
        " the checkout are loaded beside other work. The costliest:"
    )


def top(imports: Sequence[tuple[str, float]], count: int) -> list[tuple[str, float]]:
    return sorted(imports, key=lambda one: -one[1])[:count]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f}" if seconds >= 0.01 else f"{seconds * 1e3:.1f}"


def machine() -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return (
        f"{date.today()}, Python {sys.version.split()[0]}, git {git}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f} at the end"
    )


def replaced(page: str, name: str, text: str, bench: str = "startup") -> str:
    """The page with ``text`` between the marks of that name. Raises ValueError when it has none."""
    start, end = f"<!-- {name}: made by scripts/bench/{bench} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no marks {start} and {end}")
    return f"{before}{start}\n\n{text}\n\n{end}{after}"
