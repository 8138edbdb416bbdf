"""Our three sizes beside published models: a picture to 90 tokens, and to the first, at batch 1.

    python -m benchmarks.peers [--peers BLIP-base GIT-base] [--threads 1] [--rounds 5]

All sides have their published shape, random weights (speed does not depend on them), fp32, the attention they come with,
transformers' own `generate`, greedy, and start from pixels of their own size. Before timing, each writes the tokens that it
writes without a cache, reads the picture once and writes exactly as many tokens as asked. One peer is in memory at a time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.common import Row, calibrate, clock_for, finish, in_turn, parse, parser_for, ratio, spread

TOKENS = 90  # a long description
CHECKED = 6
BARS = {"BLIP-base": (15, 12), "GIT-base": (7, 6)}  # times large's, to the last token and to the first
OURS = [(size, image_tokens) for size in ("large", "base", "mini") for image_tokens in ("cls", "pooled")]


def ours(size: str, image_tokens: str) -> tuple[Any, dict[str, Any]]:
    import torch
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration

    config = NanoVLMConfig.from_size(size, image_tokens=image_tokens)
    ids = torch.full((1, config.image_seq_length + 1), config.image_token_id)
    ids[0, -1] = 5  # where the style stands
    pixels = torch.randn(1, 3, config.vision_config.image_size, config.vision_config.image_size)
    return NanoVLMForConditionalGeneration(config), {"input_ids": ids, "pixel_values": pixels}


def blip_base() -> tuple[Any, dict[str, Any]]:
    """Salesforce/blip-image-captioning-base: ViT-B/16 at 384 pixels, a BERT-base that looks at all 577 patches."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    config = BlipConfig(text_config={"num_attention_heads": 12}, vision_config={"image_size": 384})
    return BlipForConditionalGeneration(config), {"pixel_values": torch.randn(1, 3, 384, 384)}


def git(**vision: Any) -> tuple[Any, dict[str, Any]]:
    """microsoft/git-base: CLIP ViT-B/16 at 224 pixels, 197 tokens of it before a text decoder of six layers."""
    import torch
    from transformers import GitConfig, GitForCausalLM

    return GitForCausalLM(GitConfig(vision_config=vision)), {"pixel_values": torch.randn(1, 3, 224, 224)}


def git_large() -> tuple[Any, dict[str, Any]]:
    """microsoft/git-large: the same decoder on CLIP ViT-L/14."""
    return git(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14)


def kosmos_2() -> tuple[Any, dict[str, Any]]:
    """microsoft/kosmos-2-patch14-224: CLIP ViT-L/14, 64 tokens of it before a decoder of 24 layers; 6.7 GB in fp32."""
    import torch
    from transformers import Kosmos2Config, Kosmos2ForConditionalGeneration

    ids = torch.full((1, 68), 5)
    slots = torch.zeros(1, 68, dtype=torch.long)
    slots[0, 2:66] = 1  # after the start and the mark of a picture
    inputs = {"input_ids": ids, "image_embeds_position_mask": slots, "pixel_values": torch.randn(1, 3, 224, 224)}
    return Kosmos2ForConditionalGeneration(Kosmos2Config()), inputs


def siglip_and_smollm2(image_size: int, scale_factor: int, vocab_size: int, tied: bool) -> tuple[Any, dict[str, Any]]:
    """SigLIP-B/16 (12 layers of 768), pixel shuffle, one linear layer, SmolLM2-135M (30 layers of 576)."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    width = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    text = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "head_dim": 64}
    text |= {"num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192}
    image_token_id = vocab_size - 1
    config = Idefics3Config(
        vision_config={**width, "image_size": image_size, "patch_size": 16},
        text_config={**text, "model_type": "llama", "vocab_size": vocab_size, "tie_word_embeddings": tied},
        scale_factor=scale_factor,
        image_token_id=image_token_id,
        pad_token_id=2,
        tie_word_embeddings=tied,
    )
    slots = (image_size // 16 // scale_factor) ** 2
    ids = torch.full((1, slots + 4), image_token_id)
    ids[0, 0], ids[0, -3:] = 1, 5
    pixels = torch.randn(1, 1, 3, image_size, image_size)
    return Idefics3ForConditionalGeneration(config), {"input_ids": ids, "pixel_values": pixels}


PEERS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "BLIP-base": blip_base,
    "GIT-base": git,
    "GIT-large": git_large,
    # One tile of 512 pixels (64 tokens); its processor cuts large photographs in up to 17, each as dear.
    "SmolVLM-256M": lambda: siglip_and_smollm2(512, 4, 49280, tied=False),
    # nanoVLM-222M: 224 pixels, 49 tokens.
    "SigLIP-B/16 + SmolLM2-135M": lambda: siglip_and_smollm2(224, 2, 49152, tied=True),
    "Kosmos-2": kosmos_2,
}
GIGABYTES = {"Kosmos-2": 9}  # to be free; the others need under 2


def writer(built: tuple[Any, dict[str, Any]], name: str) -> Callable[..., Any]:
    """`write(tokens)` gives that many token ids, after it was checked that the model's cache changes nothing."""
    import torch

    model, inputs = built
    model.eval()
    starts = inputs["input_ids"].shape[1] if "input_ids" in inputs else 1

    @torch.inference_mode()
    def write(tokens: int, **settings: Any) -> list[int]:
        limits = {"min_new_tokens": tokens, "max_new_tokens": tokens, "do_sample": False}
        return model.generate(**inputs, **{**limits, **settings})[0, starts:].tolist()

    reads = []
    encoder = next(
        module for name, module in model.named_modules() if name.endswith(("vision_model", "image_encoder"))
    )
    hook = encoder.register_forward_hook(lambda *_: reads.append(1))
    written = write(TOKENS)
    hook.remove()
    if len(written) != TOKENS or len(reads) != 1:
        raise RuntimeError(
            f"{name} wrote {len(written)} tokens, not {TOKENS}, or read the picture {len(reads)} times."
        )
    plain = write(CHECKED, use_cache=False)
    if plain != written[:CHECKED]:
        raise RuntimeError(f"{name} writes {written[:CHECKED]} with its cache and {plain} without.")
    return write


