"""All variables that are read anywhere: the form that each has to have, its default and its meaning."""

from __future__ import annotations

from live_code.errors import ConfigError
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # Takes a variable's text, '' when it is not set, and its name; raises ConfigError.
    Form = Callable[[str, str], Any]

PREFIX = "LIVE_CODE_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class File(NamedTuple):
    """A file that a variable names."""

    path: str
    variable: str


class Variable(NamedTuple):
    """``table``: which table of the documentation has it. ``meaning``: Markdown. ``default``: a value in its form."""

    name: str
    form: Form
    table: str
    meaning: str
    default: str = ""


def _text(text: str, _: str) -> str:
    return text


def _file(text: str, name: str) -> File | None:
    return File(text, name) if text else None


def words(text: str, _: str) -> tuple[str, ...]:
    """Words between which commas or spaces stand."""
    return tuple(text.replace(",", " ").split())


def _switch(text: str, name: str) -> bool | None:
    word = text.strip().lower()
    if word and word not in (*_TRUE, *_FALSE):
        raise ConfigError(f"{name} is {text!r}.", hint="Write 1 or 0.")
    return word in _TRUE if word else None


def _off_or_on(text: str, name: str) -> bool:
    return _switch(text, name) or False


def _number(hint: str) -> Form:
    def read_number(text: str, name: str) -> float:
        try:
            number = float(text or 0)
        except ValueError:
            number = -1.0
        if not number >= 0:  # nor is what is no number at all
            raise ConfigError(f"{name} is {text!r}.", hint=hint)
        return number

    return read_number


def _one_of(*choices: str) -> Form:
    """The first one is the default."""

    def read_choice(text: str, name: str) -> str:
        word = text.strip().lower() or choices[0]
        if word not in choices:
            raise ConfigError(f"{name} is {text!r}.", hint=f"It is {' or '.join(reversed(choices))}.")
        return word

    return read_choice


def _patterns(text: str, name: str) -> tuple[str, ...]:
    patterns = tuple(text.split())
    if any("://" in pattern or "," in pattern for pattern in patterns):
        raise ConfigError(
            f"{name} has a pattern with :// or a comma in it, which no repository matches.",
            hint="Write hosts and paths with spaces between: git.example.com/team/* other.example.com",
        )
    return patterns


PLACES, LOGINS, LIMITS, INDEXES, JOB = "places", "logins", "limits", "indexes", "job"

