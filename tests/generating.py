"""What the tests of `nanovlm data generate` share: captions, a teacher on loopback, the command, a process to kill.

PYTEST_DONT_REWRITE (it is imported before it is a plugin, and asserts nothing).
"""

import json
import multiprocessing
import os
import random
import resource

import pytest
from stub_openai import messages_of
from typer.testing import CliRunner

from nanovlm_hf import openai_client
from nanovlm_hf.cli import app
from nanovlm_hf.data import generate
from nanovlm_hf.data.generate import Options
from nanovlm_hf.data.sources import CaptionSource

KEY = "sk-test-0123456789abcdefghij"
STYLES = ("short", "long")


def description(body, broken=False):
    """A text of the right length (or not), by the captions it is asked about."""
    asked = messages_of({"messages": body["messages"][:2]})
    rng = random.Random(asked)
    words, sentences = (66, 6) if "long description" in asked else (22, 2)
    words = words * 2 if broken else words
    names = ["dog", "ball", "tree", "red", "runs", "near", "big", "small", "happy", "green", "boat"]
    text = " ".join(rng.choices(names, k=words)).split()
    for end in range(words // sentences, words + 1, words // sentences):
        text[end - 1] += "."
    return json.dumps({"description": " ".join(text)})


def good(body, times_before):
    return description(body)


def captions_folder(folder, number, splits=("train",)):
    (folder / "annotations").mkdir(parents=True)
    for part, split in enumerate(splits):
        ids = range(part * number, (part + 1) * number)
        images = [{"id": i, "file_name": f"{i}.jpg", "source": "drawn"} for i in ids]
        notes = [
            {"id": 9 * i + k, "image_id": i, "caption": f"A dog number {i} runs {k}."} for i in ids for k in (0, 1)
        ]
        data = {"images": images, "annotations": notes}
        (folder / "annotations" / f"captions_{split}.json").write_text(json.dumps(data))
    return folder


@pytest.fixture
def photos(tmp_path):
    return captions_folder(tmp_path / "photos", 12)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(openai_client, "FIRST_WAIT", 0.02)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def run(photos, work, stub, *arguments, styles=("short",), yes=True, env=None, **kwargs):
    """The command, as a user types it."""
    places = ["--captions", photos, "--out", work, *(["--base-url", stub.url] if stub else [])]
    chosen = [part for style in styles for part in ("--style", style)]
    teacher = [] if "--teacher" in arguments else ["--teacher", "stub"]
    line = ["data", "generate", *places, *chosen, *teacher, *(["--yes"] if yes else []), *arguments]
    return CliRunner().invoke(app, list(map(str, line)), env=env, **kwargs)


def journal_of(work):
    return [json.loads(line) for line in (work / "journal.jsonl").read_text().splitlines()]


def descriptions(work):
    return {path.name: path.read_text() for path in sorted((work / "descriptions").glob("*.jsonl"))}


def described_ids(work, style="short"):
    lines = "".join(text for name, text in descriptions(work).items() if name.startswith(style)).splitlines()
    return [json.loads(line)["image_id"] for line in lines]


def child(photos, work, url, styles=("short",), log=None, file_limit=None, **options):
    """In a process of its own: a run that may be killed."""
    from rich.console import Console

    openai_client.FIRST_WAIT = 0.02
    if file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    with open(log or os.devnull, "w", buffering=1) as file:
        try:
            generate.generate(
                work,
                CaptionSource(str(photos)),
                list(styles),
                "stub",
                Options(base_url=url, timeout=1.0, **options),
                confirm=lambda _: True,
                console=Console(file=file, width=200),
            )
        except (ValueError, OSError) as error:
            file.write(f"{type(error).__name__}: {error}\n")


@pytest.fixture(scope="module")
def processes():
    """Processes that start at once, from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    asking = ["openai.resources.chat", "httpcore2", "anyio._backends._asyncio"]  # what openai loads when first used
    context.set_forkserver_preload([__name__, "rich.progress", *asking])
    return context
