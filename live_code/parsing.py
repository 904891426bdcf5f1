"""How a command line is read and explained. Loaded for all but what containers start: see ``cli.plainly``."""

from __future__ import annotations

import argparse
import sys


class Parser(argparse.ArgumentParser):
    """Its help ends with examples, which are loaded when somebody asks for help."""

    def format_help(self) -> str:
        from live_code import manual

        self.formatter_class = argparse.RawDescriptionHelpFormatter
        self.epilog = manual.epilog(self.prog)
        return super().format_help()


class Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from live_code import manual

        sys.stdout.write(f"{manual.version()}\n")
        parser.exit()
