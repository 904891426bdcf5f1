"""What git is given to speak to remotes: settings, credentials and an environment of our making, and for how long."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from live_code.errors import CredentialsError
from live_code.tools.git import credentials, local, policy, proxies, rewrites
from live_code.tools.git.credentials import Credential
from live_code.tools.git.url import GitUrl
from live_code.tools.settings import GitSettings
from live_code.tools.settings.table import File
from live_code.tools.store import Store
from live_code.values import NamedTuple

CA_FILE = "LIVE_CODE_CA_FILE"
# What old versions of git and importers wrote into commits and trees by mistake; it does no harm.
_OLD_SLIPS = (
    *("badDate", "badDateOverflow", "badEmail", "badName", "badTimezone", "missingEmail", "missingNameBeforeEmail"),
    *("missingSpaceBeforeDate", "missingSpaceBeforeEmail", "multipleAuthors", "zeroPaddedDate", "zeroPaddedFilemode"),
)
STALLED_S = 30  # below 1 kB a second for so long, a transfer is given up
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_ANSWER = Path(__file__).with_name("credential.sh")


class Access(NamedTuple):
    """Open for the time of a ``with`` block. ``env``: all variables that git gets; it holds no secret itself.

    ``proxies``: the proxies' variables for programs that can't ask for the passwords, which are in them.
    """

    env: Mapping[str, str]
    credentials: tuple[Credential, ...]
    ca_file: str
    proxies: Mapping[str, str]
    secrets: tuple[str, ...]
    retry_s: float

    def hide(self, text: str) -> str:
        """The text without the secrets: a server may send back what it was given."""
        return credentials.hide(text, self.secrets)

    def __repr__(self) -> str:
        return f"Access({', '.join(map(repr, self.credentials))})"


@contextmanager
def opened(
    settings: GitSettings, store: Store, url: GitUrl | None = None, repository: Path | None = None
) -> Iterator[Access]:
    """Access to ``url`` (None: to any https or ssh server) for git commands that run in ``repository``.

    Secrets lie in memory only, where git's helpers read them by way of this process's open files: nothing is left
    on a disk when it is killed. Raises CredentialsError.
    """
    proxy_variables = {**settings.inherited.proxies(), **credentials.proxies_with_logins(settings)}
    stored = credentials.read(settings)
    key = credentials.ssh_key(settings)
    logins = (*stored, *credentials.of_proxies(proxy_variables))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="live-code-git-")))
        answers = "".join("\t".join(login) + "\n" for login in logins)
        ca_file = _ca_file(settings.ca, home)
        configuration = _configuration(
            stack.enter_context(in_memory(answers)) if logins else "", ca_file, policy.redirects_are_allowed(settings)
        )
        moved = rewrites.of_system(settings.inherited)
        local.write_settings(home, _safe(url, repository), configuration + rewrites.configuration(moved))
        key_file = stack.enter_context(in_memory(key)) if key else ""
        pins = _pins(settings, store)
        env = {
            **local.environment(settings.inherited, home),
            **proxies.for_git(proxy_variables),
            "GIT_ALLOW_PROTOCOL": ":".join([url.scheme, *rewrites.schemes(moved, url.text)]) if url else "https:ssh",
            "GIT_ASKPASS": "false",
            "GIT_SSH_COMMAND": _ssh(settings.ssh_known_hosts, pins, key_file),
            "GIT_SSH_VARIANT": "ssh",
        }
        if not key and settings.ssh_agent:
            env["SSH_AUTH_SOCK"] = settings.ssh_agent
        secrets = tuple(credentials.spellings(logins))
        yield Access(env, stored, ca_file, proxy_variables, secrets, settings.deadline_s)


@contextmanager
def in_memory(text: str) -> Iterator[str]:
    """A path under which processes of this user, and no others, read the text; it never was on a disk."""
    handle = os.memfd_create("live-code", os.MFD_CLOEXEC)
    try:
        os.fchmod(handle, 0o600)  # ssh takes no key that others may read
        os.write(handle, text.encode())
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)


def _configuration(answers: str, ca_file: str, redirects: bool) -> str:
    lines = [
        "[http]",
        f"\tfollowRedirects = {'initial' if redirects else 'false'}",
        "\tsslVerify = true",
        "\tlowSpeedLimit = 1000",
        f"\tlowSpeedTime = {STALLED_S}",
    ]
    lines += [f"\tsslCAInfo = {local.quoted(ca_file)}"] if ca_file else []
    lines += ["[protocol]", "\tversion = 2", "[fetch]", "\tfsckObjects = true", '[fetch "fsck"]']
    lines += [f"\t{name} = ignore" for name in _OLD_SLIPS]
    if answers:
        helper = f"!sh {shlex.quote(str(_ANSWER))} {answers}"
        lines += ["[credential]", "\thelper =", f"\thelper = {local.quoted(helper)}"]
    return "\n".join(lines) + "\n"


def _safe(url: GitUrl | None, repository: Path | None) -> list[Path]:
    safe = [repository] if repository else []
    if url and url.scheme == "file":
        safe += [Path(url.path), Path(url.path, ".git")]
    return safe


def _ca_file(ca: File | None, home: Path) -> str:
    """The file of trusted authorities, '' for the system's. One of LIVE_CODE_CA_FILE is added to the system's."""
    if not ca:
        return ""
    try:
        given = Path(ca.path).read_bytes()
    except OSError as error:
        raise CredentialsError(f"{ca.path}, which {ca.variable} names, can't be read: {error.strerror}.") from error
    if ca.variable != CA_FILE:
        return ca.path
    system = _SYSTEM_CA.read_bytes() if _SYSTEM_CA.exists() else b""
    together = home / "ca.pem"
    together.write_bytes(system + b"\n" + given)
    return str(together)


def _pins(settings: GitSettings, store: Store) -> list[str]:
    """Where host keys are kept that are believed at first sight, where that is allowed; nowhere where it is not. New
    ones go to the first."""
    if not settings.ssh_trust_first:
        return []
    store.path("ssh").mkdir(parents=True, exist_ok=True)
    return [str(pins) for pins in reversed(store.places("ssh", "known_hosts"))]


def _ssh(known_hosts: str, pins: list[str], key: str) -> str:
    """An ssh command that reads no one's configuration and believes no host key that was not given."""
    options = ["BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=2"]
    options += ["ForwardAgent=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "UpdateHostKeys=no"]
    if files := [f'"{name}"' for name in (*pins, known_hosts) if name]:
        options.append("UserKnownHostsFile=" + " ".join(files))
    options.append("StrictHostKeyChecking=" + ("accept-new" if pins else "yes"))
    if key:
        options += ["IdentitiesOnly=yes", "IdentityAgent=none"]
    words = ["ssh", "-F", os.devnull, *(word for option in options for word in ("-o", option))]
    return shlex.join([*words, *(["-i", key] if key else [])])
