"""What `live-code images check` makes of what an engine tells; the images themselves: tests/containers."""

from __future__ import annotations

import pytest

from live_code.commands import images

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
