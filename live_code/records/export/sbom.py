"""What a run's Python could import, as a CycloneDX bill of materials."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from live_code.stages.record.reading import Record

_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==[^\n]*(?:\n[ #][^\n]*)*", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def text(record: Record) -> str:
    """The document, as JSON. A property says for each package whether the image or the lock brought it."""
    bom = Bom(components=_components(record))
    bom.metadata.component = Component(
        name=str(record.get("source", "url") or "run"), version=record.commit, type=ComponentType.APPLICATION
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _components(record: Record) -> Iterator[Component]:
    image, lock = record.get("interpreter", "packages") or {}, record.get("lock", "packages") or {}
    hashes = _hashes(str(record.get("lock", "text") or ""))
    for name, version in sorted({**image, **lock}.items()):
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=name, version=version),
            bom_ref=f"{name}=={version}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes.get(name, ())],
            properties=[Property(name="live-code:from", value="lock" if name in lock else "image")],
        )


def _hashes(lock: str) -> dict[str, list[str]]:
    """A package's hashes are of any file that may be installed; only one file's is the package's own."""
    by_package = {match[1]: _HASH.findall(match[0]) for match in _PINNED.finditer(lock)}
    return {name: hashes for name, hashes in by_package.items() if len(hashes) == 1}
