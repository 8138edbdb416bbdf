"""A checkpoint to measure: fresh weights (speed does not depend on what they are), the paper's vocabulary, its exports.

folder = make_in_child(path, "large", "cls")    # folder/checkpoint, folder/fp32, folder/int8, folder/photo.jpg
"""

import subprocess
import sys
from pathlib import Path

SHAPES = ["cls", "pooled", "patches"]
SIZES = ["mini", "base", "large"]


def make(folder: str, size: str, image_tokens: str) -> None:
    """Writes the checkpoint, its fp32 and int8 exports, and a photograph's worth of noise."""
    import random

    import torch
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
    from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor
    from PIL import Image

    from nanovlm_hf.data.tokenizer import VOCAB_SIZE, train_tokenizer
    from nanovlm_hf.edge.export import export

    torch.manual_seed(0)
    rng, path = random.Random(0), Path(folder)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvwy", k=rng.randint(2, 9))) for _ in range(4000)]
    tokenizer = train_tokenizer([" ".join(words)] * 2)
    if len(tokenizer) != VOCAB_SIZE:
        raise ValueError(f"the tokenizer has {len(tokenizer)} entries, not the paper's {VOCAB_SIZE}")
    config = NanoVLMConfig.from_size(size, image_tokens=image_tokens, text_config={"vocab_size": VOCAB_SIZE})
    NanoVLMForConditionalGeneration(config).save_pretrained(path / "checkpoint")
    processor = NanoVLMProcessor(NanoVLMImageProcessor(), tokenizer, config.image_seq_length)
    processor.save_pretrained(path / "checkpoint")
    Image.effect_noise((640, 480), 80).convert("RGB").save(path / "photo.jpg")
    for name, int8 in (("fp32", False), ("int8", True)):
        export(str(path / "checkpoint"), path / name, int8)


def make_in_child(folder: Path, size: str, image_tokens: str) -> Path:
    """`make` in a process of its own, so that this one stays small."""
    code = "import sys; from benchmarks.checkpoint import make; make(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(folder), size, image_tokens]
    subprocess.run(command, check=True, capture_output=True)
    return folder
