"""The tokenizer of all three sizes: byte-level BPE, small, trained on the training split's texts."""

from collections.abc import Iterable
from typing import Any

VOCAB_SIZE = 2400  # derived from the paper's Table 2: about 2,300-2,500 untied rows


def train_tokenizer(texts: Iterable[str], vocab_size: int = VOCAB_SIZE) -> Any:
    """Trains a byte-level BPE tokenizer, so that no text is ever unknown.

    Args:
        texts: the training split's texts.
        vocab_size: entries at most, special ones included; few texts may give fewer.

    Returns:
        `transformers.PreTrainedTokenizerFast` with ids 0 padding, 1 end, 2 image, then the styles; pads on the left.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from nanovlm_hf.processing.processing_nanovlm import END_TOKEN, IMAGE_TOKEN, PAD_TOKEN, STYLES

    extra = [IMAGE_TOKEN, *(f"<{style}>" for style in STYLES)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    # Flickr's captions have a blank before their full stop; what the model writes should not.
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteLevel(), decoders.Replace(" .", "."), decoders.Replace(" ,", ",")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD_TOKEN, END_TOKEN, *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD_TOKEN,
        eos_token=END_TOKEN,
        extra_special_tokens=extra,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
