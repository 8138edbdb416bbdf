"""What generation, training and the library rely on: equalities between ways to the same result."""

import pytest
import torch
from nanovlm_hf.modeling.modeling_nanovlm import PICTURES_AT_ONCE, NanoVLMLinear
from transformers import TextIteratorStreamer

IMAGE_TOKENS = ("cls", "pooled", "patches")
GREEDY = {"do_sample": False, "max_new_tokens": 12}


@pytest.fixture(params=IMAGE_TOKENS)
def pair(request, make_model, make_processor):
    """A model of each form, and its processor."""
    model = make_model(request.param)
    return model, make_processor(model)


@pytest.fixture
def batch(pair, pictures):
    """Two pictures with beginnings of different length: the second row is padded on the left."""
    _, processor = pair
    return processor(images=pictures[:2], text=["A little dog runs", "A"], style="long", return_tensors="pt")


def new_tokens(output, inputs):
    return output[:, inputs["input_ids"].shape[1] :].tolist()


def test_a_later_token_never_changes_an_earlier_logit(pair, batch):
    model, _ = pair
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][:, -1] = 99
    before, after = model(**batch).logits, model(**changed).logits
    torch.testing.assert_close(before[:, :-1], after[:, :-1], rtol=0, atol=1e-6)
    assert (before[:, -1] - after[:, -1]).abs().max() > 1e-3


def test_the_picture_changes_what_follows(pair, batch, pictures):
    model, processor = pair
    other = processor(images=pictures[2:4], text=["A little dog runs", "A"], style="long", return_tensors="pt")
    assert (model(**batch).logits[:, -1] - model(**other).logits[:, -1]).abs().max() > 1e-3


def test_padding_changes_nothing(pair, batch, pictures):
    model, processor = pair
    alone = model(**processor(images=pictures[1], text="A", style="long", return_tensors="pt")).logits[0]
    torch.testing.assert_close(model(**batch).logits[1, -len(alone) :], alone, rtol=1e-4, atol=1e-5)


def test_right_padding_changes_nothing_either(pair, batch):
    model, _ = pair
    single = {name: value[:1] for name, value in batch.items()}
    padded = {**single, "input_ids": torch.nn.functional.pad(single["input_ids"], (0, 3))}
    padded["attention_mask"] = torch.nn.functional.pad(single["attention_mask"], (0, 3))
    torch.testing.assert_close(model(**padded).logits[:, :-3], model(**single).logits, rtol=1e-4, atol=1e-5)


def test_batch_equals_single(pair, batch, pictures):
    model, processor = pair
    together = new_tokens(model.generate(**batch, **GREEDY), batch)
    for row, text in enumerate(["A little dog runs", "A"]):
        one = processor(images=pictures[row], text=text, style="long", return_tensors="pt")
        assert new_tokens(model.generate(**one, **GREEDY), one)[0] == together[row]


@pytest.mark.parametrize("how", [{"use_cache": False}, {"cache_implementation": "static"}])
def test_caches_change_nothing(pair, batch, how):
    model, _ = pair
    assert model.generate(**batch, **GREEDY, **how).tolist() == model.generate(**batch, **GREEDY).tolist()


def test_inputs_embeds_give_the_same_text(pair, batch):
    model, _ = pair
    embeds = {"inputs_embeds": model.get_input_embeddings()(batch["input_ids"])}
    embeds |= {name: batch[name] for name in ("attention_mask", "pixel_values")}
    assert model.generate(**embeds, **GREEDY).tolist() == new_tokens(model.generate(**batch, **GREEDY), batch)


def test_sampling_is_seeded_and_beams_run(pair, batch):
    model, _ = pair
    sampled = []
    for _ in range(2):
        torch.manual_seed(1)
        sampled.append(model.generate(**batch, do_sample=True, temperature=0.8, max_new_tokens=8).tolist())
    assert sampled[0] == sampled[1]
    beams = model.generate(**batch, num_beams=3, num_return_sequences=3, do_sample=False, max_new_tokens=8)
    assert beams.shape[0] == 6


def test_streamed_text_is_the_text(pair, batch):
    model, processor = pair
    single = {name: value[:1] for name, value in batch.items()}
    streamer = TextIteratorStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
    output = model.generate(**single, **GREEDY, streamer=streamer)
    written = processor.batch_decode(output[:, single["input_ids"].shape[1] :], skip_special_tokens=True)[0]
    assert "".join(streamer) == written


def test_eager_equals_sdpa(pair, batch):
    model, _ = pair
    model.set_attn_implementation("sdpa")
    fused = model(**batch).logits
    model.set_attn_implementation("eager")
    plain = model(**batch, output_attentions=True)
    real = batch["attention_mask"].bool()
    assert (fused - plain.logits)[real].abs().max() <= 1e-5
    attention = plain.attentions[0]
    torch.testing.assert_close(attention.sum(-1)[real[:, None].expand(-1, 4, -1)], torch.ones(4 * int(real.sum())))


