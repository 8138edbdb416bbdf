"""How well a model predicts validation texts, and how much of that it owes to the picture.

Loss alone does not tell whether a model looks: the same texts are scored with the right picture and with a wrong one of
the same source, and the difference (nats per token) is the gap.
"""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from nanovlm_hf.data.batches import IGNORED, Batch, TrainingData

PICTURES_AT_ONCE = 64


def wrong_pictures(sources: list[str], pictures: list[int], seed: int = 0, count: int = 1) -> dict[int, list[int]]:
    """For each picture `count` others of the same source, or as many as there are.

    They are its successors in a seeded ring: the first ones of all pictures are a derangement, the second ones another,
    and no picture gets the same one twice.
    """
    rng = np.random.default_rng(seed)
    wrong: dict[int, list[int]] = {}
    for source in sorted(set(sources)):
        ring = rng.permutation([picture for picture in pictures if sources[picture] == source]).tolist()
        for place, picture in enumerate(ring):
            wrong[picture] = (ring[place + 1 :] + ring[:place])[:count]
    return wrong


def text_losses(
    model: Any, batch: Batch, pictures: Any, image_index: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Negative log-likelihood of each text, in nats, and its number of target tokens: two tensors (texts,).

    Args:
        model: a `NanoVLMForConditionalGeneration`.
        batch: texts; their pictures are not looked at.
        pictures: the model's cache after reading pictures (`read_pictures`).
        image_index: (texts,), the picture that each text is scored with.
    """
    logits = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        past_key_values=pictures,
        image_index=image_index,
        use_cache=False,
    ).logits
    targets = batch.labels[:, -logits.shape[1] :][:, 1:]
    losses = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), targets.flatten(), reduction="none")
    counted = targets != IGNORED
    return (losses.view_as(targets) * counted).sum(1), counted.sum(1)


@torch.no_grad()
def validate(model: Any, data: TrainingData, image_processor: Any, accelerator: Any, bf16: bool) -> dict[str, float]:
    """Losses in nats per token, over all texts and by style, with the right and with wrong pictures.

    Returns:
        `loss`, `shuffled_loss` and `gap` (their difference), and the three for each style: `loss_short`, ...
    """
    was_training = model.training
    model.eval()
    device = accelerator.device
    pictures = sorted({item.picture for item in data.items})
    wrong = wrong_pictures(data.sources, pictures)
    place = {picture: index for index, picture in enumerate(pictures)}
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
    with autocast:
        features = []
        for start in range(0, len(pictures), PICTURES_AT_ONCE):
            pixels = torch.from_numpy(data.pixels[pictures[start : start + PICTURES_AT_ONCE]]).to(device)
            features.append(model.get_image_features(image_processor.normalize(pixels)).float())
        seen = model.model.read_pictures(torch.cat(features))

        styles = sorted(set(data.styles))
        sums = torch.zeros(len(styles), 3, dtype=torch.float64, device=device)  # right, wrong, tokens
        order = sorted(range(len(data)), key=lambda index: data.items[index].length)
        chunks = [order[start : start + PICTURES_AT_ONCE] for start in range(0, len(order), PICTURES_AT_ONCE)]
        for chunk in chunks[accelerator.process_index :: accelerator.num_processes]:
            batch = data.texts_of(chunk).to(device)
            shown = [batch.pictures[index] for index in batch.image_index.tolist()]
            right = torch.tensor([place[picture] for picture in shown], device=device)
            shuffled = torch.tensor([place[(wrong[picture] or [picture])[0]] for picture in shown], device=device)
            style = torch.tensor([styles.index(data.styles[text]) for text in batch.texts], device=device)
            right_losses, tokens = text_losses(model, batch, seen, right)
            wrong_losses, _ = text_losses(model, batch, seen, shuffled)
            sums.index_add_(0, style, torch.stack([right_losses, wrong_losses, tokens], dim=1).double())
    model.train(was_training)
    sums = accelerator.reduce(sums, reduction="sum").cpu()
    results = _rates("", sums.sum(0))
    for name, row in zip(styles, sums, strict=True):
        results |= _rates(f"_{name}", row)
    return results


def _rates(suffix: str, sums: torch.Tensor) -> dict[str, float]:
    right, wrong, tokens = sums.tolist()
    right, wrong = right / tokens, wrong / tokens
    return {f"loss{suffix}": right, f"shuffled_loss{suffix}": wrong, f"gap{suffix}": wrong - right}
