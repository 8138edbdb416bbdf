"""A tiny model, its processor and a handful of pictures, made in the process: nothing is downloaded."""

import json
import random

import pytest
import torch
from PIL import Image, ImageDraw

TEXTS = [
    "A red ball lies on the grass.",
    "A blue boat sails on the water.",
    "The little dog runs after a green kite.",
    "A yellow star shines over the house.",
    "A cat sleeps on the warm red roof, and the sun is up.",
    "What colour is the boat? It is blue.",
]
TINY_VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 64}
TINY_TEXT = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 128}


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer():
    from nanovlm_hf.data.tokenizer import train_tokenizer

    return train_tokenizer(TEXTS, vocab_size=300)


@pytest.fixture(scope="session")
def make_processor(tokenizer):
    from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor

    def make(model):
        side = model.config.vision_config.image_size
        image_processor = NanoVLMImageProcessor(size={"height": side, "width": side})
        return NanoVLMProcessor(image_processor, tokenizer, image_seq_length=model.config.image_seq_length)

    return make


@pytest.fixture(scope="session")
def make_model(tokenizer):
    """Builds a tiny model in evaluation mode, with weights large enough for predictions to differ."""
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration

    def make(image_tokens="pooled", vision=None, text=None, **fields):
        torch.manual_seed(0)
        config = NanoVLMConfig(
            vision_config={**TINY_VISION, "initializer_range": 0.1, **(vision or {})},
            text_config={**TINY_TEXT, "vocab_size": len(tokenizer), "initializer_range": 0.3, **(text or {})},
            image_tokens=image_tokens,
            **fields,
        )
        return NanoVLMForConditionalGeneration(config).eval()

    return make


@pytest.fixture(scope="session")
def model(make_model):
    return make_model()


@pytest.fixture(scope="session")
def processor(make_processor, model):
    return make_processor(model)


def draw(seed: int, size=(80, 60)) -> Image.Image:
    """A picture that differs from those of other seeds."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
    box = sorted(rng.randrange(size[0]) for _ in range(2)), sorted(rng.randrange(size[1]) for _ in range(2))
    ImageDraw.Draw(image).rectangle(
        (box[0][0], box[1][0], box[0][1] + 5, box[1][1] + 5), fill=tuple(rng.randrange(256) for _ in range(3))
    )
    return image


@pytest.fixture(scope="session")
def pictures():
    return [draw(seed) for seed in range(4)]


@pytest.fixture
def coco_folder(tmp_path):
    """A folder in COCO's captions form: 8 training and 4 validation pictures, two captions and a short text each."""
    folder = tmp_path / "photos"
    for name in ("images", "annotations", "descriptions"):
        (folder / name).mkdir(parents=True)
    for split, ids in (("train", range(8)), ("val", range(8, 12))):
        images, notes, descriptions = [], [], []
        for i in ids:
            draw(i).save(folder / "images" / f"{i}.png")
            images.append({"id": i, "file_name": f"{i}.png", "source": "drawn"})
            notes += [{"id": 10 * i + k, "image_id": i, "caption": TEXTS[(i + k) % 5]} for k in range(2)]
            descriptions.append({"image_id": i, "text": f"{TEXTS[i % 5]} {TEXTS[(i + 2) % 5]}"})
        data = {"info": {}, "images": images, "annotations": notes}
        (folder / "annotations" / f"captions_{split}.json").write_text(json.dumps(data))
        (folder / "descriptions" / f"shortdesc_{split}.jsonl").write_text(
            "".join(json.dumps(record) + "\n" for record in descriptions)
        )
    return folder
