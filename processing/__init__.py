"""The processor as it travels to the Hub: pictures to pixels, beginnings and styles to tokens."""

from .image_processing_nanovlm import NanoVLMImageProcessor
from .processing_nanovlm import NanoVLMProcessor

__all__ = ["NanoVLMImageProcessor", "NanoVLMProcessor"]
