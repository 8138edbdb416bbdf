"""A NanoVLM behind OpenAI's API: `transformers serve`, told about our classes.

nanovlm serve runs/picture-book --port 8000                # then http://localhost:8000/v1/chat/completions

A user turn holds a picture and the beginning of the text, which may be left out; the style goes along with the request:

    client = openai.OpenAI(base_url="http://localhost:8000/v1", api_key="none")
    client.chat.completions.create(
        model="runs/picture-book",  # as the server was started with
        messages=[{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}},
            {"type": "text", "text": "A brown dog"},
        ]}],
        extra_body={"chat_template_kwargs": {"style": "long"}},
    )
"""

from contextlib import suppress
from pathlib import Path
from typing import Any


def picture_in(url: str) -> Any:
    """A picture as a client of the server may send it: in a `data:` URL, or by an http(s) address.

    Raises:
        ValueError: another address (the server's own files are nobody's business), or no picture.
    """
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    if not url.startswith(("http://", "https://", "data:")):
        raise ValueError(f"image_url must be an http(s) address or data:image/...;base64,..., and not {url[:40]!r}.")
    return load_picture(url)


def register_classes() -> None:
    """Enters our classes into transformers' tables: `transformers serve` looks models up there by name, and runs no
    code that a checkpoint brings along."""
    import transformers
    from transformers.models.auto import modeling_auto

    from nanovlm_hf.modeling import NanoVLMConfig
    from nanovlm_hf.processing import NanoVLMImageProcessor

    processor_class, model_class = _serving_classes()
    transformers.AutoConfig.register(NanoVLMConfig.model_type, NanoVLMConfig, exist_ok=True)
    transformers.AutoImageProcessor.register(NanoVLMConfig, NanoVLMImageProcessor, exist_ok=True)
    transformers.AutoProcessor.register(NanoVLMConfig, processor_class, exist_ok=True)
    for auto_class in (transformers.AutoModelForImageTextToText, transformers.AutoModelForMultimodalLM):
        auto_class.register(NanoVLMConfig, model_class, exist_ok=True)
    # Registering fills the tables of classes; the server asks these tables of names, too.
    for names in (
        modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
    ):
        names[NanoVLMConfig.model_type] = model_class.__name__


def _serving_classes() -> tuple[type, type]:
    """Our processor and model as a server needs them, under their own names, which stand in a checkpoint's settings."""
    from fastapi import HTTPException
    from jinja2 import TemplateError

    from nanovlm_hf import modeling, processing

    class NanoVLMProcessor(processing.NanoVLMProcessor):
        """Answers 400 and the reason to what it cannot read, where the server would say 500 and nothing."""

        def apply_chat_template(self, conversation, **kwargs):
            try:
                turns = [
                    {**turn, "content": [_with_picture(part) for part in turn["content"]]} for turn in conversation
                ]
                inputs = super().apply_chat_template(turns, **kwargs) if turns else {}
                if "pixel_values" not in inputs:
                    raise ValueError("There is no picture to describe: send one as image_url in a user's turn.")
            except (ValueError, OSError, TemplateError) as error:
                raise HTTPException(400, str(error)) from None
            length, limit = inputs["input_ids"].shape[-1], self.tokenizer.model_max_length
            if length >= limit:
                raise HTTPException(
                    400, f"The picture and the text take {length} of {limit} places: shorten the text."
                )
            return inputs

    class NanoVLMForConditionalGeneration(modeling.NanoVLMForConditionalGeneration):
        """Ends where its positions end: the server asks for 1,024 tokens and more where a request names no number."""

        def generate(self, *args, generation_config=None, **kwargs):
            if generation_config is not None:
                room = self.config.text_config.max_position_embeddings - kwargs["input_ids"].shape[-1]
                generation_config.max_new_tokens = min(generation_config.max_new_tokens or room, room)
            return super().generate(*args, generation_config=generation_config, **kwargs)

    return NanoVLMProcessor, NanoVLMForConditionalGeneration


def _with_picture(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "image", "image": picture_in(part["url"])} if part["type"] == "image" else part


def serve(name_or_path: str, arguments: list[str]) -> None:
    """Serves a checkpoint until it is interrupted.

    Args:
        name_or_path: a checkpoint's folder, or a repository on the Hub; requests name the model by it.
        arguments: for `transformers serve`, such as `["--port", "8001"]`.

    Raises:
        FileNotFoundError, ValueError: there is no such checkpoint, it is no NanoVLM, or the extra `serve` is not
            installed.
    """
    from transformers.utils.import_utils import is_serve_available

    if not is_serve_available():
        raise ValueError('Serving needs fastapi, uvicorn and openai: pip install "nanovlm-hf[serve]"')
    import torch
    from click.exceptions import Abort
    from huggingface_hub.constants import HF_HUB_CACHE
    from transformers.cli.transformers import app

    from nanovlm_hf.modeling import NanoVLMConfig

    if Path(name_or_path).is_dir() and not (Path(name_or_path) / "config.json").exists():
        raise FileNotFoundError(
            f"{name_or_path} holds no checkpoint (no config.json): pass a folder that training wrote."
        )
    model_type = NanoVLMConfig.get_config_dict(name_or_path)[0].get("model_type")
    if model_type != NanoVLMConfig.model_type:
        raise ValueError(f"{name_or_path} is a model of the kind {model_type!r}, and no NanoVLM.")
    register_classes()
    Path(HF_HUB_CACHE).mkdir(parents=True, exist_ok=True)  # without it, /v1/models fails
    if not torch.cuda.is_available():
        torch.set_num_threads(1)  # a step of one text is too small to share
    with suppress(Abort):  # Ctrl-C, and the server has shut down
        app(["serve", name_or_path, *arguments], standalone_mode=False)
