"""examples/sweep/raycluster.yaml, held against what KubeRay and Kubernetes take; nothing is applied to a cluster."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).parents[3]
SWEEP = ROOT / "examples" / "sweep"
CLUSTER: dict[str, Any] = yaml.safe_load((SWEEP / "raycluster.yaml").read_text())
# The oldest and the newest for which there are schemas.
KUBERNETES = ("1.25.0", "1.37.0")
DEFINITIONS = "/api/_definitions.json"


def shape(required: str, **fields: Any) -> dict[str, Any]:
    """An object that has no other fields than these."""
    return {"type": "object", "required": required.split(), "properties": fields, "additionalProperties": False}


TEXT, FLAG, COUNT = {"type": "string"}, {"type": "boolean"}, {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": TEXT}
OBJECT = {"type": "object"}
# The fields of ray.io/v1 RayCluster as the operator's own definition has them: ray-project/kuberay,
# helm-chart/kuberay-operator/crds/ray.io_rayclusters.yaml, made from ray-operator/apis/ray/v1/raycluster_types.go.
# A pod template is Kubernetes' own. rayStartParams must be there for operators before 1.4.
HEAD = shape(
    "rayStartParams template",
    template=OBJECT,
    headService=OBJECT,
    enableIngress=FLAG,
    rayStartParams=TEXTS,
    serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
)
WORKERS = shape(
    "groupName minReplicas maxReplicas rayStartParams template",
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    numOfHosts=COUNT,
    idleTimeoutSeconds=COUNT,
    suspend=FLAG,
    rayStartParams=TEXTS,
    template=OBJECT,
    scaleStrategy=OBJECT,
)
RAY_CLUSTER = shape(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayCluster"},
    metadata=OBJECT,
    spec=shape(
        "headGroupSpec",
        headGroupSpec=HEAD,
        workerGroupSpecs={"type": "array", "items": WORKERS},
        rayVersion=TEXT,
        enableInTreeAutoscaling=FLAG,
        autoscalerOptions=OBJECT,
        gcsFaultToleranceOptions=OBJECT,
        headServiceAnnotations=TEXTS,
        managedBy=TEXT,
        suspend=FLAG,
    ),
)


def templates(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    return [group["template"] for group in groups]


def faults(checker: Draft202012Validator, value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def test_the_cluster_is_one_that_the_operator_takes() -> None:
    assert faults(Draft202012Validator(RAY_CLUSTER), CLUSTER) == []


def test_all_nodes_have_the_ray_of_the_image_that_we_test_with() -> None:
    locked = re.search(r"^ray==(\S+)", (ROOT / "requirements" / "ray.txt").read_text(), re.MULTILINE)
    image = re.search(r"ray\[.*\]==([\d.]+)", (SWEEP / "ray.dockerfile").read_text())
    assert locked
    assert image
    assert CLUSTER["spec"]["rayVersion"] == image[1] == locked[1]


@pytest.mark.parametrize("template", templates(CLUSTER), ids=["head", "gpu"])
def test_what_a_pod_mounts_is_there(template: dict[str, Any]) -> None:
    volumes = [volume["name"] for volume in template["spec"]["volumes"]]
    mounts = [mount["name"] for container in template["spec"]["containers"] for mount in container["volumeMounts"]]
    assert sorted(volumes) == sorted(mounts)


@cache
def pod_template(kubernetes: str) -> Draft202012Validator:
    """Kubernetes' own definition, which knows no other fields than it names."""
    subprocess.run([ROOT / "scripts" / "install-kubernetes-schemas"], check=True)
    (package,) = (ROOT / ".cache" / "kubernetes-schemas").glob("*.whl")
    name = f"kubernetes_validate/kubernetes-json-schema/v{kubernetes}-local-strict/_definitions.json"
    with zipfile.ZipFile(package) as packed:
        found = json.loads(packed.read(name))
    found["$schema"] = Draft202012Validator.META_SCHEMA["$id"]
    registry = Registry().with_resource(DEFINITIONS, Resource.from_contents(found))
    wanted = {"$ref": f"{DEFINITIONS}#/$defs/io.k8s.api.core.v1.PodTemplateSpec"}
    return Draft202012Validator(wanted, registry=registry)


@pytest.mark.slow
@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("template", templates(CLUSTER), ids=["head", "gpu"])
def test_its_pods_are_ones_that_kubernetes_takes(template: dict[str, Any], kubernetes: str) -> None:
    assert faults(pod_template(kubernetes), template) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("spec", "volumeMounts", []),
        ("container", "imagePullpolicy", "Always"),
        ("container", "env", [{"name": "LIVE_CODE_STORE", "value": 1}]),
        ("spec", "terminationGracePeriodSeconds", "60"),
    ],
)
def test_a_mistake_in_a_pod_would_be_found(place: str, key: str, value: Any) -> None:
    template = copy.deepcopy(templates(CLUSTER)[0])
    spec = template["spec"]
    (spec if place == "spec" else spec["containers"][0])[key] = value
    assert any(key in fault for fault in faults(pod_template(KUBERNETES[-1]), template))
