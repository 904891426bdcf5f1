"""The entrypoint: does what the task asks for, one after the other."""

import signal
import subprocess
import sys

import infer
import mining
from ymir_exc.util import get_merged_config


def main() -> int:
    cfg = get_merged_config()
    if cfg.ymir.run_training and (code := run_training()):
        return code
    if cfg.ymir.run_mining:
        mining.run(cfg)
    if cfg.ymir.run_infer:
        infer.run(cfg)
    return 0


def run_training() -> int:
    """A process of its own, as for torchrun; it is told to stop when we are. Returns an exit code."""
    training = subprocess.Popen(["python3", "train.py"])
    signal.signal(signal.SIGTERM, lambda *_: training.terminate())
    code = training.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
