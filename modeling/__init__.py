"""The model as it travels to the Hub: a configuration and a model file that load without this package."""

from .configuration_nanovlm import NanoVLMConfig, NanoVLMTextConfig, NanoVLMVisionConfig
from .modeling_nanovlm import (
    NanoVLMForConditionalGeneration,
    NanoVLMModel,
    NanoVLMTextModel,
    NanoVLMVisionModel,
)

__all__ = [
    "NanoVLMConfig",
    "NanoVLMForConditionalGeneration",
    "NanoVLMModel",
    "NanoVLMTextConfig",
    "NanoVLMTextModel",
    "NanoVLMVisionConfig",
    "NanoVLMVisionModel",
]
