"""A real git server on loopback: git's own ``http-backend`` behind Python's HTTP server, for reading only.

``python -m live_code.authoring.demo.git_server DIR`` serves until it is stopped; compose.yaml starts it so.
"""

import argparse
import gzip
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO
from urllib.parse import urlsplit

_PIECE = 1 << 16


@contextmanager
def serve(root: Path, address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves every repository below ``root`` while the context lasts. Yields the URL of ``root``, without a slash.

    ``port`` 0: any that is free.
    """

    class Handler(_GitHandler):
        project_root = root

    with ThreadingHTTPServer((address, port), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _GitHandler(BaseHTTPRequestHandler):
    """Turns each request into a CGI call, as RFC 3875 has it."""

    project_root: Path
    protocol_version = "HTTP/1.1"  # without it curl does not send a body of unknown length

    def do_GET(self) -> None:
        self._call_git(b"")

    def do_POST(self) -> None:
        self._call_git(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the demo's output is the runs'."""

    def _body(self) -> bytes:
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        data = b"".join(self._chunks()) if chunked else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # http-backend could unpack it too, but not when the length is that of the packed body.
        return gzip.decompress(data) if self.headers.get("Content-Encoding") in ("gzip", "x-gzip") else data

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _call_git(self, body: bytes) -> None:
        # A file, not a pipe: git may answer before it has read everything, and neither side must wait for the other.
        with TemporaryFile() as request:
            request.write(body)
            request.seek(0)
            argv = ["git", "http-backend"]
            with subprocess.Popen(argv, env=self._environ(len(body)), stdin=request, stdout=subprocess.PIPE) as backend:
                assert backend.stdout is not None
                self._answer(backend.stdout)

    def _answer(self, cgi: IO[bytes]) -> None:
        headers = parse_headers(cgi)
        status, _, reason = headers.get("Status", "200 OK").partition(" ")
        self.send_response(int(status), reason)
        for name, value in headers.items():
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Connection", "close")  # which ends the body: its length is not known before
        self.end_headers()
        while piece := cgi.read(_PIECE):
            self.wfile.write(piece)

    def _environ(self, length: int) -> Mapping[str, str]:
        url = urlsplit(self.path)
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.project_root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.project_root),
            # The repositories may belong to another user than this server's; they are only read.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "REMOTE_ADDR": self.client_address[0],
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="git_server", description="Serves the repositories of a folder over HTTP.")
    parser.add_argument("root", type=Path, metavar="DIR")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before there are threads, which would else get them
    with serve(arguments.root.absolute(), arguments.address, arguments.port) as url:
        print(f"serving {arguments.root} at {url}", flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
