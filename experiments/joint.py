"""Screens ways to train encoder and decoder together, from an encoder that `experiments.encoder --save` wrote.

    python -m experiments.joint --start runs/encoder.pt --dataset photos/ --size mini --image_tokens pooled ...

All other flags are those of train.py, but for --label_smoothing, which it does not have. Prints each validation.
"""

import argparse
import json
import sys

import torch
from accelerate import Accelerator
from torch.nn import functional as F

from nanovlm_hf.data.sources import read_datasets
from nanovlm_hf.training.loop import Trainer, run
from nanovlm_hf.training.memory_and_threads import keep_freed_memory, set_threads
from nanovlm_hf.training.prepare import prepare
from nanovlm_hf.training.settings import parse_settings
from nanovlm_hf.training.word_loss import WordShares


def smooth_labels(share):
    """In training, whose loss is a sum; validation adds up losses of single tokens itself."""
    plain = F.cross_entropy

    def cross_entropy(*args, **kwargs):
        return plain(*args, **kwargs, label_smoothing=share if kwargs.get("reduction") == "sum" else 0.0)

    F.cross_entropy = cross_entropy


def main():
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--start")
    parser.add_argument("--label_smoothing", type=float, default=0.0)
    own, flags = parser.parse_known_args()
    settings = parse_settings(flags)
    if own.label_smoothing:
        smooth_labels(own.label_smoothing)
    keep_freed_memory()
    set_threads(settings.num_threads)
    data = prepare(settings, show_progress=False)
    if settings.word_targets == "shares":  # of all styles, as the encoder has learned them
        data.words = WordShares(read_datasets(settings.dataset)["train"])
    trainer = Trainer(settings, Accelerator(mixed_precision="no"), data)
    trainer.folder.mkdir(parents=True, exist_ok=True)
    if own.start:
        loaded = torch.load(own.start, weights_only=True)
        vision = {n.removeprefix("vision."): v for n, v in loaded.items() if n.startswith("vision.")}
        embeddings, places = trainer.model.vision_model.embeddings, "embeddings.position_embeddings"
        side = embeddings.config.image_size // embeddings.config.patch_size
        if vision[places].shape[1] != 1 + side**2:
            old = int(vision[places].shape[1] ** 0.5)
            grid = vision[places][:, 1:].transpose(1, 2).unflatten(2, (old, old))
            grid = F.interpolate(grid, (side, side), mode="bilinear", antialias=True).flatten(2).transpose(1, 2)
            vision[places] = torch.cat([vision[places][:, :1], grid], 1)
        trainer.model.vision_model.load_state_dict(vision)
        if trainer.module.word_head is not None and loaded["word_head.weight"].shape[0] == len(data.words.vocabulary):
            head = {n.removeprefix("word_head."): v for n, v in loaded.items() if n.startswith("word_head.")}
            trainer.module.word_head.load_state_dict(head)
    run(trainer)
    results = [entry for entry in trainer.progress.history if "gap" in entry]
    print(json.dumps({"output_dir": settings.output_dir, "seconds": trainer.progress.seconds, **results[-1]}))
    with open("runs/joint.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"flags": sys.argv[1:], "seconds": trainer.progress.seconds, **results[-1]}) + "\n")


if __name__ == "__main__":
    main()
