"""Pictures of any kind to normalised pixels: paths, URLs, bytes, base64, PIL images of any mode, arrays.

    NanoVLMImageProcessor()(["photo.jpg", pil_image], return_tensors="pt").pixel_values      # (2, 3, 224, 224)

This file travels to the Hub with the weights: it imports numpy, PIL, torch and transformers only.
"""

import base64
import io
import os
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor


def load_picture(source):
    """Opens a picture and turns it into upright RGB.

    Args:
        source (`str`, `Path`, `bytes`, `PIL.Image.Image`, `np.ndarray` or `torch.Tensor`): a path, an http(s) or `data:`
            URL, base64 as chats hold it, an encoded file's bytes, an image of any mode, or an array (height, width[,
            channels]) or (channels, height, width) of 0-255 whole numbers or 0-1 fractions.

    Returns:
        `PIL.Image.Image` in mode RGB: EXIF orientation applied, transparency on white, 16 bits reduced to 8.

    Raises:
        FileNotFoundError: no file at that path.
        ValueError: there is something, but not a whole picture; the message names it.
    """
    name = str(source) if isinstance(source, (str, Path)) else f"a picture given as {type(source).__name__}"
    if len(name) > 300:  # what it holds, rather than where it is
        name = f"{name[:80]}..."
    if isinstance(source, (np.ndarray, torch.Tensor)):
        return _array_to_image(source)
    try:
        if isinstance(source, str):
            source = _read_text(source)
        image = source if isinstance(source, Image.Image) else None
        if image is None:
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        return _to_rgb(image)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name}: no such picture. Check the path.") from error
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: not a readable picture ({error}). Is it damaged, cut off or no image?") from error


def _read_text(source):
    """The bytes that a URL or base64 stand for; a path as it is."""
    if source.startswith(("http://", "https://", "data:")):
        request = urllib.request.Request(source, headers={"User-Agent": "nanovlm"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()
    if len(source) > 60 and "." not in source and not os.path.exists(source):  # too long for a name that has no ending
        with suppress(ValueError):
            return base64.b64decode("".join(source.split()), validate=True)
    return source


def _to_rgb(image):
    image = ImageOps.exif_transpose(image)  # reads the whole file: a truncated one fails here
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits of grey, or fractions
        return _array_to_image(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _array_to_image(array):
    array = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)  # channels first
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"An array of shape {array.shape} is no picture: expected (height, width), (height, width, 1, 3 or 4) or "
            "(1, 3 or 4, height, width)."
        )
    if array.dtype != np.uint8:
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError("An array with infinite or undefined values is no picture.")
        if array.max() <= 1.0:
            array = array * 255
        elif array.max() > 255:
            array = array / 257  # 16 bits
        array = array.clip(0, 255).round().astype(np.uint8)
    return _to_rgb(Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array))


class NanoVLMImageProcessor(BaseImageProcessor):
    r"""
    Squashes a picture to the model's square, scales and normalises it.

    Args:
        size (`dict`, *optional*, defaults to `{"height": 224, "width": 224}`): of the result, in pixels.
        resample (`int`, *optional*, defaults to 3): PIL's filter; 3 is bicubic.
        image_mean (`list[float]`, *optional*, defaults to `[0.5, 0.5, 0.5]`): per channel, of pixels scaled to 0-1.
        image_std (`list[float]`, *optional*, defaults to `[0.5, 0.5, 0.5]`): likewise.
        rescale_factor (`float`, *optional*, defaults to 1/255): scales pixels to 0-1; 0 makes every picture the same,
            for a model that learns what texts tell without one.
    """

    model_input_names = ["pixel_values"]
    _auto_class = "AutoImageProcessor"

    def __init__(
        self,
        size=None,
        resample=3,
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
        rescale_factor=1 / 255,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = size or {"height": 224, "width": 224}
        self.resample = resample
        self.image_mean = list(image_mean)
        self.image_std = list(image_std)
        self.rescale_factor = rescale_factor

    def resize(self, source):
        """A picture of any kind to uint8 RGB at the model's size: (height, width, 3)."""
        size = (self.size["width"], self.size["height"])
        image = load_picture(source)
        return np.asarray(image if image.size == size else image.resize(size, self.resample))

    def normalize(self, pixels):  # type: ignore[override]
        """uint8 `torch.Tensor` (pictures, height, width, 3) to what the model reads: float32 (pictures, 3, height, width)."""
        mean, std = torch.tensor([self.image_mean, self.image_std], device=pixels.device)
        return pixels.to(torch.float32, copy=True).mul_(self.rescale_factor / std).sub_(mean / std).permute(0, 3, 1, 2)

    def preprocess(self, images, return_tensors=None):  # type: ignore[override]
        """One picture or a list of them to `pixel_values` (pictures, 3, height, width)."""
        images = list(images) if isinstance(images, (list, tuple)) else [images]
        pixels = torch.from_numpy(np.stack([self.resize(image) for image in images]))
        return BatchFeature({"pixel_values": self.normalize(pixels).contiguous().numpy()}, tensor_type=return_tensors)


__all__ = ["NanoVLMImageProcessor"]
