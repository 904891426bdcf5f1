"""What code does that works on its author's machine only: fixed paths, fixed GPUs, downloads while it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from live_code.authoring.check.finding import MAY_FAIL, WILL_FAIL, Finding
from live_code.tools import remedies

_GPU = "CUDA_VISIBLE_DEVICES"
_WEIGHTS = re.compile(r"https?://\S+\.(pth?|params|onnx|safetensors|ckpt|h5|bin|npz|zip|tar|gz|tgz)\b", re.IGNORECASE)
_FETCHING = frozenset(
    ("load_state_dict_from_url", "download_url_to_file", "urlretrieve", "hf_hub_download", "snapshot_download")
)
_FETCHING_OF = frozenset(("hub.load", "model_zoo.load_url", "gdown.download", "wget.download"))
_FETCHING_WORDS = re.compile(r"\b(wget|curl|gdown)\s+\S*(https?:|--|-\w)|\bgit clone\b")
_COMMAND = re.compile(r"\s*(sudo\s+)?(python3?|torchrun|bash|sh|cp|mv|ln|mkdir|rm|cd|tar|unzip|export)\s")
_INSTALL = re.compile(r"\bpip3? install\b")
_WRITING_METHODS = frozenset(("write_text", "write_bytes", "mkdir", "touch", "unlink"))
_WRITING_FUNCTIONS = frozenset(("makedirs", "mkdir", "savetxt", "imwrite", "rmtree", "remove"))
_COPYING = frozenset(("copy", "copy2", "copyfile", "copytree", "move", "symlink", "rename"))

Hit = tuple[str, str, int, str, str]


def examine(file: str, code: ast.Module) -> Iterator[Finding]:
    """Of a Python file."""
    values = _values(code)
    hits: set[Hit] = {*_paths(code), *_gpus(code), *_downloads(code), *_writes(code, values)}
    for severity, rule, line, problem, remedy in hits:
        yield Finding(severity, rule, file, line, problem, remedy)


def examine_shell(file: str, text: str) -> Iterator[Finding]:
    """Of a shell script, line by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for severity, rule, problem, remedy in (*_fixed(_split(line)), *_commands(line)):
            yield Finding(severity, rule, file, number, problem, remedy)
        if re.search(rf"{_GPU}=['\"]?\d", line):
            yield Finding(MAY_FAIL, "fixed-gpu", file, number, _GPU_WHAT, _GPU_REMEDY)


def _paths(code: ast.Module) -> Iterator[Hit]:
    for line, text in _strings(code):
        for severity, rule, problem, remedy in (*_fixed(_words(text)), *_commands(text)):
            yield severity, rule, line, problem, remedy


def _words(text: str) -> list[str]:
    """The words of a command line; any other text is one."""
    return _split(text) if _COMMAND.match(text) else [text.strip()]


def _split(line: str) -> list[str]:
    return re.split(r"[\s=:\"']+", line)


def _fixed(words: list[str]) -> Iterator[tuple[str, str, str, str]]:
    for word in words:
        if advice := remedies.of_fixed_path(word):
            problem, remedy = advice
            yield MAY_FAIL, "fixed-path", f"{word[:60]}: {problem}", remedy


def _commands(text: str) -> Iterator[tuple[str, str, str, str]]:
    if _WEIGHTS.search(text) or _FETCHING_WORDS.search(text):
        yield MAY_FAIL, "download", _DOWNLOAD_WHAT, _DOWNLOAD_REMEDY
    if _INSTALL.search(text):
        problem = "It installs packages while the job runs: each run may get others, or none without a network."
        yield MAY_FAIL, "install", problem, "List them in extra-requirements.txt; they are locked and kept."


_DOWNLOAD_WHAT = "It fetches files from the network while the job runs, where there may be none."
_DOWNLOAD_REMEDY = "Hand weights to the task as its model, or put them into the repo by LFS."


