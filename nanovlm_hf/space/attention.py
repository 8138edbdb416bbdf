"""Where a NanoVLM looks while it writes, and how much likelier a picture makes its text.

    looks = look(model, inputs, ids)                 # a map of the picture for each token
    nats_per_token(model, ids, pixel_values, length)

This file lies in the Space as it is: it imports torch, numpy and PIL only.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F

LONGEST_SIDE = 768


class Looks(NamedTuple):
    """`maps` (tokens or 1, side, side): how attention spreads over the picture, each summing to 1. `on_picture`: the
    share of all attention that fell on it, a number a token; `None` where the text sees one vector of the picture."""

    maps: np.ndarray
    on_picture: np.ndarray | None


@torch.inference_mode()
def look(model: Any, pixel_values: torch.Tensor, ids: torch.Tensor, given: int) -> Looks:
    """Attention of written tokens over image tokens, as a mean over the decoder's layers and heads.

    A model whose text sees the picture as one vector (`image_tokens="cls"`) cannot look at different places for
    different words; there it is the attention of that vector, [CLS], over the patches, in the encoder's last block.

    Args:
        model: a `NanoVLMForConditionalGeneration` with eager attention, which alone gives weights out.
        pixel_values: (1, 3, height, width).
        ids: (1, length), image slots, style, beginning and what was written.
        given: how many of them were not written.
    """
    if model.config.image_tokens == "cls":
        weights = model.vision_model(pixel_values, cls_only=True, output_attentions=True).attentions[-1]
        weights, on_picture = weights[0, :, 0, 1:].mean(0, keepdim=True), None  # (1, patches)
    else:
        attentions = model(input_ids=ids, pixel_values=pixel_values, output_attentions=True).attentions
        slots = ids[0] == model.config.image_token_id
        # The row before a token is the one that chooses it.
        weights = torch.stack(attentions)[:, 0].mean((0, 1))[given - 1 : -1, slots]  # (written, slots)
        on_picture = weights.sum(1).float().cpu().numpy()
    side = int(weights.shape[1] ** 0.5)
    maps = (weights / weights.sum(1, keepdim=True)).float().cpu().numpy()
    return Looks(maps.reshape(-1, side, side), on_picture)


def draw_heat(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """A map (side, side) as colours on a picture: blue where attention is least, yellow where it is most."""
    picture = picture.copy()
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    spread = (heat - heat.min()) / max(float(heat.max() - heat.min()), 1e-9)
    grey = Image.fromarray((255 * spread).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    colours = ImageOps.colorize(grey, black="#16006e", mid="#d8456c", white="#fff34f")
    return Image.blend(ImageOps.grayscale(picture).convert("RGB"), colours, 0.55)


@torch.inference_mode()
def nats_per_token(model: Any, pixel_values: torch.Tensor, ids: torch.Tensor, given: int) -> float:
    """Negative log-likelihood of what was written, under a picture; see `look` for the arguments."""
    logits = model(input_ids=ids, pixel_values=pixel_values).logits[0, given - 1 : -1].float()
    return F.cross_entropy(logits, ids[0, given:]).item()


def shuffle_patches(pixel_values: torch.Tensor, patch_size: int) -> torch.Tensor:
    """The same patches in another order, the same on every call: colours stay, things are gone."""
    patches = F.unfold(pixel_values, patch_size, stride=patch_size)  # (1, 3 * patch area, patches)
    order = torch.randperm(patches.shape[2], generator=torch.Generator().manual_seed(0)).to(patches.device)
    return F.fold(patches[:, :, order], pixel_values.shape[-2:], patch_size, stride=patch_size)
