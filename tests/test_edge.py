"""The exported model: the torch model's tokens from a folder that needs neither torch nor this package."""

import io
import json
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import draw
from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
from nanovlm_hf.modeling.configuration_nanovlm import SIZES
from nanovlm_hf.processing.image_processing_nanovlm import load_picture
from PIL import Image
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.edge import describe as runtime
from nanovlm_hf.edge import graphs
from nanovlm_hf.edge.describe import Describer
from nanovlm_hf.edge.export import export


@pytest.fixture(scope="module")
def save(tmp_path_factory, make_processor):
    """Saves a model, with its processor and generation settings; returns the folder."""

    def save(model, **settings):
        folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
        model.generation_config.update(**{"max_new_tokens": 12, "do_sample": False, **settings})
        model.save_pretrained(folder)
        make_processor(model).save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="module")
def checkpoint(save, make_model):
    return save(make_model())


@pytest.fixture(scope="module")
def folder(checkpoint):
    return export(str(checkpoint), checkpoint.parent / "exported")


@pytest.fixture(scope="module")
def files(tmp_path_factory, pictures):
    folder = tmp_path_factory.mktemp("pictures")
    for index, picture in enumerate(pictures):
        picture.save(folder / f"{index}.png")
    return [str(folder / f"{index}.png") for index in range(len(pictures))]


def generate(model, processor, pictures, text="", style="short", **settings):
    inputs = processor(images=pictures, text=text, style=style, return_tensors="pt")
    output = model.generate(**inputs, do_sample=False, **settings)
    return output[:, inputs["input_ids"].shape[1] :].tolist()


def stream(describer, *arguments, **settings):
    return np.stack(list(describer.stream(*arguments, **settings)), axis=1).tolist()


def never_ending(describer):
    describer.settings["end_token_ids"] = []
    return describer


@pytest.mark.parametrize(("form", "tied"), [("cls", False), ("cls", True), ("pooled", False), ("patches", False)])
def test_tokens_are_the_torch_models_in_every_form(save, make_model, make_processor, tmp_path, pictures, form, tied):
    model = make_model(form, text={"tie_word_embeddings": tied})
    processor, checkpoint = make_processor(model), save(model)
    describer = never_ending(Describer(export(str(checkpoint), tmp_path / "exported")))
    for prompt, style in (("", "caption"), ("A brown dog ", "long"), ("é <short> The", None)):
        expected = generate(
            model, processor, pictures, prompt, style, max_new_tokens=90, eos_token_id=len(processor.tokenizer)
        )
        assert stream(describer, pictures, prompt, style, max_new_tokens=90) == expected
    assert len({tuple(row) for row in expected}) > 1


@pytest.mark.parametrize("size", SIZES)
def test_tokens_are_the_torch_models_at_every_size(save, tokenizer, make_processor, tmp_path, pictures, size):
    torch.manual_seed(0)
    config = NanoVLMConfig.from_size(
        size, text_config={"vocab_size": len(tokenizer), "initializer_range": 0.2}, vision_config={"image_size": 64}
    )
    model = NanoVLMForConditionalGeneration(config).eval()
    checkpoint = save(model)
    describer = never_ending(Describer(export(str(checkpoint), tmp_path / "exported")))
    expected = generate(
        model, make_processor(model), pictures[:2], "A", max_new_tokens=70, eos_token_id=len(tokenizer)
    )
    assert stream(describer, pictures[:2], "A", max_new_tokens=70) == expected
    stored = sum(path.stat().st_size for path in (tmp_path / "exported").glob("*.data"))
    assert 4 * model.num_parameters() * 0.99 < stored < 4 * model.num_parameters() * 1.01  # once each


