"""The `nanovlm` command as a user types it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.describe import describe, load


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, model, processor):
    folder = tmp_path_factory.mktemp("checkpoint")
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory, pictures):
    folder = tmp_path_factory.mktemp("pictures")
    for i, picture in enumerate(pictures):
        picture.save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(len(pictures))]


def run(*arguments, **kwargs):
    return CliRunner().invoke(app, ["describe", *map(str, arguments)], **kwargs)


def test_one_picture_streams_the_finished_description(checkpoint, files):
    model, processor = load(str(checkpoint))
    expected = describe(model, processor, files[:1], "A brown dog ", "long")[0]
    result = run(files[0], "--model", checkpoint, "--prompt", "A brown dog ", "--style", "long")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == expected and expected.startswith("A brown dog")


def test_several_pictures_are_batched_to_the_same_texts(checkpoint, files):
    result = run(*files, "--model", checkpoint, "--batch-size", 3)
    assert result.exit_code == 0, result.output
    lines = result.stdout.rstrip("\n").split("\n")
    for file, line in zip(files, lines, strict=True):
        assert line == f"{file}: {' '.join(run(file, '--model', checkpoint).stdout.split())}"


def test_json_is_one_object_a_line(checkpoint, files):
    result = run(*files[:2], "--model", checkpoint, "--json", "--prompt", "A")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["image"] for record in records] == files[:2]
    assert all(record["style"] == "short" and record["text"].startswith("A") for record in records)


def test_standard_input(checkpoint, files):
    with open(files[1], "rb") as file:
        result = run("-", "--model", checkpoint, input=file.read())
    assert result.exit_code == 0, result.output
    assert result.stdout == run(files[1], "--model", checkpoint).stdout


def test_a_bad_picture_is_reported_and_the_others_are_described(checkpoint, files, tmp_path):
    (tmp_path / "bad.jpg").write_text("no picture")
    result = run(files[0], tmp_path / "bad.jpg", tmp_path / "none.jpg", files[1], "--model", checkpoint)
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stdout.rstrip("\n").split("\n")] == files[:2]
    assert "bad.jpg: not a readable picture" in result.stderr and "none.jpg: no such picture" in result.stderr


def test_sampling_is_seeded(checkpoint, files):
    texts = [
        run(files[0], "--model", checkpoint, "--temperature", 1.5, "--seed", seed).stdout for seed in (1, 1, 2, 3)
    ]
    assert texts[0] == texts[1] and len(set(texts)) > 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("no/such/folder", "no such folder, nor the name of a repository"), ("{tmp}", "holds no checkpoint")],
)
def test_a_missing_model_is_said_in_a_line(files, tmp_path, name, message):
    result = run(files[0], "--model", name.format(tmp=tmp_path))
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("file", "field", "value", "message"),
    [
        ("processor_config.json", "image_seq_length", 9, "image_seq_length 9 and the model makes 4"),
        ("config.json", "image_tokens", "cls", "image_seq_length 4 and the model makes 1"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(checkpoint, files, tmp_path, file, field, value, message):
    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps({**data, field: value}))
    result = run(files[0], "--model", tmp_path)
    assert result.exit_code == 2 and message in result.stderr


def test_a_tokenizer_of_another_size_is_refused(checkpoint, files, tmp_path):
    from nanovlm_hf.data.tokenizer import train_tokenizer

    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    train_tokenizer(["Another text."], vocab_size=270).save_pretrained(tmp_path)
    result = run(files[0], "--model", tmp_path)
    assert result.exit_code == 2 and "The tokenizer has 270 entries and config.json says" in result.stderr


def test_help_teaches():
    result = CliRunner().invoke(app, ["describe", "--help"])
    assert "Example: nanovlm describe" in result.output and "20-25 words" in result.output


def test_sizes_prints_the_papers_table():
    result = CliRunner().invoke(app, ["sizes"])
    assert "mini" in result.output and "16,157,056" in result.output


def test_importing_the_package_and_its_command_is_light():
    code = "import sys, nanovlm_hf, nanovlm_hf.cli; print(*[m for m in ('torch', 'transformers', 'PIL', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
