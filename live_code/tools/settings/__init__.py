"""The variables of the container: one table of them, and the typed values that are read from it once, at the edge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from live_code.errors import ConfigError, nearest
from live_code.job.ymir_exc import protocol
from live_code.tools.settings import table
from live_code.tools.settings.table import File
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_BY_NAME = {variable.name: variable for variable in table.VARIABLES}


class Inherited(NamedTuple):
    """The variables of this process, from which those of its children are made. What we ask of the container ourselves
    stands in the other settings."""

    values: Mapping[str, str]

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def only(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.values[name] for name in names if name in self.values}

    def without(self, names: Iterable[str] = (), prefixes: tuple[str, ...] = ()) -> dict[str, str]:
        left_out = frozenset(names)
        values = self.values.items()
        return {name: value for name, value in values if name not in left_out and not name.startswith(prefixes)}

    def proxies(self) -> dict[str, str]:
        """The variables that name proxies, as they are; logins may stand in them."""
        return {name: value for name, value in self.values.items() if name.lower() in _PROXIES}

    def __repr__(self) -> str:
        return "Inherited(…)"

    def __str__(self) -> str:  # without it the record would take its fields
        return repr(self)


class StoreSettings(NamedTuple):
    """``folder``: the store that is named; ``user_cache``: the folder of the user's caches. Both '' for none."""

    folder: str = ""
    user_cache: str = ""


class GitSettings(NamedTuple):
    """How git servers are reached, as whom, and what may be fetched at all. Texts are '' when they are not given.

    ``allowed_repos``: patterns, none: all. ``allow_local`` None: not in an image. ``deadline_s``: for how long
    after a first failure new tries are begun.
    """

    token: str
    token_file: File | None
    host: str
    user: str
    credentials: File | None
    netrc: str
    home: str
    ssh_key: str
    ssh_key_file: File | None
    ssh_known_hosts: str
    ssh_trust_first: bool
    ssh_agent: str
    ca: File | None
    proxy_credentials: File | None
    allowed_repos: tuple[str, ...]
    allow_local: bool | None
    allow_outside_links: bool
    max_checkout_gb: float
    verify_signature: bool
    allowed_signers: str
    gpg_home: str
    deadline_s: float
    inherited: Inherited

    def __repr__(self) -> str:
        return "GitSettings(…)"

    def __str__(self) -> str:  # without it the record would take its fields
        return repr(self)


class PackageSettings(NamedTuple):
    """Which package indexes there are, how they are reached and as whom; what else is protected than the framework.

    ``deadline_s``: how long one resolution or installation may take, builds and all; 0 for no limit. ``index_urls``:
    all URLs of indexes, with the logins that stand in them; ``default_index``, ``extra_indexes`` and ``find_links`` as
    they are, too. ``lock``: a lock to install as it is, '' for none. ``git``: for requirements that git brings.
    ``logs``: where the whole output of a failed build goes, '' for the store.
    """

    default_index: str
    extra_indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    trusted_hosts: tuple[str, ...]
    index_urls: tuple[str, ...]
    credentials: File | None
    ca_file: str
    client_cert: File | None
    client_key: File | None
    http_retries: str
    deadline_s: float
    protected: tuple[str, ...]
    lock: str
    git: GitSettings
    logs: str = ""

    @property
    def inherited(self) -> Inherited:
        return self.git.inherited

    def __repr__(self) -> str:
        return "PackageSettings(…)"

    def __str__(self) -> str:  # without it the record would take its fields
        return repr(self)


class Settings(NamedTuple):
    """All that the container says by its variables. Each stage takes the part that it needs.

    ``python``: the interpreter that is named, '' for none; ``path``: where else one is looked for. ``workdir``: where
    work trees go, '' for the default. ``image``: the image's name. ``gpus``: those that may be seen, None for all.
    """

    store: StoreSettings
    git: GitSettings
    packages: PackageSettings
    python: str
    path: str | None
    workdir: str
    bundle: str
    image: str
    gpus: str | None
    inherited: Inherited


class TaskFiles(NamedTuple):
    """Where the task's two files lie when they were moved; '' for the default."""

    env_file: str = ""
    config_file: str = ""


def read(environ: Mapping[str, str]) -> Settings:
    """The container's settings. Raises ConfigError for the first variable whose value is not in its form."""
    variables, inherited = _Variables(environ), Inherited(dict(environ))
    get, git = variables.get, _git(variables, inherited)
    home = variables.text("HOME")
    return Settings(
        store=StoreSettings(get("LIVE_CODE_STORE"), variables.text("XDG_CACHE_HOME") or (home and f"{home}/.cache")),
        git=git,
        packages=_packages(variables, git),
        python=get("LIVE_CODE_PYTHON"),
        path=environ.get("PATH"),
        workdir=get("LIVE_CODE_WORKDIR"),
        bundle=get("LIVE_CODE_BUNDLE"),
        image=get("LIVE_CODE_IMAGE"),
        gpus=environ.get("CUDA_VISIBLE_DEVICES"),
        inherited=inherited,
    )


def task_files(environ: Mapping[str, str]) -> TaskFiles:
    """Read apart from the rest: a task that is known can be told of a setting that is wrong."""
    return TaskFiles(environ.get(protocol.ENV_FILE_VARIABLE, ""), environ.get(protocol.CONFIG_FILE_VARIABLE, ""))


