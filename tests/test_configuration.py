"""The sizes are the paper's, and a configuration that cannot work says which field is wrong."""

import pytest
from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration


@pytest.mark.parametrize(
    ("size", "millions", "shares"),
    [("mini", 5.67, (69, 14, 17)), ("base", 16.1, (78, 8, 14)), ("large", 25.8, (73, 6, 21))],
)
def test_parameters_and_shares_are_those_of_the_paper(size, millions, shares):
    model = NanoVLMForConditionalGeneration(NanoVLMConfig.from_size(size))
    total = sum(p.numel() for p in model.parameters())
    vision, connector = (sum(p.numel() for p in part.parameters()) for part in (model.vision_model, model.connector))
    assert total == pytest.approx(millions * 1e6, rel=0.02)
    assert tuple(round(100 * part / total) for part in (vision, connector, total - vision - connector)) == shares


@pytest.mark.parametrize(("image_tokens", "slots"), [("cls", 1), ("pooled", 49), ("patches", 196)])
def test_image_tokens_switch(image_tokens, slots):
    config = NanoVLMConfig.from_size("mini", image_tokens=image_tokens)
    assert config.image_seq_length == slots
    cls_only = NanoVLMForConditionalGeneration(NanoVLMConfig.from_size("mini")).num_parameters()
    assert NanoVLMForConditionalGeneration(config).num_parameters() <= 1.001 * cls_only


def test_every_width_and_depth_is_a_field_and_survives_json():
    config = NanoVLMConfig.from_size(
        "base",
        vision_config={"hidden_size": 64, "num_hidden_layers": 2},
        text_config={"hidden_size": 32, "vocab_size": 500},
        image_tokens="patches",
        projector_intermediate_size=96,
    )
    again = NanoVLMConfig.from_dict(config.to_dict())
    assert again.to_dict() == config.to_dict()
    assert (again.vision_config.hidden_size, again.text_config.hidden_size, again.projector_intermediate_size) == (
        64,
        32,
        96,
    )
    assert again.text_config.num_hidden_layers == 8  # the rest is base's


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_tokens": "all"}, "image_tokens must be one of cls, pooled, patches"),
        ({"vision_config": {"hidden_size": 100}}, "hidden_size .100. must be a multiple of num_attention_heads"),
        ({"text_config": {"num_hidden_layers": "4"}}, "num_hidden_layers must be a positive whole number, got '4'"),
        ({"text_config": {"dropout": 1.5}}, "dropout must lie in"),
        ({"text_config": {"pad_token_id": 1}}, "padding would end every text"),
        ({"image_tokens": "patches", "text_config": {"max_position_embeddings": 128}}, "leave no room for text"),
        ({"vision_config": {"image_size": 230}}, "image_size .230. must be a multiple of patch_size"),
        ({"image_token_id": 9999}, "image_token_id .9999. must lie in the vocabulary"),
    ],
)
def test_what_cannot_work_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        NanoVLMConfig.from_size("mini", **fields)


def test_unknown_size_lists_the_known():
    with pytest.raises(ValueError, match="mini, base, large; got 'huge'"):
        NanoVLMConfig.from_size("huge")
