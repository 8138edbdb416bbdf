"""Pictures seen a little differently each time: random crops, mirror images, other colours, a whole batch at once.

The random numbers come from (seed, step) and a picture's place in the step's batch, so that a resumed run and any
number of processes draw the same.
"""

from typing import Any

import torch
from torch.nn import functional as F

# What a picture's texts can no longer be asked to say of it.
UNTRUE_WHEN_RECOLOURED = [
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "gray",
    "grey",
]
UNTRUE_WHEN_FLIPPED = ["left", "right"]


def augment(
    pixels: torch.Tensor,
    positions: list[int],
    seed: int,
    step: int,
    min_crop: float = 1.0,
    flip: bool = False,
    recolour: float = 0.0,
    side: int = 0,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Crops, mirrors and recolours pictures.

    Args:
        pixels: (pictures, 3, height, width) float, normalised.
        positions: the pictures' places in the step's batch.
        min_crop: smallest side of a crop, as a share of the picture's; each side is drawn for itself. 1 is no crop.
        flip: mirror half of the pictures, left to right.
        recolour: share of pictures whose hue is turned and whose colours fade, both at random, so that things are
            learned apart from their colours.
        side: of the pictures that come out, in pixels; 0 is that of those that go in.

    Returns:
        The pictures, and for each whether it is recoloured and whether it is flipped: (pictures,) bool.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    draws = torch.rand(max(positions) + 1, 8, generator=generator)[positions]
    is_recoloured, is_flipped = draws[:, 5] < recolour, (draws[:, 4] < 0.5) & flip
    if is_recoloured.any():
        chosen = is_recoloured.to(pixels.device)
        mixing = _recolouring(angle=2 * torch.pi * draws[is_recoloured, 6], saturation=draws[is_recoloured, 7])
        recoloured = torch.einsum("nij,njhw->nihw", mixing.to(pixels.device, pixels.dtype), pixels[chosen])
        pixels[chosen] = recoloured.clamp_(pixels.min(), pixels.max())
    if min_crop >= 1.0 and not flip and side in (0, pixels.shape[-1]):
        return pixels, is_recoloured, is_flipped
    sides = min_crop + (1 - min_crop) * draws[:, :2]  # (pictures, 2): width and height of the crop
    centres = (1 - sides) * (2 * draws[:, 2:4] - 1)  # where it lies, in the grid's -1..1
    mirror = torch.where(is_flipped, -1.0, 1.0)
    # The grid of `affine_grid` for axis-aligned crops: columns and rows apart, at a fraction of its cost.
    height, width = (side, side) if side else pixels.shape[-2:]
    across = sides[:, :1] * mirror[:, None] * _pixel_centres(width) + centres[:, :1]  # (pictures, width)
    down = sides[:, 1:] * _pixel_centres(height) + centres[:, 1:]  # (pictures, height)
    grid = torch.empty(len(pixels), height, width, 2)
    grid[..., 0], grid[..., 1] = across[:, None, :], down[:, :, None]
    grid = grid.to(pixels.device, pixels.dtype)
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return pixels, is_recoloured, is_flipped


def _recolouring(angle: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """Matrices on RGB that keep the brightness, turn the hue and scale the saturation: (pictures, 3, 3)."""
    to_yiq = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    turn = torch.zeros(len(angle), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * torch.cos(angle)
    turn[:, 2, 1] = saturation * torch.sin(angle)
    turn[:, 1, 2] = -turn[:, 2, 1]
    return torch.linalg.inv(to_yiq) @ turn @ to_yiq


def _pixel_centres(size: int) -> torch.Tensor:
    return (2 * torch.arange(size) + 1) / size - 1


def token_ids_of(words: list[str], tokenizer: Any) -> torch.Tensor:
    """The tokens that are one of these words, with and without a blank before, in lower case and capitalised."""
    forms = [form for word in words for form in (word, word.capitalize(), f" {word}", f" {word.capitalize()}")]
    ids = [tokenizer(form, add_special_tokens=False)["input_ids"] for form in forms]
    return torch.tensor(sorted({form[0] for form in ids if len(form) == 1}), dtype=torch.long)
