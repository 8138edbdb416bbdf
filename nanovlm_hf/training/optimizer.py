"""AdamW, with Muon for the matrices inside: an encoder sees more after the same time, and after fewer pictures.

Muon (Jordan et al. 2024) follows the momentum's directions all alike: it moves a matrix by the nearest one whose singular
values are equal. AdamW keeps what reads pixels, writes words or is no matrix.
"""

from typing import Any

import torch
from torch import nn

MOMENTUM = 0.95
NEVER_MUON = ("patch_conv", "pooler", "lm_head", "word_head")  # reads pixels, or channels apart; writes words


def build_optimizer(
    model: nn.Module, learning_rate: float, muon_learning_rate: float, weight_decay: float, adam_beta2: float
) -> torch.optim.Optimizer:
    """Weight decay on matrices, not on biases, norms and embeddings of places.

    Args:
        muon_learning_rate: peak for linear layers and convolutions; 0 leaves all to AdamW.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    inner = [layer.weight for name, layer in layers if name.rpartition(".")[2] not in NEVER_MUON]
    muon = {id(weight) for weight in inner} if muon_learning_rate else set()
    groups: dict[tuple[bool, bool, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_muon, is_matrix = id(parameter) in muon, parameter.ndim == 2 or parameter.ndim == 4
        is_encoder = "vision_model" in name.split(".")
        group = {
            "params": [],
            "peak": muon_learning_rate if is_muon else learning_rate,
            "weight_decay": weight_decay if is_matrix else 0.0,
            "muon": is_muon,
            "encoder": is_encoder,
        }
        groups.setdefault((is_muon, is_matrix, is_encoder), group)["params"].append(parameter)
    return MuonAndAdamW(list(groups.values()), lr=learning_rate, betas=(0.9, adam_beta2), fused=True)


class MuonAndAdamW(torch.optim.AdamW):
    """Groups say by `muon` which of the two they take, by `peak` their highest learning rate, and whose they are."""

    def step(self, closure: Any = None) -> Any:
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group["muon"]]
        try:
            loss = super().step(closure)
        finally:
            self.param_groups = groups
        for group in groups:
            if group["muon"]:
                self._muon(group)
        return loss

    @torch.no_grad()
    def _muon(self, group: dict[str, Any]) -> None:
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if not state:
                state["momentum"] = torch.zeros_like(weight)
                state["step"] = torch.zeros(())  # AdamW's loading of a state asks for it
            state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
            update = equal_singular_values(weight.grad.lerp(state["momentum"], MOMENTUM).flatten(1))
            size = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update.view_as(weight), alpha=-group["lr"] * size)


def equal_singular_values(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """A matrix of the same singular vectors, its values between about 0.7 and 1.2 (Newton-Schulz, fifth order)."""
    # Plain products of the matrix itself. Going by its Gram matrix is cheaper and, in bf16, ruins the small values.
    x = matrix.bfloat16()
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    return x.to(matrix.dtype)
