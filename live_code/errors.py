"""The tree of expected errors: each says what happened, where, what to do next, and the platform's code for it."""

from __future__ import annotations

from collections.abc import Iterable

from live_code.job.ymir_exc import protocol


class LiveCodeError(Exception):
    """An end that a user can understand and act upon; anything else that is raised is a bug of ours.

    ``message`` is one line; ``hint`` one sentence on what to do; ``details`` further lines (a tool's output, a stack)
    for the file and the platform's stack view.
    """

    phase = "start-up"
    return_code = protocol.CODE_OTHER
    retryable = False
    kind = "FAILED"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: str = "", phase: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        if phase:
            self.phase = phase

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigError(LiveCodeError):
    """The request can't be run as it is: the user changes env.yaml, config.yaml or the form."""

    phase = "config"
    return_code = protocol.CODE_CONFIG
    kind = "CONFIG"


class OutputError(LiveCodeError):
    """``/out`` can't be written."""

    phase = "config"
    kind = "OUTPUT_NOT_WRITABLE"


class StoreError(LiveCodeError):
    """The store can't be read or written."""

    phase = "store"
    kind = "STORE"


class StoreFullError(StoreError):
    """The store has no room for what it should keep."""

    kind = "STORE_FULL"


class SourceError(LiveCodeError):
    """The commit could not be found or fetched."""

    phase = "source"
    kind = "GIT"


class NetworkError(SourceError):
    """The remote could not be reached, or the connection broke: another try may work."""

    kind = "GIT_NETWORK"
    return_code = protocol.CODE_NETWORK
    retryable = True


class TlsError(SourceError):
    """The remote could not prove who it is."""

    kind = "GIT_TLS"
    return_code = protocol.CODE_NETWORK


class AuthError(SourceError):
    """The remote wants credentials, or others than those that it got."""

    kind = "GIT_AUTH"
    return_code = protocol.CODE_CONFIG


class CredentialsError(AuthError):
    """The credentials that the container was given can't be used as they are."""


class NotFoundError(SourceError):
    """The remote has no such repository, or hides it from these credentials."""

    kind = "GIT_NOT_FOUND"
    return_code = protocol.CODE_CONFIG


class RefMissingError(SourceError):
    """The repository has no such commit, tag or branch, or more than one that it could be."""

    kind = "GIT_REF_MISSING"
    return_code = protocol.CODE_CONFIG


class RefusedError(SourceError):
    """Something that is not allowed: a transport, a host, content that could do harm."""

    kind = "GIT_REFUSED"
    return_code = protocol.CODE_CONFIG


class CheckoutError(LiveCodeError):
    """The work tree could not be made, or is not the commit of the request."""

    phase = "checkout"
    kind = "CHECKOUT"


class PatchError(CheckoutError):
    """The patch can't be read or does not fit the commit."""

    kind = "GIT_PATCH"
    return_code = protocol.CODE_CONFIG


class RequirementsError(LiveCodeError):
    """The repo's requirements can't be resolved, or conflict with what the image ships."""

    phase = "lock"
    kind = "REQUIREMENTS"


class FrameworkConflictError(RequirementsError):
    """The repo asks for a framework that is not the image's."""

    kind = "FRAMEWORK_CONFLICT"
    return_code = protocol.CODE_CONFIG


class IndexUnreachableError(RequirementsError):
    """The index did not answer, or not as an index does: trying again later may help."""

    kind = "INDEX"
    return_code = protocol.CODE_NETWORK
    retryable = True


class InterpreterError(LiveCodeError):
    """The image's interpreter is missing or does not answer."""

    phase = "lock"
    kind = "INTERPRETER"


class BuildError(LiveCodeError):
    """The locked environment could not be built."""

    phase = "environment"
    kind = "ENVIRONMENT"


class BuildTimeoutError(BuildError):
    """What is built takes longer than the container allows."""

    kind = "BUILD_TIMEOUT"


class DownloadError(BuildError):
    """A locked file did not come."""

    kind = "DOWNLOAD"
    return_code = protocol.CODE_NETWORK
    retryable = True


class LaunchError(LiveCodeError):
    """There is nothing to start: no entrypoint, or one that can't be run."""

    phase = "launch"
    return_code = protocol.CODE_CONFIG
    kind = "LAUNCH"


class JobError(LiveCodeError):
    """The job ended, and not well. ``retry``: the class of its cause, if it may pass by itself (see ``retries``)."""

    phase = "job"
    kind = "JOB_FAILED"
    retry = ""


class Stopped(LiveCodeError):
    """A signal stopped us while there was no job. ``how`` says by what; ``number`` is the signal's."""

    kind = "STOPPED"

    def __init__(self, how: str, number: int) -> None:
        super().__init__(f"the task was stopped{how}.", hint="Start it again: what the store has is not fetched again.")
        self.exit_code = 128 + number


class Lost(LiveCodeError):
    """The process that ran the task was killed. ``number`` is the signal's; ``last_message`` is the monitor's."""

    kind = "KILLED"
    retryable = True

    def __init__(self, name: str, number: int, last_message: str) -> None:
        last = f"; the last that it told: {last_message}" if last_message else ""
        super().__init__(
            f"live-code itself was killed by {name}{last}.",
            hint="Start it again; if it repeats, give the container more memory: the host's out-of-memory killer is the"
            " usual cause.",
        )
        self.exit_code = 128 + number


class Bug(LiveCodeError):
    """A mistake of ours, kept apart from the user's. The exit code is EX_SOFTWARE of sysexits.h."""

    kind = "BUG"
    exit_code = 70


class MissingExtra(LiveCodeError):
    """A command needs packages that this installation of live-code does not have."""

    kind = "MISSING_EXTRA"

    def __init__(self, extra: str, error: ImportError) -> None:
        super().__init__(
            f"this command needs {error.name or error}, which is not installed here.",
            hint=f"pip install 'live-code[{extra}]'",
        )


class ResultsError(LiveCodeError):
    """The job ended well, but the platform can't use what it left."""

    phase = "results"
    kind = "RESULTS"


class RecordError(LiveCodeError):
    """A record that can't be read, or does not hold what a command needs."""

    phase = "record"
    kind = "RECORD"


class InitError(LiveCodeError):
    """The folder can't become a new repository."""

    phase = "init"


class EngineError(LiveCodeError):
    """There is no such image, or no docker or podman to ask."""

    phase = "images"
    kind = "ENGINE"


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str:
    """What was likely meant by a word that is not known; '' when nothing is near. ``least``: 1 is the same word."""
    import difflib  # for a mistake that should not be

    return next(iter(difflib.get_close_matches(word, list(known), 1, least)), "")


def is_it(word: str, known: Iterable[str]) -> str:
    """The question whether that was meant, to stand before a hint; '' when nothing is near."""
    close = nearest(word, known)
    return f"Is it {close}? " if close else ""
