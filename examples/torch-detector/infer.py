"""Infer: the boxes of every candidate that the model is sure enough about."""

from params import number
from predict import predictions
from ymir_exc import result_writer
from ymir_exc.result_writer import Annotation, Box


def run(cfg) -> None:
    threshold = number(cfg, "score_threshold")
    found = {each.image_path: annotations(each, cfg.param.class_names, threshold) for each in predictions(cfg, "infer")}
    result_writer.write_infer_result(infer_result=found)


def annotations(prediction, class_names, threshold: float) -> list:
    return [
        annotation(class_names[class_id], score, corners)
        for corners, score, class_id in zip(
            prediction.boxes.tolist(), prediction.scores.tolist(), prediction.class_ids.tolist()
        )
        if score >= threshold
    ]


def annotation(class_name: str, score: float, corners) -> Annotation:
    xmin, ymin, xmax, ymax = (round(value) for value in corners)
    return Annotation(class_name=class_name, score=score, box=Box(x=xmin, y=ymin, w=xmax - xmin, h=ymax - ymin))
