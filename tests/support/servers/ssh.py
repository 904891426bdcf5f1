"""sshd on loopback with a deploy key that may do nothing but git."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import ports

_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {root}/host_key
AuthorizedKeysFile {root}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AcceptEnv GIT_PROTOCOL
"""


class Server(NamedTuple):
    port: int
    root: Path
    address: str = "127.0.0.1"

    def url(self, path: Path) -> str:
        return f"ssh://{getpass.getuser()}@{self.address}:{self.port}{path}"

    @property
    def key_file(self) -> Path:
        return self.root / "deploy_key"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"


@contextmanager
def running(root: Path, address: str = "127.0.0.1") -> Iterator[Server]:
    root.mkdir(parents=True)
    for name in ("host_key", "deploy_key", "other_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)], check=True)
    key = (root / "deploy_key.pub").read_text()
    (root / "authorized_keys").write_text(f'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {key}')
    server = Server(ports.free(), root, address)
    host_key = " ".join((root / "host_key.pub").read_text().split()[:2])
    server.known_hosts.write_text(f"[{address}]:{server.port} {host_key}\n")
    (root / "sshd_config").write_text(_CONFIG.format(port=server.port, root=root, address=address))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    daemon = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(root / "sshd_config")], stderr=(root / "log").open("wb")
    )
    try:
        ports.wait_for(server.port, daemon, address=address)
        yield server
    finally:
        ports.stop(daemon)
