"""The entrypoint: does what the task asks for, one after the other."""

import sys

import score
import train
from ymir_exc.util import get_merged_config


def main() -> int:
    cfg = get_merged_config()
    if cfg.ymir.run_training and (code := train.run(cfg)):
        return code
    if cfg.ymir.run_mining:
        score.run_mining(cfg)
    if cfg.ymir.run_infer:
        score.run_infer(cfg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
