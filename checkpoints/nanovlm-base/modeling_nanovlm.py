"""NanoVLM: a small vision encoder, a connector and a causal text decoder, trained from scratch.

    model = NanoVLMForConditionalGeneration(NanoVLMConfig.from_size("base"))
    model.generate(**processor(images=picture, text="A brown dog", style="long", return_tensors="pt"))

    pixel_values (batch, 3, 224, 224)
      -> vision_model    [CLS] and 196 patches          (batch, 197, vision hidden)
      -> connector       1, 49 or 196 image tokens      (batch, image_seq_length, text hidden)
      -> language_model  image tokens, style, text      (batch, length, text hidden) -> lm_head

Source: NanoVLMs (arXiv 2502.07838), Tables 1 and 2. This file travels to the Hub with the weights: it imports torch,
transformers and its configuration, and nothing that came to transformers later than 5.0.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GenerationMixin, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.cache_utils import DynamicCache
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, BaseModelOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import ModelOutput

from .configuration_nanovlm import NanoVLMConfig, NanoVLMTextConfig, NanoVLMVisionConfig

# transformers 5.0 wants the cache's position for masks; later releases find it themselves and refuse it.
_MASK_TAKES_CACHE_POSITION = "cache_position" in inspect.signature(create_causal_mask).parameters
PICTURES_AT_ONCE = 8  # that a CPU encodes: of more, what lies between the layers leaves its caches


def eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    """Attention in plain operations, which also returns its weights (batch, heads, queries, keys)."""
    weights = query * scaling @ key.transpose(2, 3)
    if attention_mask is not None:
        weights = weights + attention_mask.to(weights.dtype)
    weights = F.softmax(weights, dim=-1).to(value.dtype)
    output = F.dropout(weights, p=dropout, training=module.training) @ value
    return output.transpose(1, 2), weights


class NanoVLMLinear(nn.Linear):
    """A linear layer. For one row on a CPU it is a batch of two products: MKL then reads a matrix in the third-level cache
    twice as fast."""

    def forward(self, x):
        width, weight, bias = self.in_features, self.weight, self.bias
        is_row = not torch.compiler.is_compiling() and x.numel() == width and x.is_cpu and x.dtype == torch.float32
        if not is_row or weight.numel() < 40_000 or self.out_features % 2 or type(weight) is not nn.Parameter:
            return F.linear(x, weight, bias)  # of other types: quantized
        halves = weight.view(2, -1, width)
        twice = x.contiguous().as_strided((2, width, 1), (0, 1, width))
        if bias is None:
            output = torch.bmm(halves, twice)
        else:
            output = torch.baddbmm(bias.view(2, -1, 1), halves, twice)
        return output.view(*x.shape[:-1], -1)


class NanoVLMResidualLinear(NanoVLMLinear):
    """The last layer of a residual branch: it starts smaller the more branches add to the stream (GPT-2)."""

    def __init__(self, in_features, config):
        self.num_branches = 2 * config.num_hidden_layers
        super().__init__(in_features, config.hidden_size)


class NanoVLMAttention(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values; scale 1/sqrt(head size)."""

    def __init__(self, config, is_causal, layer_idx=None):
        super().__init__()
        self.config = config
        self.is_causal = is_causal
        self.layer_idx = layer_idx
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.scaling = self.head_dim**-0.5
        self.qkv_proj = NanoVLMLinear(config.hidden_size, 3 * config.hidden_size)
        self.o_proj = NanoVLMResidualLinear(config.hidden_size, config)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, cache_position=None, num_queries=None):
        """`num_queries`: only the first so many rows ask; all rows are keys and values."""
        batch, rows, width = hidden_states.shape
        if num_queries is None:
            states = self.qkv_proj(hidden_states).view(batch, rows, 3, -1, self.head_dim)
            query, key, value = states.permute(2, 0, 3, 1, 4)  # (batch, heads, rows, head size) each
        else:
            weight, bias = self.qkv_proj.weight, self.qkv_proj.bias
            query = F.linear(hidden_states[:, :num_queries], weight[:width], bias[:width])
            query = query.view(batch, num_queries, -1, self.head_dim).transpose(1, 2)
            states = F.linear(hidden_states, weight[width:], bias[width:]).view(batch, rows, 2, -1, self.head_dim)
            key, value = states.permute(2, 0, 3, 1, 4)
        if past_key_values is not None:
            # The last argument is for transformers 5.0, whose static cache asks for it; later releases ignore it.
            key, value = past_key_values.update(key, value, self.layer_idx, {"cache_position": cache_position})

        attention, implementation = eager_attention_forward, self.config._attn_implementation
        if implementation not in (None, "eager"):
            attention = ALL_ATTENTION_FUNCTIONS[implementation]
        if implementation == "sdpa" and rows == 1 and not self.training:
            # The library's function does just this for one row, after many questions.
            output = F.scaled_dot_product_attention(query, key, value, attention_mask, scale=self.scaling)
            return self.o_proj(output.reshape(batch, 1, width)), None
        output, weights = attention(
            self,
            query,
            key,
            value,
            attention_mask,
            scaling=self.scaling,
            dropout=self.config.attention_dropout if self.training else 0.0,
            is_causal=self.is_causal,
        )
        return self.o_proj(output.reshape(batch, -1, width)), weights


