"""Calls of the SDK, `ymir_exc`, that can't work: names that no version has, arguments that no version takes.

What ours has is read from its source; the functions that accept several published signatures have theirs here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from live_code.authoring.check.finding import WILL_FAIL, Finding
from live_code.job import JOB_PATH
from live_code.job.ymir_exc import protocol
from live_code.values import NamedTuple

SDK = "ymir_exc"
_STAGE = "stage_name files evaluation_result= mAP= timestamp= attachments= evaluate_config="
# name= is an argument that may be left out; ** takes any other by name.
PUBLISHED = {
    "result_writer.write_model_stage": (
        "stage_name files mAP timestamp= attachments= as_best=",
        "stage_name model_files mAP timestamp=",
        _STAGE,
    ),
    "result_writer.write_training_result": ("model_names mAP classAPs= **", _STAGE),
    "result_writer.Box": ("x y w h **",),
    "result_writer.Annotation": ("class_name score box **",),
    "util.write_ymir_training_result": (
        "cfg map50 files id",
        "cfg files id map50= evaluation_result= evaluate_config= attachments=",
    ),
    "util.convert_ymir_to_coco": ("cat_id_from_zero=", "cfg"),
    "dataset_convert.convert_ymir_to_coco": ("cat_id_from_zero=", "cfg"),
    "dataset_convert.ymir2coco.convert_ymir_to_coco": ("cat_id_from_zero=", "cfg"),
}
_FOLDERS = {"input": frozenset(protocol.INPUT_DEFAULTS), "output": frozenset(protocol.OUTPUT_DEFAULTS)}
_OF_EVERY_SECTION = frozenset(("copy", "dict", "json", "get", "items", "keys", "values"))


class Signature(NamedTuple):
    """``required`` are the first of ``names``. ``more``: whether any other argument may be given by name."""

    names: tuple[str, ...]
    required: int
    more: bool
    by_name: tuple[str, ...] = ()

    def __str__(self) -> str:
        optional = (f"{name}=…" for name in (*self.names[self.required :], *self.by_name))
        return f"({', '.join((*self.names[: self.required], *optional))})"

    def refuses(self, count: int, keywords: list[str]) -> str:
        """Why a call with so many positional arguments and these names can't work; '' when it can."""
        if count > len(self.names):
            return f"takes at most {len(self.names)} positional arguments, not {count}"
        for word in keywords:
            if word not in (*self.names, *self.by_name) and not self.more:
                return f"has no argument {word}"
            if word in self.names[:count]:
                return f"gets {word} twice"
        missing = [name for name in self.names[count : self.required] if name not in keywords]
        return f"lacks {', '.join(missing)}" if missing else ""


class Thing(NamedTuple):
    """What a name of the SDK is. No signature: anything goes. ``members``: of an enumeration."""

    signatures: tuple[Signature, ...] = ()
    members: frozenset[str] = frozenset()


def examine(file: str, code: ast.Module) -> Iterator[Finding]:
    """What is wrong with a file's use of the SDK."""
    scope = Scope(code)
    for line, problem, remedy in {*scope.imports(), *_uses(scope, code), *_sections(code)}:
        yield Finding(WILL_FAIL, "sdk", file, line, problem, remedy)


@cache
def surface() -> Mapping[str, Mapping[str, Thing]]:
    """The names of each module of the SDK, by the module's name below `ymir_exc`."""
    root = Path(JOB_PATH, SDK)
    sources = {_dotted(path.relative_to(root)): path for path in sorted(root.rglob("*.py"))}
    modules = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in sources.items()}
    public = [name for name in modules if name and not any(part.startswith("_") for part in name.split("."))]
    return {name: dict(_things(name, modules)) for name in public}


def _things(module: str, modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, Thing]]:
    for node in modules[module].body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, _thing(f"{module}.{node.name}", node)
        elif isinstance(node, ast.Assign):
            yield from ((target.id, Thing()) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield from _brought(module, node, modules)
    for name in modules:
        if name.startswith(f"{module}.") and "." not in (rest := name[len(module) + 1 :]):
            yield rest, Thing()


def _brought(module: str, node: ast.ImportFrom, modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, Thing]]:
    package = module if any(name.startswith(f"{module}.") for name in modules) else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    origin = ".".join(filter(None, (package, node.module)))
    known = dict(_things(origin, modules)) if origin and origin in modules else {}
    for alias in node.names:
        name = alias.asname or alias.name
        dotted = f"{module}.{name}"
        yield name, Thing(_published(dotted)) if dotted in PUBLISHED else known.get(alias.name, Thing())


def _thing(dotted: str, node: ast.FunctionDef | ast.ClassDef) -> Thing:
    if dotted in PUBLISHED:
        return Thing(_published(dotted))
    if isinstance(node, ast.FunctionDef):
        return Thing((_signature(node.args, skip=0),))
    if any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases):
        names = (target for line in node.body if isinstance(line, ast.Assign) for target in line.targets)
        return Thing(members=frozenset(name.id for name in names if isinstance(name, ast.Name)))
    inits = [line for line in node.body if isinstance(line, ast.FunctionDef) and line.name == "__init__"]
    return Thing(tuple(_signature(init.args, skip=1) for init in inits))


def _published(dotted: str) -> tuple[Signature, ...]:
    return tuple(_written(text) for text in PUBLISHED[dotted])


def _written(text: str) -> Signature:
    words = [word for word in text.split() if word != "**"]
    return Signature(
        tuple(word.rstrip("=") for word in words), sum(not word.endswith("=") for word in words), "**" in text
    )


