"""What `--help`, `--version` and `completion` say beyond the options; loaded only when one of them is asked for."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from live_code import __version__

EXAMPLES = {
    "": "live-code run --in task/in --out /tmp/out\nlive-code doctor",
    "run": (
        "live-code run\nlive-code run --in task/in --out /tmp/out\n"
        "live-code run --in task/in --out /tmp/out --shell\nlive-code run --in task/in --out /tmp/out --debug 5678"
    ),
    "verify": "live-code verify --in task/in --out /tmp/out",
    "runs": "live-code runs\nlive-code runs results --where 'mAP>0.5 and task=training'",
    "compare": "live-code compare a/out b/out\nlive-code compare a/out b/out --html difference.html",
    "reproduce": "live-code reproduce out/live-code/run.json --verify",
    "report": "live-code report results -o report.html",
    "export": "live-code export out/live-code/run.json --provenance --sbom",
    "sweep": "live-code sweep plan sweep.yaml\nlive-code sweep run sweep.yaml --out runs",
    "sweep plan": "live-code sweep plan sweep.yaml",
    "sweep run": "live-code sweep run sweep.yaml --out runs",
    "sweep status": "live-code sweep status runs",
    "bisect": "live-code bisect sweep.yaml --good v1.0 --bad main --metric 'mAP>=0.5'",
    "lock": "live-code lock .\nlive-code lock https://git.example.com/team/detector.git v1.2 --as-of commit",
    "doctor": "live-code doctor\nlive-code doctor --python /opt/conda/bin/python",
    "bundle": "live-code bundle https://git.example.com/team/detector.git v1.2 -o detector.bundle",
    "images": "live-code images check live-code:torch",
    "images check": "live-code images check live-code:torch\nlive-code images check live-code:torch --engine podman",
    "resolve": "live-code resolve https://git.example.com/team/detector.git v1.2",
    "checkout": "live-code checkout https://git.example.com/team/detector.git v1.2 detector",
    "cache": "live-code cache ls\nlive-code cache gc --max-size 50G",
    "cache ls": "live-code cache ls",
    "cache gc": "live-code cache gc --max-size 50G",
    "cache verify": "live-code cache verify",
    "cache clear": "live-code cache clear --idle 3600",
    "init": "live-code init detector --framework torch",
    "check": "live-code check .\nlive-code check https://git.example.com/team/detector.git v1.2",
    "completion": (
        "live-code completion bash >~/.local/share/bash-completion/completions/live-code\n"
        'live-code completion zsh >"${fpath[1]}/_live-code"\n'
        "live-code completion fish >~/.config/fish/completions/live-code.fish"
    ),
}
_RUN_VARIABLES = (
    "variables: LIVE_CODE_PYTHON is the job's interpreter, one that has torch or mxnet; LIVE_CODE_STORE the cache"
)
VARIABLES = {"run": _RUN_VARIABLES, "doctor": _RUN_VARIABLES}
EXIT_CODES = {
    "": "exit codes: 0 done, 1 an error or a problem found, 2 a wrong command line; of run: see run --help",
    "run": (
        "exit codes: 0 done; the job's own; 128+n by signal n; 124 a time limit; 1 an error that run.json and\n"
        "  monitor.txt tell; 70 a bug of live-code"
    ),
}
IMAGE_LABELS = Path("/opt/live-code/labels")


def epilog(prog: str) -> str:
    """What follows the options of a command: examples and, where there are more than two, exit codes."""
    name = prog.partition(" ")[2]
    lines = EXAMPLES.get(name, "").splitlines()
    shown = [("example:" if len(lines) == 1 else "examples:"), *(f"  {line}" for line in lines)] if lines else []
    return "\n".join([*shown, *(section[name] for section in (VARIABLES, EXIT_CODES) if name in section)])


def version() -> str:
    commit = _commit()
    return f"live-code {__version__}" + (f" ({commit})" if commit else "")


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes the command line in a shell."""
    import shtab

    _complete_paths(parser)
    return shtab.complete(parser, shell)


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_paths(command)
        elif action.type is Path:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]


def _commit() -> str:
    """Of the image, of the installation from git, or of the checkout that this runs from; '' when nobody knows."""
    return _of_image() or _of_installation() or _of_checkout()


def _of_image() -> str:
    prefix = "org.opencontainers.image.revision="
    lines = IMAGE_LABELS.read_text().splitlines() if IMAGE_LABELS.is_file() else []
    return next((line[len(prefix) :] for line in lines if line.startswith(prefix)), "")


def _of_installation() -> str:
    """What pip and uv note of a package that they built from a repository (PEP 610)."""
    from importlib import metadata

    try:
        noted = metadata.distribution("live-code").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    return str(json.loads(noted or "{}").get("vcs_info", {}).get("commit_id", ""))


def _of_checkout() -> str:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    words = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