def test_cls_alone_is_the_cls_of_all_rows(make_model, processor, pictures):
    vision = make_model("cls").vision_model
    pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
    alone = vision(pixels, cls_only=True).last_hidden_state
    torch.testing.assert_close(alone, vision(pixels).last_hidden_state[:, :1], rtol=1e-5, atol=1e-6)


def test_pooling_starts_as_an_average(model):
    patches = torch.randn(2, 16, 32)
    grid = patches.transpose(1, 2).reshape(2, 32, 4, 4)
    averaged = torch.nn.functional.avg_pool2d(grid, 2).flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.connector.pooler(patches), averaged, rtol=1e-5, atol=1e-6)


def test_one_reading_of_a_picture_serves_several_texts(pair, pictures):
    model, processor = pair
    texts = ["A red ball lies", "A blue boat", "The"]
    each = processor(
        images=[pictures[0], pictures[0], pictures[1]], text=texts, padding_side="right", return_tensors="pt"
    )
    labels = each["input_ids"].where(each["attention_mask"].bool(), -100)
    labels[:, : processor.image_seq_length] = -100
    slots, index = processor.image_seq_length, torch.tensor([0, 0, 1])
    expected = model(**each, labels=labels)
    shared = {**each, "pixel_values": each["pixel_values"][[0, 2]]}
    got = model(**shared, image_index=index, labels=labels)
    real = each["attention_mask"][:, slots:].bool()
    torch.testing.assert_close(got.logits[real], expected.logits[:, slots:][real], rtol=1e-4, atol=1e-5)
    features = model.get_image_features(shared.pop("pixel_values"))
    again = model(**shared, image_features=features, image_index=index, labels=labels, skip_logits=True)

    seen = model.model.read_pictures(features)
    for rows in (slice(0, 2), slice(1, 3), slice(0, 3)):  # several calls, one reading
        part = {name: each[name][rows] for name in ("input_ids", "attention_mask")}
        part = model(**part, past_key_values=seen, image_index=index[rows])
        torch.testing.assert_close(part.logits, got.logits[rows], rtol=1e-4, atol=1e-5)

    def without_first(labels):  # the first token after the slots is the style, which nothing predicts in this form
        return labels.index_fill(1, torch.tensor([slots]), -100)

    torch.testing.assert_close(again.loss, model(**each, labels=without_first(labels)).loss)

    def gradients(**inputs):
        model.zero_grad()
        model(**inputs, labels=without_first(labels), skip_logits=True).loss.backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    together = gradients(**{**each, "pixel_values": each["pixel_values"][[0, 2]]}, image_index=index)
    for name, gradient in gradients(**each).items():
        torch.testing.assert_close(together[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_shared_pictures_need_their_slots_in_front(pair, pictures):
    model, processor = pair
    padded_left = processor(images=pictures[:2], text=["A little dog runs", "A"], return_tensors="pt")
    with pytest.raises(ValueError, match="starts with its .* image slots"):
        model(**padded_left, image_index=torch.tensor([0, 1]))


def test_the_short_way_to_the_loss_gives_the_same_number(pair, batch):
    model, _ = pair
    labels = batch["input_ids"].where(batch["attention_mask"].bool(), -100)
    full = model(**batch, labels=labels)
    brief = model(**batch, labels=labels, skip_logits=True)
    assert brief.logits is None
    torch.testing.assert_close(brief.loss, full.loss)
    scaled = model(**batch, labels=labels, skip_logits=True, num_items_in_batch=7).loss
    torch.testing.assert_close(scaled, model(**batch, labels=labels, num_items_in_batch=7).loss)


def test_dropout_is_for_training_only(make_model, make_processor, pictures):
    model = make_model()
    inputs = make_processor(model)(images=pictures[0], text="A", return_tensors="pt")
    torch.testing.assert_close(model(**inputs).logits, model(**inputs).logits)
    model.train()
    assert (model(**inputs).logits - model(**inputs).logits).abs().max() > 1e-3


def test_gradient_checkpointing_changes_no_gradient(make_model, make_processor, pictures):
    model = make_model(vision={"dropout": 0.0}, text={"dropout": 0.0}).train()
    inputs = make_processor(model)(images=pictures[0], text="A red ball", return_tensors="pt")

    def gradients():
        model.zero_grad()
        model(**inputs, labels=inputs["input_ids"]).loss.backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = gradients()
    model.gradient_checkpointing_enable()
    for got, want in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("outputs", [400, 401])  # 401 rows have no halves
@pytest.mark.parametrize("bias", [True, False])
def test_a_row_through_a_linear_layer_is_what_it_is_among_others(outputs, bias):
    torch.manual_seed(0)
    layer = NanoVLMLinear(200, outputs, bias=bias)
    rows = torch.randn(1, 3, 200, requires_grad=True)
    alone, expected = layer(rows[:, 1:2]), torch.nn.functional.linear(rows, layer.weight, layer.bias)[:, 1:2]
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        layer(torch.stack([rows[:, 1]] * 2, dim=-1)[..., 0]), expected[:, 0], rtol=1e-4, atol=1e-5
    )
    gradients = [
        torch.autograd.grad(output.square().sum(), [rows, *layer.parameters()], retain_graph=True)
        for output in (alone, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_many_pictures_give_what_each_gives_alone(pair):
    model, _ = pair
    side = model.config.vision_config.image_size
    pixels = torch.randn(PICTURES_AT_ONCE + 3, 3, side, side)
    with torch.no_grad():  # a few at a time
        together = model.get_image_features(pixels)
        alone = torch.cat([model.get_image_features(one[None]) for one in pixels])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together, model.get_image_features(pixels), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_next_token_sees_what_a_mask_would_let_it_see(pair, batch):
    model, _ = pair
    for rows in (slice(0, 1), slice(0, 2)):  # without padding, and with it in the second row
        inputs = {name: value[rows] for name, value in batch.items()}
        tokens, mask = inputs["input_ids"], inputs["attention_mask"]
        cache = model(**{**inputs, "input_ids": tokens[:, :-1], "attention_mask": mask[:, :-1]}).past_key_values
        step = model(input_ids=tokens[:, -1:], attention_mask=mask, past_key_values=cache).logits[:, -1]
        torch.testing.assert_close(step, model(**inputs).logits[:, -1], rtol=1e-4, atol=1e-5)


def test_residual_branches_start_smaller_with_depth(make_model):
    model = make_model(text={"num_hidden_layers": 8})
    block = model.language_model.layers[0]
    assert block.fc1.weight.std().item() == pytest.approx(24**-0.5, rel=0.1)
    assert block.fc2.weight.std().item() == pytest.approx((96 * 16) ** -0.5, rel=0.1)  # 16 branches


def test_tied_weights_survive_saving(make_model, tmp_path):
    from nanovlm_hf.modeling import NanoVLMForConditionalGeneration

    model = make_model(text={"tie_word_embeddings": True})
    assert model.lm_head.weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path)
    again = NanoVLMForConditionalGeneration.from_pretrained(tmp_path)
    assert again.lm_head.weight is again.get_input_embeddings().weight
    torch.testing.assert_close(again.lm_head.weight, model.lm_head.weight)


def test_slots_and_pictures_must_be_as_many(pair, batch):
    model, _ = pair
    without = {**batch, "input_ids": batch["input_ids"].clone()}
    without["input_ids"][without["input_ids"] == model.config.image_token_id] = 50
    with pytest.raises(ValueError, match=r"has 0 image slots .* let the model's own processor write the slots"):
        model(**without)
    with pytest.raises(ValueError, match="no picture came: pass pixel_values"):
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])