# All that is read anywhere, by us or by the job's side; variables of other programs are named where theirs is the same.
VARIABLES = (
    Variable(
        "LIVE_CODE_STORE",
        _text,
        PLACES,
        "the cache, shared by many containers; default `/cache`, else in the user's cache folder",
    ),
    Variable(
        "LIVE_CODE_PYTHON",
        _text,
        PLACES,
        "the image's interpreter; default: the first `python3` on `PATH` that is not live_code's own",
    ),
    Variable(
        "LIVE_CODE_WORKDIR",
        _text,
        PLACES,
        "work trees; default `/app` in an image, when writable, else in the cache",
    ),
    Variable("LIVE_CODE_BUNDLE", _text, PLACES, "a file of `live-code bundle` to run from; `run --bundle` sets it"),
    Variable("LIVE_CODE_IMAGE", _text, PLACES, "the image's name with its digest, for the record"),
    Variable("LIVE_CODE_GIT_TOKEN", _text, LOGINS, "a token or password for `LIVE_CODE_GIT_HOST`"),
    Variable("LIVE_CODE_GIT_TOKEN_FILE", _file, LOGINS, "a file that holds the token"),
    Variable(
        "LIVE_CODE_GIT_HOST",
        _text,
        LOGINS,
        "the host that the token is for: `git.example.com`, `git.example.com:8443`",
    ),
    Variable("LIVE_CODE_GIT_USER", _text, LOGINS, "the user's name where it matters", "oauth2"),
    Variable(
        "LIVE_CODE_GIT_CREDENTIALS",
        _file,
        LOGINS,
        "a file of lines `https://user:token@host`, for several hosts",
    ),
    Variable("LIVE_CODE_SSH_KEY", _text, LOGINS, "a private key without a passphrase"),
    Variable("LIVE_CODE_SSH_KEY_FILE", _file, LOGINS, "a file that holds the key; its mode does not matter"),
    Variable(
        "LIVE_CODE_SSH_KNOWN_HOSTS",
        _text,
        LOGINS,
        "a known_hosts file with the host's key; without it `~/.ssh/known_hosts` counts",
    ),
    Variable(
        "LIVE_CODE_SSH_TRUST_FIRST",
        _off_or_on,
        LOGINS,
        "`1`: believe a host key at first sight, and hold on to it in the store",
    ),
    Variable(
        "LIVE_CODE_CA_FILE",
        _file,
        LOGINS,
        "certificate authorities besides the system's, for git servers and indexes; `GIT_SSL_CAINFO`, `SSL_CERT_FILE`,"
        " `PIP_CERT` and `REQUESTS_CA_BUNDLE` name all of them",
    ),
    Variable(
        "LIVE_CODE_PROXY_CREDENTIALS",
        _file,
        LOGINS,
        "a file of lines `http://user:password@host:port`, for the proxies that `https_proxy` and the like name without"
        " a login. The job gets those variables without a login",
    ),
    Variable(
        "LIVE_CODE_ALLOWED_REPOS",
        _patterns,
        LIMITS,
        "patterns with spaces between, without `https://`: `git.example.com/team/*` for all of a team,"
        " `other.example.com` for a whole host; all else is refused, submodules too, and redirects are not followed."
        " Empty allows everything",
    ),
    Variable(
        "LIVE_CODE_ALLOW_LOCAL",
        _switch,
        LIMITS,
        "`1` or `0`: folders of this machine as repositories (default: not in an image)",
    ),
    Variable("LIVE_CODE_ALLOW_OUTSIDE_LINKS", _off_or_on, LIMITS, "`1`: symbolic links that lead out of the work tree"),
    Variable(
        "LIVE_CODE_VERIFY_SIGNATURE",
        _one_of("off", "required"),
        LIMITS,
        "`required`: only commits signed by a key in `LIVE_CODE_ALLOWED_SIGNERS` or `LIVE_CODE_GPG_HOME`",
        "off",
    ),
    Variable("LIVE_CODE_ALLOWED_SIGNERS", _text, LIMITS, "an allowed signers file, for ssh signatures"),
    Variable("LIVE_CODE_GPG_HOME", _text, LIMITS, "a gpg home folder with a public keyring; it may be read-only"),
    Variable(
        "LIVE_CODE_MAX_CHECKOUT_GB", _number("Write a number."), LIMITS, "the largest checkout, in gigabytes", "20"
    ),
    Variable(
        "LIVE_CODE_GIT_DEADLINE_S",
        _number("Write a number of seconds, 0 for one try."),
        LIMITS,
        "for how many seconds failures that may pass are tried again; 0: one try",
        "30",
    ),
    Variable(
        "LIVE_CODE_PROTECT",
        words,
        LIMITS,
        "packages of the image that no job may replace, besides the framework: `einops,xformers`",
    ),
    Variable(
        "LIVE_CODE_INDEX_CREDENTIALS",
        _file,
        INDEXES,
        "a file of lines `https://user:token@host`; a netrc and the user part of the container's index URLs count too."
        " Files are read anew each time: let what renews a short-lived token (a keyring's helper) write them",
    ),
    Variable(
        "LIVE_CODE_INDEX_CLIENT_CERT",
        _file,
        INDEXES,
        "a client's certificate and its key in one PEM file, for an index that wants one; `SSL_CLIENT_CERT`,"
        " `PIP_CLIENT_CERT` do as well",
    ),
    Variable("LIVE_CODE_INDEX_CLIENT_KEY", _file, INDEXES, "the key, where it has a file of its own"),
    Variable(
        "LIVE_CODE_BUILD_DEADLINE_S",
        _number("a number of seconds"),
        INDEXES,
        "after how many seconds a resolution or an installation is ended, whatever is still being built",
        default="7200",
    ),
    Variable("LIVE_CODE_LOCK", _text, INDEXES, "a lock to install as it is, as the hyper-parameter `lock`"),
    Variable(
        "LIVE_CODE_JOB",
        _text,
        JOB,
        "the folder `live_code/job`; a `.pth` line in the job's environment puts it first on `sys.path`, also for"
        " children and under `python -I`",
    ),
    Variable("LIVE_CODE_CONFIG", _text, JOB, "the merged hyper-parameters, `/out/live-code/config.yaml`"),
    Variable(
        "LIVE_CODE_PROGRESS_SHARE",
        _text,
        JOB,
        "the part of the progress bar that is this process's, when one start runs several",
    ),
    Variable(
        "LIVE_CODE_REPORTS",
        _text,
        JOB,
        "the folder where a process that dies of an exception leaves its type, message and last frames",
    ),
)
