"""A package index on loopback: wheels and sdists made on the spot, upload times, yanked and wrong files, faults."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html"
WHEEL_TEXT = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class File(NamedTuple):
    """A file of a release as the index offers it. ``sha256``: what the index says, right or wrong."""

    package: str
    name: str
    version: str
    content: bytes
    sha256: str
    uploaded: str
    yanked: str


def wheel(
    name: str,
    version: str,
    requires: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
    extras: tuple[str, ...] = (),
) -> bytes:
    """A wheel with a module of the package's name that knows its version, and `files` beside it."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    metadata += "".join(f"Provides-Extra: {extra}\n" for extra in extras)
    contents = {
        f"{name.replace('-', '_')}/__init__.py": f"__version__ = {version!r}\n",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": WHEEL_TEXT,
        **(files or {}),
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}\n"
        for path, text in contents.items()
    )
    contents[f"{stem}.dist-info/RECORD"] = record + f"{stem}.dist-info/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


# A build backend of its own within the sdist: building it needs no other package and no network.
BACKEND = """
import base64, os
WHEEL = base64.b64decode({wheel!r})
FAIL = {fail!r}
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(folder, config_settings=None, metadata_directory=None):
    if FAIL:
        print("compiling ...")
        raise SystemExit(FAIL)
    name = "{stem}-py3-none-any.whl"
    open(os.path.join(folder, name), "wb").write(WHEEL)
    return name
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def sdist(name: str, version: str, requires: tuple[str, ...] = (), fail: str = "", slow_s: float = 0) -> bytes:
    """A source release; its build ends with the words `fail` when there are any."""
    stem = f"{name.replace('-', '_')}-{version}"
    built = base64.b64encode(wheel(name, version, requires)).decode()
    info = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {line}\n" for line in requires
    )
    contents = {
        "PKG-INFO": info,
        "pyproject.toml": PYPROJECT,
        "backend.py": f"import time\ntime.sleep({slow_s})\n" + BACKEND.format(wheel=built, fail=fail, stem=stem),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in contents.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Index:
    """What is on offer, how the index behaves, and what it was asked. Change `faults` while it runs."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.asked: list[str] = []
        self.password = ""
        self.faults: dict[str, int] = {}  # status by path, a regular expression
        self.cut_after: dict[str, int] = {}
        self.delay_s = 0.0
        self.delayed = ""  # which paths are answered late, as a regular expression: every one
        self.released = threading.Event()  # what is late is answered now
        self.garbage = False
        self.html_only = False
        self.url = ""

    def add(
        self,
        name: str,
        version: str,
        *requires: str,
        uploaded: str = "2020-01-01T00:00:00Z",
        yanked: str = "",
        source: bool = False,
        fail: str = "",
        slow_s: float = 0,
        wrong_hash: bool = False,
        files: dict[str, str] | None = None,
        extras: tuple[str, ...] = (),
    ) -> Index:
        """Offers a release: a wheel, or a source release (`source`, or one whose build fails)."""
        stem = f"{name.replace('-', '_')}-{version}"
        if source or fail:
            content, file = sdist(name, version, requires, fail, slow_s), f"{stem}.tar.gz"
        else:
            content, file = wheel(name, version, requires, files, extras), f"{stem}-py3-none-any.whl"
        sha256 = hashlib.sha256(b"other" if wrong_hash else content).hexdigest()
        self.files[file] = File(name.replace("_", "-").lower(), file, version, content, sha256, uploaded, yanked)
        return self

    def downloads(self) -> list[str]:
        """The names of files that were fetched whole or in part."""
        names = [path.rsplit("/", 1)[1] for path in self.asked if path.startswith("/files/")]
        return [name for name in names if not name.endswith(".metadata")]

    def page(self, package: str) -> list[File]:
        return [file for file in self.files.values() if file.package == package]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index: Index

    def do_GET(self) -> None:
        index = self.index
        index.asked.append(self.path)
        if index.delay_s and re.search(index.delayed, self.path):
            index.released.wait(index.delay_s)
        status = next((code for path, code in index.faults.items() if re.search(path, self.path)), 0)
        wanted = "Basic " + base64.b64encode(f"user:{index.password}".encode()).decode()
        if index.password and self.headers.get("Authorization") != wanted:
            status = 401
        if index.garbage:
            self.answer(b"{<<<", JSON_TYPE)
        elif status:
            self.answer(b"no", "text/plain", status)
        elif self.path.endswith(".metadata"):
            file = index.files[self.path.rsplit("/", 1)[1].removesuffix(".metadata")]
            self.answer(metadata_of(file), "text/plain")
        elif self.path.startswith("/files/"):
            self.answer(index.files[self.path.rsplit("/", 1)[1]].content, "application/octet-stream")
        else:
            self.answer_page(self.path.strip("/").split("/")[-1])

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def answer_page(self, package: str) -> None:
        offered = self.index.page(package)
        if not offered:
            self.answer(b"not found", "text/plain", 404)
        elif JSON_TYPE in self.headers.get("Accept", "") and not self.index.html_only:
            self.answer(json.dumps(as_json(package, offered)).encode(), JSON_TYPE)
        else:
            self.answer(as_html(offered).encode(), HTML_TYPE)

    def answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = next((n for part, n in self.index.cut_after.items() if part in self.path), None)
        if self.command != "HEAD":
            self.wfile.write(body if limit is None else body[:limit])
        if limit is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


def is_wheel(file: File) -> bool:
    return file.name.endswith(".whl")


def metadata_of(file: File) -> bytes:
    """A wheel's METADATA, which PEP 658 offers beside it."""
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def as_json(package: str, offered: list[File]) -> dict[str, object]:
    """PEP 691 with PEP 700's upload times."""
    listed = [
        {
            "filename": file.name,
            "url": f"/files/{file.name}",
            "hashes": {"sha256": file.sha256},
            "size": len(file.content),
            "core-metadata": {"sha256": hashlib.sha256(metadata_of(file)).hexdigest()} if is_wheel(file) else False,
            "upload-time": file.uploaded,
            "yanked": file.yanked or False,
        }
        for file in offered
    ]
    versions = sorted({file.version for file in offered})
    return {"meta": {"api-version": "1.1"}, "name": package, "versions": versions, "files": listed}


def as_html(offered: list[File]) -> str:
    lines = [
        f'<a href="/files/{file.name}#sha256={file.sha256}"'
        + (f' data-yanked="{escape(file.yanked)}"' if file.yanked else "")
        + f">{file.name}</a><br>"
        for file in offered
    ]
    return "<!DOCTYPE html><html><body>" + "\n".join(lines) + "</body></html>"


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serves the index at `index.url` until the block ends."""
    handler = type("Handler", (_Handler,), {"index": index})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
