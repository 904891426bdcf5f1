"""nginx before a package index: TLS, and only for those who show a certificate of its own authority."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from servers import https, ports

_CONFIG = """\
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
    access_log {root}/access.log;
    client_body_temp_path {root}/body; proxy_temp_path {root}/t1; fastcgi_temp_path {root}/t2;
    uwsgi_temp_path {root}/t3; scgi_temp_path {root}/t4;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        ssl_certificate {root}/server.pem;
        ssl_certificate_key {root}/server.key;
        ssl_client_certificate {root}/ca.pem;
        ssl_verify_client {wanted};
        location / {{ proxy_pass {behind}; proxy_set_header Authorization $http_authorization; }}
    }}
}}
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
    port = ports.free()
    values = {
        "root": root,
        "port": port,
        "behind": index_url.removesuffix("/simple"),
        "wanted": "on" if wants_certificate else "off",
        "user": "user root;" if os.getuid() == 0 else "",
    }
    (root / "nginx.conf").write_text(_CONFIG.format(**values))
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["nginx", "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
    nginx = subprocess.Popen(words, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **quiet)
    try:
        ports.wait_for(port, nginx)
        url = f"https://localhost:{port}/simple"
        yield Front(url, root / "ca.pem", root / "client.pem", root / "client.key", root / "both.pem")
    finally:
        ports.stop(nginx)
