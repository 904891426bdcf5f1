"""nginx + fcgiwrap + git-http-backend over TLS, with a certificate authority of its own and basic auth."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import nginx, ports

USER, TOKEN = "ada", "t0ken-pl4nted-7f3a9c"
_PLACES = """\
        location ~ ^/open/[^/]+/info/lfs/ {{ {lfs} }}
        location ~ ^/private/[^/]+/info/lfs/ {{
            auth_basic "git"; auth_basic_user_file {root}/htpasswd; {lfs}
        }}
        location ~ ^/open(?<rest>/.+) {{ {backend} fastcgi_param PATH_INFO $rest; }}
        location ~ ^/private(?<rest>/.+) {{
            auth_basic "git"; auth_basic_user_file {root}/htpasswd;
            {backend} fastcgi_param PATH_INFO $rest; fastcgi_param REMOTE_USER $remote_user;
        }}
        location ~ ^/moved/(?<rest>.+) {{ return 302 {moved_to}/$rest?$args; }}
        location /broken/ {{ return 503; }}
"""
_BACKEND = (
    "fastcgi_pass unix:{root}/fcgi.sock; fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;"
    "fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param GIT_PROJECT_ROOT {repos}; fastcgi_param HOME {root};"
    "fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;"
    "fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;"
    "fastcgi_param GIT_PROTOCOL $http_git_protocol; fastcgi_param REMOTE_ADDR $remote_addr;"
)

_LFS = (
    "proxy_pass http://127.0.0.1:{lfs_port}; proxy_set_header Host $http_host; proxy_set_header"
    " X-Forwarded-Proto https; proxy_set_header Authorization '';"
)


class Server(NamedTuple):
    """``url``/open/NAME for everyone, /private/NAME with USER and TOKEN, /moved/… redirects, /broken/ answers 503."""

    port: int
    root: Path
    name: str = "localhost"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    @property
    def host(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.root / "ca.pem"

    def sent(self) -> str:
        """Everything that was asked of it."""
        return (self.root / "access.log").read_text()


@contextmanager
def running(
    root: Path,
    repos: Path,
    moved_to: str = "https://localhost:9",
    lfs_port: int = 9,
    address: str = "127.0.0.1",
    name: str = "localhost",
) -> Iterator[Server]:
    root.mkdir(parents=True)
    make_certificates(root, name)
    hashed = subprocess.run(["openssl", "passwd", "-apr1", TOKEN], capture_output=True, text=True, check=True).stdout
    (root / "htpasswd").write_text(f"{USER}:{hashed}")
    (root / ".gitconfig").write_text("[safe]\n\tdirectory = *\n[uploadpack]\n\tallowAnySHA1InWant = true\n")
    server = Server(ports.free(), root, name)
    backend, lfs = _BACKEND.format(root=root, repos=repos), _LFS.format(lfs_port=lfs_port)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["fcgiwrap", "-c", "2", "-s", f"unix:{root}/fcgi.sock"]
    wrap = subprocess.Popen(words, start_new_session=True, env=nginx.ENV, **quiet)  # its two workers do not end with it
    try:
        places = _PLACES.format(root=root, backend=backend, lfs=lfs, moved_to=moved_to)
        with nginx.serving(root, server.port, places, address=address, name=name):
            yield server
    finally:
        ports.stop(wrap)


def make_certificates(root: Path, name: str, *clients: str, address: str = "127.0.0.1") -> None:
    """An authority, a server's certificate for ``name`` and ``address``, and one for each client, with their keys."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=root, capture_output=True, check=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority")
    (root / "names").write_text(f"subjectAltName=DNS:{name},IP:{address}\n")
    sign = ("x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    for file, subject in (("server", name), *((client, client) for client in clients)):
        openssl("req", *curve, "-keyout", f"{file}.key", "-out", f"{file}.csr", "-subj", f"/CN={subject}")
        openssl(*sign, "-in", f"{file}.csr", "-out", f"{file}.pem")
