"""Other people's models: tiny ones of the real classes, saved, loaded by path, and held against a plain greedy loop."""

import json

import pytest
import torch
import transformers
from conftest import TEXTS, draw
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from nanovlm_hf.data.sources import Text
from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.models import load_model

PICTURES = [draw(seed, size) for seed, size in enumerate([(40, 40), (80, 40), (40, 40), (30, 60)])]
BEGINNINGS = ["A red ball", "The little dog runs", "A blue boat", "A yellow star"]
SHORT = Decoding(max_new_tokens={"caption": 8, "short": 8, "long": 8})
SIDE = {"height": 32, "width": 32}
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION |= {"image_size": 32, "patch_size": 16}
TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role | capitalize }}:{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %} {{ part.text }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def word_pieces():
    """BERT's own way: lower case, pieces of words, [CLS] and [SEP] around."""
    letters = {letter for text in TEXTS for letter in text.lower()}
    words = {word for text in TEXTS for word in text.lower().strip(".").split()}
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(letters), *sorted(words - letters)]
    vocabulary += [f"##{letter}" for letter in sorted(letters)]
    return transformers.BertTokenizer(vocab={token: index for index, token in enumerate(vocabulary)})


def sentence_pieces():
    """XLM-RoBERTa's way, which Kosmos-2 uses: a word carries its blank."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", *(f"<image_{i}>" for i in range(4))]
    tokenizer.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def byte_pieces(extra):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=extra, initial_alphabet=alphabet, show_progress=False),
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=extra[0], eos_token=extra[1], extra_special_tokens=extra[2:]
    )


def save_as_published(processor, folder, image_processor_type, **fields):
    """In the files that these repositories have on the Hub, older than the single processor_config.json."""
    processor.save_pretrained(folder)
    written = json.loads((folder / "processor_config.json").read_text())
    image_processor = {**written["image_processor"], "image_processor_type": image_processor_type}
    image_processor["processor_class"] = type(processor).__name__
    (folder / "preprocessor_config.json").write_text(json.dumps(image_processor))
    (folder / "processor_config.json").unlink()
    if fields:
        (folder / "processor_config.json").write_text(json.dumps(fields))


def blip(folder):
    tokenizer = word_pieces()
    size = len(tokenizer)
    # The published config still carries generation settings from before they had a file of their own.
    text = {**TEXT, "encoder_hidden_size": 16, "vocab_size": size + 2, "bos_token_id": size, "eos_token_id": 3}
    config = transformers.BlipConfig(text_config={**text, "pad_token_id": 0, "sep_token_id": 3}, vision_config=VISION)
    transformers.BlipForConditionalGeneration(config).save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    written["text_config"] |= {"max_length": 20, "min_length": 0, "num_beams": 1, "do_sample": False}
    (folder / "config.json").write_text(json.dumps(written))
    processor = transformers.BlipProcessor(transformers.BlipImageProcessorPil(size=SIDE), tokenizer)
    save_as_published(processor, folder, "BlipImageProcessor")


def git(folder):
    tokenizer = word_pieces()
    config = transformers.GitConfig(
        **TEXT, vocab_size=len(tokenizer), vision_config=VISION, bos_token_id=2, eos_token_id=3, pad_token_id=0
    )
    transformers.GitForCausalLM(config).save_pretrained(folder)
    image_processor = transformers.CLIPImageProcessorPil(size=SIDE, crop_size=SIDE)
    save_as_published(transformers.GitProcessor(image_processor, tokenizer), folder, "CLIPImageProcessor")


def kosmos2(folder):
    image_processor = transformers.CLIPImageProcessorPil(size=SIDE, crop_size=SIDE)
    processor = transformers.Kosmos2Processor(image_processor, sentence_pieces(), num_patch_index_tokens=4)
    text = {"embed_dim": 16, "ffn_dim": 32, "layers": 2, "attention_heads": 2, "vocab_size": len(processor.tokenizer)}
    config = transformers.Kosmos2Config(text_config=text, vision_config=VISION, latent_query_num=4)
    transformers.Kosmos2ForConditionalGeneration(config).save_pretrained(folder)
    save_as_published(processor, folder, "CLIPImageProcessor")


def idefics3(folder):
    """SmolVLM's architecture. It cuts pictures into tiles, of other number for other shapes."""
    extra = ["<pad>", "<end_of_utterance>", "<image>", "<fake_token_around_image>", "<global-img>"]
    extra += [f"<row_{i}_col_{j}>" for i in range(1, 3) for j in range(1, 3)]
    tokenizer = byte_pieces(extra)
    image_processor = transformers.Idefics3ImageProcessorPil(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}
    )
    processor = transformers.Idefics3Processor(
        image_processor, tokenizer, image_seq_len=1, chat_template=CHAT_TEMPLATE
    )
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    text = {**TEXT, "model_type": "llama", "num_key_value_heads": 2, "vocab_size": len(tokenizer), **ids}
    config = transformers.Idefics3Config(
        text_config=text, vision_config=VISION, image_token_id=2, scale_factor=2, pad_token_id=0
    )
    model = transformers.Idefics3ForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(eos_token_id=[1], pad_token_id=0)
    model.save_pretrained(folder)
    save_as_published(
        processor, folder, "Idefics3ImageProcessor", image_seq_len=1, processor_class="Idefics3Processor"
    )


