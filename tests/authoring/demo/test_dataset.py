"""The demo's dataset: the same for everyone, and as the platform stores one."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_code.authoring.demo import dataset
from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.shapes import CLASS_NAMES, SMOOTH, place_shapes

SMALL = {"training": 30, "val": 10, "candidate": 10}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset.make(tmp_path_factory.mktemp("dataset"), seed=3, sizes=SMALL)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_draws_the_same_files(made: Dataset, tmp_path: Path) -> None:
    dataset.make(tmp_path, seed=3, sizes=SMALL)
    assert files(tmp_path) == files(made.root)


def test_another_seed_draws_others(made: Dataset, tmp_path: Path) -> None:
    other = dataset.make(tmp_path, seed=4, sizes=SMALL)
    assert not {sample.image for sample in other.training} & {sample.image for sample in made.training}


def test_a_splits_size_changes_no_other_split(made: Dataset, tmp_path: Path) -> None:
    other = dataset.make(tmp_path, seed=3, sizes={**SMALL, "training": 2})
    assert other.val == made.val


def test_splits_share_no_image(made: Dataset) -> None:
    names = [sample.image.name for split in (made.training, made.val, made.candidate) for sample in split]
    assert len(set(names)) == len(names) == sum(SMALL.values())


def test_an_image_is_named_by_its_hash_in_a_folder_of_two_digits(made: Dataset) -> None:
    image = made.val[0].image
    assert image.stem == hashlib.sha1((made.root / image).read_bytes()).hexdigest()
    assert image.parent == Path("assets", image.stem[-2:])


def test_an_annotation_line_is_det_ark(made: Dataset) -> None:
    sample = made.training[0]
    for line, box in zip((made.root / sample.annotation).read_text().splitlines(), sample.boxes, strict=True):
        fields = line.split(", ")
        assert [int(field) for field in fields[:5]] == list(box)
        assert [float(field) for field in fields[5:]] == [-1.0, 0.0]


def test_boxes_lie_inside_their_image(made: Dataset) -> None:
    for sample in made.training:
        with Image.open(made.root / sample.image) as image:
            width, height = image.size
        for box in sample.boxes:
            assert 0 <= box.xmin < box.xmax <= width
            assert 0 <= box.ymin < box.ymax <= height


def test_every_class_occurs_in_every_split(made: Dataset) -> None:
    for split in (made.training, made.val, made.candidate):
        assert {box.class_id for sample in split for box in sample.boxes} == set(range(len(CLASS_NAMES)))


def test_a_box_is_what_its_shape_changed() -> None:
    """One shape and two, from the same random state: the pixels that differ are those of the second."""
    canvases = []
    for radii in ([20.0], [20.0, 10.0]):
        canvas = Image.new("RGB", (160 * SMOOTH, 160 * SMOOTH))
        boxes = list(place_shapes(np.random.default_rng(5), canvas, radii))
        canvases.append(np.asarray(canvas))
    ys, xs = np.nonzero((canvases[0] != canvases[1]).any(2))
    edges = [edge / SMOOTH for edge in (xs.min(), ys.min(), xs.max(), ys.max())]
    assert boxes[1][1:] == pytest.approx(edges, abs=2)
