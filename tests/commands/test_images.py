"""What `live-code images check` makes of what an engine tells; the images themselves: tests/containers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from live_code.commands import images, inspection
from tests.support import platform

ROOT = Path(__file__).parents[2]
OURS = "registry.example.com/live-code:torch"


@pytest.mark.parametrize(
    ("asked", "tags", "declared"),
    [
        (OURS, [OURS], OURS),
        ("0123456789ab", [OURS, "other:1"], OURS),
        ("mine", ["mine:latest"], "mine"),
        (OURS, [OURS], f"{OURS}@sha256:0123"),
    ],
    ids=["its name", "by its id", "without a tag", "with a digest"],
)
def test_an_image_that_knows_its_name(asked: str, tags: list[str], declared: str) -> None:
    assert images.named(asked, tags, ["PATH=/bin", f"LIVE_CODE_IMAGE={declared}"]) == f"records call it {declared}"


def test_an_image_that_has_its_parents_name() -> None:
    with pytest.raises(images.Fault, match=f"records will call it {OURS}, as its LIVE_CODE_IMAGE says"):
        images.named("derived:1", ["derived:1"], [f"LIVE_CODE_IMAGE={OURS}"])


def test_an_image_without_a_name() -> None:
    assert "will not name" in images.named("derived:1", ["derived:1"], ["PATH=/bin"])


# --- the platform's own inspection ------------------------------------------------------------------------------------

FORM = "git_url: ''\n"
TOP = {f"{task}-template.yaml": FORM for task in platform.TASKS}
FOLDERS = {f"{folder}/{name}": FORM for folder in platform.FOLDERS.values() for name in TOP}


def taken(files: Mapping[str, str], release: str) -> dict[int, set[str]] | None:
    try:
        return platform.take_image(files.get, release)
    except platform.Refused:
        return None


def read(files: Mapping[str, str], name: str) -> Mapping[str, Any] | None:
    value = yaml.safe_load(files.get(name, ""))
    return value if isinstance(value, dict) else None


OBJECT_TYPES = ["2", "3", "4", "5", "0", "'2'", "2.0", "true", "null", "", "two", "[2]", "[2, 3, 4]", "[2, 5]", "[]",
                "['2', '3']", "[[2]]", "{2: det}"]  # fmt: skip


@pytest.mark.parametrize("object_type", [None, *OBJECT_TYPES])
@pytest.mark.parametrize("files", [TOP, FOLDERS, {**TOP, **FOLDERS}, {}], ids=["top", "folders", "both", "none"])
def test_each_generation_takes_what_its_own_rules_take(files: Mapping[str, str], object_type: str | None) -> None:
    written = {**files, "manifest.yaml": "" if object_type is None else f"object_type: {object_type}\n"}
    offers = inspection.offers(lambda name: read(written, name))
    for generation, release in (("before 2.4", "2.1"), ("from 2.4 on", "2.4")):
        offer, by_rule = offers[generation], taken(written, release)
        assert bool(offer.refusal) == (by_rule is None), (generation, str(offer))
        assert {kind: set(tasks) for kind, tasks in offer.tasks.items()} == (by_rule or {})


def test_an_image_that_one_generation_takes_is_no_fault_and_both_are_named() -> None:
    both = {**TOP, **FOLDERS, "manifest.yaml": "object_type: [2, 4]"}
    text = images.judged(inspection.offers(lambda name: read(both, name)))
    assert "platforms before 2.4 refuse it: object_type [2, 4] is no number" in text
    assert "from 2.4 on take it for detection (training, mining, infer), instance segmentation (" in text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**TOP, "manifest.yaml": "object_type: [2, 3, 4]"}, "there is no template in /img-man/det/ or"),
        ({"manifest.yaml": "object_type: 2"}, "130401"),
        ({**TOP, "det/training-template.yaml": FORM, "manifest.yaml": "object_type: [2, 3]"}, "segmentation (no task)"),
    ],
)
def test_an_image_that_no_platform_takes_or_that_does_no_task_is_a_fault(
    files: Mapping[str, str], message: str
) -> None:
    with pytest.raises(images.Fault, match=message.replace("(", r"\(").replace(")", r"\)")):
        images.judged(inspection.offers(lambda name: read(files, name)))


@pytest.mark.parametrize(
    ("object_type", "before", "since"),
    [("2", {2}, {2}), ("3", {3}, {3}), ("4", {4}, {4}), ("2,3,4", None, {2, 3, 4}), ("2,4", None, {2, 4})],
)
def test_the_forms_of_our_images_suit_the_generations_that_the_docs_name(
    tmp_path: Path, object_type: str, before: set[int] | None, since: set[int]
) -> None:
    made = made_forms(tmp_path, object_type)
    assert ([set(kinds) if (kinds := taken(made, release)) else None for release in ("2.1", "2.4")]) == [before, since]
    folders = [""] if before else [f"{platform.FOLDERS[kind]}/" for kind in since]
    for kind, folder in zip(sorted(since), folders, strict=True):
        wanted = "det-ark:raw" if kind == 2 else "seg-coco:raw"
        assert yaml.safe_load(made[f"{folder}training-template.yaml"])["export_format"] == wanted


def test_another_object_type_is_refused_at_the_build(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        made_forms(tmp_path, "5")


def made_forms(folder: Path, object_type: str) -> dict[str, str]:
    """What the step of the dockerfiles makes of img-man."""
    shutil.copytree(ROOT / "img-man", folder / "img-man")
    step = (ROOT / "scripts" / "image-steps").read_text().replace("cd /img-man", f"cd {folder}/img-man")
    subprocess.run(["bash", "-c", step, "image-steps", "forms", object_type], check=True, capture_output=True)
    forms = folder / "img-man"
    return {str(path.relative_to(forms)): path.read_text() for path in forms.rglob("*.yaml")}
