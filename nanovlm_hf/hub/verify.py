"""What must be true of a folder before it goes to the Hub.

    problems_of(Path("checkpoints/nanovlm-base"), "model")        # [] or sentences: a half file, a secret, a card that ...
    loading_problems([Path("checkpoints/nanovlm-base")], "model") # loads in a fresh process, without this package?

The first reads files only and takes a moment; the second starts a process that imports torch or datasets.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".h5", ".msgpack", ".pyc")
_UNFINISHED = (".part", ".tmp", ".temp", ".incomplete", ".lock", ".swp", "~")
_SECRET = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{20,}|\bgh[opsur]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{35}|\bxox[abprs]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_HOME = re.compile(r"(?<![\w.~-])(?:/home/[\w.-]+|/Users/[\w.-]+|/root(?=/))|[A-Za-z]:(?:\\+|/)Users(?:\\+|/)[\w.-]+")
# Prose and code may name a path as an example; what a program wrote down may not.
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/~<-])/(?:[\w.-]+/)+[\w.-]+|(?<!\w)[A-Za-z]:\\+(?:[\w.-]+\\+)+[\w.-]+")
_WRITTEN_BY_PROGRAMS = (".json", ".jsonl", ".yaml", ".yml", ".parquet", ".csv")

_CARD_FIELDS: dict[str, dict[str, str | None]] = {
    "model": {
        "license": None,
        "language": None,
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
    },
    "dataset": {"license": None, "language": None},
    "space": {"title": None, "license": None, "sdk": "gradio"},
}


def problems_of(folder: Path, kind: str) -> list[str]:
    """What keeps a folder from the Hub: pickles, half files, secrets, this machine's paths, a card that is not valid.

    Args:
        folder: as the repository will hold it.
        kind: "model", "dataset" or "space".

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Name one that holds a {kind} as the Hub will.")
    problems = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        hidden = [
            part for part in name.split("/") if part[0] == "." and part not in (".gitattributes", ".eval_results")
        ]
        broken = "hidden; remove it." if hidden else _broken(path)
        problems += [f"{name}: {broken}"] if broken else [f"{name}: {leak}" for leak in _leaks_of(path)]
    card = folder / "README.md"
    if card.is_file():
        problems += [f"README.md: {problem}" for problem in card_problems(card.read_text(encoding="utf-8"), kind)]
    else:
        problems.append("README.md: there is none; a repository on the Hub needs its card.")
    if kind == "model" and not (folder / "config.json").is_file():
        problems.append("config.json: there is none; this is not a checkpoint.")
    return problems


def card_problems(text: str, kind: str) -> list[str]:
    """What is wrong with a card's metadata, by huggingface_hub's own classes and by what our pages need."""
    from huggingface_hub import DatasetCard, ModelCard, SpaceCard
    from yaml import YAMLError

    try:
        data = {"model": ModelCard, "dataset": DatasetCard, "space": SpaceCard}[kind](text).data
    except (ValueError, TypeError, YAMLError) as error:
        return [f"its metadata is not valid: {error}"]
    problems = []
    for name, expected in _CARD_FIELDS[kind].items():
        if not data.get(name):
            problems.append(f"its metadata lacks `{name}`.")
        elif expected and data.get(name) != expected:
            problems.append(f"`{name}` is {data.get(name)!r}; it must be {expected!r}.")
    return problems


def leaks_in(text: str, written_by_program: bool = False) -> list[str]:
    """Secrets and paths of this machine in a text. A secret is told by its beginning, and never shown whole."""
    found = [f"a secret, {match[:8]}..." for match in _SECRET.findall(text)]
    found += [f"the value of the environment's {name}" for name, value in _own_secrets().items() if value in text]
    places = [str(place) for place in (Path.home(), Path.cwd()) if len(place.parts) > 2]
    paths = _HOME.findall(text) + [place for place in places if place in text]
    if written_by_program:
        paths += ABSOLUTE_PATH.findall(text)
    return [*found, *(f"a path of this machine, {path}" for path in dict.fromkeys(paths))]


def _own_secrets() -> dict[str, str]:
    from huggingface_hub import get_token

    names = re.compile(r".*(KEY|TOKEN|SECRET|PASSWORD)$")
    secrets = {name: value for name, value in os.environ.items() if names.match(name) and len(value) >= 12}
    return secrets | ({"Hugging Face token": token} if (token := get_token()) else {})


def _broken(path: Path) -> str | None:
    """Why a file is no finished file of a kind that may be published; `None` if it is."""
    if path.name.endswith(_UNFINISHED) or path.name == "training_state.safetensors":
        return "left by an interrupted run; finish the run, or remove it."
    if path.suffix in _PICKLES or _is_pickle(path):
        return "a pickle, or a format that may hold one, which runs code when it loads; use safetensors or Parquet."
    if path.stat().st_size == 0:
        return "an empty file."
    try:
        _parse(path)
    except Exception as error:  # each library has its own kinds
        return f"not a whole {path.suffix[1:]} file: {error}"
    return None


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(2)
    if start[:1] == b"\x80" and start[1:] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _parse(path: Path) -> None:
    """Reads a file by its library, which raises where it is cut short."""
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(str(path), "np"):
            pass
    elif path.suffix == ".parquet":
        from pyarrow.parquet import ParquetFile

        ParquetFile(path).close()
    elif path.suffix == ".json":
        data = json.loads(path.read_text(encoding="utf-8"))
        shards = set(data["weight_map"].values()) if path.name.endswith(".safetensors.index.json") else set()
        if missing := sorted(shard for shard in shards if not path.with_name(shard).is_file()):
            raise ValueError(f"it names {', '.join(missing)}, which is not there")
    elif path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line)
    elif path.suffix in (".yaml", ".yml"):
        import yaml

        yaml.safe_load(path.read_text(encoding="utf-8"))
    elif path.suffix in (".png", ".jpg", ".jpeg", ".webp"):
        from PIL import Image

        with Image.open(path) as image:
            image.verify()


