"""A TCP proxy that cuts, stalls, slows or corrupts what a server answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.support.servers import ports

# What becomes of a piece of the answer: (bytes so far, piece) → the piece to pass on; None cuts the connection.
Fault = Callable[[int, bytes], "bytes | None"]


def passing(_: int, piece: bytes) -> bytes:
    return piece


def cutting_after(limit: int) -> Fault:
    return lambda so_far, piece: piece if so_far + len(piece) <= limit else None


def stalling_after(limit: int, seconds: float) -> Fault:
    def fault(so_far: int, piece: bytes) -> bytes:
        if so_far + len(piece) > limit:
            time.sleep(seconds)
        return piece

    return fault


def slowed_to(bytes_per_second: int) -> Fault:
    def fault(_: int, piece: bytes) -> bytes:
        time.sleep(len(piece) / bytes_per_second)
        return piece

    return fault


def corrupting_after(limit: int) -> Fault:
    return lambda so_far, piece: piece if so_far + len(piece) <= limit else bytes(byte ^ 0x20 for byte in piece)


class Proxy(ports.Listener):
    """Listens on ``port``; ``fault`` may be changed at any time and is for the connections made after."""

    def __init__(self, target: int, fault: Fault) -> None:
        self.fault = fault
        self.connections = 0
        self.bytes = 0
        self._target = target
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        self.connections += 1
        server = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._pump, args=(client, server, passing), daemon=True).start()
        self._pump(server, client, self.fault)

    def _pump(self, source: socket.socket, sink: socket.socket, fault: Fault) -> None:
        so_far = 0
        with suppress(OSError):
            while piece := source.recv(1024):
                passed = fault(so_far, piece)
                if passed is None:
                    break
                so_far += len(piece)
                self.bytes += len(piece)
                sink.sendall(passed)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(target: int, fault: Fault = passing) -> Iterator[Proxy]:
    proxy = Proxy(target, fault)
    try:
        yield proxy
    finally:
        proxy.close()
