"""Text for tensorboard, by whichever event writer the job has."""

from __future__ import annotations

import os
import time
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_WRITERS = ("torch.utils.tensorboard", "tensorboardX")


def write_text(folder: str, text: str, tag: str, tb_log_file: str = "", global_step: Optional[int] = None) -> None:
    """Adds the text as it is. Without a writer that is a warning, not an error: results don't depend on it."""
    writer_class = _writer_class()
    if writer_class is None:
        warnings.warn(f"text {tag!r} is not in tensorboard: none of {list(_WRITERS)} is here", stacklevel=3)
        return
    step = global_step if global_step is not None and global_step >= 0 else round(time.time() * 1000)
    writer = writer_class(os.path.join(folder, tb_log_file) if tb_log_file else folder)
    try:
        writer.add_text(tag, f"```\n {text} \n```", step)
    finally:
        writer.close()


def _writer_class() -> Any:
    from importlib import import_module

    for name in _WRITERS:
        try:
            return import_module(name).SummaryWriter
        except (ImportError, AttributeError, TypeError):  # a protobuf that doesn't fit raises TypeError
            continue
    return None
