"""Text for tensorboard, by whichever event writer the job has."""

from __future__ import annotations

import os
import time
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    AddText = Callable[[str, str, str, int], None]


def write_text(folder: str, text: str, tag: str, tb_log_file: str = "", global_step: Optional[int] = None) -> None:
    """Adds the text as it is. Without a writer that is a warning, not an error: results don't depend on it."""
    step = global_step if global_step is not None and global_step >= 0 else round(time.time() * 1000)
    target = os.path.join(folder, tb_log_file) if tb_log_file else folder
    for add_text in (_by_tensorboard, _by_torch, _by_tensorboard_x):
        try:
            add_text(target, tag, f"```\n {text} \n```", step)
            return
        except (ImportError, AttributeError, TypeError):  # absent, too old, or a protobuf that doesn't fit
            continue
        except OSError as error:
            warnings.warn(f"text {tag!r} is not in tensorboard: {error}", UserWarning, stacklevel=3)
            return
    warnings.warn(f"text {tag!r} is not in tensorboard: the job has no tensorboard package", UserWarning, stacklevel=3)


def _by_tensorboard(folder: str, tag: str, text: str, step: int) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    data_type_string = 7
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=data_type_string, string_val=[text.encode()], tensor_shape=shape)
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    value = Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)
    writer = EventFileWriter(folder)
    try:
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
    finally:
        writer.close()


def _by_torch(folder: str, tag: str, text: str, step: int) -> None:
    from torch.utils.tensorboard import SummaryWriter

    _add(SummaryWriter(folder), tag, text, step)


def _by_tensorboard_x(folder: str, tag: str, text: str, step: int) -> None:
    from tensorboardX import SummaryWriter

    _add(SummaryWriter(folder), tag, text, step)


def _add(writer: Any, tag: str, text: str, step: int) -> None:
    try:
        writer.add_text(tag, text, step)
    finally:
        writer.close()
