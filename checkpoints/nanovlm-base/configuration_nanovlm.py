"""NanoVLM's configuration: a vision encoder, a connector and a text decoder, each width and depth a field.

    config = NanoVLMConfig.from_size("base")                                # Table 1 of the paper
    config = NanoVLMConfig.from_size("mini", image_tokens="pooled")         # 49 tokens stand for the picture, not one
    config = NanoVLMConfig.from_size("mini", text_config={"vocab_size": 1024})

This file travels to the Hub with the weights: it imports nothing but transformers.
"""

from transformers import PreTrainedConfig

# NanoVLMs (arXiv 2502.07838), Table 1: hidden_size, num_hidden_layers, num_attention_heads of the encoder (the paper's
# img_embd_dim, n_blks, n_head) and of the decoder (n_embd, n_layer, n_head: one number for both).
SIZES = {
    "mini": ((400, 1, 8), (96, 4, 8)),
    "base": ((512, 3, 8), (128, 8, 8)),
    "large": ((512, 5, 16), (192, 10, 16)),
}
IMAGE_TOKENS = ("cls", "pooled", "patches")


def _check_block(config):
    """Widths and depths that cannot work fail here, by name, rather than as a shape error inside a layer."""
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{type(config).__name__}.{name} must be a positive whole number, got {value!r}.")
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            f"{type(config).__name__}.hidden_size ({config.hidden_size}) must be a multiple of num_attention_heads "
            f"({config.num_attention_heads}): change one of the two."
        )
    for name in ("dropout", "attention_dropout"):
        if not 0.0 <= getattr(config, name) < 1.0:
            raise ValueError(f"{type(config).__name__}.{name} must lie in [0, 1), got {getattr(config, name)!r}.")


class NanoVLMVisionConfig(PreTrainedConfig):
    r"""
    Configuration of the vision encoder.

    Args:
        hidden_size (`int`, *optional*, defaults to 512): width of the encoder (the paper's `img_embd_dim`).
        num_hidden_layers (`int`, *optional*, defaults to 3): transformer blocks (`n_blks`).
        num_attention_heads (`int`, *optional*, defaults to 8): attention heads (`n_head`).
        intermediate_size (`int`, *optional*): width of the MLP, four times `hidden_size` by default.
        image_size (`int`, *optional*, defaults to 224): side of the square picture, in pixels.
        patch_size (`int`, *optional*, defaults to 16): side of a patch, in pixels.
        num_channels (`int`, *optional*, defaults to 3): colour channels.
        hidden_act (`str`, *optional*, defaults to `"gelu"`): activation of the MLP.
        layer_norm_eps (`float`, *optional*, defaults to 1e-5): epsilon of the layer norms.
        dropout (`float`, *optional*, defaults to 0.1): on embeddings and residual branches, in training.
        attention_dropout (`float`, *optional*, defaults to 0.0): on attention weights, in training; above 0 the fused
            attention of CPUs is out of reach and training about half as fast.
        initializer_range (`float`, *optional*, defaults to 0.02): standard deviation of initial embeddings; matrices
            start by their fan-in.
    """

    model_type = "nanovlm_vision"
    base_config_key = "vision_config"

    def __init__(
        self,
        hidden_size=512,
        num_hidden_layers=3,
        num_attention_heads=8,
        intermediate_size=None,
        image_size=224,
        patch_size=16,
        num_channels=3,
        hidden_act="gelu",
        layer_norm_eps=1e-5,
        dropout=0.1,
        attention_dropout=0.0,
        initializer_range=0.02,
        **kwargs,
    ):
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = 4 * hidden_size if intermediate_size is None else intermediate_size
        self.image_size = image_size
        self.patch_size = patch_size
        self.num_channels = num_channels
        self.hidden_act = hidden_act
        self.layer_norm_eps = layer_norm_eps
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.initializer_range = initializer_range
        _check_block(self)
        if image_size % patch_size:
            raise ValueError(f"image_size ({image_size}) must be a multiple of patch_size ({patch_size}).")
        super().__init__(**kwargs)


