"""The detector as ONNX, peaks and boxes included: images in, boxes, scores and class ids out."""

import copy
import warnings

import onnx
import torch


def export_onnx(predictor, image_size: int, path) -> None:
    """Raises onnx.checker.ValidationError when what was written is no valid model."""
    names = ("images", "boxes", "scores", "class_ids")
    example = torch.zeros(1, 3, image_size, image_size)
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript and ten times as long.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            copy.deepcopy(predictor).cpu(),
            (example,),
            path,
            dynamo=False,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "images"} for name in names},
        )
    onnx.checker.check_model(path, full_check=True)