class NanoVLMBlock(GradientCheckpointingLayer):
    """Pre-norm transformer block: of the encoder, or with `is_causal` of the decoder."""

    def __init__(self, config, is_causal, layer_idx=None):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = NanoVLMAttention(config, is_causal, layer_idx)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.fc1 = NanoVLMLinear(config.hidden_size, config.intermediate_size)
        self.act = ACT2FN[config.hidden_act]
        self.fc2 = NanoVLMResidualLinear(config.intermediate_size, config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, cache_position=None, num_queries=None):
        """(batch, rows, hidden) -> (batch, rows or `num_queries`, hidden), and the attention's weights or `None`."""
        attended, weights = self.self_attn(
            self.input_layernorm(hidden_states), attention_mask, past_key_values, cache_position, num_queries
        )
        if num_queries is not None:
            hidden_states = hidden_states[:, :num_queries]
        hidden_states = hidden_states + (self.dropout(attended) if self.training else attended)
        expanded = self.fc2(self.act(self.fc1(self.post_attention_layernorm(hidden_states))))
        return hidden_states + (self.dropout(expanded) if self.training else expanded), weights


class NanoVLMPreTrainedModel(PreTrainedModel):
    """Initialisation, and what the library may do with the models of this file."""

    config_class: Any = NanoVLMConfig
    base_model_prefix = "model"
    input_modalities = ["image", "text"]
    supports_gradient_checkpointing = True
    _no_split_modules = ["NanoVLMBlock"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @classmethod
    def _can_set_attn_implementation(cls):
        return True  # the library reads the source for a pattern that differs between its releases

    @torch.no_grad()
    def _init_weights(self, module):
        std = self.config.get_text_config().initializer_range
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            # By fan-in: at these widths GPT-2's 0.02 starts so small that the encoder takes three times as long to see.
            fan_in = module.weight[0].numel()
            std = (fan_in * (module.num_branches if isinstance(module, NanoVLMResidualLinear) else 1)) ** -0.5
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            if isinstance(module, NanoVLMTokenPooler):
                nn.init.constant_(module.weight, 1 / 4)
            else:
                nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=std)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, NanoVLMVisionEmbeddings):
            nn.init.normal_(module.cls_token, std=std)
            nn.init.normal_(module.position_embeddings, std=std)


