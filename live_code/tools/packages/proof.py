"""After a build: the framework in the new environment is the image's own, and still works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.errors import BuildError
from live_code.tools.machine import interpreter
from live_code.tools.machine.interpreter import Framework, Interpreter
from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.tools.processes import runner
from live_code.tools.settings import Inherited
from live_code.tools.terminal import log


def unchanged(python: Path, image: Interpreter, protected: Mapping[str, str], inherited: Inherited) -> None:
    """Versions, places and CUDA builds are those of the image. Raises BuildError."""
    if not protected:
        return
    inventory = interpreter.ask(python, inherited)
    for name in protected:
        was = image.packages.get(name)
        installed = inventory["distributions"].get(name, {}).get("version")
        if installed != was:
            raise BuildError(f"the environment would change the image's {name} from {was} to {installed}.")
    for name, module in image.frameworks.items():
        now = inventory["frameworks"].get(name)
        if name in protected and (now is None or Framework(**now) != module):
            raise BuildError(f"the environment would not use the image's own {name} in {module.path}.")


def works(python: Path, image: Interpreter, added: Mapping[str, str], inherited: Inherited) -> None:
    """A numpy that stands before the image's still works with its framework: tried, when there is one.

    Raises BuildError.
    """
    for known in FRAMEWORKS:
        name = known.module
        if known.part_of or "numpy" not in added or name not in image.frameworks or name in added:
            continue
        try:
            runner.run([python, "-c", known.trial], env=interpreter.clean(inherited), timeout=300)
        except runner.ProcessError as error:
            raise BuildError(
                f"the image's {name} does not work with numpy {added['numpy']}, which the requirements lead to.",
                hint=f"Ask for numpy {image.packages.get('numpy', 'in another version')}.",
                details=error.last_lines,
            ) from error


def warn_of_parts(python: Path, image: Interpreter, added: Mapping[str, str], inherited: Inherited) -> None:
    """A part of the framework that a lock brings was built for one build of it, and its metadata does not say which:
    tried, and told when it does not fit. Whether the job needs it is not known here."""
    for known in FRAMEWORKS:
        name, whole = known.module, known.part_of
        if name not in added or name in image.frameworks or whole not in image.frameworks or whole in added:
            continue
        try:
            runner.run([python, "-c", known.trial], env=interpreter.clean(inherited), timeout=300)
        except runner.ProcessError as error:
            cause = error.last_lines.splitlines()[-1:] or ["it can't be imported"]
            log.warning(
                f"{name} {added[name]} does not fit the image's {whole} {image.frameworks[whole].version}: {cause[0]}. "
                f"Use an image that has {name}, or name an index with its build for this {whole} in extra_index_url."
            )
