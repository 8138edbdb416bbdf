"""Pictures, beginnings and styles to what NanoVLM reads.

    processor(images="photo.jpg", text="A brown dog", style="long", return_tensors="pt")

A model's text is: image slots, one style token, the beginning (may be empty), and then what the model writes, closed by
the end token. A question takes the beginning's place in the style "answer". This file is the one place that says so; it
travels to the Hub with the weights and imports transformers only.
"""

from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin

STYLES = ("caption", "short", "long", "answer")
IMAGE_TOKEN, PAD_TOKEN, END_TOKEN = "<image>", "<pad>", "<end>"

# One user turn is the picture and the beginning; an assistant turn goes on from it (and can be left open).
CHAT_TEMPLATE = """\
{%- set style, styles = style | default("short", true), ["caption", "short", "long", "answer"] -%}
{%- if style not in styles -%}
{{- raise_exception("style must be one of " + styles | join(", ") + "; got " + style) -}}
{%- endif -%}
{%- for message in messages -%}
{%- set parts = [{"type": "text", "text": message["content"]}] if message["content"] is string else message["content"] -%}
{%- if message["role"] == "user" -%}
{%- for part in parts if part["type"] == "image" -%}<image>{%- endfor -%}
{{- "<" + style + ">" -}}
{%- for part in parts if part["type"] == "text" -%}{{- part["text"] | trim -}}{%- endfor -%}
{%- elif message["role"] == "assistant" -%}
{%- for part in parts if part["type"] == "text" -%}{{- part["text"] -}}{%- endfor -%}
{%- if not loop.last or not continue_final_message | default(false) -%}<end>{%- endif -%}
{%- else -%}
{{- raise_exception("NanoVLM reads user and assistant turns, not: " + message["role"]) -}}
{%- endif -%}
{%- endfor -%}
"""


class NanoVLMProcessor(ProcessorMixin):
    r"""
    Image processor and tokenizer in one, with the model's text format.

    Args:
        image_processor ([`NanoVLMImageProcessor`]): pictures to pixels.
        tokenizer ([`~transformers.PreTrainedTokenizerFast`]): text to tokens.
        image_seq_length (`int`, *optional*, defaults to 1): image slots per picture; the model's
            `config.image_seq_length`.
        style (`str`, *optional*, defaults to `"short"`): of texts that name none: `"caption"` (one sentence),
            `"short"` (20-25 words), `"long"` (60-70 words) or `"answer"` (to a question).
    """

    _auto_class = "AutoProcessor"

    def __init__(self, image_processor=None, tokenizer=None, image_seq_length=1, style="short", chat_template=None):
        self.image_seq_length = image_seq_length
        self.style = style
        self.image_token = IMAGE_TOKEN
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)
        ids = {token: tokenizer.convert_tokens_to_ids(token) for token in (IMAGE_TOKEN, *map(_style_token, STYLES))}
        missing = [token for token, token_id in ids.items() if token_id is None or token_id == tokenizer.unk_token_id]
        if missing:
            raise ValueError(f"The tokenizer lacks {', '.join(missing)}: use the one that was saved with the model.")
        self.image_token_id = ids[IMAGE_TOKEN]

    def encode(self, beginning="", continuation=None, style=None):
        """One text as token ids.

        Args:
            beginning (`str`, *optional*): the prompt; trailing blanks are dropped, as a word's own blank leads it.
            continuation (`str`, *optional*): what the model is to write, for training; the end token follows it.
            style (`str`, *optional*): see the class.

        Returns:
            `(list[int], int)`: the ids, and how many of them (slots, style, beginning) are given, not written.
        """
        beginning = beginning.rstrip()
        ids = [self.image_token_id] * self.image_seq_length + self._token_ids(self._style_token(style) + beginning)
        if continuation is None:
            return ids, len(ids)
        written = self._token_ids((" " if beginning else "") + continuation.strip()) + [self.tokenizer.eos_token_id]
        return ids + written, len(ids)

    def __call__(self, images=None, text=None, style=None, padding=True, return_tensors=None, **kwargs):
        """
        Args:
            images (*optional*): a picture or a list of them: paths, URLs, bytes, PIL images or arrays.
            text (`str` or `list[str]`, *optional*): beginnings; one `str` serves all pictures. `<image>` and the style
                are put in where a text lacks them.
            style (`str`, *optional*): see the class.
            padding, kwargs: for the tokenizer; padding is on the left, for generation.
            return_tensors (`str`, *optional*): `"pt"` or `"np"`.

        Returns:
            [`~transformers.BatchFeature`] with `input_ids`, `attention_mask` and, with pictures, `pixel_values`.
        """
        if images is None and text is None:
            raise ValueError("Give images, text or both.")
        images = _flatten(images) if images is not None else None
        if text is None or isinstance(text, str):
            texts = [text or ""] * (len(images) if images is not None else 1)
        else:
            texts = list(text)
        if images is not None and len(images) != len(texts):
            raise ValueError(
                f"{len(images)} pictures and {len(texts)} texts: give one text for each picture, or one for all."
            )
        prompts = [self._prompt(text, style, with_image=images is not None) for text in texts]
        kwargs.pop("add_special_tokens", None)  # the format above is complete
        encoded = self.tokenizer(
            prompts, padding=padding, add_special_tokens=False, return_token_type_ids=False, **kwargs
        )
        data = dict(encoded)
        if images is not None:
            data["pixel_values"] = self.image_processor(images, return_tensors="np")["pixel_values"]
        return BatchFeature(data, tensor_type=return_tensors)

    def _prompt(self, text, style, with_image):
        """Puts in what a text lacks, and widens `<image>` to the model's number of slots."""
        text = text.rstrip()
        if not any(_style_token(name) in text for name in STYLES):
            slots = IMAGE_TOKEN * text.count(IMAGE_TOKEN)
            text = slots + self._style_token(style) + text.replace(IMAGE_TOKEN, "").lstrip()
        if not with_image:
            if IMAGE_TOKEN in text:
                raise ValueError(f"The text has {IMAGE_TOKEN} but no picture came: pass images, or leave it out.")
            return text
        if IMAGE_TOKEN not in text:
            text = IMAGE_TOKEN + text
        slots = text.count(IMAGE_TOKEN)
        if slots == 1:
            return text.replace(IMAGE_TOKEN, IMAGE_TOKEN * self.image_seq_length)
        if slots != self.image_seq_length:
            raise ValueError(
                f"The text has {IMAGE_TOKEN} {slots} times: write it once, or leave it out, per text and picture (the "
                f"processor makes {self.image_seq_length} slots of it)."
            )
        return text

    def _style_token(self, style):
        style = self.style if style is None else style
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}; got {style!r}.")
        return _style_token(style)

    def _token_ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    @property
    def model_input_names(self):
        return ["input_ids", "attention_mask", "pixel_values"]


def _style_token(style):
    return f"<{style}>"


def _flatten(images):
    """One picture, a list, or the chat template's list of lists, to a list; one picture a text."""
    if not isinstance(images, (list, tuple)):
        return [images]
    nested = [image if isinstance(image, (list, tuple)) else [image] for image in images]
    if any(len(pictures) != 1 for pictures in nested):
        raise ValueError("NanoVLM reads one picture a text: split a text with several into one each.")
    return [pictures[0] for pictures in nested]


__all__ = ["NanoVLMProcessor"]
