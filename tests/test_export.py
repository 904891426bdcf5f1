"""Records in the words of other tools, read back by those tools."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import made_records
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from servers import ports

from live_code import cli
from live_code.errors import ConfigError
from live_code.export import hparams, provenance, sbom
from live_code.record.reading import RecordError


class TestProvenance:
    def test_it_is_about_the_files_that_the_platform_took(self, tmp_path: Path) -> None:
        told = provenance.statement(made_records.put(tmp_path))
        assert told["subject"] == [{"name": "models/b.pt", "digest": {"sha256": "c" * 64}}]
        assert told["predicateType"] == "https://slsa.dev/provenance/v1"

    def test_it_names_all_that_went_in(self, tmp_path: Path) -> None:
        image = {"name": f"registry/i@sha256:{'9' * 64}", "manifest_sha256": ""}
        definition = provenance.statement(made_records.put(tmp_path, image=image))["predicate"]["buildDefinition"]
        assert {"uri": "git+https://host/r@refs/heads/main", "digest": {"gitCommit": "a" * 40}} in (
            dependencies := definition["resolvedDependencies"]
        )
        assert {"uri": "docker://registry/i", "digest": {"sha256": "9" * 64}} in dependencies
        assert {"name": "training_index_file", "digest": {"sha256": "d" * 64}} in dependencies
        assert definition["internalParameters"]["merged"]["epochs"] == 3

    def test_a_run_without_outputs_has_none(self, tmp_path: Path) -> None:
        with pytest.raises(RecordError, match="names no output"):
            provenance.statement(made_records.put(tmp_path, outputs=None))

    def test_a_signature_can_be_verified_and_holds_the_statement(self, tmp_path: Path) -> None:
        key = Ed25519PrivateKey.generate()
        pem = tmp_path / "key.pem"
        pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        record = made_records.put(tmp_path)
        assert cli.main(["export", str(record.path), "--provenance", "--key", str(pem)]) == 0
        told = json.loads(record.path.with_name("provenance.json").read_text())
        envelope = Envelope.from_dict(dict(told))
        envelope.verify([SSlibKey.from_crypto(key.public_key())], 1)
        assert json.loads(envelope.payload) == provenance.statement(record)
        changed = base64.b64decode(told["payload"]).replace(b"cccc", b"dddd")
        envelope.payload = changed
        with pytest.raises(VerificationError):
            envelope.verify([SSlibKey.from_crypto(key.public_key())], 1)

    def test_a_file_that_is_no_key_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("no key")
        with pytest.raises(ConfigError, match=r"key\.pem can't be used to sign"):
            provenance.signed({}, tmp_path / "key.pem")


class TestSbom:
    def test_it_is_valid_cyclonedx_with_the_images_and_the_locks_packages(self, tmp_path: Path) -> None:
        said = sbom.text(made_records.put(tmp_path))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(said) is None
        found = {one["purl"]: one["properties"][0]["value"] for one in json.loads(said)["components"]}
        assert found == {
            "pkg:pypi/idna@3.10": "lock",
            "pkg:pypi/numpy@2.4.6": "image",
            "pkg:pypi/torch@2.13.0": "image",
        }


class TestHparams:
    def test_tensorboard_reads_hyper_parameters_metrics_and_commits(self, tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.plugins.hparams import metadata

        record = made_records.put(tmp_path / "run", config__values={"lr": "0.01", "amp": True, "name": "x"})
        hparams.write([record], tmp_path / "logs")
        read = EventAccumulator(str(tmp_path / "logs" / record.id))
        read.Reload()
        content = read.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        told = metadata.parse_session_start_info_plugin_data(content).hparams
        assert (told["lr"].number_value, told["amp"].bool_value, told["name"].string_value) == (0.01, True, "x")
        assert told["commit"].string_value == "a" * 12
        assert read.Tags()["tensors"] or read.Tags()["scalars"]
        assert "git_branch" not in told

    @pytest.mark.slow
    def test_a_running_tensorboard_compares_two_commits(self, tmp_path: Path) -> None:
        for number, commit in enumerate(("a" * 40, "c" * 40)):
            values = {"lr": 0.1 * (number + 1), "git_branch": commit}
            made_records.put(tmp_path / "runs" / commit, number, source__commit=commit, config__values=values)
        assert cli.main(["export", str(tmp_path / "runs"), "--hparams", str(tmp_path / "logs")]) == 0
        with tensorboard_of(tmp_path / "logs") as ask:
            metrics = [one["name"] for one in ask("experiment", {"experimentName": ""})["metricInfos"]]
            wanted = {"experimentName": "", "startIndex": 0, "sliceSize": 10, "allowedStatuses": ["STATUS_SUCCESS"]}
            groups = ask("session_groups", {**wanted, "colParams": [{"metric": name} for name in metrics]})
        found = {one["hparams"]["commit"]: one for one in groups["sessionGroups"]}
        assert {commit: one["hparams"]["lr"] for commit, one in found.items()} == {"a" * 12: 0.1, "c" * 12: 0.2}
        scores = [{one["name"]["tag"]: one["value"] for one in run["metricValues"]} for run in found.values()]
        assert scores == [pytest.approx({"result/mAP": 0.7, "result/mAR": 0.6})] * 2


@contextmanager
def tensorboard_of(folder: Path) -> Iterator[Callable[[str, dict[str, Any]], dict[str, Any]]]:
    """A real tensorboard over a folder that is there, and what its HPARAMS view asks it."""
    port = ports.free()
    argv = [Path(sys.executable).parent / "tensorboard", "--logdir", folder, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:

        def ask(route: str, body: dict[str, Any]) -> dict[str, Any]:
            address = f"http://127.0.0.1:{port}/data/plugin/hparams/{route}"
            request = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urlopen(request, timeout=30) as answer:
                return dict(json.load(answer))

        try:
            ports.wait_for(port, server, 60)
            until = time.monotonic() + 60
            while not ask("experiment", {"experimentName": ""}).get("hparamInfos"):  # it reads the folder meanwhile
                assert time.monotonic() < until, "tensorboard found no runs"
                time.sleep(0.2)
            yield ask
        finally:
            server.terminate()


def test_an_mlflow_run_has_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder is enough for a test, and needs no database
    from live_code.export import mlflow_run

    run = MlflowClient().get_run(mlflow_run.log(made_records.put(tmp_path / "run")))
    assert run.data.tags["mlflow.source.git.commit"] == "a" * 40
    assert run.data.params["epochs"] == "3"
    assert run.data.metrics["mAP"] == 0.7
