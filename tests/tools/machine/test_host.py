"""What a run notes of its machine."""

from __future__ import annotations

import os

from live_code.tools.machine import host


def test_this_machine_has_cores_and_memory() -> None:
    here = host.inspect()
    assert here.cpus == len(os.sched_getaffinity(0))
    assert here.memory > 1 << 28
    assert here.kernel.startswith("Linux ")


def test_gpus_as_nvidia_smi_lists_them() -> None:
    driver, gpus = host.parse_gpus(
        "0, NVIDIA A100-SXM4-40GB, GPU-5c9, 40960, 8.0, 535.104.05\n1, T, GPU-1, [N/A], 7.5, 535\n"
    )
    assert driver == "535.104.05"
    assert gpus[0] == host.Gpu(0, "NVIDIA A100-SXM4-40GB", "GPU-5c9", 40 << 30, "8.0")
    assert gpus[1].memory == 0


def test_a_driver_that_does_not_answer_is_no_gpu() -> None:
    assert host.parse_gpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.") == ("", ())
