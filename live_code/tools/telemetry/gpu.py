"""NVIDIA GPUs through NVML (package ``nvidia-ml-py``): silent where there is no GPU, no driver or no package."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

MILLI = 1000


def devices() -> int:
    """How many NVIDIA GPUs this container was given. Looks at device files only."""
    try:
        return sum(bool(re.fullmatch(r"nvidia\d+", name)) for name in os.listdir("/dev"))  # noqa: PTH208
    except OSError:
        return 0


class Gpus:
    """The GPUs that NVML shows. Without any, samples are empty."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        try:
            import pynvml
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
            self._nvml = pynvml
        except pynvml.NVMLError:  # no driver here
            self._handles = []

    def sample(self) -> dict[str, float]:
        """Per device: utilisation in [0, 1], memory in bytes, power in W, temperature in °C, as far as it tells."""
        values: dict[str, float] = {}
        for number, handle in enumerate(self._handles):
            for name, value in self._of(handle).items():
                values[f"gpu{number}/{name}"] = value
        return values

    def _of(self, handle: Any) -> dict[str, float]:
        nvml = self._nvml
        readings: dict[str, Callable[[], float]] = {
            "utilisation": lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
            "memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).used,
            "memory_limit_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total,
            "power_w": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / MILLI,
            "temperature_c": lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
        }
        values = {}
        for name, read in readings.items():
            try:
                values[name] = float(read())
            except nvml.NVMLError:  # this device does not tell (a slice of a GPU has no power of its own)
                continue
        return values
