"""Screens ways to teach the encoder to see: it learns alone which words people use of a picture, for a fixed time.

    python -m experiments.encoder --dataset photos/ --name baseline --minutes 8
    python -m experiments.encoder --dataset photos/ --name softmax --minutes 8 --loss softmax

Prints and appends to `--results` a line of JSON: what was changed, and on the validation pictures

    map          mean average precision of the agreed words (those with five or more validation pictures)
    picture      right picture among 10 for a text, wrong ones from the same source: the exact expectation over all draws
    text         right text among 10 for a picture, likewise
    loss         nats a word of the texts, under the softmax over words

for the descriptions of the style "short" and for captions; `seen` is the same of as many training pictures. A text's score
for a picture is the log-likelihood of its words; a choice among texts subtracts a text's mean over all pictures of the
source.
"""

import argparse
import json
import math
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
from nanovlm_hf.processing import NanoVLMImageProcessor
from torch import nn
from torch.nn import functional as F

from nanovlm_hf.data.picture_cache import build_picture_cache
from nanovlm_hf.data.sources import read_datasets
from nanovlm_hf.training.augmentation import UNTRUE_WHEN_FLIPPED, UNTRUE_WHEN_RECOLOURED, augment
from nanovlm_hf.training.memory_and_threads import keep_freed_memory
from nanovlm_hf.training.word_loss import UNSURE, PictureWords


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dataset", default="photos/")
    add("--name", required=True)
    add("--results", default="runs/encoder.jsonl")
    add("--minutes", type=float, default=8.0, help="processor time to train")
    add("--seed", type=int, default=0)
    add("--size", default="mini")
    add("--side", type=int, default=112, help="pixels a side in training and validation")
    add("--start", help="a file of weights that an earlier run wrote with --save")
    add("--save")
    # What a picture looks like
    add("--min_crop", type=float, default=0.7)
    add("--recolour", type=float, default=0.0)
    add("--light", type=float, default=0.0, help="brightness and contrast change by up to this share")
    add("--cutout", type=float, default=0.0, help="side of a square that is made grey, as a share of the picture's")
    add("--mixup", type=float, default=0.0, help="Beta(a, a) of mixing pairs of pictures and their targets")
    add("--keep", type=float, default=1.0, help="share of the patches that the blocks see")
    # What is to be learned
    add("--loss", default="bce", choices=["bce", "softmax"])
    add("--targets", default="agreed", choices=["agreed", "share", "texts"])
    add("--num_words", type=int, default=800)
    add("--idf", type=float, default=0.0, help="softmax targets are weighted by document frequency ** -idf")
    add("--pool", default="mean", choices=["mean", "lse", "attention"])
    add("--contrast", type=float, default=0.0, help="weight of the contrastive loss")
    add("--words", type=float, default=1.0, help="weight of the words' loss")
    # How
    add("--optimizer", default="adamw", choices=["adamw", "muon"])
    add("--lr", type=float, default=1e-3)
    add("--muon_lr", type=float, default=1e-2)
    add("--batch", type=int, default=32)
    add("--decay", type=float, default=0.05)
    add("--dropout", type=float, default=0.1)
    add("--drop_path", type=float, default=0.0)
    add("--ema", type=float, default=0.998)
    add("--clip", type=float, default=1.0)
    return parser.parse_args()


# Words ---------------------------------------------------------------------------------------------------------------


def words_of(text):
    return re.findall(r"[a-z0-9'-]+", text.lower())


class Targets:
    """What the words' loss asks for, as (pictures, words)."""

    def __init__(self, rows, options):
        self.options = options
        self.agreed = PictureWords(rows)
        if options.targets == "agreed":
            self.vocabulary = self.agreed.vocabulary
        else:
            texts = [[t for t in row.texts if options.targets == "texts" or t.style == "caption"] for row in rows]
            counts = [Counter(w for t in ts for w in set(words_of(t.continuation))) for ts in texts]
            frequency = Counter(w for count in counts for w in count)
            ordered = sorted(frequency, key=lambda w: (-frequency[w], w))
            chosen = [w for w in ordered if frequency[w] < 0.4 * len(rows)]  # no "a", no "the"
            self.vocabulary = chosen[: options.num_words]
            index = {w: i for i, w in enumerate(self.vocabulary)}
            weight = {w: (frequency[w] / len(rows)) ** -options.idf for w in self.vocabulary}
            self.shares = [
                [(index[w], n / len(ts) * weight[w]) for w, n in count.items() if w in index]
                for count, ts in zip(counts, texts, strict=True)
            ]
        self.index = {w: i for i, w in enumerate(self.vocabulary)}
        self.columns = {
            name: torch.tensor([self.index[w] for w in names if w in self.index])
            for name, names in (("recoloured", UNTRUE_WHEN_RECOLOURED), ("flipped", UNTRUE_WHEN_FLIPPED))
        }

    def __call__(self, pictures, recoloured, flipped):
        if self.options.targets == "agreed":
            targets = self.agreed.targets(pictures)
            unsure = UNSURE
            if self.options.loss == "softmax":
                targets, unsure = targets.clamp(min=0), 0.0
        else:
            targets, unsure = torch.zeros(len(pictures), len(self.vocabulary)), UNSURE
            for row, picture in enumerate(pictures):
                for column, share in self.shares[picture]:
                    targets[row, column] = share
            if self.options.loss == "softmax":
                unsure = 0.0
        for changed, columns in ((recoloured, self.columns["recoloured"]), (flipped, self.columns["flipped"])):
            if changed.any() and len(columns):
                targets[changed.nonzero(), columns] = unsure
        return targets