def test_more_text_than_positions_is_refused(model, processor, pictures):
    inputs = processor(images=pictures[0], text="A", return_tensors="pt")
    with pytest.raises(ValueError, match="128 positions and was asked for"):
        model.generate(**inputs, do_sample=False, min_new_tokens=300, max_new_tokens=300)


def test_pixels_of_another_size_are_refused(model, processor, pictures):
    inputs = processor(images=pictures[0], return_tensors="pt")
    inputs["pixel_values"] = torch.zeros(1, 3, 32, 32)
    with pytest.raises(ValueError, match=r"must be \(batch, 3, 64, 64\), got \(1, 3, 32, 32\)"):
        model(**inputs)


def test_weights_that_do_not_fit_the_configuration_are_refused(model, tmp_path):
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration

    model.save_pretrained(tmp_path)
    config = NanoVLMConfig.from_pretrained(tmp_path)
    config.text_config.hidden_size = 48
    config.text_config.intermediate_size = 192
    with pytest.raises((RuntimeError, ValueError), match="size mismatch|mismatched"):
        NanoVLMForConditionalGeneration.from_pretrained(tmp_path, config=config)


def test_tuple_output_and_hidden_states(model, processor, pictures):
    inputs = processor(images=pictures[0], text="A", return_tensors="pt")
    logits = model(**inputs, use_cache=False, return_dict=False)[0]
    output = model(**inputs, output_hidden_states=True)
    torch.testing.assert_close(logits, output.logits)
    assert len(output.hidden_states) == model.config.text_config.num_hidden_layers + 1