def on_one_thread(write: Callable[..., Any], tokens: int) -> None:
    """A step of so small a model is too little to share; `nanovlm describe` runs one picture like this."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    write(tokens)
    torch.set_num_threads(threads)


def sides_of(writers: dict[str, Callable[..., Any]], threads: int) -> dict[str, Callable[[], Any]]:
    sides: dict[str, Callable[[], Any]] = {}
    for name, write in writers.items():
        for tokens in (TOKENS, 1):
            sides[f"{name} {tokens}"] = partial(write, tokens)
            if threads > 1 and name == "large, cls":
                sides[f"{name}, 1 thread {tokens}"] = partial(on_one_thread, write, tokens)
    return sides


def rows_of(found: dict[str, list[float]], peers: list[str], together: dict[str, dict[str, list[float]]]) -> list[Row]:
    """`found`: our sides over all rounds; `together`: for each peer its rounds, and ours between them."""
    rows = []
    for tokens, group in ((TOKENS, f"a picture to {TOKENS} tokens"), (1, "a picture to the first token")):
        for name in found:
            if name.endswith(f" {tokens}"):
                rows.append(Row(group, name.removesuffix(f" {tokens}"), *spread(found[name], 1e3), "ms"))
        for peer in peers:
            side = f"{peer} {tokens}"
            row = Row(group, peer, *spread(together[peer][side], 1e3), "ms", "peer")
            bar = (">=", float(BARS[peer][tokens == 1])) if peer in BARS else None
            row.over("large, cls", ratio(together[peer], side, f"large, cls {tokens}"), bar)
            row.note = f"{ratio(together[peer], side, f'large, pooled {tokens}')[0]:.1f}x large, pooled"
            rows.append(row)
    return rows


def main() -> None:
    parser = parser_for(__doc__, rounds=5)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    options = parse(parser)
    import psutil
    import torch
    from rich import print
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(options.threads)
    before, clock = calibrate(), clock_for(options.threads)
    torch.manual_seed(0)
    mine = {f"{size}, {form}": writer(ours(size, form), f"{size}, {form}") for size, form in OURS}
    found: dict[str, list[float]] = {}
    together: dict[str, dict[str, list[float]]] = {}
    left_out = {}
    for peer in options.peers:
        free = psutil.virtual_memory().available / 1e9
        if free < GIGABYTES.get(peer, 2):
            left_out[peer] = f"needs {GIGABYTES.get(peer, 2)} GB of memory, {free:.1f} GB are free"
            print(f"{peer} left out: {left_out[peer]}")
            continue
        built = PEERS[peer]()
        millions = sum(parameter.numel() for parameter in built[0].parameters()) / 1e6
        print(f"{peer}: {millions:.0f}M parameters, attention {built[0].config._attn_implementation}")
        sides = sides_of({**mine, peer: writer(built, peer)}, options.threads)
        together[peer] = in_turn(sides, options.rounds, clock)
        for name, seconds in together[peer].items():
            if not name.startswith(f"{peer} "):
                found.setdefault(name, []).extend(seconds)
        del built, sides
    finish(rows_of(found, list(together), together), options, before, left_out=left_out)


if __name__ == "__main__":
    main()