def _leaks_of(path: Path) -> list[str]:
    by_program = path.suffix in _WRITTEN_BY_PROGRAMS and path.name != "tokenizer.json"
    return list(dict.fromkeys(leak for text in _texts_of(path) for leak in leaks_in(text, by_program)))


def _texts_of(path: Path) -> Iterator[str]:
    """The texts in a file: of safetensors the header, of Parquet the metadata and all strings, else all of it."""
    if path.suffix == ".safetensors":
        with path.open("rb") as file:
            yield file.read(int.from_bytes(file.read(8), "little")).decode("utf-8")
    elif path.suffix == ".parquet":
        from pyarrow.parquet import ParquetFile

        with ParquetFile(path) as file:
            yield repr(file.schema_arrow.metadata)
            leaves = [file.schema.column(index) for index in range(len(file.schema))]
            names = [leaf.path for leaf in leaves if leaf.logical_type.type == "STRING"]
            for batch in file.iter_batches(columns=names) if names else ():
                yield json.dumps(batch.to_pylist(), ensure_ascii=False)
    else:
        yield path.read_bytes().decode("utf-8", errors="replace")


# What another machine has: transformers or datasets, no cache, no network, and not this package.
_ELSEWHERE = """
import json, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("nanovlm_hf", "modeling", "processing"):
            raise ModuleNotFoundError(f"{name} is not there when a user loads this")
sys.meta_path.insert(0, Hidden())

def problems_of(folder):
    try:
        return problems(folder)
    except Exception as error:
        return [f"does not load: {type(error).__name__}: {error}"]
"""

_LOAD_MODEL = """
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

def problems(folder):
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    model, loading = AutoModel.from_pretrained(folder, trust_remote_code=True, output_loading_info=True)
    found = [f"{what.replace('_', ' ')}: {', '.join(sorted(map(str, names)))}" for what, names in loading.items() if names]
    if not type(model).__module__.startswith("transformers_modules."):
        found.append(f"its code does not travel with it: it came from {type(model).__module__}")
    config, tokenizer, size = model.config, processor.tokenizer, processor.image_processor.size
    agreements = {
        "entries of the vocabulary": (config.text_config.vocab_size, len(tokenizer)),
        "the padding token's id": (config.text_config.pad_token_id, tokenizer.pad_token_id),
        "the end token's id": (config.text_config.eos_token_id, tokenizer.eos_token_id),
        "the image token's id": (config.image_token_id, tokenizer.convert_tokens_to_ids("<image>")),
        "image slots": (config.image_seq_length, processor.image_seq_length),
        "the picture's height": (config.vision_config.image_size, size["height"]),
        "the picture's width": (config.vision_config.image_size, size["width"]),
    }
    found += [f"config and processor disagree on {what}: {a} and {b}" for what, (a, b) in agreements.items() if a != b]
    if not found:
        inputs = processor(images=Image.new("RGB", (64, 48), "grey"), text="A", return_tensors="pt")
        with torch.no_grad():
            if not model.eval()(**inputs).logits.isfinite().all():
                found.append("its logits are not finite")
            model.generate(**inputs, max_new_tokens=2)
    return found
"""

_LOAD_DATASET = """
from datasets import get_dataset_config_names, load_dataset

def problems(folder):
    found = []
    for config in get_dataset_config_names(folder):
        splits = load_dataset(folder, config, streaming=True)
        features = {name: split.features for name, split in splits.items()}
        if len({str(feature) for feature in features.values()}) > 1:
            found.append(f"{config}: its splits have different columns: {features}")
        for name, split in splits.items():
            if not list(split.take(2)):
                found.append(f"{config}: its split {name} is empty")
    return found
"""


def loading_problems(folders: list[Path], kind: str) -> list[str]:
    """What goes wrong when the folders load in a fresh process that has no cache, no network and not this package.

    Models load by AutoModel and AutoProcessor with the code they carry, config and tokenizer are compared, a picture is
    described. Datasets stream the beginning of each split.

    Raises:
        RuntimeError: the process itself failed.
    """
    loading = _LOAD_MODEL if kind == "model" else _LOAD_DATASET
    call = "print(json.dumps({folder: problems_of(folder) for folder in sys.argv[1:]}))"
    with tempfile.TemporaryDirectory() as empty:
        # Caches, tokens and endpoints that the user has set do not count there.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
        environment |= {"HF_HOME": empty, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            [sys.executable, "-I", "-c", _ELSEWHERE + loading + call, *(str(folder.resolve()) for folder in folders)],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"Could not check how {kind}s load: {done.stderr[-1000:]}")
    found: dict[str, list[Any]] = json.loads(done.stdout.rstrip("\n").rsplit("\n", 1)[-1])
    return [f"{Path(folder).name}: {problem}" for folder, problems in found.items() for problem in problems]
