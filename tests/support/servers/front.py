"""nginx before a package index: TLS, and only for those who show a certificate of its own authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import https, nginx, ports

_PLACES = """\
        ssl_client_certificate {root}/ca.pem;
        ssl_verify_client {wanted};
        location / {{ proxy_pass {behind}; proxy_set_header Authorization $http_authorization; }}
"""


class Front(NamedTuple):
    """``certificate`` and ``key`` are a client's, which it believes; ``both``: the two in one file."""

    url: str
    ca_file: Path
    certificate: Path
    key: Path
    both: Path


@contextmanager
def before(index_url: str, root: Path, *, wants_certificate: bool = True) -> Iterator[Front]:
    """Serves over TLS what the index at ``index_url`` (http://…/simple) serves."""
    root.mkdir(parents=True)
    https.make_certificates(root, "localhost", "client")
    (root / "both.pem").write_text((root / "client.pem").read_text() + (root / "client.key").read_text())
    wanted, behind = "on" if wants_certificate else "off", index_url.removesuffix("/simple")
    port = ports.free()
    with nginx.serving(root, port, _PLACES.format(root=root, wanted=wanted, behind=behind)):
        url = f"https://localhost:{port}/simple"
        yield Front(url, root / "ca.pem", root / "client.pem", root / "client.key", root / "both.pem")
