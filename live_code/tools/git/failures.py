"""What a remote's failure means: its kind, whether to try again, and what the user does next."""

from __future__ import annotations

import re

from live_code.errors import (
    AuthError,
    LiveCodeError,
    NetworkError,
    NotFoundError,
    RefMissingError,
    RefusedError,
    SourceError,
    StoreFullError,
    TlsError,
)
from live_code.tools.diagnosis import Sign, diagnose

_ASK = "Ask who maintains the image to give it a token or key for this host; in your own container see docs/source.md."

# The first that matches decides: a full disk also breaks the connection, a wrong certificate also fails to connect.
_SIGNS = (
    Sign(
        r"no space left on device|disk quota exceeded",
        StoreFullError,
        "there is no space left for {url}.",
        "Free space in the store or name another one.",
    ),
    Sign(
        r"ssl certificate|certificate verif|server certificate|unable to get local issuer|self.signed certificate",
        TlsError,
        "the certificate could not be verified of {url}.",
        "Give the certificate authority's file to the container (see docs/source.md).",
    ),
    Sign(
        r"host key verification failed|no matching host key|host key is known",
        TlsError,
        "the ssh host key could not be verified of {url}.",
        "Give the container a known_hosts file with this host's key (see docs/source.md).",
    ),
    Sign(
        r"407 from proxy|response 407|proxy authentication required",
        AuthError,
        "the proxy did not accept the credentials, or got none, on the way to {url}.",
        "Give the container https_proxy as http://user:password@host:port .",
    ),
    Sign(
        r"could not read username for 'http://",  # what was given is for https
        AuthError,
        "credentials are wanted, and a token is sent over https only, not to {url}.",
        "Write git_url as https://host/path.",
    ),
    Sign(
        r"could not read username|terminal prompts disabled",  # git asks for what it was not given
        AuthError,
        "no credentials were given for the host of {url}.",
        _ASK,
    ),
    Sign(
        r"authentication failed|could not read password|error: 40[13]|access denied|invalid (username|credentials)",
        AuthError,
        "the host refused the credentials that were given for {url}.",
        _ASK,
    ),
    Sign(
        r"permission denied \(",  # of ssh, which does not tell whether it had a key
        AuthError,
        "the host accepted no ssh key, or was given none, for {url}.",
        _ASK,
    ),
    Sign(
        r"transport '[^']*' not allowed|fsck error|disallowed submodule|refusing to|credentials in url",
        RefusedError,
        "refused to take what came from {url}.",
        "See the details; if it is right, tell who maintains the image.",
    ),
    Sign(
        r"couldn't find remote ref|not our ref|unadvertised object|want [0-9a-f]+ not valid|no such remote ref",
        RefMissingError,
        "the commit is not in {url}.",
        "Check the commit id, and that it was pushed.",
    ),
    Sign(
        r"repository .*not found|error: 404|does not appear to be a git repo|does not exist|not a git repository"
        r"|no such (file|project|repository)|project you were looking for could not be found",
        NotFoundError,
        "there is no repository at {url}.",
        "Check git_url; a private one answers like this when credentials are missing.",
    ),
    Sign(
        r"possible repository corruption on the remote side|unable to read [0-9a-f]{40}"
        r"|missing (?:blob|tree|commit) [0-9a-f]{40}",
        SourceError,
        "the repository is damaged on the server of {url}: it lacks an object of this commit.",
        "Have it repaired there (git fsck shows what is missing), or push the commit again from a whole clone.",
    ),
    Sign(
        r"info/refs not valid|not a smart|invalid content.type|unable to update url base from redirection",
        NotFoundError,
        "what answers is a web page, and no git server, at {url}.",
        "Check git_url; hosts show a page to log in like this when credentials are missing.",
    ),
    Sign(
        r"error: (?P<status>30\d)",
        RefusedError,
        "the server answers {status}, which leads elsewhere, at {url}.",
        "Write the address that it leads to as git_url; a page to log in shows like this when credentials are missing.",
    ),
    Sign(
        r"dumb http transport",
        RefusedError,
        "only files are served (git's dumb HTTP protocol), from which one commit can't be fetched, at {url}.",
        "Have the host serve it with git http-backend, or use another address of it.",
    ),
    Sign(
        r"error: (?P<status>429)",
        NetworkError,
        "the server answered {status}, too many requests, at {url}.",
        "Start the task again later, or with credentials, for which hosts often allow more.",
    ),
    Sign(
        r"error: (?P<status>408|5\d\d)",
        NetworkError,
        "the server answered {status} at {url}.",
        "The host itself fails: start the task again when it works.",
    ),
    Sign(
        r"could not resolve|failed to connect|couldn't connect|connection (refused|timed out|reset|closed|was)"
        r"|timed out|network is unreachable|no route to host|hung up unexpectedly|early eof|rpc failed|handshake"
        r"|error: (408|429|5\d\d)|unexpected disconnect|transfer closed|empty reply|kex_exchange|too slow|recv failure"
        r"|send failure|invalid index-pack output|index-pack failed|bad line length|protocol error|broken pipe"
        r"|gnutls|ssl_error|inflate|pack (has|is) |expected .*flush|no end within",
        NetworkError,
        "the connection failed to {url}.",
        "Check that the host can be reached from here, and start the task again.",
    ),
)


# For a repository on this machine: its whole path is told.
_NO_FOLDER = "Check git_url; a relative path counts from the current folder."

_REFUSED = "refused the credentials that were given for"
_NONE_GIVEN = "gives nobody access without credentials, and none were given, to"

# Progress, and that nobody is there to be asked.
_NOISE = r"% \(|askpass response"


def classify(output: str, url: str, has_credentials: bool = True) -> LiveCodeError:
    """The error that git's output means. ``output`` and ``url`` hold no secret: git is given none in either.

    ``has_credentials``: whether there are any for this host.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip() and not re.search(_NOISE, line)]
    details = "\n".join(lines[-20:])
    if error := diagnose(_SIGNS, output, details=details, flags=re.IGNORECASE, url=url):
        if isinstance(error, AuthError) and not has_credentials:
            error.message = error.message.replace(_REFUSED, _NONE_GIVEN)
        if isinstance(error, NotFoundError) and url.startswith("/"):
            error.hint = _NO_FOLDER
        return error
    last = next((line for line in reversed(lines) if line.startswith(("fatal:", "error:"))), "git said nothing")
    return SourceError(f"git failed on {url}: {last}.", hint="See the details.", details=details)
