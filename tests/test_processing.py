"""Pictures of any kind and texts of any form arrive as the model expects, or are refused by name."""

import base64
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch
from nanovlm_hf.processing.image_processing_nanovlm import load_picture
from PIL import Image
from transformers import AutoTokenizer

GREEN = (30, 160, 60)


def png(image, **options):
    data = io.BytesIO()
    image.save(data, "PNG", **options)
    return data.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_colour_survives_every_mode(mode):
    image = Image.new("RGB", (20, 10), GREEN)
    image = image.quantize(4) if mode == "P" else _lab(image) if mode == "LAB" else image.convert(mode)
    got = load_picture(image)
    assert (got.mode, got.size) == ("RGB", (20, 10))
    assert np.abs(np.asarray(got, dtype=int) - GREEN).max() <= 12


def _lab(image):
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (4, 4), 128),
        Image.new("LA", (4, 4), (128, 255)),
        Image.fromarray(np.full((4, 4), 128 * 257, np.uint16)),
        Image.fromarray(np.full((4, 4), 128 * 257, np.int32)),
        Image.fromarray(np.full((4, 4), 128 / 255, np.float32)),
        Image.new("1", (4, 4), 1).point(lambda _: 128, "L"),
    ],
    ids=["L", "LA", "16-bit", "32-bit", "fractions", "1"],
)
def test_grey_stays_grey(image):
    assert np.abs(np.asarray(load_picture(image), dtype=int) - 128).max() <= 1


def test_transparency_lies_on_white():
    assert load_picture(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([0, 0, 0])
    assert load_picture(png(palette, transparency=0)).getpixel((0, 0)) == (255, 255, 255)


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (30, 10), "white")
    image.paste("red", (0, 0, 5, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif)
    turned = load_picture(data.getvalue())
    assert turned.size == (10, 30)
    assert turned.getpixel((5, 1))[1] < 90 < turned.getpixel((5, 28))[1]


@pytest.mark.parametrize("shape", ["height, width, 3", "3, height, width", "height, width", "height, width, 1"])
@pytest.mark.parametrize("kind", ["uint8", "float", "tensor"])
def test_arrays_of_every_layout(shape, kind):
    reference = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
    array = {
        "height, width, 3": np.stack([reference] * 3, -1),
        "3, height, width": np.stack([reference] * 3),
        "height, width": reference,
        "height, width, 1": reference[..., None],
    }[shape]
    array = {"uint8": array, "float": array / 255, "tensor": torch.from_numpy(array)}[kind]
    np.testing.assert_array_equal(np.asarray(load_picture(array))[..., 0], reference)


@pytest.mark.parametrize(
    ("array", "message"),
    [(np.zeros((2, 3, 4, 5)), "shape .2, 3, 4, 5. is no picture"), (np.full((4, 4), np.nan), "undefined values")],
)
def test_arrays_that_are_no_pictures(array, message):
    with pytest.raises(ValueError, match=message):
        load_picture(array)


def test_paths_bytes_urls_and_base64_give_the_same_pixels(tmp_path, pictures):
    data = png(pictures[0])
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "a").mkdir()
    nameless = tmp_path / "a" / ("b" * 63)  # a file of a cache, with a name that may be base64
    nameless.write_bytes(data)
    text = base64.b64encode(data).decode()
    texts = (text, base64.encodebytes(data).decode(), f"data:image/png;base64,{text}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/a.png" else 404)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    expected = np.asarray(pictures[0])
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), str(nameless), data, f"{url}/a.png", *texts):
        np.testing.assert_array_equal(np.asarray(load_picture(source)), expected)
    with pytest.raises(ValueError, match=r"missing.png: not a readable picture .*404"):
        load_picture(f"{url}/missing.png")
    server.shutdown()
    with pytest.raises(ValueError, match=r"^data:image/png;base64,\S{58}\.\.\.: not a readable picture") as raised:
        noise = png(Image.effect_noise((64, 64), 50))
        load_picture("data:image/png;base64," + base64.b64encode(noise[:-100]).decode())
    assert len(str(raised.value)) < 300


def test_bad_files_are_named(tmp_path, pictures):
    with pytest.raises(FileNotFoundError, match=r"nowhere.jpg: no such picture"):
        load_picture(tmp_path / "nowhere.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"text.jpg: not a readable picture"):
        load_picture(tmp_path / "text.jpg")
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:2000])
    with pytest.raises(ValueError, match=r"cut.jpg: not a readable picture .*truncated"):
        load_picture(str(tmp_path / "cut.jpg"))
    with pytest.raises(ValueError, match="a picture given as bytes: not a readable picture"):
        load_picture(b"")


