"""The README's commands run as they stand, and its figures are those that the commands print."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer
from datasets import load_dataset
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.edge.export import export
from nanovlm_hf.training.prepare import build_model
from nanovlm_hf.training.settings import parse_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in block.replace("\\\n", " ").splitlines()
]


@pytest.fixture
def desk(tmp_path, monkeypatch, model, processor, pictures):
    """A folder with the model and the pictures that the README speaks of."""
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(tmp_path / "runs" / "picture-book")
    processor.save_pretrained(tmp_path / "runs" / "picture-book")
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "a.jpg", "b.png", "c.jpg", "photos/a.jpg"):
        pictures[0].save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [command for command in COMMANDS if "nanovlm describe" in command])
def test_describe_commands(desk, command):
    arguments = shlex.split(command.replace("https://example.org/", ""))
    piped = (desk / "photo.jpg").read_bytes() if arguments[0] == "cat" else None
    if "--engine onnx" in command:
        export("runs/picture-book", "picture-book-onnx")
    result = CliRunner().invoke(app, arguments[arguments.index("nanovlm") + 1 :], input=piped)
    assert result.exit_code == 0, result.output


def test_the_first_command_prints_what_the_readme_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    picture = re.search(r"^PICTURE \?= (.+)$", makefile, re.M)[1]
    command = re.search(r"/nanovlm (describe .+)$", makefile, re.M)[1].replace("$(PICTURE)", picture)
    result = CliRunner().invoke(app, shlex.split(command))
    assert f"\n```\n{result.stdout}```\n" in README


def test_data_commands(coco_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = [
        command for command in COMMANDS if re.search("^nanovlm data (check|build [a-z])|--teacher offline", command)
    ]
    assert len(commands) == 3
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, result.output
    read = load_dataset("my-shortdesc/", cache_dir=str(tmp_path / "cache"))
    assert {"image", "text", "captions"} <= set(read["train"].column_names)


def test_python_example(desk, capsys):
    exec(re.search(r"```python\n(.*?)```", README, re.S)[1], {})
    assert "A brown dog" in capsys.readouterr().out


@pytest.mark.parametrize("command", [command for command in COMMANDS if "launch train.py" in command])
def test_train_commands_are_understood(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    settings = parse_settings(shlex.split(command)[3:])
    assert settings.dataset == (re.findall(r"--dataset (\S+)", command) or None)
    assert settings.images == (re.findall(r"--images (\S+)", command) or None)


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if re.match("nanovlm (evaluate|export|demo|serve)", command)]
)
def test_commands_are_understood(command):
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])  # unknown options are refused
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if re.search(r"push_scripts/|nanovlm_hf\.(hub|edge)", command)]
)
def test_hub_commands_are_understood(command, monkeypatch):
    script = re.search(r"python (?:-m )?(\S+?)(?:\.py)? ", command)[1].replace("/", ".")
    monkeypatch.syspath_prepend(ROOT)
    app = typer.Typer()
    app.command()(importlib.import_module(script).main)
    arguments = shlex.split(command)[3 if "-m" in command.split() else 2 :]
    result = CliRunner().invoke(app, [*arguments, "--help"])  # an option that there is not would be refused
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_make_models(recipe):
    settings = parse_settings(["--config", str(recipe)])
    assert build_model(settings, vocab_size=500).num_parameters() > 1e6


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (.+?)(?: +#.*)?$", "\n".join(COMMANDS), re.M):
        for name, variable in re.findall(r"(\w+)(=\S+)?", target):
            assert re.search(rf"^{name} \?=" if variable else rf"^{name}:", makefile, re.M)


def test_sizes_are_as_printed():
    printed = CliRunner().invoke(app, ["sizes"]).stdout
    assert printed.strip() in README
