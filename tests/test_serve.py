"""`nanovlm serve` as a client of OpenAI's API meets it: one server, in a process of its own, on loopback."""

import base64
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from nanovlm_hf.describe import describe
from nanovlm_hf.serve import picture_in

for needed in ("fastapi", "uvicorn", "openai"):
    pytest.importorskip(needed, reason='serving needs pip install "nanovlm-hf[serve]"')


def png_of(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, model, processor):
    folder = tmp_path_factory.mktemp("served") / "nanovlm-tiny"
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(checkpoint, tmp_path_factory):
    """The process, and the port it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("log") / "server.log").open("w+")
    environment = os.environ | {"HF_HOME": str(tmp_path_factory.mktemp("hf")), "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "nanovlm_hf.cli", "serve", checkpoint.name, "--host", "127.0.0.1", "--port", str(port)],
        cwd=checkpoint.parent,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(1500):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                assert process.poll() is None, (log.seek(0), log.read())[1]
                time.sleep(0.2)
        yield process, port
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def ask(server, checkpoint):
    """One turn: a picture's URL and a beginning in, the answer as the client gives it out."""
    import openai

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server[1]}/v1", api_key="none", max_retries=0)

    def ask(url, beginning="A brown dog", **settings):
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": beginning}]
        settings.setdefault("max_tokens", 8)
        return client.chat.completions.create(
            model=checkpoint.name, messages=[{"role": "user", "content": content}], **settings
        )

    ask.client = client
    return ask


@pytest.mark.parametrize("style", ["short", "long"])
def test_the_openai_client_gets_the_description_of_a_picture(ask, style, model, processor, pictures):
    answer = ask(png_of(pictures[0]), extra_body={"chat_template_kwargs": {"style": style}})
    text = "A brown dog" + answer.choices[0].message.content
    assert text.strip() == describe(model, processor, pictures[:1], "A brown dog", style, max_new_tokens=8)[0]
    assert answer.usage.completion_tokens <= 8


def test_it_streams_the_same_text(ask, pictures):
    whole = ask(png_of(pictures[1])).choices[0].message.content
    chunks = [chunk.choices[0].delta.content or "" for chunk in ask(png_of(pictures[1]), stream=True)]
    assert "".join(chunks) == whole
    assert sum(map(bool, chunks)) > 1  # it came in pieces


def test_the_readmes_client_gets_the_same_text(server, ask, checkpoint, pictures, tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", readme, re.S) if "OpenAI(" in block)
    code = code.replace(":8000", f":{server[1]}").replace("runs/picture-book", checkpoint.name)
    pictures[2].save(tmp_path / "photo.jpg", "PNG")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    whole = ask(png_of(pictures[2]), max_tokens=None, extra_body={"chat_template_kwargs": {"style": "long"}})
    assert capsys.readouterr().out.strip() == whole.choices[0].message.content.strip()


def test_a_text_without_limit_ends_with_the_models_positions(ask, model, pictures):
    for picture in pictures:
        answer = ask(png_of(picture), max_tokens=None, extra_body={"chat_template_kwargs": {"style": "long"}})
        assert answer.usage.total_tokens <= model.config.text_config.max_position_embeddings


def test_what_cannot_be_read_is_answered_with_the_reason(ask, checkpoint, pictures):
    import openai

    wrong = {
        "data:image/png;base64,AAAA": "not a readable picture",
        "data:image/png;base64,?": "not a readable picture",
        str(checkpoint / "config.json"): "http(s) address or data:",
    }
    for url, reason in wrong.items():
        with pytest.raises(openai.BadRequestError) as raised:
            ask(url)
        assert reason in raised.value.response.json()["detail"]
    with pytest.raises(openai.BadRequestError) as raised:
        ask(png_of(pictures[0]), extra_body={"chat_template_kwargs": {"style": "sonnet"}})
    assert "style must be one of caption, short, long" in raised.value.response.json()["detail"]
    for messages, reason in (
        ([{"role": "system", "content": "You are a helpful assistant."}], "user and assistant turns"),
        ([{"role": "user", "content": "A brown dog"}], "no picture to describe"),
        ([], "no picture to describe"),
    ):
        with pytest.raises(openai.BadRequestError) as raised:
            ask.client.chat.completions.create(model=checkpoint.name, messages=messages)
        assert reason in raised.value.response.json()["detail"]
    assert ask(png_of(pictures[0])).choices  # it goes on serving


def test_an_interrupt_ends_it_cleanly(server, ask):
    process, port = server
    ask.client.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)


def test_the_servers_own_files_are_no_pictures(tmp_path, pictures):
    pictures[0].save(tmp_path / "private.png")
    for url in (str(tmp_path / "private.png"), f"file://{tmp_path / 'private.png'}"):
        with pytest.raises(ValueError, match="http"):
            picture_in(url)
    assert picture_in(png_of(pictures[0])).size == pictures[0].size


def test_wrong_checkpoints_are_named(tmp_path):
    from typer.testing import CliRunner

    from nanovlm_hf.cli import app

    result = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert result.exit_code == 2 and "no config.json" in result.output
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    result = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert result.exit_code == 2 and "'llava', and no NanoVLM" in result.output
