"""Writes infer results as they come, one image after the other: a million images need no more memory than ten."""

from __future__ import annotations

import json
import math
import os

from . import protocol
from ._annotation import Annotation, checked
from ._odd import warn
from ._repeats import Suspects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, Iterable, List, Set, Tuple, Union

    Results = Union[Dict[str, Iterable[Any]], Iterable[Tuple[str, Iterable[Any]]]]


def write_detection(path: str, results: Results, keyword: str) -> Set[str]:
    """Writes ``{"detection": {basename: {keyword: [annotation, …]}}}`` and returns the class names met.

    Of an image that comes twice the last result counts, with a warning; a box whose score is not finite is left out.
    Raises ValueError on a value that can't be written; nothing is replaced then.
    """
    pairs = results.items() if isinstance(results, dict) else results
    names = _EncodedNames()
    suspects = Suspects()
    target = protocol.AtomicFile(path)
    with target as file:
        file.write('{"detection": {')
        separator = "\n"
        for image, annotations in pairs:
            name = json.dumps(_name(image))
            suspects.add(name)
            file.write(f'{separator}{name}: {{"{keyword}": [{_boxes(annotations, names, image)}]}}')
            separator = ",\n"
        file.write("\n}}\n")
        if suspects:
            file.flush()
            _drop_repeats(suspects, file, target.aside, keyword, results)
    return set(names)


def _name(image: Any) -> str:
    name = os.path.basename(os.fspath(image))
    if not name:
        raise ValueError(f"not the path of an image: {image!r}")
    return str(name)


class _EncodedNames(dict):  # type: ignore[type-arg]
    """Class names as JSON, each encoded once."""

    def __missing__(self, name: str) -> str:
        self[name] = encoded = json.dumps(name)
        return encoded


def _boxes(annotations: Iterable[Any], names: _EncodedNames, image: str) -> str:
    texts: List[str] = []
    for annotation in annotations:
        if not _is_plain(annotation):
            try:
                annotation = checked(annotation)
            except ValueError as error:
                raise ValueError(f"{image}: {error}") from error
            if not math.isfinite(annotation.score):
                warn(f"{image}: a box whose score is {annotation.score} is left out")
                continue
        box = annotation.box
        texts.append(
            f'{{"class_name": {names[annotation.class_name]}, "score": {annotation.score!r}, '
            f'"box": {{"x": {box.x}, "y": {box.y}, "w": {box.w}, "h": {box.h}}}}}'
        )
    return ", ".join(texts)


def _is_plain(annotation: Any) -> bool:
    """Whether it can be written as it is. Made by our classes it is, unless somebody assigned to it since."""
    if type(annotation) is not Annotation:
        return False
    box, score = annotation.box, annotation.score
    return (
        type(score) is float
        and score - score == 0.0
        and type(annotation.class_name) is str
        and type(box.x) is type(box.y) is type(box.w) is type(box.h) is int
        and box.w >= 0 <= box.h
    )


def _drop_repeats(suspects: Suspects, file: IO[str], path: str, keyword: str, results: Results) -> None:
    """Writes the file once more where an image came twice: only then all of it has to be in memory."""
    end_of_name = f': {{"{keyword}": ['
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        name = suspects.first_repeat(line.partition(end_of_name)[0] for line in lines)
    if name is None:
        return
    images = _images_named(name, results)
    listed = f" ({images[0]} and {images[-1]})" if images else ""
    warn(f"two results for images named {name}{listed}: the platform knows images by their name, the last one counts")
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        result = json.load(lines)
    file.seek(0)
    file.truncate()
    file.write(json.dumps(result) + "\n")


def _images_named(name: str, results: Results) -> List[str]:
    """The images of that name as they were given; [] where an iterator gave them, which can't be asked again."""
    if not isinstance(results, (dict, list, tuple)):
        return []
    given = results if isinstance(results, dict) else [pair[0] for pair in results]
    wanted = json.loads(name)
    return [os.fspath(image) for image in given if _name(image) == wanted]


def write_segmentation(path: str, coco: Any) -> None:
    """Writes a COCO result as it is, in plain types. Raises ValueError naming what can't be written."""
    from ._coco import plain_coco

    with protocol.AtomicFile(path) as file:
        file.writelines(json.JSONEncoder().iterencode(plain_coco(coco)))