def test_texts_end_where_the_torch_models_end(folder, model, processor, pictures):
    describer, no_end = never_ending(Describer(folder)), len(processor.tokenizer)
    endless = generate(model, processor, pictures, "A cat", max_new_tokens=40, eos_token_id=no_end)
    assert stream(describer, pictures, "A cat", max_new_tokens=40) == endless
    ends = [row[4 * index + 3] for index, row in enumerate(endless)]  # each text has one at another place
    describer.settings["end_token_ids"] = ends
    expected = generate(model, processor, pictures, "A cat", max_new_tokens=40, eos_token_id=ends)
    assert stream(describer, pictures, "A cat", max_new_tokens=40) == expected
    assert len(expected[0]) < 40 and 0 in expected[0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"repetition_penalty": 1.5, "no_repeat_ngram_size": 3},
        {"no_repeat_ngram_size": 12},
        {"do_sample": True, "temperature": 1.3},
    ],
)
def test_a_text_in_a_batch_is_what_it_is_alone(folder, pictures, settings):
    """Whatever the others' lengths, and though those that end early leave the batch."""
    describer = never_ending(Describer(folder))
    prompts, settings = ["", "A", "A yellow star shines over the house", "The little"] * 2, {**settings, "seed": 7}
    pictures = pictures + [draw(seed) for seed in range(4, 8)]
    endless = stream(describer, pictures, prompts, max_new_tokens=40, **settings)
    describer.settings["end_token_ids"] = sorted({row[6 * index + 1] for index, row in enumerate(endless[:6])})
    together = stream(describer, pictures, prompts, max_new_tokens=40, **settings)
    lengths = [len([token for token in row if token]) for row in together]
    assert len(set(lengths)) > 3
    for index, (picture, text) in enumerate(zip(pictures, prompts, strict=True)):
        alone = stream(describer, [picture], text, max_new_tokens=40, **{**settings, "seed": 7 + index})[0]
        assert together[index][: len(alone)] == alone and not any(together[index][len(alone) :])


def test_pictures_seen_before_are_written_about_alike(folder, pictures):
    describer = Describer(folder)
    seen = np.concatenate([describer.encode(describer.pixels(picture)[None]) for picture in pictures])
    assert describer.describe(seen, "A") == describer.describe(pictures, "A")


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition_penalty": 1.7},
        {"no_repeat_ngram_size": 2},
        {"no_repeat_ngram_size": 1},
        {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "max_new_tokens": 70},
    ],
)
def test_the_checkpoints_generation_settings_hold(save, make_model, make_processor, tmp_path, pictures, settings):
    model = make_model()
    processor, checkpoint = make_processor(model), save(model, **{"max_new_tokens": 50, **settings})
    describer = Describer(export(str(checkpoint), tmp_path / "exported"))
    assert stream(describer, pictures, "A") == generate(model, processor, pictures, "A")
    model.generation_config.update(repetition_penalty=1.0, no_repeat_ngram_size=0)
    assert stream(describer, pictures, "A") != generate(model, processor, pictures, "A")


def test_samples_come_as_often_as_transformers_would_draw_them():
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(0)) * 2
    warpers = LogitsProcessorList([TemperatureLogitsWarper(0.8), TopKLogitsWarper(9), TopPLogitsWarper(0.9)])
    expected = warpers(torch.zeros(1, 1, dtype=torch.long), logits.clone()).softmax(-1)[0]
    settings = {"temperature": 0.8, "top_k": 9, "top_p": 0.9}
    generator, row = runtime.random.Random(0), logits[0].numpy()
    drawn = Counter(runtime._sample(row, settings, generator) for _ in range(20_000))
    assert set(drawn) == set(expected.nonzero().flatten().tolist())
    for token, count in drawn.items():
        assert count / 20_000 == pytest.approx(float(expected[token]), abs=0.015)


def test_sampling_is_seeded(folder, pictures):
    describer, settings = Describer(folder), {"do_sample": True, "temperature": 1.5}
    texts = [describer.describe(pictures[:1], "A", seed=seed, **settings)[0] for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1] and len(set(texts)) > 1 and all(text.startswith("A") for text in texts)


