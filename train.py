"""Trains a NanoVLM from scratch.

accelerate launch train.py                                                          # a small one, on a picture book
accelerate launch train.py --config recipes/mini.yaml --dataset photos/             # the paper's sizes, on your data
python train.py --help                                                              # all settings
"""

import sys

from nanovlm_hf.training.loop import train
from nanovlm_hf.training.settings import parse_settings

if __name__ == "__main__":
    try:
        train(parse_settings())
    except KeyboardInterrupt:  # the state is saved, and the loop has said so
        sys.exit(130)
