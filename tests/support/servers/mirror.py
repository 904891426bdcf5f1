"""nginx as a mirror of the public package index, over TLS, for those who know the password."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import https, ports

USER, PASSWORD = "reader", "pl4nted-s3cret-91c2"
_CONFIG = """\
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
user root;
events {{ worker_connections 64; }}
http {{
    access_log {root}/access.log;
    client_body_temp_path {root}/body; proxy_temp_path {root}/t1; fastcgi_temp_path {root}/t2;
    uwsgi_temp_path {root}/t3; scgi_temp_path {root}/t4;
    proxy_http_version 1.1; proxy_ssl_server_name on;
    proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header Accept-Encoding "";
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {root}/server.pem;
        ssl_certificate_key {root}/server.key;
        auth_basic "index"; auth_basic_user_file {root}/htpasswd;
        location /simple/ {{
            proxy_pass https://pypi.org/simple/;
            sub_filter "https://files.pythonhosted.org/" "/files/"; sub_filter_once off; sub_filter_types *;
        }}
        location /files/ {{ proxy_pass https://files.pythonhosted.org/; }}
    }}
}}
"""


class Mirror(NamedTuple):
    """``netrc``: the login, as pip and uv read it."""

    url: str
    ca_file: Path
    netrc: Path
    log: Path

    def readers(self) -> set[str]:
        """Who was given anything."""
        rows = (line.split() for line in self.log.read_text().splitlines())
        return {row[2] for row in rows if row[8].startswith("2")}


@contextmanager
def running(root: Path, address: str) -> Iterator[Mirror]:
    root.mkdir(parents=True)
    https.make_certificates(root, "localhost", address=address)
    words = ["openssl", "passwd", "-apr1", PASSWORD]
    hashed = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    (root / "htpasswd").write_text(f"{USER}:{hashed}")
    (root / "netrc").write_text(f"machine {address}\nlogin {USER}\npassword {PASSWORD}\n")
    port = ports.free()
    (root / "nginx.conf").write_text(_CONFIG.format(root=root, address=address, port=port))
    argv = ["nginx", "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
    nginx = subprocess.Popen(argv, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdout=subprocess.DEVNULL)
    try:
        ports.wait_for(port, nginx, address=address)
        yield Mirror(f"https://{address}:{port}/simple", root / "ca.pem", root / "netrc", root / "access.log")
    finally:
        ports.stop(nginx)
