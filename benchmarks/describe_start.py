"""How soon `nanovlm describe` writes its first token, beside the time that its two imports take.

    python -m benchmarks.describe_start [--model CHECKPOINT]

Each round starts fresh processes: one imports torch and transformers.PreTrainedModel, one runs the command to its first
token, one imports the package's own command. Wall-clock seconds, medians and the ratio with its interval.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import interleaved, median_ratio

IMPORTS = "import torch; from transformers import PreTrainedModel"
OWN_IMPORTS = (
    "import time; start = time.perf_counter(); import nanovlm_hf, nanovlm_hf.cli; print(time.perf_counter() - start)"
)


def make_checkpoint(folder: Path) -> Path:
    """A mini with fresh weights: speed does not depend on what they are."""
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
    from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor
    from PIL import Image

    from nanovlm_hf.data.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(["A red ball lies on the grass."])
    config = NanoVLMConfig.from_size("mini", image_tokens="pooled", text_config={"vocab_size": len(tokenizer)})
    NanoVLMForConditionalGeneration(config).save_pretrained(folder)
    NanoVLMProcessor(NanoVLMImageProcessor(), tokenizer, config.image_seq_length).save_pretrained(folder)
    Image.effect_noise((640, 480), 80).convert("RGB").save(folder / "photo.jpg")
    return folder


def run(arguments: list[str]) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(Path(folder))
        command = ["describe", str(checkpoint / "photo.jpg"), "--model", str(checkpoint), "--max-new-tokens", "1"]
        timings = interleaved(
            lambda _: run(["-c", IMPORTS]), lambda _: run(["-m", "nanovlm_hf.cli", *command]), options.pairs
        )
    ratio, low, high = median_ratio(timings)
    imports, first_token = (statistics.median(side) for side in zip(*timings, strict=True))
    print(f"import torch and transformers.PreTrainedModel: {imports:.2f} s")
    print(f"nanovlm describe to its first token: {first_token:.2f} s, {ratio:.2f}x [{low:.2f}, {high:.2f}]")
    own = statistics.median(float(run(["-c", OWN_IMPORTS])) for _ in range(options.pairs))
    print(f"the package's own imports: {own:.3f} s")


if __name__ == "__main__":
    main()
