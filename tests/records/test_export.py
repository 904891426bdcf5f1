"""Records in the words of other tools, read back by those tools."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from live_code.commands import cli
from live_code.errors import ConfigError, RecordError
from live_code.records.export import sbom, slsa
from tests.support import made_records
from tests.support.servers import ports


class TestProvenance:
    def test_it_is_about_the_files_that_the_platform_took(self, tmp_path: Path) -> None:
        told = slsa.statement(made_records.put(tmp_path))
        assert told["subject"] == [{"name": "models/b.pt", "digest": {"sha256": "c" * 64}}]
        assert told["predicateType"] == "https://slsa.dev/provenance/v1"

    def test_it_names_all_that_went_in(self, tmp_path: Path) -> None:
        image = {"name": f"registry/i@sha256:{'9' * 64}", "manifest_sha256": ""}
        definition = slsa.statement(made_records.put(tmp_path, image=image))["predicate"]["buildDefinition"]
        assert {"uri": "git+https://host/r@refs/heads/main", "digest": {"gitCommit": "a" * 40}} in (
            dependencies := definition["resolvedDependencies"]
        )
        assert {"uri": "docker://registry/i", "digest": {"sha256": "9" * 64}} in dependencies
        assert {"name": "training_index_file", "digest": {"sha256": "d" * 64}} in dependencies
        assert definition["internalParameters"]["merged"]["epochs"] == 3

    def test_a_run_without_outputs_has_none(self, tmp_path: Path) -> None:
        with pytest.raises(RecordError, match="names no output"):
            slsa.statement(made_records.put(tmp_path, outputs=None))

    def test_of_many_runs_those_without_outputs_are_warned_of(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        made_records.put(tmp_path / "failed", 1, outputs=None)
        made_records.put(tmp_path / "good", 2)
        assert cli.main(["export", str(tmp_path), "--provenance"]) == 0
        said = capsys.readouterr()
        assert said.out == f"{tmp_path / 'good' / 'live-code' / 'provenance.json'}\n"
        assert "names no output" in said.err

    def test_a_signature_can_be_verified_and_holds_the_statement(self, tmp_path: Path) -> None:
        key = Ed25519PrivateKey.generate()
        pem = tmp_path / "key.pem"
        pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        record = made_records.put(tmp_path)
        assert cli.main(["export", str(record.path), "--provenance", "--key", str(pem)]) == 0
        told = json.loads(record.path.with_name("provenance.json").read_text())
        envelope = Envelope.from_dict(dict(told))
        envelope.verify([SSlibKey.from_crypto(key.public_key())], 1)
        assert json.loads(envelope.payload) == slsa.statement(record)
        changed = base64.b64decode(told["payload"]).replace(b"cccc", b"dddd")
        envelope.payload = changed
        with pytest.raises(VerificationError):
            envelope.verify([SSlibKey.from_crypto(key.public_key())], 1)

    def test_a_file_that_is_no_key_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("no key")
        with pytest.raises(ConfigError, match=r"key\.pem can't be used to sign"):
            slsa.signed({}, tmp_path / "key.pem")


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


def test_nothing_asked_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", str(made_records.put(tmp_path).path)]) == 1
    assert "Add --provenance, --sbom or --mlflow." in capsys.readouterr().err


class TestMlflow:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        pytest.importorskip("mlflow", reason="scripts/install-mlflow")

    def test_a_run_has_the_commit_its_parameters_and_the_best_stages_metrics(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mlflow.tracking import MlflowClient

        monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder is enough for a test, and needs no database
        from live_code.records.export import mlflow_run

        results = {**made_records.BASE["results"], "best_stage": "epoch1"}
        run = MlflowClient().get_run(mlflow_run.log(made_records.put(tmp_path / "run", results=results)))
        assert run.data.tags["mlflow.source.git.commit"] == "a" * 40
        assert run.data.params["epochs"] == "3"
        assert run.data.metrics == {"mAP": 0.7, "mAR": 0.6, "best_mAP": 0.5}

    def test_a_server_that_is_not_there_is_told_in_a_line_without_its_password(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:geheim@127.0.0.1:{ports.free()}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        assert cli.main(["export", str(made_records.put(tmp_path).path), "--mlflow"]) == 1
        told = capsys.readouterr().err
        assert told.startswith("live-code: MLflow at http://***@127.0.0.1:")
        assert "geheim" not in told
