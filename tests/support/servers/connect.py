"""An HTTP proxy on loopback that tunnels (CONNECT) for those who log in."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.servers import ports

_REFUSED = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=gate\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Gate(ports.Listener):
    """``asked``: requests so far; ``tunnels``: those that were let through."""

    def __init__(self, user: str, password: str) -> None:
        self.asked = 0
        self.tunnels = 0
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._login = f"proxy-authorization: basic {login}".lower()
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            self.asked += 1
            first, *fields = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            if method != "CONNECT" or self._login not in [field.lower() for field in fields]:
                client.sendall(_REFUSED)
                return
            self.tunnels += 1
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def running(user: str, password: str) -> Iterator[Gate]:
    gate = Gate(user, password)
    try:
        yield gate
    finally:
        gate.close()