class NanoVLMTextConfig(PreTrainedConfig):
    r"""
    Configuration of the text decoder.

    Args:
        vocab_size (`int`, *optional*, defaults to 2400): entries of the tokenizer, special ones included.
        hidden_size (`int`, *optional*, defaults to 128): width of the decoder (the paper's `n_embd`).
        num_hidden_layers (`int`, *optional*, defaults to 8): transformer blocks (`n_layer`).
        num_attention_heads (`int`, *optional*, defaults to 8): attention heads (`n_head`).
        intermediate_size (`int`, *optional*): width of the MLP, four times `hidden_size` by default.
        max_position_embeddings (`int`, *optional*, defaults to 512): image slots, style and text together.
        hidden_act (`str`, *optional*, defaults to `"gelu"`): activation of the MLP.
        layer_norm_eps (`float`, *optional*, defaults to 1e-5): epsilon of the layer norms.
        dropout (`float`, *optional*, defaults to 0.1): on embeddings and residual branches, in training.
        attention_dropout (`float`, *optional*, defaults to 0.0): on attention weights, in training; above 0 the fused
            attention of CPUs is out of reach and training about half as fast.
        initializer_range (`float`, *optional*, defaults to 0.02): standard deviation of initial embeddings; matrices
            start by their fan-in.
        pad_token_id (`int`, *optional*, defaults to 0): padding; distinct from the end token.
        eos_token_id (`int`, *optional*, defaults to 1): the end of a text.
        tie_word_embeddings (`bool`, *optional*, defaults to `False`): one matrix for embedding and head.
        use_cache (`bool`, *optional*, defaults to `True`): keep keys and values between steps of generation.
    """

    model_type = "nanovlm_text"
    base_config_key = "text_config"

    def __init__(
        self,
        vocab_size=2400,
        hidden_size=128,
        num_hidden_layers=8,
        num_attention_heads=8,
        intermediate_size=None,
        max_position_embeddings=512,
        hidden_act="gelu",
        layer_norm_eps=1e-5,
        dropout=0.1,
        attention_dropout=0.0,
        initializer_range=0.02,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        tie_word_embeddings=False,
        use_cache=True,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = 4 * hidden_size if intermediate_size is None else intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.hidden_act = hidden_act
        self.layer_norm_eps = layer_norm_eps
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.initializer_range = initializer_range
        self.use_cache = use_cache
        self.pad_token_id = pad_token_id
        self.eos_token_id = eos_token_id
        self.bos_token_id = bos_token_id
        self.tie_word_embeddings = tie_word_embeddings
        _check_block(self)
        if pad_token_id == eos_token_id:
            raise ValueError(f"pad_token_id and eos_token_id are both {pad_token_id}: padding would end every text.")
        super().__init__(**kwargs)
        # Older releases of the base class reset these in their own `__init__`.
        self.pad_token_id, self.eos_token_id, self.bos_token_id = pad_token_id, eos_token_id, bos_token_id
        self.tie_word_embeddings = tie_word_embeddings


class NanoVLMConfig(PreTrainedConfig):
    r"""
    Configuration of a NanoVLM: [`NanoVLMForConditionalGeneration`].

    Args:
        vision_config (`dict` or [`NanoVLMVisionConfig`], *optional*): the encoder's; base by default.
        text_config (`dict` or [`NanoVLMTextConfig`], *optional*): the decoder's; base by default.
        image_tokens (`str`, *optional*, defaults to `"cls"`): what stands for the picture in the text decoder:
            `"cls"` one vector (the paper), `"pooled"` the patch grid pooled 2x2 (49), `"patches"` all of it (196).
        image_token_id (`int`, *optional*, defaults to 2): the placeholder that image features replace.
        projector_intermediate_size (`int`, *optional*): hidden width of the connector, four times the vision
            encoder's `hidden_size` by default.
        projector_hidden_act (`str`, *optional*, defaults to `"gelu"`): activation of the connector.
    """

    model_type = "nanovlm"
    sub_configs = {"vision_config": NanoVLMVisionConfig, "text_config": NanoVLMTextConfig}
    _auto_class = "AutoConfig"

    def __init__(
        self,
        vision_config=None,
        text_config=None,
        image_tokens="cls",
        image_token_id=2,
        projector_intermediate_size=None,
        projector_hidden_act="gelu",
        **kwargs,
    ):
        if image_tokens not in IMAGE_TOKENS:
            raise ValueError(f"image_tokens must be one of {', '.join(IMAGE_TOKENS)}; got {image_tokens!r}.")
        self.vision_config = NanoVLMVisionConfig(**vision_config) if isinstance(vision_config, dict) else vision_config
        self.text_config = NanoVLMTextConfig(**text_config) if isinstance(text_config, dict) else text_config
        self.vision_config = self.vision_config or NanoVLMVisionConfig()
        self.text_config = self.text_config or NanoVLMTextConfig()
        self.image_tokens = image_tokens
        self.image_token_id = image_token_id
        self.projector_intermediate_size = projector_intermediate_size or 4 * self.vision_config.hidden_size
        self.projector_hidden_act = projector_hidden_act
        if not 0 <= image_token_id < self.text_config.vocab_size:
            raise ValueError(
                f"image_token_id ({image_token_id}) must lie in the vocabulary of {self.text_config.vocab_size} entries."
            )
        if self.image_seq_length >= self.text_config.max_position_embeddings:
            raise ValueError(
                f"{self.image_seq_length} image slots (image_tokens={image_tokens!r}) leave no room for text in "
                f"max_position_embeddings={self.text_config.max_position_embeddings}: raise it or pick fewer tokens."
            )
        # Every saved config.json says where each Auto class finds its code: a checkpoint loads without this package.
        kwargs.setdefault(
            "auto_map",
            {
                "AutoConfig": "configuration_nanovlm.NanoVLMConfig",
                "AutoModel": "modeling_nanovlm.NanoVLMForConditionalGeneration",
                "AutoModelForImageTextToText": "modeling_nanovlm.NanoVLMForConditionalGeneration",
                "AutoModelForMultimodalLM": "modeling_nanovlm.NanoVLMForConditionalGeneration",
            },
        )
        kwargs["tie_word_embeddings"] = self.text_config.tie_word_embeddings
        super().__init__(**kwargs)

    @property
    def image_seq_length(self):
        """Image slots per picture: 1, a quarter of the patches, or all of them."""
        side = self.vision_config.image_size // self.vision_config.patch_size
        return {"cls": 1, "pooled": (side // 2) ** 2, "patches": side**2}[self.image_tokens]

    @classmethod
    def from_size(cls, size, vision_config=None, text_config=None, **overrides):
        """The configuration of one of the paper's sizes (NanoVLMs, Table 1), with any field overridden.

        Args:
            size (`str`): `"mini"`, `"base"` or `"large"`: 5.7, 16.1 and 25.8 million parameters.
            vision_config (`dict`, *optional*): fields of [`NanoVLMVisionConfig`] that differ from the size's.
            text_config (`dict`, *optional*): fields of [`NanoVLMTextConfig`] that differ from the size's.
            overrides: fields of [`NanoVLMConfig`], such as `image_tokens`.
        """
        if size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}; got {size!r}.")
        vision, text = (
            {"hidden_size": width, "num_hidden_layers": depth, "num_attention_heads": heads}
            for width, depth, heads in SIZES[size]
        )
        return cls(
            vision_config={**vision, **(vision_config or {})}, text_config={**text, **(text_config or {})}, **overrides
        )


__all__ = ["NanoVLMConfig", "NanoVLMTextConfig", "NanoVLMVisionConfig"]