def _downloads(code: ast.Module) -> Iterator[Hit]:
    for node in ast.walk(code):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        fetches = name.rpartition(".")[2] in _FETCHING or any(
            name == suffix or name.endswith(f".{suffix}") for suffix in _FETCHING_OF
        )
        first = node.args[0] if node.args else None
        named = isinstance(first, ast.Constant) and not str(first.value).startswith((".", "/"))
        if fetches or (name.endswith(".from_pretrained") and named) or any(map(_pretrained, node.keywords)):
            yield MAY_FAIL, "download", node.lineno, _DOWNLOAD_WHAT, _DOWNLOAD_REMEDY


def _pretrained(word: ast.keyword) -> bool:
    return word.arg == "pretrained" and isinstance(word.value, ast.Constant) and word.value.value is True


_GPU_WHAT = f"{_GPU} is set to fixed numbers: the platform has chosen the GPUs and counts them from 0."
_GPU_REMEDY = "Leave it as it is, or set it from cfg.param.gpu_id."


def _gpus(code: ast.Module) -> Iterator[Hit]:
    for node in ast.walk(code):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target.slice, node.value) for target in node.targets if isinstance(target, ast.Subscript)]
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Call) and len(node.args) == 2:
            pairs = [(node.args[0], node.args[1])]
        for key, value in pairs:
            if isinstance(key, ast.Constant) and key.value == _GPU and isinstance(value, ast.Constant) and value.value:
                yield MAY_FAIL, "fixed-gpu", value.lineno, _GPU_WHAT, _GPU_REMEDY


def _writes(code: ast.Module, values: dict[str, ast.expr]) -> Iterator[Hit]:
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and (target := _written(node)) and _is_input(target, values):
            problem = "It writes into the task's input, which is read-only."
            yield WILL_FAIL, "write-to-input", node.lineno, problem, remedies.WRITE_BELOW


def _written(call: ast.Call) -> ast.expr | None:
    """What a call writes to, when it writes to a file or folder."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        is_method = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) not in ("io", "os", "codecs")
        position = 0 if is_method else 1
        modes = [*call.args[position : position + 1], *(word.value for word in call.keywords if word.arg == "mode")]
        if not any(isinstance(mode, ast.Constant) and set("wax+") & set(str(mode.value)) for mode in modes):
            return None
        return call.func.value if is_method and isinstance(call.func, ast.Attribute) else next(iter(call.args), None)
    if name in _COPYING and len(call.args) >= 2:
        return call.args[1]
    if name in _WRITING_METHODS and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) != "os":
        return call.func.value
    return call.args[0] if name in _WRITING_FUNCTIONS and call.args else None


def _is_input(node: ast.expr, values: dict[str, ast.expr], depth: int = 0) -> bool:
    """Whether a path lies in the task's input, as far as it is spelled out or is a name with one value."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(re.match(r"/in(/|$)", node.value))
    if isinstance(node, ast.Attribute):
        whole = ast.unparse(node)
        return bool(re.search(r"\.ymir\.input\.\w+$", whole)) or _is_input(node.value, values, depth)
    if isinstance(node, ast.Name):
        return depth < 5 and node.id in values and _is_input(values[node.id], values, depth + 1)
    if isinstance(node, ast.BinOp):
        return _is_input(node.left, values, depth)
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        return _is_input(first.value if isinstance(first, ast.FormattedValue) else first, values, depth)
    if isinstance(node, ast.Call) and node.args:
        joins = ast.unparse(node.func).rpartition(".")[2] in ("join", "Path", "str", "abspath", "realpath", "fspath")
        return joins and _is_input(node.args[0], values, depth)
    return False


def _values(code: ast.Module) -> dict[str, ast.expr]:
    """Names that are given a value exactly once in the file."""
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(code):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(node.value)
    return {name: values[0] for name, values in given.items() if len(values) == 1}


def _strings(code: ast.Module) -> Iterator[tuple[int, str]]:
    """All texts but those that only stand there, as docstrings do."""
    idle = {id(node.value) for node in ast.walk(code) if isinstance(node, ast.Expr)}
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in idle:
            yield node.lineno, node.value
