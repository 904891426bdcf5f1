"""The container's settings as typed, frozen values: each stage and tool takes the part that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from live_code.values import NamedTuple

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class File(NamedTuple):
    """A file that a variable names."""

    path: str
    variable: str


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


class StoreSettings(NamedTuple):
    """``folder``: the store that is named; ``user_cache``: the folder of the user's caches. Both '' for none."""

    folder: str = ""
    user_cache: str = ""


class GitSettings(NamedTuple):
    """How git servers are reached, as whom, and what may be fetched at all. Texts are '' when they are not given.

    ``allowed_repos``: patterns, none: all. ``allow_local`` None: not in an image. ``deadline_s``: for how long
    after a first failure new tries are begun.
    """

    token: str = ""
    token_file: File | None = None
    host: str = ""
    user: str = ""
    credentials: File | None = None
    netrc: str = ""
    home: str = ""
    ssh_key: str = ""
    ssh_key_file: File | None = None
    ssh_known_hosts: str = ""
    ssh_trust_first: bool = False
    ssh_agent: str = ""
    ca: File | None = None
    proxy_credentials: File | None = None
    allowed_repos: tuple[str, ...] = ()
    allow_local: bool | None = None
    allow_outside_links: bool = False
    max_checkout_gb: float = 20.0
    verify_signature: bool = False
    allowed_signers: str = ""
    gpg_home: str = ""
    deadline_s: float = 30.0
    inherited: Inherited = Inherited({})

    def __repr__(self) -> str:
        return "GitSettings(…)"


class PackageSettings(NamedTuple):
    """Which package indexes there are, how they are reached and as whom; what else is protected than the framework.

    ``index_urls``: all URLs of indexes, with the logins that stand in them; ``default_index``,
    ``extra_indexes`` and ``find_links`` as they are, too. ``lock``: a lock to install as it is, '' for none. ``git``:
    for requirements that git brings.
    """

    default_index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()
    credentials: File | None = None
    ca_file: str = ""
    client_cert: File | None = None
    client_key: File | None = None
    http_retries: str = "2"
    protected: tuple[str, ...] = ()
    lock: str = ""
    git: GitSettings = GitSettings()

    @property
    def inherited(self) -> Inherited:
        return self.git.inherited

    def __repr__(self) -> str:
        return "PackageSettings(…)"


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