@pytest.fixture(scope="module", params=[blip, git, kosmos2, idefics3], ids=lambda make: make.__name__)
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.__name__)
    torch.manual_seed(0)
    request.param(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    model = load_model(str(folder), device="cpu")
    for name, weights in model.model.named_parameters():  # large enough for pictures and words to matter
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.5, generator=torch.Generator().manual_seed(len(name)))
    return model


def forward(model, picture, beginning, style):
    """A picture and a beginning as the class's documentation has them, and the forward pass from there on."""
    processor, kind = model.processor, model.model.config.model_type
    if kind == "blip":
        inputs = processor(images=picture, text=beginning, return_tensors="pt")
        inputs["input_ids"] = inputs["input_ids"][:, :-1]  # without [SEP]; [DEC] in front
        inputs["input_ids"][:, 0] = model.model.config.text_config.bos_token_id
        return inputs["input_ids"], lambda ids: model.model(pixel_values=inputs["pixel_values"], input_ids=ids)
    if kind == "git":
        ids = [
            processor.tokenizer.cls_token_id,
            *processor.tokenizer(beginning, add_special_tokens=False)["input_ids"],
        ]
        pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
        return torch.tensor([ids]), lambda ids: model.model(pixel_values=pixels, input_ids=ids)
    if kind == "kosmos-2":
        inputs = processor(images=picture, text=beginning, num_image_tokens=4, return_tensors="pt")
        slots = inputs["image_embeds_position_mask"]
        return inputs["input_ids"], lambda ids: model.model(
            pixel_values=inputs["pixel_values"],
            input_ids=ids,
            image_embeds_position_mask=torch.nn.functional.pad(slots, (0, ids.shape[1] - slots.shape[1])),
        )
    question = {
        "caption": "Describe this picture in one sentence.",
        "short": "Describe this picture in 20 to 25 words, in 2 to 3 short sentences, as a four-year-old child would tell it.",
    }[style]
    prompt = f"User:<image> {question}<end_of_utterance>\nAssistant:" + (f" {beginning}" if beginning else "")
    inputs = processor(images=[picture], text=prompt, return_tensors="pt")
    tiles = {key: inputs[key] for key in ("pixel_values", "pixel_attention_mask")}
    return inputs["input_ids"], lambda ids: model.model(input_ids=ids, **tiles)


def greedy(model, picture, beginning, style):
    """The most likely token, again and again, with no cache, no padding and no `generate`."""
    ids, step = forward(model, picture, beginning, style)
    start = ids.shape[1]
    while ids.shape[1] < start + 8 and (ids.shape[1] == start or ids[0, -1] != model.end_id):
        ids = torch.cat([ids, step(ids).logits[:, -1:].argmax(-1)], dim=1)
    return ids[0, start:].tolist()


@torch.no_grad()
def test_a_completion_is_what_the_model_finds_likeliest_after_the_beginning(model):
    written = {}
    plain = type(model)._completion

    def note(prompt, ids, beginning):
        written[beginning] = ids[: ids.index(model.end_id) + 1] if model.end_id in ids else ids
        return plain(model, prompt, ids, beginning)

    model._completion = note
    completions = model.complete(PICTURES, BEGINNINGS, "short", SHORT)
    del model._completion
    assert written == {b: greedy(model, p, b, "short") for p, b in zip(PICTURES, BEGINNINGS, strict=True)}
    assert len({tuple(ids) for ids in written.values()}) > 1
    assert [c.ended for c in completions] == [model.end_id in written[b] for b in BEGINNINGS]
    alone = [model.complete([p], [b], "short", SHORT)[0] for p, b in zip(PICTURES, BEGINNINGS, strict=True)]
    assert alone == completions


