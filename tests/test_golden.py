"""Logits and texts stay what they were, under every release of transformers and Python that setup.cfg allows.

    python tests/test_golden.py      # writes golden.json anew: after a wanted change, or for new checkpoints

Models of all three forms with weights from a generator that never changes, and the checkpoints in checkpoints/; all are
saved, and loaded with the code that they carry. `make compat` runs this in several environments.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden.json"
FORMS = ("cls", "pooled", "patches")
CHECKPOINTS = sorted(path.parent for path in (HERE.parent / "checkpoints").glob("*/config.json"))
IDS = [11, 5, 40, 23, 17]


def drawn():
    """A picture out of whole numbers alone."""
    y, x = np.mgrid[:96, :128]
    return Image.fromarray(np.stack([2 * x, 2 * y, (x * y) % 256], -1).astype(np.uint8))


def save_model(image_tokens, folder):
    """Saves a tiny model; its weights are NumPy's legacy normal numbers, which are the same on all machines for ever."""
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration

    small = {"num_hidden_layers": 2, "num_attention_heads": 4}
    model = NanoVLMForConditionalGeneration(
        NanoVLMConfig(
            vision_config={**small, "hidden_size": 32, "image_size": 64},
            text_config={**small, "hidden_size": 24, "vocab_size": 64, "max_position_embeddings": 64},
            image_tokens=image_tokens,
        )
    )
    numbers = np.random.RandomState(0)
    for name, weight in sorted(model.state_dict().items()):
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        noise = numbers.standard_normal(tuple(weight.shape))
        weight.copy_(torch.from_numpy(around + 0.2 * noise))
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)


@torch.inference_mode()
def results_of_model(folder):
    """Of a tiny model: the last position's logits, and what it goes on with."""
    from nanovlm_hf.processing import NanoVLMImageProcessor

    model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    assert type(model).__module__.startswith("transformers_modules.")
    pixels = NanoVLMImageProcessor(size={"height": 64, "width": 64})(drawn(), return_tensors="pt").pixel_values
    ids = torch.tensor([[model.config.image_token_id] * model.config.image_seq_length + IDS])
    logits = model(input_ids=ids, pixel_values=pixels).logits[0, -1]
    written = model.generate(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids))
    return {"logits": logits.tolist()[:16], "written": written[0, ids.shape[1] :].tolist()}


@torch.inference_mode()
def results_of_checkpoint(folder):
    """Of a published one: its weights' hash, the last position's logits, and a text in each style."""
    model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    logits, texts = {}, {}
    for style in ("caption", "short", "long"):
        inputs = processor(images=drawn(), text="A little", style=style, return_tensors="pt")
        logits[style] = model(**inputs).logits[0, -1].tolist()[:16]
        written = model.generate(**inputs, num_beams=1, do_sample=False, max_new_tokens=8)
        texts[style] = processor.batch_decode(written, skip_special_tokens=True)[0]
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return {"weights_sha256": digest, "logits": logits, "texts": texts}


@pytest.mark.parametrize("image_tokens", FORMS)
def test_a_saved_model_gives_the_golden_logits(image_tokens, tmp_path):
    golden = json.loads(GOLDEN.read_text())["forms"][image_tokens]
    save_model(image_tokens, tmp_path / "model")
    found = results_of_model(tmp_path / "model")
    assert found["logits"] == pytest.approx(golden["logits"], rel=1e-4, abs=1e-5)
    assert found["written"] == golden["written"]


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda folder: folder.name)
def test_a_checkpoint_gives_the_golden_logits(folder):
    golden = json.loads(GOLDEN.read_text())["checkpoints"].get(folder.name)
    assert golden, f"{folder.name} has no golden logits: run python tests/test_golden.py"
    found = results_of_checkpoint(folder)
    assert found["weights_sha256"] == golden["weights_sha256"], "new weights: run python tests/test_golden.py"
    for style, logits in found["logits"].items():
        assert logits == pytest.approx(golden["logits"][style], rel=1e-3, abs=1e-4)
    assert found["texts"] == golden["texts"]


def write_golden():
    forms = {}
    with tempfile.TemporaryDirectory() as scratch:
        for image_tokens in FORMS:
            save_model(image_tokens, Path(scratch) / image_tokens)
            forms[image_tokens] = results_of_model(Path(scratch) / image_tokens)
    checkpoints = {folder.name: results_of_checkpoint(folder) for folder in CHECKPOINTS}
    rounded = json.loads(
        json.dumps({"forms": forms, "checkpoints": checkpoints}), parse_float=lambda x: round(float(x), 6)
    )
    GOLDEN.write_text(json.dumps(rounded, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    torch.set_num_threads(1)
    write_golden()
