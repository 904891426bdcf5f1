"""What is read of the machine: its real files, and files of the same form where a machine may have none."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from live_code.tools.processes import proctree
from live_code.tools.telemetry import cgroup, space
from live_code.tools.telemetry.eventfile import EventFile, _masked_crc
from live_code.tools.telemetry.sampler import Sampler
from live_code.tools.telemetry.usage import Machine


class Host(NamedTuple):
    """The files of a host."""

    root: Path

    def has(self, path: str, text: str) -> Host:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    @property
    def group(self) -> cgroup.Group:
        return cgroup.find(self.root / "cgroup", self.root / "self")

    @property
    def oom_kills(self) -> int:
        return cgroup.oom_kills(self.root / "cgroup", self.root / "self", self.root / "vmstat")


# A container with 512 MiB and two processors, in the form that the kernel's documentation of version 2 gives.
EVENTS = "low 0\nhigh 0\nmax 1873\noom 2\noom_kill 1\noom_group_kill 0\n"


@pytest.fixture
def v2(tmp_path: Path) -> Host:
    host = Host(tmp_path).has("self", "0::/\n").has("cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
    host.has("cgroup/memory.max", "536870912\n").has("cgroup/memory.current", "104857600\n")
    return host.has("cgroup/cpu.max", "200000 100000\n").has("cgroup/memory.events", EVENTS)


@pytest.fixture
def v1(tmp_path: Path) -> Host:
    lines = "9:name=systemd:/\n4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n"
    host = Host(tmp_path).has("self", lines)
    host.has("cgroup/memory/memory.limit_in_bytes", "67108864\n").has(
        "cgroup/memory/memory.usage_in_bytes", "1048576\n"
    )
    host.has("cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    return host.has("cgroup/cpu/cpu.cfs_quota_us", "150000\n").has("cgroup/cpu/cpu.cfs_period_us", "100000\n")


class TestControlGroups:
    def test_version_2(self, v2: Host) -> None:
        group = v2.group
        assert (group.memory_limit, group.memory_used, group.cpu_limit) == (536870912, 104857600, 2.0)
        assert v2.oom_kills == 1

    def test_version_2_without_limits(self, v2: Host) -> None:
        v2.has("cgroup/memory.max", "max\n").has("cgroup/cpu.max", "max 100000\n")
        assert (v2.group.memory_limit, v2.group.cpu_limit) == (None, None)

    def test_version_2_in_a_group_of_the_host(self, v2: Host) -> None:
        v2.has("self", "0::/user.slice/run.scope\n").has("cgroup/user.slice/run.scope/memory.events", "oom_kill 7\n")
        assert v2.oom_kills == 7

    def test_version_1_in_a_container_that_sees_the_hosts_paths(self, v1: Host) -> None:
        group = v1.group
        assert (group.memory_limit, group.memory_used, group.cpu_limit) == (67108864, 1048576, 1.5)
        assert v1.oom_kills == 3

    def test_version_1_without_limits(self, v1: Host) -> None:
        v1.has("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
        v1.has("cgroup/cpu/cpu.cfs_quota_us", "-1\n")
        assert (v1.group.memory_limit, v1.group.cpu_limit) == (None, None)

    def test_without_groups_the_machines_counter_counts(self, tmp_path: Path) -> None:
        assert Host(tmp_path).oom_kills == 0
        assert Host(tmp_path).has("vmstat", "nr_free_pages 1\noom_kill 4\n").oom_kills == 4

    def test_this_machine(self) -> None:
        assert cgroup.oom_kills() >= 0


class TestSpace:
    @pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
    def test_a_disk_that_runs_full(self, tmp_path: Path) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", tmp_path], check=True)
        try:
            assert (space.full(tmp_path), space.low(tmp_path)) == (False, None)
            (tmp_path / "a").write_bytes(bytes(39 << 20))
            assert not space.full(tmp_path)
            assert space.low(tmp_path) == 1 << 20
            with pytest.raises(OSError, match="No space left"):
                (tmp_path / "b").write_bytes(bytes(2 << 20))
            assert space.full(tmp_path)
        finally:
            subprocess.run(["umount", tmp_path], check=True)

    def test_a_place_that_is_not_there_is_not_full(self, tmp_path: Path) -> None:
        assert not space.full(tmp_path / "gone")


def test_the_processor_time_of_the_jobs_processes_is_counted(tmp_path: Path) -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        machine = Machine(os.getpid(), tmp_path)
        time.sleep(0.5)
        values = machine.sample()
    finally:
        busy.kill()
        busy.wait()
    assert values["cpu/job_cores"] > 0.02  # others use this machine, too
    assert values["memory/used_bytes"] > 0
    assert values["disk/out_free_bytes"] > 0
    assert values["network/received_bytes_per_s"] >= 0


def test_all_processes_below_one_are_found() -> None:
    family = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"])
    try:
        time.sleep(0.2)
        assert len(proctree.living(family.pid)) == 2
        assert proctree.kill_all(family.pid, 1.0)
        assert proctree.living(family.pid) == ()
    finally:
        family.wait(5)


class TestSampler:
    def test_a_short_job_leaves_nothing(self, tmp_path: Path) -> None:
        with Sampler(tmp_path, 5.0, tmp_path) as sampler:
            pass
        assert sampler.summary() is None
        assert list(tmp_path.iterdir()) == []

    def test_peaks_and_means_are_kept(self, tmp_path: Path) -> None:
        with Sampler(tmp_path, 0.05, tmp_path) as sampler:
            until = time.monotonic() + 10
            while (sampler.summary() or {"samples": 0})["samples"] < 2 and time.monotonic() < until:
                time.sleep(0.02)
        summary = sampler.summary()
        assert summary is not None
        assert summary["memory/used_bytes"]["peak"] >= summary["memory/used_bytes"]["mean"] > 0
        assert "gpu_idle_share" not in summary

    def test_a_folder_that_can_not_be_written_is_no_matter(self, tmp_path: Path) -> None:
        (tmp_path / "tb").write_text("a file")
        with Sampler(tmp_path / "tb", 0.05, tmp_path) as sampler:
            time.sleep(0.5)
        assert sampler.summary() is not None

    # A stand-in with NVML's names for two GPUs; the second is a slice, which has no power reading of its own.
    NVML = (
        "NVML_TEMPERATURE_GPU = 0\n"
        "class NVMLError(Exception): pass\n"
        "class Rates:\n    def __init__(self, gpu): self.gpu = gpu\n"
        "class Memory:\n    used = 8 << 30\n    total = 16 << 30\n"
        "def nvmlInit(): pass\n"
        "def nvmlDeviceGetCount(): return 2\n"
        "def nvmlDeviceGetHandleByIndex(n): return n\n"
        "def nvmlDeviceGetUtilizationRates(n): return Rates([97, 0][n])\n"
        "def nvmlDeviceGetMemoryInfo(n): return Memory\n"
        "def nvmlDeviceGetTemperature(n, _): return 41 + n\n"
        "def nvmlDeviceGetPowerUsage(n):\n    if n: raise NVMLError('Not Supported')\n    return 301500\n"
    )

    def test_gpus_are_read_as_far_as_they_tell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "pynvml.py").write_text(self.NVML)
        monkeypatch.syspath_prepend(tmp_path)
        from live_code.tools.telemetry.gpu import Gpus

        monkeypatch.delitem(sys.modules, "pynvml", raising=False)
        values = Gpus().sample()
        monkeypatch.delitem(sys.modules, "pynvml", raising=False)
        assert values == {
            "gpu0/utilisation": 0.97,
            "gpu0/memory_bytes": 8 << 30,
            "gpu0/memory_limit_bytes": 16 << 30,
            "gpu0/power_w": 301.5,
            "gpu0/temperature_c": 41,
            "gpu1/utilisation": 0.0,
            "gpu1/memory_bytes": 8 << 30,
            "gpu1/memory_limit_bytes": 16 << 30,
            "gpu1/temperature_c": 42,
        }


class TestEventFile:
    def test_the_checksum_is_the_one_of_the_format(self) -> None:
        # CRC-32C of "123456789" is 0xE3069283 (RFC 3720); masked as TFRecord does.
        crc = 0xE3069283
        assert _masked_crc(b"123456789") == struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    def test_frames_follow_each_other_without_a_gap(self, tmp_path: Path) -> None:
        events = EventFile(tmp_path / "live_code")
        events.scalars(5, {"cpu/job_cores": 1.5})
        events.text(0, "executor tail", "ünïcode")
        events.close()
        data, frames = events.path.read_bytes(), 0
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            assert data[8:12] == _masked_crc(data[:8])
            assert data[12 + length : 16 + length] == _masked_crc(data[12 : 12 + length])
            data, frames = data[16 + length :], frames + 1
        assert frames == 3

    @pytest.mark.slow
    def test_tensorboard_reads_it(self, tmp_path: Path) -> None:
        events = EventFile(tmp_path / "live_code")
        events.scalars(5, {"cpu/job_cores": 1.5, "gpu0/utilisation": 0.25})
        events.scalars(10, {"cpu/job_cores": 2.5})
        events.text(0, "executor tail", "ünïcode")
        events.close()
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", tmp_path / "venv"], check=True)
        python = tmp_path / "venv" / "bin" / "python"
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", python, "tensorboard", "setuptools<81"], check=True
        )
        read = (
            "import sys\n"
            "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
            "events = EventAccumulator(sys.argv[1]); events.Reload()\n"
            "print([(e.step, e.value) for e in events.Scalars('cpu/job_cores')], events.Tags()['tensors'])\n"
            "print(events.Tensors('executor tail')[0].tensor_proto.string_val[0].decode())\n"
        )
        argv = [python, "-c", read, tmp_path / "live_code"]
        said = subprocess.run(argv, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines()
        assert said == ["[(5, 1.5), (10, 2.5)] ['executor tail']", "ünïcode"]


def test_an_interface_that_vanishes_sends_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from live_code.tools.telemetry import usage

    seen = [{"eth0": (100, 900), "veth1": (5000, 7000)}, {"eth0": (160, 950)}, {"eth0": (10, 20), "veth2": (9, 9)}]
    monkeypatch.setattr(usage, "_network", lambda: seen.pop(0))
    machine = Machine(os.getpid(), tmp_path)
    names = ("network/received_bytes_per_s", "network/sent_bytes_per_s")
    first, second = machine.sample(), machine.sample()
    assert first[names[0]] > 0 < first[names[1]]
    assert [second[name] for name in names] == [0, 0]