def problems(environ: Mapping[str, str]) -> dict[str, ConfigError]:
    """What is wrong with each variable that is not in its form."""
    errors = {}
    for variable in table.VARIABLES:
        try:
            variable.form(environ.get(variable.name, ""), variable.name)
        except ConfigError as error:
            errors[variable.name] = error
    return errors


def unknown(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that looks like ours and is none: a limit that is misspelt limits nothing."""
    known = {variable.name.removeprefix(table.PREFIX) for variable in table.VARIABLES}
    names = [name.removeprefix(table.PREFIX) for name in environ if name.startswith(table.PREFIX)]
    return [_unknown(name, known) for name in sorted(names) if name not in known and not name.startswith("TEST_")]


def _unknown(name: str, known: set[str]) -> str:
    near = nearest(name, known)
    return f"nobody reads the variable {table.PREFIX}{name}" + (f"; is {table.PREFIX}{near} meant?" if near else "")


class _Variables:
    """Those of the container; each of ours in the form that the table has for it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def get(self, name: str) -> Any:
        variable = _BY_NAME[name]
        return variable.form(self.values.get(name, "") or variable.default, name)

    def text(self, *names: str) -> str:
        """Of other programs' variables the first that is set, '' when none is."""
        return next((text for name in names if (text := self.values.get(name, "").strip())), "")

    def file(self, *names: str) -> File | None:
        return next((File(self.values[name], name) for name in names if self.values.get(name)), None)

    def urls(self, *names: str) -> tuple[str, ...]:
        """Spaces stand between them, or commas before a further URL: a password may have one in it, too."""
        texts = (self.values.get(name, "") for name in names)
        return tuple(url for text in texts for url in re.split(r"\s+|,(?=[a-z][a-z0-9+.-]*://)", text) if url)

    def words(self, *names: str) -> tuple[str, ...]:
        return tuple(word for name in names for word in table.words(self.values.get(name, ""), name))


def _git(variables: _Variables, inherited: Inherited) -> GitSettings:
    get, text = variables.get, variables.text
    return GitSettings(
        token=get("LIVE_CODE_GIT_TOKEN"),
        token_file=get("LIVE_CODE_GIT_TOKEN_FILE"),
        host=get("LIVE_CODE_GIT_HOST"),
        user=get("LIVE_CODE_GIT_USER"),
        credentials=get("LIVE_CODE_GIT_CREDENTIALS"),
        netrc=text("NETRC"),
        home=text("HOME"),
        ssh_key=get("LIVE_CODE_SSH_KEY"),
        ssh_key_file=get("LIVE_CODE_SSH_KEY_FILE"),
        ssh_known_hosts=get("LIVE_CODE_SSH_KNOWN_HOSTS"),
        ssh_trust_first=get("LIVE_CODE_SSH_TRUST_FIRST"),
        ssh_agent=text("SSH_AUTH_SOCK"),
        ca=variables.file("LIVE_CODE_CA_FILE", "GIT_SSL_CAINFO", "SSL_CERT_FILE"),
        proxy_credentials=get("LIVE_CODE_PROXY_CREDENTIALS"),
        allowed_repos=get("LIVE_CODE_ALLOWED_REPOS"),
        allow_local=get("LIVE_CODE_ALLOW_LOCAL"),
        allow_outside_links=get("LIVE_CODE_ALLOW_OUTSIDE_LINKS"),
        max_checkout_gb=get("LIVE_CODE_MAX_CHECKOUT_GB"),
        verify_signature=get("LIVE_CODE_VERIFY_SIGNATURE") == "required",
        allowed_signers=get("LIVE_CODE_ALLOWED_SIGNERS"),
        gpg_home=get("LIVE_CODE_GPG_HOME"),
        deadline_s=get("LIVE_CODE_GIT_DEADLINE_S"),
        inherited=inherited,
    )


def _packages(variables: _Variables, git: GitSettings) -> PackageSettings:
    get, text, words = variables.get, variables.text, variables.words
    named = variables.urls("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    extra = variables.urls("UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    return PackageSettings(
        default_index=next(iter(named), ""),
        extra_indexes=extra,
        find_links=words("UV_FIND_LINKS", "PIP_FIND_LINKS"),
        trusted_hosts=words("UV_INSECURE_HOST", "PIP_TRUSTED_HOST"),
        index_urls=(*named, *extra),
        credentials=get("LIVE_CODE_INDEX_CREDENTIALS"),
        ca_file=text("PIP_CERT", "REQUESTS_CA_BUNDLE"),
        client_cert=variables.file("LIVE_CODE_INDEX_CLIENT_CERT", "SSL_CLIENT_CERT", "PIP_CLIENT_CERT"),
        client_key=get("LIVE_CODE_INDEX_CLIENT_KEY"),
        http_retries=text("UV_HTTP_RETRIES") or "2",
        deadline_s=get("LIVE_CODE_BUILD_DEADLINE_S"),
        protected=get("LIVE_CODE_PROTECT"),
        lock=get("LIVE_CODE_LOCK"),
        git=git,
    )