def _signature(arguments: ast.arguments, skip: int) -> Signature:
    names = tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args))[skip:]
    by_name = tuple(argument.arg for argument in arguments.kwonlyargs)
    return Signature(names, len(names) - len(arguments.defaults), arguments.kwarg is not None, by_name)


def _dotted(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


class Scope:
    """What the names of a file mean, as far as they come from the SDK: `monitor` → 'monitor', `w` → 'util.f'."""

    def __init__(self, code: ast.Module) -> None:
        self.code = code
        self.names: dict[str, str] = {}
        without = guarded(code)
        self._imports = [
            node for node in ast.walk(code) if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in without
        ]
        for node in ast.walk(code):
            self._take(node)
        for name in _assigned(code) & set(self.names):
            del self.names[name]

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == SDK:
                    self.names[alias.asname or SDK] = alias.name.partition(".")[2] if alias.asname else ""
        elif isinstance(node, ast.ImportFrom) and (module := _of_sdk(node)) is not None:
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{module}.{alias.name}".lstrip(".")

    def imports(self) -> Iterator[tuple[int, str, str]]:
        """What is imported and is not there."""
        for node in self._imports:
            dotted: list[str] = []
            if isinstance(node, ast.Import):
                dotted = [alias.name.partition(".")[2] for alias in node.names if alias.name.startswith(f"{SDK}.")]
            elif (module := _of_sdk(node)) is not None:
                dotted = [f"{module}.{alias.name}".lstrip(".") for alias in node.names if alias.name != "*"]
            for name in dotted:
                if wrong := _missing(name):
                    yield (node.lineno, *wrong)

    def resolve(self, node: ast.expr) -> str | None:
        """The dotted name below the SDK that an expression stands for, None when it is no such name."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            inner = self.resolve(node.value)
            return None if inner is None else f"{inner}.{node.attr}".lstrip(".")
        return None


def _uses(scope: Scope, code: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Attribute):
            dotted = scope.resolve(node)
            if dotted and (wrong := _missing(dotted)):
                yield (node.lineno, *wrong)
        elif isinstance(node, ast.Call):
            dotted = scope.resolve(node.func)
            thing = _find(dotted) if dotted else None
            if dotted and thing and (why := _refused(thing, node)):
                ways = " or ".join(map(str, thing.signatures))
                yield node.lineno, f"{SDK}.{dotted} {why}.", f"It takes {ways}."


def _refused(thing: Thing, call: ast.Call) -> str:
    keywords = [word.arg for word in call.keywords if word.arg]
    if len(keywords) < len(call.keywords) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return ""  # how many there are shows only when it runs
    whys = [signature.refuses(len(call.args), keywords) for signature in thing.signatures]
    return whys[-1] if whys and all(whys) else ""


def _missing(dotted: str) -> tuple[str, str] | None:
    """What is wrong with a dotted name, and what there is instead; None when it is there or can't be known."""
    known = surface()
    module = max((name for name in known if f"{dotted}.".startswith(f"{name}.")), key=len, default="")
    if not module:
        return f"{SDK} has no module {dotted.split('.')[0]}.", f"It has {', '.join(sorted(known))}."
    rest = dotted[len(module) + 1 :].split(".") if dotted != module else []
    if not rest:
        return None
    thing = known[module].get(rest[0])
    if thing is None:
        there = ", ".join(
            sorted(name for name in known[module] if not name.startswith("_") and name != "TYPE_CHECKING")
        )
        return f"{SDK}.{module} has no {rest[0]}.", f"It has {there}."
    if len(rest) > 1 and thing.members and rest[1] not in {*thing.members, "__members__", "mro"}:
        return f"{SDK}.{module}.{rest[0]} has no {rest[1]}.", f"It has {', '.join(sorted(thing.members))}."
    return None


def _find(dotted: str) -> Thing | None:
    module, _, name = dotted.rpartition(".")
    return surface().get(module, {}).get(name)


def _sections(code: ast.Module) -> Iterator[tuple[int, str, str]]:
    """`cfg.ymir.input.…` and `cfg.ymir.output.…` that the task's description has not."""
    for node in ast.walk(code):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
            continue
        section, before = node.value.attr, node.value.value
        if section in _FOLDERS and isinstance(before, ast.Attribute) and before.attr == "ymir":
            known = _FOLDERS[section]
            if node.attr not in known | _OF_EVERY_SECTION:
                yield node.lineno, f"cfg.ymir.{section} has no {node.attr}.", f"It has {', '.join(sorted(known))}."


def _of_sdk(node: ast.ImportFrom) -> str | None:
    """The SDK's module that a `from … import` names, '' for the package itself; None when it is another's."""
    if node.level or not node.module or node.module.split(".")[0] != SDK:
        return None
    return node.module.partition(".")[2]


def guarded(code: ast.Module) -> set[ast.AST]:
    """Nodes in a `try` whose handlers expect that something is not there."""
    tries = (node for node in ast.walk(code) if isinstance(node, ast.Try) and any(map(expects_absence, node.handlers)))
    return {inner for node in tries for line in node.body for inner in ast.walk(line)}


def expects_absence(handler: ast.ExceptHandler) -> bool:
    """Whether it goes on without what was to be imported."""
    named = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(named & {"ImportError", "ModuleNotFoundError", "Exception", "AttributeError"})


def _assigned(code: ast.Module) -> set[str]:
    """Names that the file gives a value of its own somewhere."""
    stored = {node.id for node in ast.walk(code) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = {node.arg for node in ast.walk(code) if isinstance(node, ast.arg)}
    defined = {node.name for node in ast.walk(code) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return stored | arguments | defined
