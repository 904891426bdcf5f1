"""The container's settings as tests name them: by variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from live_code.tools import settings
from live_code.tools.settings import GitSettings, Inherited, PackageSettings, Settings

INHERITED = Inherited(os.environ)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """This machine's, when nothing is given."""
    return settings.read(os.environ if environ is None else environ)


def git(environ: Mapping[str, str] | None = None) -> GitSettings:
    return read(environ).git


def packages(environ: Mapping[str, str] | None = None) -> PackageSettings:
    return read(environ).packages
