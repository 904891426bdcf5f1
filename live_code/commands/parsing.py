"""How a command line is read and explained. Loaded for all but what containers start: see ``cli.plainly``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from live_code.errors import nearest


class Parser(argparse.ArgumentParser):
    """Its help ends with examples, which are loaded when somebody asks for help."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.register("action", "parsers", Commands)

    def format_help(self) -> str:
        from live_code.commands import manual

        self.formatter_class = argparse.RawDescriptionHelpFormatter
        self.epilog = manual.epilog(self.prog)
        return super().format_help()

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """The list of all that is known is long; one of them may be near."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            if near := nearest(str(value), map(str, action.choices or ())):
                error.message = f"{value!r} is not known. Is it {near!r}?"
            raise


class Commands(argparse._SubParsersAction):  # type: ignore[type-arg]
    """What the list says of a command, the command's own help says, too."""

    def add_parser(self, name: str, **named: Any) -> Any:
        text = named["help"]
        return super().add_parser(name, description=f"{text[0].upper()}{text[1:]}.", **named)


class Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from live_code.commands import manual

        sys.stdout.write(f"{manual.version()}\n")
        parser.exit()