def test_int8_is_close_and_small(checkpoint, folder, pictures, tmp_path):
    exact, small = Describer(folder), Describer(export(str(checkpoint), tmp_path / "int8", int8=True))
    ids, tokens = [exact.prompt_ids("A")] * 4, exact.image_tokens(pictures)
    logits = [runtime.DecoderRun(d.decoder, d.settings, tokens, ids).logits for d in (exact, small)]
    assert 0 < np.abs(logits[0] - logits[1]).max() < 0.05 * np.abs(logits[0]).max()
    assert small.settings["precision"].startswith("int8") and "8-bit" in (tmp_path / "int8" / "README.md").read_text()
    sizes = [path.stat().st_size for path in (folder / "decoder.onnx.data", tmp_path / "int8" / "decoder.onnx.data")]
    assert sizes[1] < 0.7 * sizes[0]  # embeddings stay as they are, and are most of so small a model


def test_an_int8_export_that_writes_something_else_is_refused(checkpoint, tmp_path, monkeypatch):
    quantise = graphs._quantise
    monkeypatch.setattr(graphs, "_quantise", lambda *matrix: (quantise(*matrix)[0], 2 * quantise(*matrix)[1]))
    with pytest.raises(ValueError, match="do not write what the torch model does"):
        export(str(checkpoint), tmp_path / "int8", int8=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prompt", ["", "A brown dog  ", "  A", "<image>A", "<long>A", "What <end> é\n"])
@pytest.mark.parametrize("style", [None, "answer"])
def test_prompts_have_the_processors_ids(folder, processor, pictures, prompt, style):
    expected = processor(images=pictures[0], text=prompt, style=style)["input_ids"][0]
    assert expected == [2] * 4 + Describer(folder).prompt_ids(prompt, style)


def odd_pictures():
    picture = draw(5, (70, 50))
    for mode in ("RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "YCbCr", "HSV", "F", "I", "I;16"):
        yield mode, picture.convert("L" if mode == "I;16" else mode)
    clear = picture.convert("P")
    clear.info["transparency"] = 3
    yield "palette with a transparent colour", clear
    yield "fractions", Image.fromarray(np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30))
    yield "16 bits", Image.fromarray(np.arange(0, 60_000, 100, dtype=np.uint16).reshape(20, 30))
    for orientation in (3, 6, 8):
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = orientation
        picture.save(file, "JPEG", exif=exif)
        yield f"turned {orientation}", file.getvalue()


@pytest.mark.parametrize(("name", "picture"), list(odd_pictures()))
def test_pixels_are_the_processors(folder, processor, name, picture):
    expected = processor.image_processor(picture, return_tensors="np")["pixel_values"][0]
    assert np.array_equal(Describer(folder).pixels(picture), expected)


@pytest.mark.parametrize("kind", ["cut off", "no picture", "missing", "infinite"])
def test_bad_pictures_get_the_same_messages(tmp_path, kind):
    file = io.BytesIO()
    draw(1, (200, 200)).save(file, "JPEG")
    contents = {"cut off": file.getvalue()[:1000], "no picture": b"text", "missing": None, "infinite": None}[kind]
    source = str(tmp_path / "a.jpg")
    if contents is not None:
        (tmp_path / "a.jpg").write_bytes(contents)
    if kind == "infinite":
        source = Image.fromarray(np.full((4, 4), np.inf, np.float32))
    errors = []
    for load in (load_picture, runtime.load_picture):
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            load(source)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


def test_the_folder_works_alone(checkpoint, folder, files, tmp_path):
    """Copied elsewhere, in a process that can import neither torch nor transformers nor this package."""
    shutil.copytree(folder, tmp_path / "elsewhere")
    names = {"torch", "transformers", "nanovlm_hf", "safetensors", "typer"}
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({names})); sys.argv = ['describe.py', *sys.argv[1:]]\n"
        "import runpy; runpy.run_path('describe.py', run_name='__main__')"
    )

    def run(*arguments):
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True)

    def reference(*arguments):
        return CliRunner().invoke(app, ["describe", *arguments, "--model", str(checkpoint)])

    one, several = [files[0], "--prompt", "A brown dog ", "--style", "long"], [*files, "--json", "--batch-size", "3"]
    for arguments in (one, several):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout == reference(*arguments).stdout
    bad = run(files[0], "nowhere.jpg")
    assert bad.returncode == 1 and "nanovlm: nowhere.jpg: no such picture" in bad.stderr
    assert bad.stdout.startswith(f"{files[0]}: ")
    wrong = run(files[0], "--style", "poem")
    assert wrong.returncode == 2 and "style must be one of caption, short, long, answer" in wrong.stderr