@torch.no_grad()
def test_log_likelihood_is_that_of_the_tokens_after_the_beginning(model):
    chat = model.model.config.model_type == "idefics3"  # leaves out the end of the turn
    texts = [Text("short", "lies on the grass.", "A red ball"), Text("short", "A blue boat sails.")]
    scored = model.log_likelihood(PICTURES[0], texts)
    for index, (beginning, rest) in enumerate((("A red ball", " lies on the grass."), ("", "A blue boat sails."))):
        ids, step = forward(model, PICTURES[0], beginning, "short")
        targets = model.text_ids((" " if chat and not beginning else "") + rest) + ([] if chat else [model.end_id])
        whole = torch.cat([ids, torch.tensor([targets])], dim=1)
        logp = step(whole).logits[0, -len(targets) - 1 : -1].log_softmax(-1)
        expected = logp[torch.arange(len(targets)), targets].sum().item()
        assert scored.rest[index] == pytest.approx(expected, rel=1e-4)
        assert scored.rest_tokens[index] == len(targets)
    assert scored.whole[1] == scored.rest[1] and scored.whole[0] < scored.rest[0]
    from_nothing = model.log_likelihood(PICTURES[0], [Text("short", "A red ball lies on the grass.")])
    assert scored.whole[0] == pytest.approx(from_nothing.whole[0], rel=1e-4)
    other = model.log_likelihood(PICTURES[1], texts[:1])
    assert abs(other.whole[0] - scored.whole[0]) > 1e-3


def test_beginning_and_completion_join_to_the_text(model):
    prompt, rest = model.text_ids("A red ball"), model.text_ids(" lies on the grass.")
    completion = model._completion(prompt, [*rest, model.end_id, *prompt], "A red ball")
    assert completion == (" lies on the grass.", True)
    assert model._completion(prompt, rest, "A red ball").ended is False
    joined = model._completion(model.text_ids("A red ball"), model.text_ids(".")[-1:], "A red ball").text
    assert joined.strip() == "."
    assert model._completion([], [*model.text_ids("A boat"), model.end_id], "").text.lower() == "a boat"


def test_kosmos_names_its_prompt_for_captions_and_drops_its_marks(tmp_path, monkeypatch):
    kosmos2(tmp_path)
    model = load_model(str(tmp_path), device="cpu")
    asked = []
    write = model.write
    monkeypatch.setattr(
        model, "write", lambda pictures, ids, *a, **s: (asked.append(ids), write(pictures, ids, *a, **s))[1]
    )
    model.complete(PICTURES[:1], [""], "caption", SHORT)
    assert asked[0][0].tolist() == model.processor(PICTURES[0], "An image of", num_image_tokens=4)["input_ids"]
    marks = [model.tokenizer.convert_tokens_to_ids(mark) for mark in ("<phrase>", "<patch_index_0001>", "</phrase>")]
    assert min(marks) > model.tokenizer.unk_token_id
    written = [*marks, *model.text_ids("a boat"), *marks, model.end_id]
    assert model._completion(model.text_ids("A red"), written, "A red") == (" a boat", True)


def test_what_cannot_be_evaluated_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    with pytest.raises(FileNotFoundError, match=r"no-such-model: no such folder, nor the name of a repository"):
        load_model("./no-such-model")
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(
        ValueError, match=r"of the kind 'bert', which transformers has no image-text-to-text model for"
    ):
        load_model(str(tmp_path))
    for name in ("git", "chat"):
        (tmp_path / name).mkdir()
    git(tmp_path / "git")
    weights = load_file(tmp_path / "git" / "model.safetensors")
    weights.pop("git.visual_projection.visual_projection.0.weight")
    save_file(weights, tmp_path / "git" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="lacks weights of GitForCausalLM: 1, such as git.visual_projection"):
        load_model(str(tmp_path / "git"))
    idefics3(tmp_path / "chat")
    (tmp_path / "chat" / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match="has no chat template"):
        load_model(str(tmp_path / "chat"))


def test_a_revision_is_resolved_once_and_pins_every_part(tmp_path, monkeypatch, make_model, make_processor):
    """Repositories in the Hub's cache, of which only the commit that `old` names is whole."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit, folders = "0123456789abcdef0123456789abcdef01234567", {}
    for name in ("someone/git", "someone/nanovlm"):
        repository = tmp_path / f"models--{name.replace('/', '--')}"
        folders[name] = repository / "snapshots" / commit
        folders[name].mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "old").write_text(commit)
        (repository / "refs" / "main").write_text("f" * 40)
    git(folders["someone/git"])
    ours = make_model()
    for part in (ours, make_processor(ours)):
        part.save_pretrained(folders["someone/nanovlm"])
    for name in folders:
        model = load_model(f"{name}@old", "cpu")
        assert (model.name, model.revision, model.fingerprint) == (name, commit, f"{name}@{commit}")
        assert model.complete(PICTURES[:1], ["A red ball"], "short", SHORT)
        with pytest.raises(OSError):
            load_model(name, "cpu")