# Model ---------------------------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    """The model's encoder at any resolution, with heads for words and for the contrast with texts."""

    def __init__(self, options, num_words):
        super().__init__()
        config = NanoVLMConfig.from_size(
            options.size, vision_config={"dropout": options.dropout}, image_tokens="pooled"
        )
        model = NanoVLMForConditionalGeneration(config)
        model.set_attn_implementation("eager")
        self.options, self.vision = options, model.vision_model
        width = config.vision_config.hidden_size
        self.word_head = nn.Linear(width, num_words)
        self.query = nn.Linear(width, 1)
        self.picture_head, self.text_head = nn.Linear(width, 256), nn.Embedding(num_words, 256)
        nn.init.normal_(self.text_head.weight, std=256**-0.5)
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def states(self, pixels):
        """(pictures, 3, side, side) -> (pictures, patches, hidden)."""
        e = self.vision.embeddings
        grid = e.neighbour_conv(e.patch_conv(pixels.contiguous(memory_format=torch.channels_last)))
        patches = e.linear(F.relu(e.layernorm(grid.flatten(2).transpose(1, 2))))
        places = e.position_embeddings[:, 1:]
        old, new = int(places.shape[1] ** 0.5), grid.shape[-1]
        if new != old:
            places = places.transpose(1, 2).unflatten(2, (old, old))
            places = F.interpolate(places, (new, new), mode="bilinear", align_corners=False, antialias=True)
            places = places.flatten(2).transpose(1, 2)
        patches = patches + places
        if self.training and self.options.keep < 1:
            kept = max(1, round(self.options.keep * patches.shape[1]))
            chosen = torch.rand(patches.shape[:2]).argsort(1)[:, :kept, None].expand(-1, -1, patches.shape[2])
            patches = patches.gather(1, chosen)
        first = (e.cls_token + e.position_embeddings[:, :1]).expand(len(patches), -1, -1).to(patches.dtype)
        states = e.dropout(e.embedding_layernorm(torch.cat([first, patches], 1)))
        for index, layer in enumerate(self.vision.layers):
            after = layer(states)[0]
            rate = self.options.drop_path * (index + 1) / len(self.vision.layers)
            if self.training and rate:
                alive = (torch.rand(len(states), 1, 1) >= rate).to(states.dtype) / (1 - rate)
                after = states + (after - states) * alive
            states = after
        return self.vision.layernorm(states)[:, 1:]

    def forward(self, pixels):
        """Scores of the words, (pictures, words), and the pictures' place among texts, (pictures, 256)."""
        states = self.states(pixels)
        mean = states.mean(1)
        if self.options.pool == "mean":
            scores = self.word_head(mean)
        elif self.options.pool == "lse":  # where a word is seen in a few patches, these few count most
            each = self.word_head(states).float()
            scores = torch.logsumexp(each, 1) - math.log(each.shape[1])
        else:
            weights = self.query(states).float().softmax(1).to(states.dtype)
            scores = self.word_head((states * weights).sum(1))
        return scores.float(), F.normalize(self.picture_head(mean).float(), dim=-1)

    def place_texts(self, bags):
        """Bags of words (texts, words) -> (texts, 256)."""
        return F.normalize(bags @ self.text_head.weight, dim=-1)


# Measures ------------------------------------------------------------------------------------------------------------


def right_among_10(scores):
    """Mean chance that the right column, the row's own number, beats 9 others drawn at random."""
    below = (scores < scores.diagonal()[:, None]).sum(1).double()
    others, chance = scores.shape[1] - 1, torch.ones(len(scores), dtype=torch.float64)
    for drawn in range(9):
        chance *= ((below - drawn) / (others - drawn)).clamp(min=0)
    return chance


