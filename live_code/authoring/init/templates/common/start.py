"""The entrypoint: does what the task asks for, one after the other."""

import predict
import train
from ymir_exc.util import get_merged_config


def main():
    cfg = get_merged_config()
    if cfg.ymir.run_training:
        train.run(cfg)
    if cfg.ymir.run_mining:
        predict.run_mining(cfg)
    if cfg.ymir.run_infer:
        predict.run_infer(cfg)


if __name__ == "__main__":
    main()
