"""Asking an index one question of our own: what is wrong with it, in words like uv's. pip does not tell."""

from __future__ import annotations

import base64
import ssl
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from live_code.tools.packages.access import Reach

_TIMEOUT_S = 10.0
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html"


def trouble(url: str, package: str, given: Reach) -> str:
    """What is wrong with an index, asked for a package; '' when it answers, be it that it does not have that one."""
    request = Request(f"{url.rstrip('/')}/{package}/", headers={"Accept": _ACCEPT})  # noqa: S310 - the container names it
    login = next((login for login in given.logins if login.host == urlsplit(url).hostname), None)
    if login:
        token = base64.b64encode(f"{login.user}:{login.secret}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    try:
        _opener(given).open(request, timeout=_TIMEOUT_S).close()
    except HTTPError as error:
        return "" if error.code == 404 else _refused(error.code, url)
    except (URLError, OSError, ValueError) as error:
        return f"error sending request for url ({url}): {given.hide(_cause(error))}"
    return ""


def _opener(given: Reach) -> OpenerDirector:
    context = ssl.create_default_context(cafile=given.ca_file or None)
    if given.client:
        context.load_cert_chain(given.client)
    proxies = {name.lower().removesuffix("_proxy"): value for name, value in given.proxies.items()}
    return build_opener(ProxyHandler(proxies), HTTPSHandler(context=context))


def _refused(code: int, url: str) -> str:
    if code in (401, 403):
        return f"An index URL ({url}) could not be queried due to a lack of valid authentication credentials ({code})"
    return f"HTTP status client error ({code}) for url ({url})"


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"invalid peer certificate: {reason.verify_message}"
    return "proxy authorization required" if "407" in str(reason) else str(reason)