def average_precision(scores, truth):
    truth = truth[scores.argsort(descending=True)]
    precision = truth.cumsum(0) / torch.arange(1, len(truth) + 1)
    return ((precision * truth).sum() / truth.sum()).item()


@torch.no_grad()
def measure(encoder, targets, rows, pixels, options):
    encoder.eval()
    scores, places = [], []
    for start in range(0, len(rows), 64):
        batch = prepare_pixels(pixels[start : start + 64])
        batch = F.interpolate(batch, (options.side, options.side), mode="bilinear", antialias=True)
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(batch)
        scores.append(found[0])
        places.append(found[1])
    encoder.train()
    scores, places = torch.cat(scores), torch.cat(places)
    logs = F.logsigmoid(scores) if options.loss == "bce" else F.log_softmax(scores, 1)
    result = {}
    agreed = PictureWords(rows)
    precisions = []
    for place, word in enumerate(agreed.vocabulary):
        truth = torch.tensor([place in there for there in agreed.there])
        if truth.sum() >= 5 and word in targets.index:
            precisions.append(average_precision(scores[:, targets.index[word]], truth))
    result["map"], result["map_words"] = float(np.mean(precisions)), len(precisions)
    for style in ("short", "caption"):
        sums = torch.zeros(6, dtype=torch.float64)
        for source in sorted({row.source for row in rows}):
            mine = [i for i, row in enumerate(rows) if row.source == source]
            for turn in range(5 if style == "caption" else 1):
                bags = torch.zeros(len(mine), len(targets.vocabulary))
                for at, i in enumerate(mine):
                    texts = [t for t in rows[i].texts if t.style == style]
                    for w in set(words_of(texts[turn % len(texts)].continuation)):
                        if w in targets.index:
                            bags[at, targets.index[w]] = 1
                matrix = bags @ logs[mine].T  # (texts, pictures)
                if options.contrast and not options.words:
                    matrix = encoder.place_texts(bags) @ places[mine].T
                chosen_text = (matrix - matrix.mean(1, keepdim=True)).T
                sums += torch.stack(
                    [
                        right_among_10(matrix).sum(),
                        right_among_10(chosen_text).sum(),
                        # How many nats a text owes to its picture; for the contrast's scores, without meaning.
                        (matrix.diagonal() - (matrix.sum(1) - matrix.diagonal()) / (len(mine) - 1)).sum().double(),
                        torch.tensor(float(len(mine)), dtype=torch.float64),
                        matrix.diagonal().sum().double(),
                        bags.sum().double(),
                    ]
                )
        result[f"picture_{style}"] = (sums[0] / sums[3]).item()
        result[f"text_{style}"] = (sums[1] / sums[3]).item()
        result[f"nats_{style}"] = (sums[2] / sums[3]).item()
        result[f"loss_{style}"] = -(sums[4] / sums[5]).item()
    return {name: round(value, 4) for name, value in result.items()}


# Training ------------------------------------------------------------------------------------------------------------


def prepare_pixels(pixels):
    return NanoVLMImageProcessor().normalize(torch.from_numpy(np.ascontiguousarray(pixels)))


def changed_pixels(pixels, options, step):
    """Crops, mirrors, recolours; to the training's resolution in the same go. Returns what `augment` does."""
    pixels, recoloured, flipped = augment(
        pixels, list(range(len(pixels))), options.seed, step, options.min_crop, True, options.recolour, options.side
    )
    draws = torch.rand(len(pixels), 4, 1, 1, 1)
    if options.light:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        contrast, brightness = (1 + options.light * (2 * draws[:, i] - 1) for i in (0, 1))
        pixels = ((pixels - mean) * contrast + mean) * brightness
    if options.cutout:
        half, side = options.cutout / 2, pixels.shape[-1]
        at = (torch.arange(side) + 0.5) / side
        inside_rows = (at[None] - draws[:, 2].flatten()[:, None]).abs() < half
        inside_columns = (at[None] - draws[:, 3].flatten()[:, None]).abs() < half
        pixels = pixels.masked_fill((inside_rows[:, :, None] & inside_columns[:, None, :])[:, None], 0.0)
    return pixels, recoloured, flipped


def words_loss(scores, targets, options):
    """Nats per picture."""
    if options.loss == "softmax":
        return -(targets * F.log_softmax(scores, 1)).sum() / len(scores)
    sure = targets != UNSURE
    return F.binary_cross_entropy_with_logits(scores[sure], targets[sure], reduction="sum") / len(scores)