class NanoVLMVisionEmbeddings(nn.Module):
    """Two convolutions, layer norm, ReLU and a linear layer make 196 patches; [CLS] goes in front; learned positions."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        width, patch = config.hidden_size, config.patch_size
        num_patches = (config.image_size // patch) ** 2
        self.patch_conv = nn.Conv2d(config.num_channels, width, kernel_size=patch, stride=patch)
        self.neighbour_conv = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.layernorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.linear = nn.Linear(width, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, num_patches + 1, width))
        self.embedding_layernorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, pixel_values, interpolate_pos_encoding=False):
        size = pixel_values.shape[-1] if interpolate_pos_encoding else self.config.image_size
        if pixel_values.ndim != 4 or tuple(pixel_values.shape[1:]) != (self.config.num_channels, size, size):
            raise ValueError(
                f"pixel_values must be (batch, {self.config.num_channels}, {size}, {size}), got "
                f"{tuple(pixel_values.shape)}: set the image processor's size to the model's image_size."
            )
        pixel_values = pixel_values.to(self.linear.weight.dtype)
        if self.training:  # quicker there, and slower for one picture
            pixel_values = pixel_values.contiguous(memory_format=torch.channels_last)
        grid = self.neighbour_conv(self.patch_conv(pixel_values))  # (batch, hidden, 14, 14)
        patches = grid.flatten(2).transpose(1, 2)  # (batch, 196, hidden)
        patches = self.linear(F.relu(self.layernorm(patches)))
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1).to(patches.dtype), patches], dim=1)
        positions = self.position_embeddings
        if tokens.shape[1] != positions.shape[1]:
            positions = self.interpolate_pos_encoding(grid.shape[-2:])
        return self.dropout(self.embedding_layernorm(tokens + positions))  # (batch, 197, hidden)

    def interpolate_pos_encoding(self, size):
        """Positions for a patch grid of another size, (1, 1 + rows * columns, hidden)."""
        side = self.config.image_size // self.config.patch_size
        first, rest = self.position_embeddings[:, :1], self.position_embeddings[:, 1:]
        grid = rest.transpose(1, 2).unflatten(2, (side, side))
        grid = F.interpolate(grid, tuple(size), mode="bilinear", align_corners=False, antialias=True)
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], dim=1)


class NanoVLMVisionModel(NanoVLMPreTrainedModel):
    """The vision encoder: pixels in, [CLS] and patches out."""

    config_class = NanoVLMVisionConfig
    main_input_name = "pixel_values"
    input_modalities = ["image"]

    def __init__(self, config):
        super().__init__(config)
        self.embeddings = NanoVLMVisionEmbeddings(config)
        self.layers = nn.ModuleList([NanoVLMBlock(config, is_causal=False) for _ in range(config.num_hidden_layers)])
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        pixel_values,
        cls_only=False,
        output_attentions=False,
        output_hidden_states=False,
        interpolate_pos_encoding=False,
    ):
        """
        Args:
            pixel_values (`torch.Tensor` of shape `(batch, channels, image_size, image_size)`): normalised pixels.
            cls_only (`bool`, *optional*, defaults to `False`): return [CLS] alone; the last block then computes only
                its row, which gives the same vector for about half of the block's work.
            interpolate_pos_encoding (`bool`, *optional*, defaults to `False`): take square pictures of another size,
                a multiple of the patch's.

        Returns:
            [`~transformers.modeling_outputs.BaseModelOutput`] with `last_hidden_state` (batch, 1 or 197, hidden).
        """
        hidden_states = self.embeddings(pixel_values, interpolate_pos_encoding)
        all_hidden_states, all_attentions = [hidden_states], []
        for index, layer in enumerate(self.layers):
            num_queries = 1 if cls_only and index == len(self.layers) - 1 else None
            hidden_states, weights = layer(hidden_states, num_queries=num_queries)
            all_hidden_states.append(hidden_states)
            all_attentions.append(weights)
        return BaseModelOutput(
            last_hidden_state=self.layernorm(hidden_states),
            hidden_states=tuple(all_hidden_states) if output_hidden_states else None,
            attentions=tuple(all_attentions) if output_attentions else None,
        )


class NanoVLMTokenPooler(nn.Conv2d):
    """Pools the patch grid 2x2, each channel for itself; it starts as an average (TinyVLM's token pooler)."""

    def __init__(self, width):
        super().__init__(width, width, kernel_size=2, stride=2, groups=width)

    def forward(self, patches):
        side = int(patches.shape[1] ** 0.5)
        grid = patches.transpose(1, 2).unflatten(2, (side, side))  # (batch, hidden, 14, 14)
        return super().forward(grid).flatten(2).transpose(1, 2)  # (batch, 49, hidden)


class NanoVLMConnector(nn.Module):
    """From the encoder's width to the decoder's: linear to 4x, GELU, linear (the form that fits the paper's Table 2)."""

    def __init__(self, config):
        super().__init__()
        width = config.vision_config.hidden_size
        self.pooler = NanoVLMTokenPooler(width) if config.image_tokens == "pooled" else nn.Identity()
        self.fc1 = NanoVLMLinear(width, config.projector_intermediate_size)
        self.act = ACT2FN[config.projector_hidden_act]
        self.fc2 = NanoVLMLinear(config.projector_intermediate_size, config.text_config.hidden_size)

    def forward(self, image_states):
        return self.fc2(self.act(self.fc1(self.pooler(image_states))))


class NanoVLMTextModel(NanoVLMPreTrainedModel):
    """The text decoder: learned positions, pre-norm causal blocks, a final layer norm."""

    config_class = NanoVLMTextConfig
    input_modalities = ["text"]

    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            [NanoVLMBlock(config, is_causal=True, layer_idx=index) for index in range(config.num_hidden_layers)]
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        input_ids=None,
        inputs_embeds=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        use_cache=None,
        output_attentions=False,
        output_hidden_states=False,
    ):
        """Token ids or embeddings (batch, length[, hidden]) to hidden states (batch, length, hidden)."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give exactly one of input_ids and inputs_embeds.")
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        length = inputs_embeds.shape[1]
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        past_length = 0 if past_key_values is None else past_key_values.get_seq_length()
        if not torch.compiler.is_compiling() and past_length + length > self.config.max_position_embeddings:
            raise ValueError(
                f"The text decoder has {self.config.max_position_embeddings} positions and was asked for "
                f"{int(past_length + length)} (image slots, style, prompt and new tokens): shorten the prompt or "
                "lower max_new_tokens."
            )
        cache_position = torch.arange(length, device=inputs_embeds.device) + past_length
        if position_ids is None and attention_mask is not None and attention_mask.ndim == 2:
            # Padding takes no position, so that a padded batch gives what each row gives alone.
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, -length:]
        elif position_ids is None:
            position_ids = cache_position.unsqueeze(0)

        causal_mask: Any = None
        if not self._sees_all(length, attention_mask, past_key_values):
            mask_arguments: dict[str, Any] = {"cache_position": cache_position} if _MASK_TAKES_CACHE_POSITION else {}
            causal_mask = create_causal_mask(
                self.config,
                inputs_embeds,
                attention_mask=attention_mask,
                past_key_values=past_key_values,
                position_ids=None,  # given positions would be read as packed sequences
                **mask_arguments,
            )
        hidden_states = self.dropout(inputs_embeds + self.embed_positions(position_ids))
        all_hidden_states, all_attentions = [hidden_states], []
        for layer in self.layers:
            hidden_states, weights = layer(hidden_states, causal_mask, past_key_values, cache_position)
            all_hidden_states.append(hidden_states)
            all_attentions.append(weights)
        return BaseModelOutputWithPast(
            last_hidden_state=self.norm(hidden_states),
            past_key_values=past_key_values,
            hidden_states=tuple(all_hidden_states) if output_hidden_states else None,
            attentions=tuple(all_attentions) if output_attentions else None,
        )

    def _sees_all(self, length, attention_mask, past_key_values):
        """Whether no mask is needed: for the next token after a cache without padding; a static cache has empty places."""
        if torch.compiler.is_compiling() or length != 1 or not isinstance(past_key_values, DynamicCache):
            return False
        return attention_mask is None or (attention_mask.ndim == 2 and bool(attention_mask.all()))


class NanoVLMModel(NanoVLMPreTrainedModel):
    """Vision encoder, connector and text decoder, without a language modelling head."""

    def __init__(self, config):
        super().__init__(config)
        self.vision_model = NanoVLMVisionModel(config.vision_config)
        self.connector = NanoVLMConnector(config)
        self.language_model = NanoVLMTextModel(config.text_config)
        self.post_init()

    def get_input_embeddings(self):
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value):
        self.language_model.embed_tokens = value

    def get_image_states(self, pixel_values, interpolate_pos_encoding=False):
        """Normalised pixels (pictures, 3, 224, 224) -> what the connector reads (pictures, 1 or 196, vision hidden)."""
        cls_only = self.config.image_tokens == "cls"
        states = self.vision_model(
            pixel_values, cls_only=cls_only, interpolate_pos_encoding=interpolate_pos_encoding
        ).last_hidden_state
        return states if cls_only else states[:, 1:]

    def get_image_features(self, pixel_values):
        """Normalised pixels (pictures, 3, 224, 224) -> image tokens (pictures, image_seq_length, text hidden)."""
        if not pixel_values.is_cpu or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self.connector(self.get_image_states(pixel_values))
        parts = pixel_values.split(PICTURES_AT_ONCE)
        return torch.cat([self.connector(self.get_image_states(part)) for part in parts])

    def _refuse_empty_slots(self, input_ids):
        if not torch.compiler.is_compiling() and (input_ids == self.config.image_token_id).any():
            raise ValueError("The text has image slots but no picture came: pass pixel_values (or image_features).")

    def _place_image_features(self, inputs_embeds, input_ids, image_features):
        """Puts image features into the image slots, after checking that the two are as many."""
        if input_ids is None:
            slot = self.get_input_embeddings()(torch.tensor(self.config.image_token_id, device=inputs_embeds.device))
            slots = (inputs_embeds == slot).all(-1)
        else:
            slots = input_ids == self.config.image_token_id
        if not torch.compiler.is_compiling():
            num_slots, num_features = int(slots.sum()), image_features.shape[0] * image_features.shape[1]
            if num_slots != num_features:
                raise ValueError(
                    f"The text has {num_slots} image slots (token {self.config.image_token_id}) and the pictures give "
                    f"{num_features} ({image_features.shape[0]} of {self.config.image_seq_length} each, image_tokens="
                    f"{self.config.image_tokens!r}): let the model's own processor write the slots, with "
                    f"image_seq_length={self.config.image_seq_length} in processor_config.json."
                )
        features = image_features.to(inputs_embeds.device, inputs_embeds.dtype)
        return inputs_embeds.masked_scatter(slots.unsqueeze(-1), features)

    def read_pictures(self, image_features):
        """Image tokens (pictures, image_seq_length, text hidden) -> the decoder's cache after reading each picture."""
        cache = DynamicCache(config=self.config.text_config)
        self.language_model(
            inputs_embeds=image_features.to(self.language_model.norm.weight.dtype), past_key_values=cache
        )
        return cache

    def _share_pictures(self, inputs_embeds, input_ids, attention_mask, pictures, image_index):
        """Reads each picture once for all its texts: they differ after the image slots only, which see nothing later."""
        slots = self.config.image_seq_length
        if pictures is None or input_ids is None or (input_ids[:, :slots] != self.config.image_token_id).any():
            raise ValueError(
                f"With image_index, every row of input_ids starts with its {slots} image slots (no padding on the "
                "left), and pixel_values, image_features or past_key_values are given."
            )
        cache = DynamicCache(config=self.config.text_config)
        for index, layer in enumerate(pictures.layers):
            cache.update(layer.keys[image_index], layer.values[image_index], index)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        return cache, inputs_embeds[:, slots:], attention_mask

    def forward(
        self,
        input_ids=None,
        pixel_values=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        image_features=None,
        image_index=None,
        use_cache=None,
        output_attentions=False,
        output_hidden_states=False,
    ):
        """See [`NanoVLMForConditionalGeneration.forward`]; returns [`NanoVLMOutput`] without loss and logits."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give exactly one of input_ids and inputs_embeds.")
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        if pixel_values is not None and past_key_values is not None and past_key_values.get_seq_length() > 0:
            pixel_values = None  # read already; transformers 5.0 passes it again at each step
        if pixel_values is not None:
            image_features = self.get_image_features(pixel_values)
        if image_index is not None:
            if past_key_values is None and image_features is not None:
                past_key_values = self.read_pictures(image_features)
            past_key_values, inputs_embeds, attention_mask = self._share_pictures(
                inputs_embeds, input_ids, attention_mask, past_key_values, image_index
            )
        elif image_features is not None:
            inputs_embeds = self._place_image_features(inputs_embeds, input_ids, image_features)
        elif past_key_values is None and input_ids is not None:
            self._refuse_empty_slots(input_ids)
        outputs = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        return NanoVLMOutput(image_hidden_states=image_features, **outputs)


@dataclass
class NanoVLMOutput(ModelOutput):
    """
    Args:
        loss (`torch.Tensor` of shape `()`, *optional*): mean cross-entropy, nats per target token.
        logits (`torch.Tensor` of shape `(batch, length, vocab_size)`, *optional*): scores of the next token.
        last_hidden_state (`torch.Tensor` of shape `(batch, length, hidden)`, *optional*): without a head only.
        past_key_values (`Cache`, *optional*): keys and values so far.
        hidden_states, attentions (`tuple[torch.Tensor]`, *optional*): of the text decoder, one a layer.
        image_hidden_states (`torch.Tensor`, *optional*): image tokens as the decoder reads them.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    last_hidden_state: torch.Tensor | None = None
    past_key_values: object | None = None
    hidden_states: tuple | None = None
    attentions: tuple | None = None
    image_hidden_states: torch.Tensor | None = None