def test_the_command_describes_with_an_exported_folder(checkpoint, folder, files):
    for extra in ([files[0]], files, [*files[:2], "--json", "--style", "caption", "--max-new-tokens", "5"]):
        texts = []
        for choice in (["--model", str(checkpoint)], ["--model", str(folder), "--engine", "onnx"]):
            result = CliRunner().invoke(app, ["describe", *extra, *choice])
            assert result.exit_code == 0, result.output
            texts.append(result.stdout)
        assert texts[0] == texts[1]


@pytest.mark.parametrize("out", [None, "out.jsonl"])
def test_the_onnx_engine_imports_no_torch(folder, files, tmp_path, out):
    code = (
        "import sys; from nanovlm_hf.cli import app; app(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'urllib.request'} & sys.modules.keys()), file=sys.stderr)"
    )
    command = ["describe", files[0], "--model", str(folder), "--engine", "onnx"]
    command += ["--out", str(tmp_path / out)] if out else []
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
    assert (tmp_path / out).exists() if out else done.stdout.strip()


def test_export_as_a_command_replaces_an_earlier_export_only(checkpoint, folder, tmp_path):
    for target in (tmp_path / "new", tmp_path / "new"):
        result = CliRunner().invoke(app, ["export", str(checkpoint), "--output", str(target)])
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in target.iterdir()) == sorted(path.name for path in folder.iterdir())
    assert list(tmp_path.iterdir()) == [target]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    result = CliRunner().invoke(app, ["export", str(checkpoint), "--output", str(tmp_path / "mine")])
    assert result.exit_code == 2 and "exists and is no earlier export" in result.stderr
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_what_the_runtime_cannot_do_is_refused_at_export(checkpoint, tmp_path):
    for file, change, message in (
        ("generation_config.json", {"num_beams": 4}, "asks for num_beams=4"),
        ("generation_config.json", {"min_new_tokens": 5}, "asks for min_new_tokens=5"),
        ("config.json", {"projector_hidden_act": "relu"}, "projector_hidden_act is 'relu'"),
    ):
        copy = tmp_path / "copy"
        shutil.copytree(checkpoint, copy, dirs_exist_ok=True)
        data = json.loads((copy / file).read_text())
        (copy / file).write_text(json.dumps({**data, **change}))
        with pytest.raises(ValueError, match=message):
            export(str(copy), tmp_path / "exported")
        assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_folder_of_another_version_is_said(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    settings = json.loads((folder / "nanovlm.json").read_text())
    (tmp_path / "old" / "nanovlm.json").write_text(json.dumps({**settings, "format": 1}))
    with pytest.raises(ValueError, match="of another version of `nanovlm export`: export the checkpoint again"):
        Describer(tmp_path / "old")


def test_misuse_is_said_clearly(checkpoint, folder, files, pictures):
    result = CliRunner().invoke(app, ["describe", files[0], "--model", str(checkpoint), "--engine", "onnx"])
    assert result.exit_code == 2 and "pass a folder that `nanovlm export` wrote" in result.stderr
    describer = never_ending(Describer(folder))
    for message, call in (
        ("does not know num_beams", lambda: stream(describer, pictures, num_beams=3)),
        ("4 pictures and 1 prompts", lambda: stream(describer, pictures, ["A"])),
        ("leave <image> out", lambda: stream(describer, pictures, "A <image>")),
        ("has 128 positions", lambda: stream(describer, pictures, "dog " * 200)),
        ("has 128 positions", lambda: stream(describer, pictures, "A", max_new_tokens=200)),
        ("max_new_tokens must be at least 1", lambda: stream(describer, pictures, max_new_tokens=0)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