def optimizers(encoder, options):
    matrices = {}
    if options.optimizer == "muon":
        matrices = {
            name: p
            for name, p in encoder.vision.named_parameters()
            if p.ndim in (2, 4) and "embeddings.patch_conv" not in name
        }
    taken = {id(p) for p in matrices.values()}
    others = [p for p in encoder.parameters() if id(p) not in taken]
    groups = [
        {"params": [p for p in others if p.ndim in (2, 4)], "weight_decay": options.decay},
        {"params": [p for p in others if p.ndim not in (2, 4)], "weight_decay": 0.0},
    ]
    made = [torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.99), fused=True)]
    if matrices:
        made.append(Muon(list(matrices.values()), lr=options.muon_lr, weight_decay=options.decay))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


class Muon(torch.optim.Optimizer):
    """Momentum, then the nearest matrix with equal singular values; convolutions are matrices (out, the rest)."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                buffer = state.setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(buffer, group["momentum"]).flatten(1)
                update = orthogonal(update) * max(1, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view_as(p).to(p.dtype), alpha=-group["lr"])


def orthogonal(matrix, steps=5):
    """Newton-Schulz iteration of fifth order (Jordan et al. 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if turned else x).float()


def main():
    options = arguments()
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(options.seed)
    splits = read_datasets([options.dataset])
    cache = {
        split: build_picture_cache(splits[split], NanoVLMImageProcessor(), None, show_progress=False).pixels
        for split in ("train", "validation")
    }
    targets = Targets(splits["train"], options)
    encoder = Encoder(options, len(targets.vocabulary))
    if options.start:
        loaded = torch.load(options.start, weights_only=True)
        own = encoder.state_dict()
        encoder.load_state_dict({n: v for n, v in loaded.items() if own[n].shape == v.shape}, strict=False)
    average = {name: value.clone() for name, value in encoder.state_dict().items()}
    made = optimizers(encoder, options)
    rng = np.random.default_rng(options.seed)
    order, step, spent, losses = [], 0, 0.0, []
    budget = 60 * options.minutes
    while spent < budget:
        started = time.process_time()
        if len(order) < options.batch:
            order = rng.permutation(len(splits["train"])).tolist()
        chosen, order = order[: options.batch], order[options.batch :]
        share = spent / budget
        for optimizer in made:
            for group in optimizer.param_groups:
                rise = min(1.0, (step + 1) / 100)
                group["lr"] = group["peak"] * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        pixels, recoloured, flipped = changed_pixels(prepare_pixels(cache["train"][chosen]), options, step)
        wanted = targets(chosen, recoloured, flipped)
        if options.mixup:
            part = float(rng.beta(options.mixup, options.mixup))
            pixels = part * pixels + (1 - part) * pixels.flip(0)
            unsure = (wanted == UNSURE) | (wanted.flip(0) == UNSURE)
            wanted = (part * wanted + (1 - part) * wanted.flip(0)).masked_fill(unsure, UNSURE)
        with torch.autocast("cpu", torch.bfloat16):
            scores, places = encoder(pixels)
        loss = options.words * words_loss(scores, wanted, options)
        if options.contrast:
            bags = torch.zeros(len(chosen), len(targets.vocabulary))
            for at, picture in enumerate(chosen):
                texts = splits["train"][picture].texts
                text = texts[int(rng.integers(len(texts)))]
                for w in set(words_of(text.continuation)):
                    if w in targets.index:
                        bags[at, targets.index[w]] = 1
            logits = encoder.scale.exp() * places @ encoder.place_texts(bags).T
            own = torch.arange(len(chosen))
            loss = loss + options.contrast * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
        for optimizer in made:
            optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), options.clip)
        for optimizer in made:
            optimizer.step()
        step += 1
        decay = min(options.ema, step / (step + 10))
        for name, value in encoder.state_dict().items():
            average[name].lerp_(value, 1 - decay)
        losses.append(loss.item())
        spent += time.process_time() - started
    result = {"name": options.name, "steps": step, "pictures": step * options.batch, "minutes": round(spent / 60, 2)}
    result["pictures_per_second"] = round(step * options.batch / spent, 1)
    result["train"] = round(float(np.mean(losses[-200:])), 3)
    result["raw"] = measure(encoder, targets, splits["validation"], cache["validation"], options)
    some = rng.permutation(len(splits["train"]))[: len(splits["validation"])]
    rows = [splits["train"][i] for i in some]
    result["seen"] = measure(encoder, targets, rows, cache["train"][some], options)
    encoder.load_state_dict(average)
    result["ema"] = measure(encoder, targets, splits["validation"], cache["validation"], options)
    if options.save:
        torch.save(average, options.save)
    result["options"] = {n: v for n, v in vars(options).items() if n not in ("dataset", "results", "name", "save")}
    Path(options.results).parent.mkdir(parents=True, exist_ok=True)
    with open(options.results, "a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
