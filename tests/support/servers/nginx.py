"""nginx over TLS in a folder of its own, with the certificate that lies there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import ports

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
        listen {address}:{port} ssl;
        server_name {name};
        ssl_certificate {root}/server.pem;
        ssl_certificate_key {root}/server.key;
{places}
    }}
}}
"""
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@contextmanager
def serving(
    root: Path, port: int, places: str, *, address: str = "127.0.0.1", name: str = "localhost"
) -> Iterator[None]:
    """``places``: what is served where, as the configuration says it."""
    values = {"root": root, "port": port, "places": places, "address": address, "name": name}
    user = "user root;" if os.getuid() == 0 else ""
    (root / "nginx.conf").write_text(_CONFIG.format(user=user, **values))
    server = subprocess.Popen(
        ["nginx", "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")],
        env=ENV,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ports.wait_for(port, server, address=address)
        yield
    finally:
        ports.stop(server)
