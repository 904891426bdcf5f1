"""A record as an in-toto statement with SLSA's provenance predicate, in a signed envelope when there is a key.

https://slsa.dev/spec/v1.0/provenance and https://github.com/secure-systems-lab/dsse define the shapes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError, RecordError
from live_code.stages.record.reading import Record

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUILD_TYPE = "urn:live-code:run:2"
BUILDER = "urn:live-code:executor"


def statement(record: Record) -> dict[str, Any]:
    """Its subjects are the files that the platform took. Raises RecordError for a run that left none."""
    outputs = record.get("outputs")
    if not outputs:
        raise RecordError(
            f"{record.path} names no output that a statement could be about.", hint="Name a run that ended well."
        )
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": file["sha256"]}} for name, file in outputs.items()],
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": _definition(record), "runDetails": _details(record)},
    }


def signed(statement: dict[str, Any], key_file: Path) -> dict[str, Any]:
    """A DSSE envelope around it. ``key_file``: a private key in PEM without a password. Raises ConfigError."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    try:
        signer = CryptoSigner(load_pem_private_key(key_file.read_bytes(), password=None))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{key_file} can't be used to sign: {error}.", hint="Name a private key in PEM.") from error
    envelope = Envelope(json.dumps(statement, ensure_ascii=False).encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    signed_statement: dict[str, Any] = envelope.to_dict()
    return signed_statement


def _definition(record: Record) -> dict[str, Any]:
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "source": {"url": record.get("source", "url"), "revision": record.get("source", "asked")},
            "tasks": list(record.tasks),
            "hyperparameters": record.get("config", "layers", "config.yaml"),
        },
        "internalParameters": {"merged": dict(record.config), "seeds": record.get("seeds")},
        "resolvedDependencies": list(_dependencies(record)),
    }


def _dependencies(record: Record) -> Iterator[dict[str, Any]]:
    ref = f"@{record.ref}" if record.ref else ""
    yield {"uri": f"git+{record.get('source', 'url')}{ref}", "digest": {"gitCommit": record.commit}}
    for submodule in record.get("checkout", "submodules") or ():
        yield {"name": f"submodule {submodule['path']}", "digest": {"gitCommit": submodule["commit"]}}
    if patch := record.get("checkout", "patch"):
        yield {"name": "patch", "digest": {"sha256": patch["sha256"]}}
    yield {"name": "requirements.lock", "digest": {"sha256": record.get("lock", "sha256")}}
    if image := record.get("image", "name"):
        name, _, digest = image.partition("@sha256:")
        yield {"uri": f"docker://{name}", **({"digest": {"sha256": digest}} if digest else {})}
    for name, index in (record.get("dataset") or {}).items():
        yield {"name": name, "digest": {"sha256": index["sha256"]}}


def _details(record: Record) -> dict[str, Any]:
    return {
        "builder": {"id": BUILDER, "version": {"live-code": record.get("executor", "version")}},
        "metadata": {
            "invocationId": record.id,
            "startedOn": _moment(record.started),
            "finishedOn": _moment(record.started + record.seconds),
        },
    }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