def test_pixels_are_squashed_scaled_and_normalised(processor):
    image_processor = processor.image_processor
    white = image_processor(Image.new("RGB", (300, 20), "white"), return_tensors="pt")["pixel_values"]
    assert white.shape == (1, 3, 64, 64)
    torch.testing.assert_close(white, torch.ones_like(white))
    black = image_processor([np.zeros((5, 5, 3), np.uint8)], return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(black, -1, atol=1e-6)


def decoded(processor, **inputs):
    return processor.tokenizer.batch_decode(processor(**inputs)["input_ids"])


SLOTS = "<image>" * 4


def test_the_format_is_completed_where_it_lacks_something(processor, pictures):
    picture = pictures[0]
    assert decoded(processor, images=picture) == [f"{SLOTS}<short>"]
    assert decoded(processor, images=picture, text="A dog ", style="long") == [f"{SLOTS}<long>A dog"]
    assert decoded(processor, images=picture, text="<image>A dog") == [f"{SLOTS}<short>A dog"]
    assert decoded(processor, images=picture, text="<image><caption>A dog") == [f"{SLOTS}<caption>A dog"]
    assert decoded(processor, images=picture, text=f"{SLOTS}<caption>A dog") == [f"{SLOTS}<caption>A dog"]
    assert decoded(processor, text="A dog") == ["<short>A dog"]
    assert decoded(processor, images=pictures[:2], text="A dog") == [f"{SLOTS}<short>A dog"] * 2


def test_batches_are_padded_on_the_left(processor, pictures):
    inputs = processor(images=pictures[:2], text=["A little dog", "A"], return_tensors="pt")
    assert inputs["attention_mask"][0].all()
    assert inputs["input_ids"][1, 0] == processor.tokenizer.pad_token_id != processor.tokenizer.eos_token_id
    assert inputs["attention_mask"][1, 0] == 0 and inputs["attention_mask"][1, -1] == 1


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "Give images, text or both"),
        ({"images": 2, "text": ["A", "B", "C"]}, "2 pictures and 3 texts"),
        ({"images": 1, "style": "novel"}, "style must be one of caption, short, long, answer; got 'novel'"),
        ({"images": 1, "text": "<image><image>A"}, "has <image> 2 times: write it once"),
        ({"text": "<image>A"}, "no picture came"),
    ],
)
def test_what_does_not_fit_is_refused(processor, pictures, inputs, message):
    if "images" in inputs:
        inputs = {**inputs, "images": pictures[: inputs["images"]]}
    with pytest.raises(ValueError, match=message):
        processor(**inputs)


def test_several_pictures_for_one_text_are_refused(processor, pictures):
    with pytest.raises(ValueError, match="one picture a text"):
        processor(images=[pictures[:2]], text=["A"])


def test_chat_turns(processor, pictures):
    user = {"role": "user", "content": [{"type": "image", "image": pictures[0]}, {"type": "text", "text": "A dog "}]}
    assert processor.apply_chat_template([user]) == "<image><short>A dog"
    assert processor.apply_chat_template([user], style="long", add_generation_prompt=True) == "<image><long>A dog"
    answer = {"role": "assistant", "content": [{"type": "text", "text": " runs."}]}
    assert processor.apply_chat_template([user, answer]) == "<image><short>A dog runs.<end>"
    assert processor.apply_chat_template([user, answer], continue_final_message=True) == "<image><short>A dog runs."
    with pytest.raises(Exception, match="user and assistant turns, not: system"):
        processor.apply_chat_template([{"role": "system", "content": "Be brief."}])
    with pytest.raises(Exception, match="style must be one of caption, short, long, answer; got longer"):
        processor.apply_chat_template([user], style="longer")
    assert processor.apply_chat_template([user], style=None) == "<image><short>A dog"
    inputs = processor.apply_chat_template([user], tokenize=True, return_dict=True, return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 64, 64)
    assert processor.tokenizer.decode(inputs["input_ids"][0]) == f"{SLOTS}<short>A dog"


def test_training_text_is_the_prompt_and_what_follows(processor):
    ids, given = processor.encode("What colour is it? ", "Blue.", style="answer")
    prompt, _ = processor.encode("What colour is it?", style="answer")
    assert ids[:given] == prompt
    assert processor.tokenizer.decode(ids[given:]) == " Blue.<end>"
    ids, given = processor.encode(continuation="A dog.", style="short")
    assert (processor.tokenizer.decode(ids[:given]), processor.tokenizer.decode(ids[given:])) == (
        f"{SLOTS}<short>",
        "A dog.<end>",
    )


def test_no_text_is_unknown_and_special_tokens_are_declared(tokenizer, tmp_path):
    text = "naïve 日本語 🙂 \t x"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert set(range(7)) == set(tokenizer.all_special_ids)
    flickr = "A dog , brown , runs ."
    assert tokenizer.decode(tokenizer(flickr)["input_ids"]) == "A dog, brown, runs."
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert (again.padding_side, again.pad_token_id, again.eos_token_id) == ("left", 0, 1)


def test_a_tokenizer_without_the_styles_is_refused(processor):
    from nanovlm_hf.processing import NanoVLMProcessor
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), pad_token="<pad>")
    with pytest.raises(ValueError, match="lacks <image>, <caption>"):
        NanoVLMProcessor(processor.image_processor, plain)
