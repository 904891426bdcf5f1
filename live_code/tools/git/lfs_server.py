"""Speaking to a git LFS server: the batch API asks where objects lie, and each is downloaded and checked."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from live_code.errors import AuthError, NetworkError, NotFoundError, RefusedError, SourceError, TlsError
from live_code.tools import files
from live_code.tools.git import credentials
from live_code.tools.git.access import Access
from live_code.tools.git.contents import Pointer
from live_code.tools.git.failures import classify
from live_code.tools.git.retry import retried
from live_code.tools.git.url import GitUrl
from live_code.tools.processes import runner
from live_code.tools.terminal import log
from live_code.values import NamedTuple

_JSON = "application/vnd.git-lfs+json"
_ANSWER_S = 60.0
_AT_ONCE = 100  # objects in one question, as git-lfs asks
_PIECE = 1 << 20


class _Server(NamedTuple):
    """Where the batch API is, and what to send there besides our credentials."""

    url: str
    header: Mapping[str, str]


def download(url: GitUrl, pointers: list[Pointer], object_path: Callable[[str], Path], access: Access) -> None:
    """Fetches the objects, each once, checks its hash and publishes it. Raises SourceError naming the file."""
    server = _find(url, access)
    wanted = list({pointer.oid: pointer for pointer in pointers}.values())
    log.info(f"fetching {len(wanted)} LFS objects, {sum(pointer.size for pointer in wanted) / 1e6:.1f} MB, from {url}")
    for start in range(0, len(wanted), _AT_ONCE):
        _download_part(url, server, wanted[start : start + _AT_ONCE], object_path, access)


def _download_part(
    url: GitUrl, server: _Server, pointers: list[Pointer], object_path: Callable[[str], Path], access: Access
) -> None:
    actions = retried(lambda: _batch(server, pointers, access), access.retry_s)
    for pointer in pointers:
        action = _download_action(actions.get(pointer.oid), pointer, url)
        get = partial(_get, server, pointer, action, object_path(pointer.oid), access)
        retried(get, access.retry_s)


def _find(url: GitUrl, access: Access) -> _Server:
    if url.scheme in ("http", "https"):
        return _Server(f"{url.text.rstrip('/').removesuffix('.git')}.git/info/lfs", {})
    host = f"{url.user}@{url.host}" if url.user else url.host
    port = ["-p", url.port] if url.port else []
    words = [
        *shlex.split(access.env["GIT_SSH_COMMAND"]),
        *port,
        host,
        f"git-lfs-authenticate {shlex.quote(url.path)} download",
    ]
    try:
        answer = json.loads(runner.run(words, env=access.env, timeout=_ANSWER_S).stdout)
        return _Server(_allowed(answer["href"], "https").rstrip("/"), answer.get("header", {}))
    except runner.ProcessError as error:
        raise classify(access.hide(error.last_lines), str(url)) from None
    except (ValueError, KeyError, TypeError):
        raise NotFoundError(f"{url} offers no LFS over ssh.", hint="Use its https address.") from None


def _batch(server: _Server, pointers: list[Pointer], access: Access) -> dict[str, Any]:
    objects = [{"oid": pointer.oid, "size": pointer.size} for pointer in pointers]
    question = {"operation": "download", "transfers": ["basic"], "objects": objects, "hash_algo": "sha256"}
    header = {"Accept": _JSON, "Content-Type": _JSON, **server.header}
    request = urllib.request.Request(f"{server.url}/objects/batch", json.dumps(question).encode(), header)  # noqa: S310
    with _opened(request, access, server.url) as response:
        try:
            return {item["oid"]: item for item in json.loads(response.read())["objects"]}
        except (ValueError, KeyError, TypeError):
            raise SourceError(f"{server.url} does not answer like an LFS server.", hint="Is LFS on there?") from None


def _download_action(answer: Any, pointer: Pointer, url: GitUrl) -> Mapping[str, Any]:
    action = ((answer or {}).get("actions") or {}).get("download")
    if not action:
        reason = ((answer or {}).get("error") or {}).get("message", "it names no place to get it from")
        raise NotFoundError(
            f"the LFS object of {pointer.path} is not at {url}: {reason}.", hint="Push it: git lfs push --all."
        )
    return action  # type: ignore[no-any-return]


def _get(server: _Server, pointer: Pointer, action: Mapping[str, Any], target: Path, access: Access) -> None:
    address = _allowed(action["href"], urlsplit(server.url).scheme)
    request = urllib.request.Request(address, headers=dict(action.get("header") or {}))  # noqa: S310 - checked above
    digest = hashlib.sha256()
    with _opened(request, access, address) as response, files.replacing(target) as aside:
        with aside.open("wb") as file:
            size = 0
            while piece := response.read(_PIECE):
                size += len(piece)
                if size > pointer.size:
                    raise RefusedError(f"the LFS object of {pointer.path} is larger than its pointer says.")
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != pointer.oid:
            raise NetworkError(f"the LFS object of {pointer.path} arrived damaged.", hint="Start the task again.")


def _allowed(address: str, scheme: str) -> str:
    """An address that a server gave us, if it is no step down from https. Raises RefusedError."""
    if urlsplit(address).scheme not in ("https", scheme):
        raise RefusedError(f"the LFS server sends us to a {urlsplit(address).scheme}:// address.")
    return address


@contextmanager
def _opened(request: urllib.request.Request, access: Access, where: str) -> Iterator[HTTPResponse]:
    """A server's answer; what goes wrong before or within the block becomes a SourceError."""
    login = credentials.of(access.credentials, urlsplit(where).scheme, urlsplit(where).netloc)
    if login and not request.has_header("Authorization"):
        basic = base64.b64encode(f"{login.user}:{login.secret}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    _keep_from_redirects(request)
    try:
        with _opener(access).open(request, timeout=_ANSWER_S) as response:
            yield response
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException, ssl.SSLError) as error:
        shown = where.partition("?")[0]  # a storage server's query is as good as a password
        raise _meaning(error, shown) from None


def _keep_from_redirects(request: urllib.request.Request) -> None:
    """Python sends headers along to wherever a redirect leads: not this one."""
    for name in [name for name in request.headers if name.lower() == "authorization"]:
        request.add_unredirected_header(name, request.headers.pop(name))


def _opener(access: Access) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=access.ca_file or None)
    proxies = {name.lower().removesuffix("_proxy"): value for name, value in access.proxies.items()}
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context)
    )


def _meaning(error: Exception, where: str) -> SourceError:
    code = error.code if isinstance(error, urllib.error.HTTPError) else 0
    reason = getattr(error, "reason", error)
    if code in (401, 403):
        return AuthError(f"the LFS server {where} does not accept the credentials.", hint="See docs/source.md.")
    if code in (404, 410):
        return NotFoundError(f"there is no LFS server at {where}.", hint="Is LFS switched on for the repository?")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return TlsError(f"the certificate could not be verified of {where}.", hint="See docs/source.md.")
    if 400 <= code < 500 and code not in (408, 429):
        return SourceError(f"the LFS server {where} answers {code}.", hint="Ask who runs it.")
    return NetworkError(f"the connection failed to {where}: {reason}.", hint="Start the task again.")
