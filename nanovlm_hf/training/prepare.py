"""From settings to what the loop needs: data on disk, tokenizer, processor, model."""

import json
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanovlm_hf.data.batches import TrainingData
from nanovlm_hf.data.picture_cache import PictureCache, build_picture_cache, default_cache_dir
from nanovlm_hf.data.sources import Row, data_fingerprint, join_pictures, read_datasets
from nanovlm_hf.training.settings import TrainingSettings
from nanovlm_hf.training.word_loss import PictureWords, WordShares

logger = logging.getLogger(__name__)

ROOM_FOR_PROMPT = 32  # tokens that a beginning may have before the longest text no longer fits


@dataclass
class Prepared:
    """`seen`: training pictures, as many as validation's; `sources`: how many pictures of each, by split; `skipped`: what
    is wrong with each picture that was left out."""

    processor: Any
    train: TrainingData
    seen: TrainingData
    validation: TrainingData
    words: PictureWords | WordShares | None
    fingerprint: str
    sources: dict[str, dict[str, int]]
    skipped: list[str]


def build_model(settings: TrainingSettings, vocab_size: int) -> Any:
    """A model of the settings' size and shape, with fresh weights from the settings' seed; or the one to start from."""
    from transformers import set_seed

    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration

    if settings.start_from:
        config = NanoVLMConfig.from_pretrained(settings.start_from)
        config.vision_config.dropout = config.text_config.dropout = settings.dropout
        model = NanoVLMForConditionalGeneration.from_pretrained(settings.start_from, config=config)
        for part in settings.frozen_parts:
            model.get_submodule(f"model.{part}").requires_grad_(False)
        return model
    config = NanoVLMConfig.from_size(
        settings.size,
        vision_config={"dropout": settings.dropout, **json.loads(settings.vision_config)},
        text_config={"dropout": settings.dropout, "vocab_size": vocab_size, **json.loads(settings.text_config)},
        image_tokens=settings.image_tokens,
    )
    if config.text_config.vocab_size != vocab_size:
        raise ValueError(
            f"text_config says vocab_size {config.text_config.vocab_size} and the tokenizer has {vocab_size} entries: "
            "leave it out there; --vocab_size is the tokenizer's."
        )
    set_seed(settings.seed)
    model = NanoVLMForConditionalGeneration(config)
    room = config.text_config.max_position_embeddings - config.image_seq_length - ROOM_FOR_PROMPT
    model.generation_config.update(max_new_tokens=max(1, min(160, room)), do_sample=False)
    return model


def build_processor(settings: TrainingSettings, rows: list[Row]) -> Any:
    """A tokenizer trained on the training texts, and the processor around it; or those of the model to start from."""
    from nanovlm_hf.data.tokenizer import train_tokenizer
    from nanovlm_hf.modeling import NanoVLMConfig
    from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor

    if settings.start_from:
        from nanovlm_hf.describe import load_processor

        return load_processor(settings.start_from)
    texts = (part for row in rows for text in row.texts for part in (text.beginning, text.continuation) if part)
    tokenizer = train_tokenizer(texts, settings.vocab_size)
    config = NanoVLMConfig.from_size(
        settings.size,
        vision_config=json.loads(settings.vision_config),
        text_config=json.loads(settings.text_config),
        image_tokens=settings.image_tokens,
    )
    tokenizer.model_max_length = config.text_config.max_position_embeddings
    side = config.vision_config.image_size
    image_processor = NanoVLMImageProcessor(size={"height": side, "width": side})
    if settings.blind:
        image_processor.rescale_factor = 0.0
    return NanoVLMProcessor(image_processor, tokenizer, image_seq_length=config.image_seq_length)


def prepare(settings: TrainingSettings, show_progress: bool) -> Prepared:
    """Reads the data, trains the tokenizer, decodes the pictures."""
    splits = read_datasets(settings.dataset or [str(picture_book(settings, show_progress))])
    skipped: list[str] = []
    if settings.images:
        splits, missing = join_pictures(splits, [Path(place) for place in settings.images])
        skipped = [f"{name}: not among --images" for names in missing.values() for name in names]
        for source, names in missing.items() if show_progress else ():
            first = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
            logger.warning("%d pictures of %s are not among --images: %s", len(names), source, first)
        if missing and settings.strict:
            raise ValueError(f"{len(skipped)} pictures are missing, the first: {skipped[0]}")
    styles = settings.styles.split(",")
    for rows in splits.values():
        for row in rows:
            row.texts = [text for text in row.texts if text.style in styles]
    splits = {split: [row for row in rows if row.texts] for split, rows in splits.items()}
    if not splits["train"]:
        raise ValueError(f"No training text in any of the styles {settings.styles}: see --styles.")
    processor = build_processor(settings, splits["train"])
    datasets = {}
    held_out = splits["validation"][: settings.eval_pictures]
    for split, rows in (("train", splits["train"]), ("validation", held_out)):
        cache = build_picture_cache(rows, processor.image_processor, settings.cache_dir, show_progress)
        complaints = list(cache.bad.values())
        if complaints and settings.strict:
            raise ValueError(f"{len(complaints)} of the {split} pictures cannot be read, the first: {complaints[0]}")
        if complaints and show_progress:
            logger.warning("Left out %d %s pictures that cannot be read; %s", len(complaints), split, complaints[0])
        skipped += complaints
        texts_per_image = settings.texts_per_image if split == "train" else 1
        max_length = processor.tokenizer.model_max_length
        datasets[split] = TrainingData(rows, cache, processor, texts_per_image, max_length)
        if not len(datasets[split]):
            raise ValueError(f"None of the {len(rows)} {split} pictures can be read; the first: {complaints[0]}")
        if split == "train":
            step = max(1, len(rows) // max(1, len(held_out)))
            bad = {index // step: complaint for index, complaint in cache.bad.items() if index % step == 0}
            seen = TrainingData(rows[::step], PictureCache(cache.pixels[::step], bad), processor, 1, max_length)
    words = None
    if settings.word_loss:
        words = (WordShares if settings.word_targets == "shares" else PictureWords)(splits["train"])
    sources = {split: dict(Counter(row.source for row in rows)) for split, rows in splits.items()}
    return Prepared(
        processor, datasets["train"], seen, datasets["validation"], words, data_fingerprint(splits), sources, skipped
    )


def picture_book(settings: TrainingSettings, show_progress: bool) -> Path:
    """Draws the picture book into the cache, once, and returns its folder."""
    from filelock import FileLock

    from nanovlm_hf.data.picture_book import draw_picture_book

    folder = Path(settings.cache_dir or default_cache_dir()) / "picture-book"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return draw_picture_book(folder, show_progress=show_progress)