class NanoVLMForConditionalGeneration(NanoVLMPreTrainedModel, GenerationMixin):
    """A NanoVLM that writes: it completes the beginning of a text about a picture."""

    _auto_class = "AutoModelForImageTextToText"
    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = NanoVLMModel(config)
        self.lm_head = NanoVLMLinear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @property
    def vision_model(self):
        return self.model.vision_model

    @property
    def connector(self):
        return self.model.connector

    @property
    def language_model(self):
        return self.model.language_model

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self):
        return self.lm_head

    def get_image_features(self, pixel_values):
        return self.model.get_image_features(pixel_values)

    def forward(
        self,
        input_ids=None,
        pixel_values=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        image_features=None,
        image_index=None,
        use_cache=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        logits_to_keep=0,
        skip_logits=False,
        **kwargs,
    ):
        r"""
        Args:
            input_ids (`torch.LongTensor` of shape `(batch, length)`): image slots, style and text.
            pixel_values (`torch.Tensor` of shape `(pictures, 3, 224, 224)`): normalised pixels.
            labels (`torch.LongTensor` of shape `(batch, length)`, *optional*): `input_ids` where the loss counts, -100
                elsewhere; shifted by one inside.
            image_features (`torch.Tensor` of shape `(pictures, image_seq_length, text hidden)`, *optional*): from
                [`~NanoVLMForConditionalGeneration.get_image_features`], instead of `pixel_values`.
            image_index (`torch.LongTensor` of shape `(batch,)`, *optional*): the picture each text speaks of, where
                one picture serves several texts; without it, text i has picture i. A picture is then encoded and read
                by the decoder once, and logits cover the places after the image slots. `past_key_values` from
                [`~NanoVLMModel.read_pictures`] then serves several calls, which leave it as it is.
            logits_to_keep (`int`, *optional*, defaults to 0): compute logits of the last so many places only; 0 is all.
            skip_logits (`bool`, *optional*, defaults to `False`): with `labels`, return the loss alone, computed on
                labelled places only: the same number for less time and memory.
            num_items_in_batch (`int`, *optional*): target tokens of the whole step, which the loss is then the sum
                over, divided by: exact under gradient accumulation.

        Returns:
            [`NanoVLMOutput`], or a tuple with `return_dict=False`.
        """
        config = self.config
        kwargs.pop("cache_position", None)  # transformers 5.0 passes it; the decoder counts for itself
        if use_cache is None:
            use_cache = config.text_config.use_cache and not self.training and labels is None
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            image_features=image_features,
            image_index=image_index,
            use_cache=use_cache,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
        )
        if labels is not None and image_index is not None:
            labels = labels[:, config.image_seq_length :]
        if skip_logits:
            targets = labels[:, 1:]
            logits = self.lm_head(outputs.last_hidden_state[:, :-1][targets != -100])  # (targets, vocab_size)
            total = F.cross_entropy(logits.float(), targets[targets != -100], reduction="sum")
            return NanoVLMOutput(loss=total / kwargs.get("num_items_in_batch", len(logits)))
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, keep])
        loss: torch.Tensor | None = None
        if labels is not None:
            vocab_size, labels = config.text_config.vocab_size, labels[:, keep]
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=vocab_size, **kwargs)
        outputs = NanoVLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=outputs.image_hidden_states,
        )
        return_dict = config.return_dict if return_dict is None else return_dict
        return outputs if return_dict else outputs.to_tuple()

    # Of code from the Hub `generate` asks it at each token, and Python would work it out anew: a 50th of a token's time.
    forward.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]


__all__ = ["NanoVLMForConditionalGeneration", "NanoVLMModel", "NanoVLMTextModel", "NanoVLMVisionModel"]
